"""What to change in the topology before a resource runs out: pure."""

from collections.abc import Iterator
from math import ceil

from cluster_cli.forecast.history import Series
from cluster_cli.render.balancing import balancer_of
from cluster_cli.render.databases import database_of
from cluster_cli.topology.model import Topology

ROUND = 50  # connections are asked for in fifties
GB = 1e9


def advice(series: Series, topology: Topology, needed: float | None) -> str:
    """A sentence or two. needed: the limit it takes for the time looked ahead; None: it is at its limit now."""
    ways = {
        "disk": disk,
        "inodes": inodes,
        "memory": memory,
        "connections": connections,
        "sessions": sessions,
    }[series.resource]
    return "; or ".join(ways(series, topology, needed))


def disk(series: Series, topology: Topology, needed: float | None) -> Iterator[str]:
    """A larger one, or less on it, by what the node is there for."""
    node = series.node
    yield f"a disk of {ceil(needed / GB)} GB for {series.what}" if needed else f"a larger disk for {series.what}"
    if found := database_of(topology, node):
        variable = "binlog_expire_logs_seconds" if found[1].engine == "mysql" else "expire_logs_days"
        yield f"fewer binary logs: databases.{found[0]}.settings.{variable}"
    if topology.backup and node in topology.backup.nodes:
        yield "fewer backups: backup.keep"
    if topology.logs and node in topology.logs.nodes:
        yield "fewer logs: logs.keep_size"
    if topology.monitoring and node in topology.monitoring.nodes:
        yield "fewer metrics: monitoring.retention_gigabytes"


def inodes(series: Series, topology: Topology, needed: float | None) -> Iterator[str]:  # noqa: ARG001
    """They are given when a file system is made."""
    yield f"find what makes files: du --inodes -x -d 3 {series.what}"
    yield "a file system made for more of them"


def memory(series: Series, topology: Topology, needed: float | None) -> Iterator[str]:
    """More of it, or less to do."""
    yield f"{ceil(needed / GB)} GB of memory" if needed else "more memory"
    if found := database_of(topology, series.node):
        yield f"a smaller cache of rows: databases.{found[0]}.memory_percent below {found[1].memory_percent}"
    for name, web in topology.web.items():
        if series.node in web.nodes:
            yield f"one more node in web.{name}.nodes"


def connections(series: Series, topology: Topology, needed: float | None) -> Iterator[str]:
    """More of them, or clients that hold on to fewer."""
    found = database_of(topology, series.node)
    name = found[0] if found else series.node
    yield f"databases.{name}.settings.max_connections: {rounded(needed or 2 * series.limit)}"
    yield "find out who holds them: SHOW PROCESSLIST"


def sessions(series: Series, topology: Topology, needed: float | None) -> Iterator[str]:
    """More of them at the balancer."""
    found = balancer_of(topology, series.node)
    name = found[0] if found else series.node
    yield f"load_balancers.{name}.max_connections: {rounded(needed or 2 * series.limit)}"


def rounded(needed: float) -> int:
    """Up to the next round figure."""
    return ROUND * ceil(needed / ROUND)
