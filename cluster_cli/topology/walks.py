"""The walks through a topology that several rules need: each yields the path in the file first."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from cluster_cli.topology.model import Backend, LoadBalancer, Topology, VirtualIp
from cluster_cli.topology.problems import Path


def references(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every place that names a node in a list of nodes."""
    if topology.time:
        yield from ((("time", "servers", i), name) for i, name in enumerate(topology.time.servers))
    for lb_name, balancer in topology.load_balancers.items():
        yield from ((("load_balancers", lb_name, "nodes", i), name) for i, name in enumerate(balancer.nodes))
    for path, _, backend in backends(topology):
        yield from (((*path, "nodes", i), name) for i, name in enumerate(backend.nodes))
    for web_name, web in topology.web.items():
        yield from ((("web", web_name, "nodes", i), name) for i, name in enumerate(web.nodes))


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


@dataclass(frozen=True)
class Listener:
    """A port of a node that something listens on. address: None for all of the node's addresses."""

    path: Path
    node: str
    port: int
    who: str
    address: IPv4Address | None = None

    def collides(self, other: "Listener") -> bool:
        """Whether both cannot listen at once. Other ports, other nodes, or two different addresses can.

        Two load balancers on a node are another rule's matter.
        """
        same_port = (self.node, self.port) == (other.node, other.port)
        if self.path[0] == other.path[0] == "load_balancers" and self.path[1] != other.path[1]:
            return False
        return same_port and (not self.address or not other.address or self.address == other.address)


def listeners(topology: Topology) -> Iterator[Listener]:
    """Every port our services listen on, SSH first since it was there before."""
    for name, node in topology.nodes.items():
        yield Listener(("nodes", name), name, node.ssh.port or topology.ssh.port or 22, "SSH")
    for name, web in topology.web.items():
        for host in web.nodes:
            yield Listener(("web", name, "port"), host, web.port, f"web {name}")
    for name, balancer in topology.load_balancers.items():
        path: Path = ("load_balancers", name)
        for host in balancer.nodes:
            yield Listener((*path, "stats", "port"), host, balancer.stats.port, f"the stats page of {name}")
            for front_name, front in balancer.frontends.items():
                at = (*path, "frontends", front_name, "bind")
                yield Listener(at, host, front.bind, f"frontend {front_name} of {name}", front.address)
