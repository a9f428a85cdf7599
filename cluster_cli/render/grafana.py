"""Variables of role grafana: where it serves, whom it asks, and which dashboards the cluster has use for. Pure."""

from typing import Any

from cluster_cli.render import monitoring, system
from cluster_cli.render.connection import Access
from cluster_cli.topology.addresses import addresses_for
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import GRAFANA_PORT, PROMETHEUS_PORT, WATCHER

Vars = dict[str, Any]
PACKAGE = "grafana"


def serves(topology: Topology, node: str) -> bool:
    """Whether a node serves Grafana."""
    return topology.monitoring is not None and node in topology.monitoring.grafana_nodes


def grafana_vars(topology: Topology, access: Access, node: str) -> Vars:
    """What Grafana of a node shows of what; empty for the others."""
    found = topology.monitoring
    if found is None or not serves(topology, node):
        return {}
    from cluster_cli.dashboards import dashboards  # most have no Grafana, and every verb passes by here

    return {
        **monitoring.place(topology, "grafana", node, GRAFANA_PORT),
        **monitoring.tls("grafana"),
        "grafana_certificate_group": WATCHER,
        "grafana_cluster": topology.name,
        "grafana_interval_seconds": max(1, found.interval // monitoring.MILLISECONDS),
        "grafana_sources": sources(topology, node),
        "grafana_dashboards": [each.name for each in dashboards(topology)],
        **({"grafana_repository": own} if (own := repository(topology, access, node)) else {}),
    }


def sources(topology: Topology, node: str) -> list[Vars]:
    """The Prometheus servers it asks, the node's own first: that one is shown unless somebody chooses another."""
    known, watching = (
        addresses_for(topology, "management"),
        topology.monitoring.nodes if topology.monitoring else (),
    )
    return [
        {"name": name, "url": f"https://{known[name]}:{PROMETHEUS_PORT}"}
        for name in sorted(watching, key=lambda name: name != node)
    ]


def repository(topology: Topology, access: Access, node: str) -> Vars:
    """The repository its package comes from, good for that alone unless the topology says more; empty without."""
    name = system.grafanas(topology, node)
    if not name:
        return {}
    found = system.repository(access, name, topology.system.repositories[name])
    return found if found["packages"] else found | {"packages": [PACKAGE], "priority": 990}
