"""Where those who may use a port come from, as networks."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from urllib.parse import urlsplit

from cluster_cli.topology.addresses import Purpose, addresses, addresses_for, subnet_for, subnet_of
from cluster_cli.topology.model import LoadBalancer, Topology
from cluster_cli.topology.walks import backends

Sources = tuple[IPv4Network, ...]
Wanted = dict[Purpose, Sources]  # who may use a port, by the network they come over
ANYONE: Sources = (IPv4Network("0.0.0.0/0"),)


def balancers_asking(topology: Topology, node: str, port: int) -> tuple[str, ...]:
    """The nodes of the balancers that have this port of this node in a backend."""
    return tuple(
        name
        for _, balancer, backend in backends(topology)
        if port in (backend.port, backend.check.port) and node in backend.nodes
        for name in balancer.nodes
    )


def sites_asking(topology: Topology, node: str, port: int) -> tuple[str, ...]:
    """The nodes of the web servers that pass requests to this port of this node."""
    names = {node, f"{node}.{topology.name}.internal", str(addresses(topology).get(node))}
    return tuple(
        name
        for web in topology.web.values()
        if web.upstream and asked(web.upstream) in {(each, port) for each in names}
        for name in web.nodes
    )


def asked(url: str) -> tuple[str, int]:
    """The host and port of an application's URL; the port is 0 where it is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", 0


def ways(topology: Topology, node: str, wanted: Wanted) -> Iterator[tuple[Sources, IPv4Address | None]]:
    """Who may come to which of a node's addresses; None for all of them, where one network serves all purposes."""
    places = {purpose: addresses_for(topology, purpose).get(node) for purpose in wanted}
    apart = len(set(places.values())) > 1
    for place in dict.fromkeys(places.values()):
        sources = tuple(each for purpose, found in wanted.items() if places[purpose] == place for each in found)
        if sources:
            yield sources, place if apart else None


def clients(topology: Topology) -> Sources:
    """Who may use the frontends: as written, and operators, who verify them; else anyone."""
    return (*topology.firewall.clients, *operators(topology)) if topology.firewall.clients else ANYONE


def lookers(topology: Topology) -> Sources:
    """The nodes that watch, as they come to the frontends to see what clients see."""
    return nodes(topology, topology.monitoring.nodes if topology.monitoring else (), "service")


def watchers(topology: Topology, balancer: LoadBalancer) -> Sources:
    """Who may read a balancer's own page: operators, and the networks that are written or else the nodes."""
    nodes_themselves = (*every_node(topology), *every_node(topology, "management"))
    return (*(balancer.stats.allow or nodes_themselves), *operators(topology))


def operators(topology: Topology) -> Sources:
    """Where control machines and operators come from: as written and a lab's host, else the management network."""
    networks = [subnet_of(topology), subnet_for(topology, "management")]
    hosts = [IPv4Network(each[1]) for each in networks if topology.is_lab and each and each.num_addresses > 1]
    found = (*hosts, *topology.firewall.operators)
    return found or tuple(each for each in networks[1:] if each)


def nodes(topology: Topology, names: tuple[str, ...], purpose: Purpose = "cluster") -> Sources:
    """The addresses of these nodes, each once, in the order of the topology."""
    known = addresses_for(topology, purpose)
    return tuple(IPv4Network(address) for name, address in known.items() if name in names)


def every_node(topology: Topology, purpose: Purpose = "cluster") -> Sources:
    """The addresses of all nodes."""
    return nodes(topology, tuple(topology.nodes), purpose)
