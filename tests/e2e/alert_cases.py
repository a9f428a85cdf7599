"""A case for each rule, for `promtool test rules`: what makes it fire, what it says then, and what does not."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster_cli.render.alerts import groups
from cluster_cli.topology.load import parse
from cluster_cli.topology.model import Topology

from .command import CHECKOUT

TOPOLOGY = CHECKOUT / "tests" / "golden" / "inventories" / "monitoring.yml"  # has all there is to be watched
WATCHER = "mon1"
STEP = 15  # seconds between two values of a series
SPARE = 120  # seconds after which a rule must have fired at the latest
LONG = 1200  # seconds; a case that takes more is looked at less often
DAY, WEEK = 86400, 7 * 86400
Rules = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """Series under which a rule fires, and series under which it does not.

    labels: of what fires, besides the rule's own. says: what `<value>` or `<duration>` stands for in the summary.
    seconds: the time at which it must fire; left away: soon after it holds for long enough. step: seconds between
    two values of a series.
    """

    alert: str
    wrong: Mapping[str, str]
    well: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    seconds: int = 0
    step: int = STEP


def always(value: float) -> str:
    """A series that stays at a value, in promtool's notation."""
    return f"{value:g}+0x{{n}}"


def rising(by: float) -> str:
    """A counter that grows by so much from one value to the next."""
    return f"0+{by:g}x{{n}}"


def stretches(*parts: tuple[float, int], step: int) -> str:
    """A series that stays at each of these values for so many seconds."""
    return " ".join(f"{value:g}+0x{seconds // step - 1}" for value, seconds in parts)


def counted(*parts: tuple[float, int], step: int) -> str:
    """A counter that grows by so much a second for so many seconds, then by the next."""
    found, total = [], 0.0
    for rate, seconds in parts:
        found.append(f"{total:g}+{rate * step:g}x{seconds // step - 1}")
        total += rate * seconds
    return " ".join(found)


def one(series: str, wrong: float, well: float, *, says: str = "", **labels: str) -> tuple[Any, ...]:
    """A rule on one series, whose labels what fires has."""
    marks = ",".join(f'{key}="{value}"' for key, value in labels.items())
    name = f"{series}{{{marks}}}"
    return {name: always(wrong)}, {name: always(well)}, labels, says


UP = 'up{job="node",instance="lb1"}'
DISK = {"instance": "db1", "mountpoint": "/"}
AVAIL, SIZE = (f'node_filesystem_{what}_bytes{{instance="db1",mountpoint="/"}}' for what in ("avail", "size"))
FREE, FILES = (f'node_filesystem_{what}{{instance="db1",mountpoint="/"}}' for what in ("files_free", "files"))
MEM = 'node_memory_Mem{}_bytes{{instance="db1"}}'
CERT = 'cluster_certificate_not_{}_seconds{{instance="db1",certificate="monitoring"}}'
HELD = 'cluster_virtual_ip_held{{instance="{}",address="192.0.2.100"}}'
WRITES = 'cluster_database_writable{{instance="{}",database="{}"}}'
ANSWERS = 'haproxy_backend_http_responses_total{{instance="lb1",proxy="shop",code="{}"}}'
SLOW = 'haproxy_backend_response_time_average_seconds{instance="lb1",proxy="shop"}'
ASKED = 'haproxy_backend_http_requests_total{instance="lb1",proxy="shop"}'
SERVER_UP = 'cluster_backend_server_up{{instance="{}",proxy="api",server="{}"}}'
POOL_UP = 'haproxy_backend_status{instance="lb1",proxy="shop",state="UP"}'
SEEN = {"balancer": "edge", "frontend": "shop", "address": "192.0.2.100", "proxy": "shop"}
LOOK = 'probe_{}{{job="frontends",instance="{}",' + ",".join(f'{k}="{v}"' for k, v in SEEN.items()) + "}}"
OFFICE_HOURS = [(20.0, DAY // 2), (100.0, DAY // 2)] * 7  # a second, by night and by day
NIGHTS = [(0.1, DAY // 2), (0.3, DAY // 2)] * 7  # seconds an answer takes, when copies are made and when not
SESSIONS, SESSION_LIMIT = (
    f'haproxy_frontend_{what}_sessions{{instance="lb1",proxy="shop"}}' for what in ("current", "limit")
)
LAG = 'cluster_database_lag_seconds{instance="rep2",database="orders"}'
CONNECTIONS = 'haproxy_process_{}_connections{{instance="lb1"}}'
THREADS, MOST = (
    'mysql_global_status_threads_connected{instance="db1"}',
    'mysql_global_variables_max_connections{instance="db1"}',
)
SHIPPED = 'cluster_logs_shipped_until_timestamp_seconds{instance="mon1",endpoint="search"}'
BACKUP = 'cluster_backup_last_success_timestamp_seconds{{instance="mon1",database="{}",kind="{}"}}'
WELL_WRITTEN = {
    WRITES.format("db1", "main"): always(1),
    WRITES.format("db2", "main"): always(1),
    WRITES.format("rep1", "orders"): always(1),
    WRITES.format("my1", "books"): always(1),
}


def missing(alert: str, kind: str, name: str = "orders") -> Case:
    """A backup that was never made, beside one of `main` that was."""
    of_main, of_another = BACKUP.format("main", kind), BACKUP.format(name, kind)
    labels = {"database": name, "instance": "mon1", "kind": kind}
    both = {of_main: always(1), of_another: always(1)}
    return Case(alert, {of_main: always(1)}, both, labels)


def running_out(name: str, used: str, limit: str, labels: Mapping[str, str]) -> Iterator[Case]:
    """What clients hold, of a hundred: it will be at its limit within 4 h, and not."""
    a_day_on, hour = 79_200 + 3300, 4200
    for wrong, well, seconds in (
        ("20+0.2x{n}", always(76), hour),
        ("20+0.2x{n}", "60+0.01x{n}", hour),  # not within 4 h
        ("20+0.2x{n}", "_x120 20+0.4x{n}", hour),  # no past
        ("20+0x5279 20+0.25x{n}", "20+0.25x239 80+0x239 20+0x4799 20+0.25x{n}", a_day_on),  # as yesterday
    ):
        yield Case(
            name, {used: wrong, limit: always(100)}, {used: well, limit: always(100)}, labels, seconds=seconds
        )


CASES: tuple[Case, ...] = (
    Case("NodeDown", {UP: always(0)}, {UP: always(1)}, {"instance": "lb1"}),
    Case(
        "ServiceDown",
        *one("cluster_unit_active", 0, 1, instance="db1", unit="mariadb", balances="no"),
    ),
    Case("ClockOff", *one("cluster_clock_synchronised", 0, 1, instance="db1")),
    Case("ClockOff", *one("cluster_clock_offset_seconds", -0.06, -0.04, instance="db1")),
    Case(
        "DiskFilling",
        {AVAIL: always(15), SIZE: always(100)},
        {AVAIL: always(25), SIZE: always(100)},
        DISK,
        "85",
    ),
    Case("DiskFull", {AVAIL: always(5), SIZE: always(100)}, {AVAIL: always(15), SIZE: always(100)}, DISK, "95"),
    Case(
        "DiskFillsSoon",
        {AVAIL: "40e9-10e6x{n}", SIZE: always(100e9)},
        {AVAIL: "40e9-1e6x{n}", SIZE: always(100e9)},  # by 6 GB a day
        DISK,
        seconds=6 * 3600 + 600,
    ),
    Case(
        "DiskFillsSoon",
        {AVAIL: "40e9-10e6x{n}", SIZE: always(100e9)},
        {AVAIL: "80e9-20e6x{n}", SIZE: always(100e9)},  # more than half is left yet
        DISK,
        seconds=6 * 3600 + 600,
    ),
    Case(
        "DiskFillsSoon",
        {AVAIL: "40e9-10e6x{n}", SIZE: always(100e9)},
        {AVAIL: "45e9-7.5e6x5759 45e9-7.5e6x5759", SIZE: always(100e9)},  # emptied every day
        DISK,
        seconds=2 * DAY - 1800,
    ),
    Case(
        "DiskFillsSoon",
        {AVAIL: "40e9-10e6x{n}", SIZE: always(100e9)},
        {AVAIL: "_x1200 40e9-100e6x{n}", SIZE: always(100e9)},  # there for an hour only
        DISK,
        seconds=6 * 3600 + 600,
    ),
    Case(
        "InodesFillSoon",
        {FREE: "4e6-1e3x{n}", FILES: always(10e6)},
        {FREE: "4e6-100x{n}", FILES: always(10e6)},
        DISK,
        seconds=6 * 3600 + 600,
    ),
    Case(
        "InodesFilling",
        {FREE: always(15), FILES: always(100)},
        {FREE: always(25), FILES: always(100)},
        DISK,
        "85",
    ),
    Case(
        "MemoryShort",
        {MEM.format("Available"): always(5), MEM.format("Total"): always(100)},
        {MEM.format("Available"): always(15), MEM.format("Total"): always(100)},
        {"instance": "db1"},
        "95",
    ),
    Case(
        "CertificateExpiring",
        {CERT.format("before"): always(-900_000), CERT.format("after"): always(100_000)},
        {CERT.format("before"): always(-600_000), CERT.format("after"): always(400_000)},
        {"instance": "db1", "certificate": "monitoring"},
    ),
    Case(
        "CertificateAlmostExpired",
        {CERT.format("before"): always(-950_000), CERT.format("after"): always(50_000)},
        {CERT.format("before"): always(-900_000), CERT.format("after"): always(100_000)},
        {"instance": "db1", "certificate": "monitoring"},
    ),
    Case("ConfigDrift", *one("cluster_file_changed", 1, 0, instance="db1", path="/etc/chrony/chrony.conf")),
    Case(
        "MetricsStale",
        {'node_textfile_mtime_seconds{instance="db1",file="/x/cluster.prom"}': always(0)},
        {'node_textfile_mtime_seconds{instance="db1",file="/x/cluster.prom"}': rising(STEP)},
        {"instance": "db1", "file": "/x/cluster.prom"},
    ),
    Case(
        "VirtualIpUnheld",
        {HELD.format("lb1"): always(0), HELD.format("lb2"): always(0)},
        {HELD.format("lb1"): always(1), HELD.format("lb2"): always(0)},
        {"address": "192.0.2.100"},
    ),
    Case("VirtualIpUnheld", {}, {HELD.format("lb2"): always(1)}, {"address": "192.0.2.100"}),
    Case(
        "VirtualIpHeldTwice",
        {HELD.format("lb1"): always(1), HELD.format("lb2"): always(1)},
        {HELD.format("lb1"): always(1), HELD.format("lb2"): always(0)},
        {"address": "192.0.2.100"},
        "2",
    ),
    Case(
        "BalancerDown",
        *one("cluster_unit_active", 0, 1, instance="lb1", unit="haproxy", balances="yes"),
    ),
    Case(
        "BalancerDown",
        {UP: always(1), 'up{job="haproxy",instance="lb1"}': always(0)},
        {UP: always(0), 'up{job="haproxy",instance="lb1"}': always(0)},
        {"job": "haproxy", "instance": "lb1"},
    ),
    Case(
        "BackendDegraded",
        {'haproxy_server_status{instance="lb1",proxy="shop",server="web1",state="DOWN"}': always(1)},
        {
            'haproxy_server_status{instance="lb1",proxy="shop",server="web1",state="DOWN"}': always(0),
            # a database's other nodes wait for their turn
            'haproxy_server_status{instance="lb1",proxy="main-write",server="db2",state="DOWN"}': always(1),
        },
        {"proxy": "shop", "server": "web1"},
    ),
    Case(
        "BackendDegraded",
        {SERVER_UP.format("inner1", "web1"): always(0), SERVER_UP.format("inner1", "web2"): always(1)},
        {SERVER_UP.format("inner1", "web1"): always(1), SERVER_UP.format("inner1", "web2"): always(1)},
        {"proxy": "api", "server": "web1"},
    ),
    Case(
        "BackendEmpty",
        {SERVER_UP.format("inner1", "web1"): always(0), SERVER_UP.format("inner1", "web2"): always(0)},
        {SERVER_UP.format("inner1", "web1"): always(0), SERVER_UP.format("inner1", "web2"): always(1)},
        {"proxy": "api"},
    ),
    Case(
        "BackendEmpty",
        {'haproxy_backend_status{instance="lb1",proxy="shop",state="UP"}': always(0)},
        {'haproxy_backend_status{instance="lb1",proxy="shop",state="UP"}': always(1)},
        {"proxy": "shop"},
    ),
    Case(
        "ErrorsServed",
        {ANSWERS.format("2xx"): rising(90), ANSWERS.format("5xx"): rising(10)},
        {ANSWERS.format("2xx"): rising(99), ANSWERS.format("5xx"): rising(1)},
        {"proxy": "shop"},
        "10",
    ),
    Case(
        "ErrorsServed",
        {ANSWERS.format("5xx"): rising(10), POOL_UP: always(1)},
        {ANSWERS.format("5xx"): rising(10), POOL_UP: "1x4 0 0 1x{n}"},  # it was empty a moment ago
        {"proxy": "shop"},
        "100",
    ),
    Case(
        "FrontendFailing",
        {LOOK.format("success", "mon1"): always(0)},
        {LOOK.format("success", "mon1"): always(1)},
        SEEN,
    ),
    Case(
        "FrontendFailing",
        {LOOK.format("success", each): always(0) for each in ("mon1", "mon2")},  # one alert, not two
        {LOOK.format("success", "mon1"): "1 0 1x{n}"},
        SEEN,
    ),
    Case(
        "FrontendSlow",
        {LOOK.format("success", "mon1"): always(1), LOOK.format("duration_seconds", "mon1"): always(0.75)},
        {LOOK.format("success", "mon1"): always(0), LOOK.format("duration_seconds", "mon1"): always(5)},
        SEEN,
        "750ms",
    ),
    Case(
        "FrontendCertificateEnds",
        {LOOK.format("ssl_earliest_cert_expiry", "mon1"): always(86400)},
        {LOOK.format("ssl_earliest_cert_expiry", "mon1"): always(20 * 86400)},
        SEEN,
        "23h 55m 30s",
    ),
    Case(
        "AnswersSlow",
        {SLOW: always(0.75), ASKED: rising(15)},
        {SLOW: always(0.75), ASKED: rising(6)},  # nobody asks but those who watch
        {"proxy": "shop"},
        "750ms",
    ),
    Case(
        "BalancerConnections",
        {CONNECTIONS.format("current"): always(90), CONNECTIONS.format("max"): always(100)},
        {CONNECTIONS.format("current"): always(80), CONNECTIONS.format("max"): always(100)},
        {"instance": "lb1"},
        "90",
    ),
    Case(
        "DatabaseNoWriter",
        {**WELL_WRITTEN, WRITES.format("rep1", "orders"): always(0)},
        WELL_WRITTEN,
        {"database": "orders"},
    ),
    Case(
        "DatabaseTwoWriters",
        {**WELL_WRITTEN, WRITES.format("rep2", "orders"): always(1)},
        WELL_WRITTEN,
        {"database": "orders"},
        "2",
    ),
    Case("DatabaseServerDown", *one("mysql_up", 0, 1, instance="db1")),
    Case("DatabaseNodeUnfit", *one("cluster_database_readable", 0, 1, instance="db1", database="main")),
    Case(
        "DatabaseConnections",
        {THREADS: always(90), MOST: always(100)},
        {THREADS: always(80), MOST: always(100)},
        {"instance": "db1"},
        "90",
    ),
    *running_out("DatabaseConnectionsEndSoon", THREADS, MOST, {"instance": "db1"}),
    *running_out("FrontendSessionsEndSoon", SESSIONS, SESSION_LIMIT, {"instance": "lb1", "proxy": "shop"}),
    *(
        Case(
            "ReplicationDrifting",
            {LAG: "3+0.003x{n}"},
            {LAG: well},
            {"instance": "rep2", "database": "orders"},
            "7.44s",
            6 * 3600 + 600,
        )
        for well in (
            always(8),  # behind, but no more than before
            " ".join(["0+0.1x79"] * 20),  # catches up every 20 minutes
            "3+0.0001x{n}",  # not within a day
            "_x1200 3+0.01x{n}",  # no past
            "15+0.01x{n}",  # it is too far behind: that is another alert
        )
    ),
    *(
        Case(
            "TrafficUnusual",
            {ASKED: counted(*OFFICE_HOURS, (60, DAY), step=60)},
            {ASKED: well},
            {"proxy": "shop"},
            "3",
            WEEK + 5400,
            60,
        )
        for well in (
            f"_x4320 {counted((20, 4 * DAY), (60, DAY), step=60)}",  # four days are no past
            counted((0.1, WEEK), (0.9, DAY), step=60),  # next to nobody
            counted((20, WEEK), (30, DAY), step=60),  # not twice as much
            counted(*((rate, DAY) for rate in (100, 20, 100, 20, 100, 100, 20, 20)), step=60),  # as on some days
        )
    ),
    Case(
        "TrafficUnusual",
        {ASKED: counted(*OFFICE_HOURS, (20, DAY // 2), (40, DAY // 2), step=60)},
        {ASKED: counted(*OFFICE_HOURS, (20, DAY // 2), (100, DAY // 2), step=60)},  # at this hour, every day
        {"proxy": "shop"},
        "400m",
        WEEK + DAY // 2 + 5400,
        60,
    ),
    *(
        Case(
            "AnswersSlower",
            {ASKED: counted((10, 8 * DAY), step=60), SLOW: stretches(*NIGHTS, (0.4, DAY), step=60)},
            {ASKED: counted((10, 8 * DAY), step=60), SLOW: stretches(*well, step=60)},
            {"proxy": "shop"},
            "400ms",
            WEEK + DAY // 2 - 5400,
            60,
        )
        for well in (
            [*NIGHTS, (0.1, DAY // 2), (0.3, DAY // 2)],  # as every night
            [(0.01, WEEK), (0.04, DAY)],  # nobody feels it
            [(0.2, WEEK), (0.35, DAY)],  # not twice as long
            [(0.1, WEEK), (0.6, DAY)],  # too slow on any day: that is another alert
        )
    ),
    Case(
        "ReplicationStopped",
        *one("cluster_database_replication_running", 0, 1, instance="rep2", database="orders"),
    ),
    Case(
        "ReplicationLagging",
        *one("cluster_database_lag_seconds", 65, 20, says="1m 5s", instance="rep2", database="orders"),
    ),
    Case(
        "WritesUnacknowledged",
        *one("cluster_database_acknowledging_replicas", 0, 1, instance="rep1", database="orders"),
    ),
    Case("StandbyStopped", *one("cluster_standby_follows", 0, 1, instance="mon1", database="orders")),
    Case(
        "StandbyLagging",
        *one("cluster_standby_lag_seconds", 665, 610, says="11m 5s", instance="mon1", database="orders"),
    ),
    Case("QuorumLost", *one("cluster_database_quorum", 0, 1, instance="db1", database="main")),
    Case("GroupSmall", *one("cluster_database_members", 2, 3, says="2", instance="my1", database="books")),
    Case(
        "BackupOld",
        {BACKUP.format("main", "binlogs"): always(0)},
        {BACKUP.format("main", "binlogs"): rising(STEP), BACKUP.format("main", "copies"): always(0)},
        {"instance": "mon1", "database": "main", "kind": "binlogs"},
        "20m 0s",
        1200,
    ),
    Case("BackupFailed", *one("cluster_backup_failed", 1, 0, instance="mon1", database="main", kind="proof")),
    Case(
        "FilesOld",
        {BACKUP.format("site", "files"): always(0)},
        {BACKUP.format("site", "files"): always(3000), BACKUP.format("main", "copies"): always(0)},
        {"instance": "mon1", "database": "site", "kind": "files"},
        "1h 6m 0s",
        3960,
    ),
    Case("FilesFailed", *one("cluster_backup_failed", 1, 0, instance="mon1", database="site", kind="files")),
    Case("BackupFailed", *one("cluster_backup_failed", 1, 0, instance="mon1", database="main", kind="copies")),
    missing("FilesMissing", "files", name="site"),
    missing("CopyMissing", "copies"),
    missing("BinlogsMissing", "binlogs"),
    missing("ProofMissing", "proof"),
    Case(
        "OwnFilesMissing",
        {BACKUP.format("main", "copies"): always(1)},
        {BACKUP.format("cluster", "own"): always(1)},
        {"database": "cluster", "instance": "mon1", "kind": "own"},
    ),
    Case("LogsNotTaken", *one("cluster_logs_taken", 0, 1, instance="mon1")),
    Case(
        "LogsNotShipped",
        {SHIPPED: always(-600)},
        {SHIPPED: rising(STEP)},
        {"instance": "mon1", "endpoint": "search"},
        "12m 30s",
    ),
    *(
        Case(
            alert,
            {series: "0 0 0 7x{n}"},
            {series: always(7)},  # long ago
            {"instance": "mon1", "endpoint": "search"},
        )
        for alert, series in (
            ("LogsLost", 'cluster_logs_lost_bytes_total{instance="mon1",endpoint="search"}'),
            ("LogsRefused", 'cluster_logs_refused_records_total{instance="mon1",endpoint="search"}'),
        )
    ),
    Case(
        "TargetMissing",
        {UP: always(1), 'up{job="mysqld",instance="lb1"}': always(0)},
        {UP: always(0), 'up{job="mysqld",instance="lb1"}': always(0)},  # that is another alert
        {"job": "mysqld", "instance": "lb1"},
    ),
    Case("PrometheusConfigRefused", *one("prometheus_config_last_reload_successful", 0, 1, instance="mon1")),
    Case(
        "PrometheusRulesFailing",
        {'prometheus_rule_evaluation_failures_total{instance="mon1",rule_group="x"}': rising(1)},
        {'prometheus_rule_evaluation_failures_total{instance="mon1",rule_group="x"}': always(3)},
        {"instance": "mon1"},
    ),
    Case(
        "PrometheusStorageFailing",
        {'prometheus_tsdb_compactions_failed_total{instance="mon1"}': rising(1)},
        {'prometheus_tsdb_compactions_failed_total{instance="mon1"}': always(3)},
        {"instance": "mon1"},
    ),
    Case(
        "PrometheusStoresNothing",
        {'up{instance="mon1",job="node"}': "1+0x1", 'up{instance="mon2",job="node"}': always(1)},
        {'up{instance="mon1",job="node"}': always(1)},
        {"instance": "mon1"},
    ),
    Case(
        "AlertsUnsent",
        {'prometheus_notifications_dropped_total{instance="mon1"}': rising(1)},
        {'prometheus_notifications_dropped_total{instance="mon1"}': always(3)},
        {"instance": "mon1"},
    ),
    Case(
        "NotificationsFailing",
        {'alertmanager_notifications_failed_total{instance="mon1",integration="email"}': rising(1)},
        {'alertmanager_notifications_failed_total{instance="mon1",integration="email"}': always(3)},
        {"instance": "mon1", "integration": "email"},
    ),
    Case("GrafanaDown", *one("cluster_unit_active", 0, 1, instance="mon1", unit="grafana-server", balances="no")),
    Case("AlertmanagersApart", *one("alertmanager_cluster_members", 1, 2, says="1", instance="mon1")),
)


def topology() -> Topology:
    """The one with everything."""
    return parse(TOPOLOGY.read_text(encoding="utf-8"))


def rules(known: Topology) -> Rules:
    """All rules of a topology."""
    return [rule for group in groups(known, WATCHER) for rule in group["rules"]]


def spelled(text: str) -> str:
    """A summary as Prometheus takes it (role prometheus does the same)."""
    text = text.replace("<value>", "{{ $value | humanize }}")
    text = text.replace("<duration>", "{{ $value | humanizeDuration }}")
    return re.sub(r"<([a-z_]+)>", r"{{ $labels.\1 }}", text)


def said(rule: dict[str, Any], case: Case) -> str:
    """The summary of what fires, in words."""
    known = {**case.labels, "value": case.says, "duration": case.says}
    return re.sub(r"<([a-z_]+)>", lambda match: str(known.get(match[1], "")), rule["annotations"]["summary"])


def unit_test(case: Case, known: Rules, *, fires: bool) -> dict[str, Any]:
    """One test of promtool's (Prometheus's documentation, "Unit testing for rules")."""
    rule = next(each for each in known if each.get("alert") == case.alert)
    at = case.seconds or int(rule["for"].rstrip("s")) + SPARE
    series, values = (case.wrong if fires else case.well), at // case.step + 10
    expected = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {"summary": said(rule, case), "runbook": rule["annotations"]["runbook"]},
    }
    return {
        "name": f"{case.alert} {'fires' if fires else 'is silent'}",
        "interval": f"{case.step}s",
        "input_series": [{"series": name, "values": each.format(n=values)} for name, each in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{at}s", "alertname": case.alert, "exp_alerts": [expected] if fires else []}
        ],
    }


def write(folder: Path) -> None:
    """The rules and their tests as files (JSON is YAML), for `promtool test rules tests-*.yml` there.

    A file for each group, and what takes hours seldom: promtool evaluates all rules of a file every time.
    """
    known = topology()
    for group in json.loads(json.dumps(groups(known, WATCHER))):
        firing = {rule["alert"]: rule for rule in group["rules"] if "alert" in rule}
        for rule in firing.values():
            rule["annotations"]["summary"] = spelled(rule["annotations"]["summary"])
        file = f"rules-{group['name']}.yml"
        (folder / file).write_text(json.dumps({"groups": [group]}))
        tests = once(
            unit_test(case, rules(known), fires=fires)
            for case in CASES
            for fires in (True, False)
            if case.alert in firing
        )
        for name, seconds, least, most in (
            ("quick", STEP, 0, LONG),
            ("slow", LONG // 10, LONG, DAY),
            ("days", DAY // 48, DAY, 2 * WEEK),
        ):
            chosen = [each for each in tests if least < end(each) <= most]
            document = {"rule_files": [file], "evaluation_interval": f"{seconds}s", "tests": chosen}
            if chosen:
                (folder / f"tests-{group['name']}-{name}.yml").write_text(json.dumps(document))


def once(tests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tests without those that are there already: one way to fire goes with several not to."""
    found: list[dict[str, Any]] = []
    for test in tests:
        if test not in found:
            found.append(test)
    return found


def end(test: dict[str, Any]) -> int:
    """The second at which a test looks."""
    return int(test["alert_rule_test"][0]["eval_time"].rstrip("s"))


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]))
