"""The walks through a topology that several rules need: each yields the path in the file first."""

from collections.abc import Iterator
from typing import get_args

from cluster_cli.topology.model import Backend, Frontend, LoadBalancer, Topology, VirtualIp
from cluster_cli.topology.networks import Separate, SeparateNetwork
from cluster_cli.topology.problems import Path
from cluster_cli.topology.stores import Store


def references(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every place that names a node in a list of nodes."""
    for network, found in networks(topology):
        yield from ((("networks", network, "nodes", i), name) for i, name in enumerate(found.nodes))
    for name, repository in topology.system.repositories.items():
        at = ("system", "repositories", name, "nodes")
        yield from (((*at, i), node) for i, node in enumerate(repository.nodes or ()))
    if topology.time:
        yield from ((("time", "servers", i), name) for i, name in enumerate(topology.time.servers))
    for lb_name, balancer in topology.load_balancers.items():
        yield from ((("load_balancers", lb_name, "nodes", i), name) for i, name in enumerate(balancer.nodes))
    for path, _, backend in backends(topology):
        yield from (((*path, "nodes", i), name) for i, name in enumerate(backend.nodes))
    for web_name, web in topology.web.items():
        yield from ((("web", web_name, "nodes", i), name) for i, name in enumerate(web.nodes))
    for db_name, database in topology.databases.items():
        yield from ((("databases", db_name, "nodes", i), name) for i, name in enumerate(database.nodes))
        if database.arbiter:
            yield ("databases", db_name, "arbiter"), database.arbiter
        yield from ((("databases", db_name, "standby", name), name) for name in database.standby)
        yield from ((("databases", db_name, "spares", i), name) for i, name in enumerate(database.spares))
        own = ("databases", db_name, "backup", "nodes")
        yield from (((*own, i), name) for i, name in enumerate(database.backup.nodes or ()))
    if topology.backup:
        yield from ((("backup", "nodes", i), name) for i, name in enumerate(topology.backup.nodes))
        for set_name, files in topology.backup.files.items():
            at = ("backup", "files", set_name, "nodes")
            yield from (((*at, i), name) for i, name in enumerate(files.nodes))
    if topology.monitoring:
        yield from ((("monitoring", "nodes", i), name) for i, name in enumerate(topology.monitoring.nodes))
        grafana = topology.monitoring.grafana
        drawing = (grafana and grafana.nodes) or ()
        yield from ((("monitoring", "grafana", "nodes", i), name) for i, name in enumerate(drawing))
    for i, opening in enumerate(topology.firewall.open):
        yield from ((("firewall", "open", i, "nodes", j), name) for j, name in enumerate(opening.nodes))
    if topology.audit:
        yield from ((("audit", "collectors", i), name) for i, name in enumerate(topology.audit.collectors))
    if topology.logs:
        yield from ((("logs", "nodes", i), name) for i, name in enumerate(topology.logs.nodes))


def stores(topology: Topology) -> Iterator[tuple[Path, Store]]:
    """Every place where repositories of backups are kept."""
    if topology.backup:
        yield ("backup", "store"), topology.backup.store
        yield from ((("backup", "stores", node), each) for node, each in topology.backup.stores.items())


def networks(topology: Topology) -> Iterator[tuple[Separate, SeparateNetwork]]:
    """Every separate network by name."""
    for name in get_args(Separate):
        if found := getattr(topology.networks, name):
            yield name, found


def virtual_ips(topology: Topology) -> Iterator[tuple[Path, str, VirtualIp]]:
    """Every virtual IP as (path, load balancer's name, virtual IP)."""
    for lb_name, balancer in topology.load_balancers.items():
        for i, vip in enumerate(balancer.virtual_ips):
            yield ("load_balancers", lb_name, "virtual_ips", i), lb_name, vip


def backends(topology: Topology) -> Iterator[tuple[Path, LoadBalancer, Backend]]:
    """Every backend as (path, its load balancer, backend)."""
    for lb_name, balancer in topology.load_balancers.items():
        for name, backend in balancer.backends.items():
            yield ("load_balancers", lb_name, "backends", name), balancer, backend


def frontends(topology: Topology) -> Iterator[tuple[Path, LoadBalancer, Frontend]]:
    """Every frontend as (path, its load balancer, frontend)."""
    for lb_name, balancer in topology.load_balancers.items():
        for name, frontend in balancer.frontends.items():
            yield ("load_balancers", lb_name, "frontends", name), balancer, frontend
