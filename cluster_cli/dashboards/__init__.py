"""The dashboards of a cluster, each in a file here. `make docs` writes them as JSON into role grafana."""

from cluster_cli.dashboards.backups import BACKUPS
from cluster_cli.dashboards.balancers import BALANCERS
from cluster_cli.dashboards.clients import CLIENTS
from cluster_cli.dashboards.databases import DATABASES
from cluster_cli.dashboards.galera import GALERA
from cluster_cli.dashboards.group_replication import GROUP_REPLICATION
from cluster_cli.dashboards.haproxy import HAPROXY
from cluster_cli.dashboards.nodes import NODES
from cluster_cli.dashboards.overview import OVERVIEW
from cluster_cli.dashboards.panel import Dashboard
from cluster_cli.dashboards.parts import parts
from cluster_cli.dashboards.replication import REPLICATION
from cluster_cli.dashboards.watchers import WATCHERS
from cluster_cli.topology.model import Topology

DASHBOARDS: tuple[Dashboard, ...] = (
    OVERVIEW,
    NODES,
    CLIENTS,
    BALANCERS,
    HAPROXY,
    DATABASES,
    GALERA,
    GROUP_REPLICATION,
    REPLICATION,
    BACKUPS,
    WATCHERS,
)


def dashboards(topology: Topology) -> tuple[Dashboard, ...]:
    """Those a cluster has use for."""
    there = parts(topology)
    return tuple(each for each in DASHBOARDS if each.needs is None or each.needs in there)
