"""The rules by which Prometheus judges a cluster, from its topology: pure.

What stands in `<...>` in a summary is the label of that name of what fires, `<value>` its value, `<duration>`
its value in seconds. Each that fires is explained in docs/how-to/alerts.md, under its name, and has a case for
`promtool test rules` in tests/e2e/alert_cases.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cluster_cli.render.early_warnings import running_out, unlike_other_days
from cluster_cli.render.probes import own_requests, seen_by
from cluster_cli.render.rule import MILLISECONDS, SOON, Alert, Record, urgent, window
from cluster_cli.status.limits import WARN_DAYS, WARN_SHARE
from cluster_cli.topology.backup import OWN_FILES, Backup
from cluster_cli.topology.databases import Database
from cluster_cli.topology.makers import backed_up, makers
from cluster_cli.topology.model import LoadBalancer, Topology
from cluster_cli.topology.monitoring import Monitoring

FRESH = 4  # looks without new metrics of a node's own until they count as old
LAST_BACKUP = "cluster_backup_last_success_timestamp_seconds"
MISSING = {"copies": "CopyMissing", "binlogs": "BinlogsMissing", "proof": "ProofMissing"}
DAY = 86400
GRAFANA = "grafana-server"  # nobody's service waits for it
LOOKS = "frontends"  # the job of what clients see
BY = "max by (balancer, frontend, address, proxy)"  # all that watch say the same of the same
QUARTER, TWELFTH = 0.25, 0.08  # of a certificate's life; it is renewed in its last third
REACHED = "on (instance) max by (instance) (up) == 1"  # a node that is down has one alert, and no others


def groups(topology: Topology, watcher: str = "") -> list[dict[str, Any]]:
    """The groups of rules, those without any left out; none when nobody watches.

    watcher: the node whose Prometheus judges by them; who only wants to know what rules there are names none.
    """
    monitoring = topology.monitoring
    if monitoring is None:
        return []
    found: dict[str, Iterator[Alert | Record]] = {
        "nodes": nodes(monitoring),
        "balancing": balancing(topology, monitoring),
        "clients": clients(topology, monitoring),
        "databases": databases(topology, monitoring),
        "backups": backups(topology, monitoring),
        "logs": logs(topology, monitoring),
        "monitoring": watchers(monitoring, watcher),
        "running-out": running_out(topology, monitoring),
        "other-days": unlike_other_days(topology, monitoring),
    }
    rules = {name: [rule.described() for rule in each] for name, each in found.items()}
    return [{"name": name, "rules": each} for name, each in rules.items() if each]


def each(topology: Topology, watcher: str = "") -> Iterator[dict[str, Any]]:
    """Every rule that may fire, without what is only recorded."""
    for group in groups(topology, watcher):
        yield from (rule for rule in group["rules"] if "alert" in rule)


def seconds_until_old(monitoring: Monitoring) -> int:
    """Seconds without new metrics after which those there are do not count."""
    return FRESH * max(15, monitoring.interval // MILLISECONDS)


def nodes(monitoring: Monitoring) -> Iterator[Alert]:
    """What can be wrong with any machine."""
    now, limits = urgent(monitoring), monitoring.thresholds
    soon, warn = SOON * now, limits.disk_percent
    full = (100 + warn) / 2
    space = "100 * (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)"
    inodes = "100 * (1 - node_filesystem_files_free / node_filesystem_files)"
    left = "(cluster_certificate_not_after_seconds - time())"
    life = "(cluster_certificate_not_after_seconds - cluster_certificate_not_before_seconds)"
    stale = seconds_until_old(monitoring)
    offset = limits.clock_offset / MILLISECONDS
    yield Alert(
        "NodeDown",
        "max by (instance) (up) == 0",
        "critical",
        "<instance> answers nothing that is asked of it",
        now,
    )
    yield Alert(
        "ServiceDown",
        f'cluster_unit_active{{unit!~"{GRAFANA}|haproxy|nginx"}} == 0'
        ' or cluster_unit_active{unit="nginx",balances="no"} == 0',
        "critical",
        "<unit> does not run on <instance>",
        now,
    )
    yield Alert(
        "ClockOff",
        f"cluster_clock_synchronised == 0 or abs(cluster_clock_offset_seconds) > {offset:g}",
        "warning",
        "the clock of <instance> is not synchronised, or too far off",
        now,
    )
    yield Alert(
        "DiskFilling",
        f"{space} > {warn}",
        "warning",
        "<mountpoint> of <instance> is <value> % full",
        soon,
    )
    yield Alert(
        "DiskFull",
        f"{space} > {full:g}",
        "critical",
        "<mountpoint> of <instance> is <value> % full",
        now,
    )
    yield Alert(
        "InodesFilling",
        f"{inodes} > {warn}",
        "warning",
        "<mountpoint> of <instance> has <value> % of its inodes in use: too many files",
        soon,
    )
    yield Alert(
        "MemoryShort",
        "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)"
        f" > {monitoring.thresholds.memory_percent}",
        "warning",
        "<instance> has <value> % of its memory in use",
        soon,
    )
    yield Alert(
        "CertificateExpiring",
        f"{left} / {life} < {QUARTER}",
        "warning",
        "certificate <certificate> of <instance> was not renewed in time",
        soon,
    )
    yield Alert(
        "CertificateAlmostExpired",
        f"{left} / {life} < {TWELFTH}",
        "critical",
        "certificate <certificate> of <instance> is about to end",
        now,
    )
    yield Alert(
        "ConfigDrift",
        "cluster_file_changed == 1",
        "warning",
        "<path> of <instance> is not as cluster left it",
        soon,
    )
    yield Alert(
        "MetricsStale",
        f'time() - node_textfile_mtime_seconds{{file=~".*cluster.prom"}} > {stale}'
        " or node_textfile_scrape_error == 1",
        "warning",
        "<instance> does not say any more how its services are",
        now,
    )


def balancing(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """What clients of the balancers would notice."""
    now, limits, rate = urgent(monitoring), monitoring.thresholds, window(monitoring)
    vips = [str(vip.address) for each in topology.load_balancers.values() for vip in each.virtual_ips]
    if vips:
        yield Alert(
            "VirtualIpUnheld",
            nobody("cluster_virtual_ip_held", "address", vips),
            "critical",
            "no node holds <address>: clients reach nobody there",
            now,
        )
        yield Alert(
            "VirtualIpHeldTwice",
            "count by (address) (cluster_virtual_ip_held == 1) > 1",
            "critical",
            "<value> nodes hold <address> at once",
            now,
        )
    if topology.load_balancers:
        missing = f'up{{job="haproxy"}} == 0 and {REACHED}'
        yield Alert(
            "BalancerDown",
            f'cluster_unit_active{{unit=~"haproxy|nginx",balances="yes"}} == 0 or ({missing})',
            "critical",
            "the balancer of <instance> does not run",
            now,
        )
    yield from pools(topology, now)
    if not balancers(topology, "haproxy"):
        return
    answers = f"rate(haproxy_backend_http_responses_total[{rate}])"
    errors = f'rate(haproxy_backend_http_responses_total{{code="5xx"}}[{rate}])'
    was_empty = f'max by (proxy) (min_over_time(haproxy_backend_status{{state="UP"}}[{rate}])) == 0'
    yield Alert(
        "ErrorsServed",
        f"100 * sum by (proxy) ({errors}) / sum by (proxy) ({answers}) > {limits.error_percent}"
        f" unless {was_empty}",  # that is another alert
        "critical",
        "<value> % of what backend <proxy> answers are errors",
        now,
    )
    yield Alert(
        "AnswersSlow",
        f"max by (proxy) (haproxy_backend_response_time_average_seconds) > {limits.latency / MILLISECONDS:g}"
        f" and sum by (proxy) (rate(haproxy_backend_http_requests_total[{rate}])) > {own_requests(topology):g}",
        "warning",
        "servers of backend <proxy> take <duration> to answer",
        SOON * now,
    )
    yield Alert(
        "BalancerConnections",
        "100 * haproxy_process_current_connections / haproxy_process_max_connections"
        f" > {limits.connections_percent}",
        "warning",
        "the balancer of <instance> has <value> % of its connections in use",
        now,
    )


def balancers(topology: Topology, engine: str) -> list[LoadBalancer]:
    """The load balancers of an engine."""
    return [each for each in topology.load_balancers.values() if each.engine == engine]


def pools(topology: Topology, now: int) -> Iterator[Alert]:
    """What servers balancers reach: haproxy says so itself, for nginx the node does (role node_exporter)."""
    taking_turns = {
        name
        for each in balancers(topology, "haproxy")
        for name, backend in each.backends.items()
        if not backend.one_at_a_time
    }
    down, empty = [], []
    if taking_turns:
        named = "|".join(sorted(taking_turns))
        down.append(f'max by (proxy, server) (haproxy_server_status{{state="DOWN",proxy=~"{named}"}}) == 1')
    if balancers(topology, "haproxy"):
        empty.append('max by (proxy) (haproxy_backend_status{state="UP"}) == 0')
    if balancers(topology, "nginx"):
        down.append("min by (proxy, server) (cluster_backend_server_up) == 0")
        empty.append("max by (proxy) (cluster_backend_server_up) == 0")
    if down:
        yield Alert(
            "BackendDegraded",
            " or ".join(down),
            "warning",
            "server <server> of backend <proxy> is down",
            now,
        )
    if empty:
        yield Alert(
            "BackendEmpty",
            " or ".join(empty),
            "critical",
            "backend <proxy> has no server left: clients get errors",
            now,
        )


def clients(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """What clients meet at the frontends, as those that watch see it."""
    known, now = max((seen_by(topology, node) for node in monitoring.nodes), key=len), urgent(monitoring)
    if not known:
        return
    yield Alert(
        "FrontendFailing",
        f"{BY} (probe_success) == 0",
        "critical",
        "frontend <frontend> of <balancer> does not answer as it should at <address>",
        now,
    )
    slow = f"avg_over_time(probe_duration_seconds[{window(monitoring)}]) and probe_success == 1"
    yield Alert(
        "FrontendSlow",
        f"{BY} ({slow}) > {monitoring.thresholds.latency / MILLISECONDS:g}",
        "warning",
        "frontend <frontend> of <balancer> takes <duration> to answer at <address>",
        SOON * now,
    )
    if any(each.over_tls for each in known):
        limit = min(WARN_DAYS * DAY, topology.certificates.life // MILLISECONDS // WARN_SHARE)
        yield Alert(
            "FrontendCertificateEnds",
            f"{BY} (probe_ssl_earliest_cert_expiry - time()) < {limit}",
            "warning",
            "the certificate that frontend <frontend> of <balancer> shows at <address> ends in <duration>",
            SOON * now,
        )


def databases(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """What endangers data, or those who read and write it."""
    now, known = urgent(monitoring), topology.databases
    if not known:
        return
    yield Alert(
        "DatabaseNoWriter",
        nobody("cluster_database_writable", "database", known),
        "critical",
        "no node of database <database> takes writes",
        now,
    )
    alone = [name for name, each in known.items() if each.mode != "galera"]
    if alone:
        yield Alert(
            "DatabaseTwoWriters",
            f'count by (database) (cluster_database_writable{{database=~"{"|".join(alone)}"}} == 1) > 1',
            "critical",
            "<value> nodes of database <database> take writes at once",
            now,
        )
    yield Alert(
        "DatabaseServerDown",
        "mysql_up == 0",
        "critical",
        "the database server of <instance> does not answer",
        now,
    )
    yield Alert(
        "DatabaseNodeUnfit",
        f"cluster_database_readable{but(known)} == 0",
        "warning",
        "<instance> is not fit for reads of database <database>: it is behind, apart, or stopped",
        now,
    )
    limit = monitoring.thresholds.connections_percent
    yield Alert(
        "DatabaseConnections",
        f"100 * mysql_global_status_threads_connected / mysql_global_variables_max_connections > {limit}",
        "warning",
        "the database server of <instance> has <value> % of its connections in use",
        now,
    )
    yield from replicating({name: each for name, each in known.items() if each.mode == "replication"}, now)
    yield from grouped({name: each for name, each in known.items() if each.mode != "replication"}, now)
    yield from standing_by({name: each for name, each in known.items() if each.standby}, now)


def replicating(known: dict[str, Database], now: int) -> Iterator[Alert]:
    """What can be wrong between a primary and its replicas."""
    if not known:
        return
    yield Alert(
        "ReplicationStopped",
        "cluster_database_replication_running == 0",
        "critical",
        "<instance> does not follow the primary of database <database>",
        now,
    )
    yield Alert(
        "ReplicationLagging",
        " or ".join(expr for name, each in known.items() for expr in lagging(name, each)),
        "warning",
        "<instance> is <duration> behind the primary of database <database>",
        now,
    )
    yield Alert(
        "WritesUnacknowledged",
        "cluster_database_acknowledging_replicas == 0",
        "critical",
        "no replica acknowledges what <instance> writes to database <database>",
        now,
    )


def lagging(name: str, database: Database) -> Iterator[str]:
    """That a node is too far behind: each delayed one is more than it is to be."""
    metric, of = "cluster_database_lag_seconds", f'database="{name}"'
    others = f',instance!~"{"|".join(database.delayed)}"' if database.delayed else ""
    yield f"{metric}{{{of}{others}}} > {lag(database)}"
    for node in database.delayed:
        yield f'{metric}{{{of},instance="{node}"}} > {database.delay(node) + lag(database)}'


def standing_by(known: dict[str, Database], now: int) -> Iterator[Alert]:
    """What can be wrong with those that stand by: nobody is served by them, so it may wait."""
    if not known:
        return
    yield Alert(
        "StandbyStopped",
        "cluster_standby_follows == 0",
        "warning",
        "<instance> stands by for database <database>, and does not follow it",
        SOON * now,
    )
    late = (
        f'cluster_standby_lag_seconds{{database="{name}",instance="{node}"}} > {delay // MILLISECONDS + lag(each)}'
        for name, each in known.items()
        for node, delay in each.standby.items()
    )
    yield Alert(
        "StandbyLagging",
        " or ".join(late),
        "warning",
        "<instance> stands by for database <database>, and is <duration> behind, which is more than it is to be",
        SOON * now,
    )


def but(known: Mapping[str, Database]) -> str:
    """A selector of all nodes but those that are delayed, which are not read from; empty where none is."""
    delayed = [node for each in known.values() for node in each.delayed]
    return f'{{instance!~"{"|".join(delayed)}"}}' if delayed else ""


def lag(database: Database) -> int:
    """Seconds a node may be behind."""
    return max(1, database.max_lag // MILLISECONDS)


def grouped(known: dict[str, Database], now: int) -> Iterator[Alert]:
    """What can be wrong in a group that elects."""
    if not known:
        return
    yield Alert(
        "QuorumLost",
        "cluster_database_quorum == 0",
        "critical",
        "<instance> sees no majority of database <database>",
        now,
    )
    sizes = (f'cluster_database_members{{database="{name}"}} < {len(each.voters)}' for name, each in known.items())
    yield Alert(
        "GroupSmall",
        " or ".join(sizes),
        "warning",
        "<instance> sees only <value> members of database <database>",
        now,
    )


def backups(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """Backups that are not made, or not proven."""
    backup, now = topology.backup, urgent(monitoring)
    if not backup:
        return
    if backed_up(topology):
        yield from copies(topology, backup, now)
    if backup.files:
        yield from files(backup, now)
    summary = "<instance> never kept the cluster's own files (<kind>), or does not tell of it"
    seconds = backup.overdue.copies // MILLISECONDS
    yield Alert("OwnFilesMissing", never("own", {OWN_FILES: backup.nodes}), "warning", summary, seconds)


def copies(topology: Topology, backup: Backup, now: int) -> Iterator[Alert]:
    """Those of databases."""
    limits = {kind: getattr(backup.overdue, kind) // MILLISECONDS for kind in ("copies", "binlogs", "proof")}
    old = (f'time() - {LAST_BACKUP}{{kind="{kind}"}} > {seconds}' for kind, seconds in limits.items())
    yield Alert(
        "BackupOld",
        " or ".join(old),
        "critical",
        "the last backup (<kind>) of database <database> by <instance> is <duration> old",
        now,
    )
    yield Alert(
        "BackupFailed",
        'cluster_backup_failed{kind!="files"} == 1',
        "warning",
        "the last backup (<kind>) of database <database> by <instance> failed",
        now,
    )
    by = {name: makers(topology, name) for name in backed_up(topology)}
    for kind, seconds in limits.items():
        summary = "<instance> never made a backup (<kind>) of database <database>, or does not tell of any"
        yield Alert(MISSING[kind], never(kind, by), "critical", summary, seconds)


def files(backup: Backup, now: int) -> Iterator[Alert]:
    """Those of files of nodes, whose name stands where that of a database does."""
    seconds = backup.overdue.files // MILLISECONDS
    yield Alert(
        "FilesOld",
        f'time() - {LAST_BACKUP}{{kind="files"}} > {seconds}',
        "critical",
        "the last copy of the files <database> by <instance> is <duration> old",
        now,
    )
    yield Alert(
        "FilesFailed",
        'cluster_backup_failed{kind="files"} == 1',
        "warning",
        "the last copy of the files <database> by <instance> failed",
        now,
    )
    summary = "<instance> never made a copy of the files <database>, or does not tell of any"
    by = dict.fromkeys(backup.files, backup.nodes)
    yield Alert("FilesMissing", never("files", by), "critical", summary, seconds)


def never(kind: str, by: Mapping[str, Iterable[str]]) -> str:
    """That a node never made a backup of a kind, or does not tell. by: who makes it, by what is kept."""
    return " or ".join(
        f'absent({LAST_BACKUP}{{database="{name}",instance="{node}",kind="{kind}"}})'
        for name, nodes in by.items()
        for node in nodes
    )


def logs(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """Logs that are not taken, or not sent on."""
    if not topology.logs:
        return
    now, behind, span = urgent(monitoring), "(time() - cluster_logs_shipped_until_timestamp_seconds)", "1h"
    yield Alert(
        "LogsNotTaken",
        "cluster_logs_taken == 0",
        "warning",
        "<instance> takes no logs, since it has no room for them: the nodes keep theirs as long as they can",
        now,
    )
    if not topology.logs.ship:
        return
    yield Alert(
        "LogsNotShipped",
        f"{behind} > {SOON * now}",
        "warning",
        "<endpoint> lacks the logs of the last <duration> from <instance>",
        now,
    )
    yield Alert(
        "LogsLost",
        f"increase(cluster_logs_lost_bytes_total[{span}]) > 0",
        "warning",
        "<instance> removed logs that it could not send to <endpoint> before",
        0,
    )
    yield Alert(
        "LogsRefused",
        f"increase(cluster_logs_refused_records_total[{span}]) > 0",
        "warning",
        "<endpoint> refused records of <instance> for good",
        0,
    )


def watchers(monitoring: Monitoring, watcher: str) -> Iterator[Alert]:
    """What would keep the others from being seen or told."""
    now, span = urgent(monitoring), window(monitoring)
    yield Alert(
        "TargetMissing",
        f'up{{job!~"haproxy|{LOOKS}"}} == 0 and {REACHED}',
        "warning",
        "<instance> gives no metrics of <job>",
        now,
    )
    yield Alert(
        "PrometheusConfigRefused",
        "prometheus_config_last_reload_successful == 0",
        "critical",
        "Prometheus of <instance> runs with an old configuration, since it refused the new one",
        now,
    )
    yield Alert(
        "PrometheusRulesFailing",
        f"sum by (instance) (increase(prometheus_rule_evaluation_failures_total[{span}])) > 0",
        "critical",
        "Prometheus of <instance> cannot tell whether something is wrong",
        now,
    )
    yield Alert(
        "PrometheusStorageFailing",
        f"increase(prometheus_tsdb_compactions_failed_total[{span}]) > 0"
        f" or increase(prometheus_tsdb_head_truncations_failed_total[{span}]) > 0",
        "warning",
        "Prometheus of <instance> cannot keep its metrics: is the disk full?",
        now,
    )
    old = seconds_until_old(monitoring)
    yield Alert(
        "PrometheusStoresNothing",
        f'absent_over_time(up{{instance="{watcher}"}}[{old}s])',
        "critical",
        "Prometheus of <instance> keeps no metrics, so it sees nothing any more: is its disk full?",
        old,
    )
    yield Alert(
        "AlertsUnsent",
        f"sum by (instance) (increase(prometheus_notifications_dropped_total[{span}])) > 0",
        "critical",
        "Prometheus of <instance> cannot tell an Alertmanager what fires",
        now,
    )
    yield Alert(
        "NotificationsFailing",
        f"sum by (instance, integration) (increase(alertmanager_notifications_failed_total[{span}])) > 0",
        "critical",
        "Alertmanager of <instance> cannot tell anybody by <integration>",
        now,
    )
    if monitoring.grafana:
        yield Alert(
            "GrafanaDown",
            f'cluster_unit_active{{unit="{GRAFANA}"}} == 0',
            "warning",
            "Grafana does not run on <instance>",
            SOON * now,
        )
    if len(monitoring.nodes) > 1:
        yield Alert(
            "AlertmanagersApart",
            f"alertmanager_cluster_members < {len(monitoring.nodes)}",
            "warning",
            "Alertmanager of <instance> sees only <value> of its kind: you may be told twice",
            now,
        )


def nobody(metric: str, label: str, names: Iterable[str]) -> str:
    """That a metric is 1 nowhere, for any of these values of a label, whether it is told or not."""
    return " or ".join(
        f'label_replace(absent({metric}{{{label}="{name}"}} == 1), "{label}", "{name}", "", "")' for name in names
    )
