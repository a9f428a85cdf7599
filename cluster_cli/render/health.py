"""What `cluster status` calls a problem, asked of metrics: recording rules, which the status page reads. Pure.

Each rule gives a row of `cluster:problem` for everything of its kind that is wrong now. `cluster:node:state` and
`cluster:state` sum up: 0 well, 1 something to look at, 2 bad.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster_cli.render import alerts
from cluster_cli.render.rule import MILLISECONDS
from cluster_cli.status.limits import (
    DISK_FULL_PERCENT,
    LOGS_BEHIND_SECONDS,
    MAX_OFFSET_SECONDS,
    WARN_DAYS,
    WARN_SHARE,
)
from cluster_cli.topology.databases import Database
from cluster_cli.topology.model import LoadBalancer, Topology

PROBLEM, NODE, ALL = "cluster:problem", "cluster:node:state", "cluster:state"
DAY = 86400
OF_BACKUPS = ("BackupOld", "BackupFailed", "FilesOld", "FilesFailed")
ALERTED = (
    "MetricsStale",
    "TargetMissing",
    "VirtualIpUnheld",
    "VirtualIpHeldTwice",
    "LogsNotTaken",
    *OF_BACKUPS,
)
OLD = 3  # times the interval: how old what is known of a node may be
OF_DATABASES = ("DatabaseNoWriter", "DatabaseTwoWriters")


@dataclass(frozen=True)
class Problem:
    """A kind of problem. expr: PromQL, whose every result is one; says: a sentence, with labels as in alerts."""

    name: str
    expr: str
    says: str
    labels: dict[str, str] = field(default_factory=dict)


def rules(topology: Topology) -> list[dict[str, Any]]:
    """The group of recording rules; none when nobody watches."""
    if topology.monitoring is None:
        return []
    found = [
        {"record": PROBLEM, "expr": each.expr, "labels": {"problem": each.name, **each.labels}}
        for each in problems(topology)
    ]
    return [{"name": "health", "rules": [*found, *summaries()]}]


def summaries() -> Iterator[dict[str, Any]]:
    """How each node is, as a drawing colours it, and how all of it is."""
    down = "2 * (max by (instance) (up) == bool 0)"
    named = f'0 * count by (instance) ({PROBLEM}{{problem!="alert",instance!=""}}) + 1'
    both = f'label_replace({down}, "of", "up", "", "") or label_replace({named}, "of", "problem", "", "")'
    yield {"record": NODE, "expr": f"max by (instance) ({both})"}
    fires = '0 * count(ALERTS{alertstate="firing"}) + 1'
    yield {"record": ALL, "expr": f"0 * count({PROBLEM}) + 2 or {fires} or vector(0)"}


def problems(topology: Topology) -> Iterator[Problem]:
    """All kinds there can be in this cluster."""
    known = {rule["alert"]: rule for rule in alerts.each(topology)}
    yield from nodes()
    for name in (*ALERTED, *OF_DATABASES):
        if name in known:
            yield Problem(name, known[name]["expr"], known[name]["annotations"]["summary"])
    for name, balancer in topology.load_balancers.items():
        yield from backends(name, balancer)
    for name, database in topology.databases.items():
        yield from databases(name, database)
    if topology.logs and topology.logs.ship and topology.monitoring:
        late = LOGS_BEHIND_SECONDS + OLD * topology.monitoring.interval // MILLISECONDS
        behind = f"time() - cluster_logs_shipped_until_timestamp_seconds > {late}"
        yield Problem("LogsBehind", behind, "<instance>: <endpoint> lacks the logs of the last <duration>")
    yield Problem("alert", 'ALERTS{alertstate="firing",severity="critical"}', "alert <alertname>")


def nodes() -> Iterator[Problem]:
    """What can be wrong with any machine."""
    size, free, avail = (f'node_filesystem_{what}_bytes{{mountpoint="/"}}' for what in ("size", "free", "avail"))
    full = f"ceil(100 * ({size} - {free}) / ({size} - {free} + {avail}))"  # as df(1) counts
    left = "cluster_certificate_not_after_seconds - time()"
    life = "cluster_certificate_not_after_seconds - cluster_certificate_not_before_seconds"
    yield Problem("NodeDown", "max by (instance) (up) == 0", "<instance> does not answer")
    yield Problem("UnitInactive", "cluster_unit_active == 0", "<instance>: <unit> does not run")
    yield Problem(
        "UnitFailed",
        "cluster_unit_failed unless on (instance, unit) cluster_unit_active",
        "<instance>: unit <unit> failed",
    )
    yield Problem("DiskFull", f"{full} >= {DISK_FULL_PERCENT}", "<instance>: the disk is <value> % full")
    yield Problem(
        "ClockOff",
        f"cluster_clock_synchronised == 0 or abs(cluster_clock_offset_seconds) > {MAX_OFFSET_SECONDS:g}",
        "<instance>: the clock is not synchronised, or off",
    )
    yield Problem(
        "CertificateEnds",
        f"{left} < {WARN_DAYS * DAY} and {left} < ({life}) / {WARN_SHARE}",
        "<instance>: certificate <certificate> ends in <duration>",
    )


def backends(name: str, balancer: LoadBalancer) -> Iterator[Problem]:
    """Servers a balancer calls down: each of them, or all of those that wait for each other."""
    shared = [key for key, each in balancer.backends.items() if not each.one_at_a_time]
    alone = [key for key, each in balancer.backends.items() if each.one_at_a_time]
    if shared:
        expr = f"{up(balancer, shared)} == 0"
        says = "<balancer>: server <server> of backend <proxy> is down"
        yield Problem(f"ServerDown:{name}", expr, says, {"balancer": name})
    if alone:
        expr = f"max by (proxy) ({up(balancer, alone)}) == 0"
        says = "<balancer>: no server of backend <proxy> is up"
        yield Problem(f"BackendEmpty:{name}", expr, says, {"balancer": name})


def up(balancer: LoadBalancer, backends: Sequence[str]) -> str:
    """Whether all balancers call a server up, by backend and server: 1 or 0. States: see status/answers.py."""
    where = f'instance=~"{"|".join(balancer.nodes)}",proxy=~"{"|".join(backends)}"'
    if balancer.engine == "nginx":
        return f"min by (proxy, server) (cluster_backend_server_up{{{where}}})"
    seen = f'max by (instance, proxy, server) (haproxy_server_status{{{where},state=~"UP|DRAIN"}})'
    return f"min by (proxy, server) ({seen})"


def databases(name: str, database: Database) -> Iterator[Problem]:
    """Nodes that take no part, though one that only lags does; and what nobody else has."""
    of = f'{{database="{name}"}}'
    part = {"replication": "replication_running", "group_replication": "quorum"}.get(database.mode)
    takes = f" unless on (instance) cluster_database_{part}{of} == 1" if part else ""
    unfit = f"cluster_database_readable{of} == 0{takes}"
    yield Problem(f"NodeUnfit:{name}", unfit, "<instance>: takes no part in database <database>")
    if database.mode == "replication":
        expr = f"max by (database) (cluster_database_acknowledging_replicas{of}) == 0"
        says = "database <database>: no replica acknowledges, so writes wait until one does"
    else:
        expr = f"min by (database) (cluster_database_members{of}) < {len(database.voters)}"
        says = f"database <database>: only <value> of {len(database.voters)} have a say in it"
    yield Problem(f"Alone:{name}", expr, says)
