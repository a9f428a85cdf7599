"""Which parts a cluster has that dashboards are about: pure."""

from collections.abc import Iterator

from cluster_cli.dashboards.panel import Part
from cluster_cli.render.probes import seen_by
from cluster_cli.topology.model import Topology


def parts(topology: Topology) -> frozenset[Part]:
    """All it has."""
    return frozenset(found(topology))


def found(topology: Topology) -> Iterator[Part]:
    """Each at least once."""
    for balancer in topology.load_balancers.values():
        yield "balancers"
        if balancer.engine == "haproxy":
            yield "haproxy"
        if balancer.virtual_ips:
            yield "virtual_ips"
    for database in topology.databases.values():
        yield "databases"
        yield database.mode
    if topology.backup:
        yield "backup"
    if topology.logs or topology.audit:
        yield "logs"
    if topology.monitoring and any(seen_by(topology, node) for node in topology.monitoring.nodes):
        yield "looks"
