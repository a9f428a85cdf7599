"""Rules on the separate networks: apart from each other, with room, and with the nodes that need them."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import get_args

from cluster_cli.topology.address_rules import fits, free_range
from cluster_cli.topology.addresses import addresses_on, separate, subnet_of, usable
from cluster_cli.topology.model import Topology
from cluster_cli.topology.networks import Separate
from cluster_cli.topology.problems import Problem
from cluster_cli.topology.walks import networks


def networks_do_not_overlap(topology: Topology) -> Iterator[Problem]:
    """An address says which network it is on."""
    cluster = subnet_of(topology)
    seen: list[tuple[str, IPv4Network]] = [("cluster", cluster)] if cluster else []
    for name, network in networks(topology):
        for other, subnet in seen:
            if network.subnet.overlaps(subnet):
                what = f"{network.subnet} overlaps with {subnet}, the {other} network"
                yield Problem(("networks", name, "subnet"), what, "give each network a range of its own")
        seen.append((name, network.subnet))


def networks_fit(topology: Topology) -> Iterator[Problem]:
    """Each holds its nodes, and is one machines can have."""
    for name, network in networks(topology):
        wanted = len(set(network.nodes or topology.nodes) & set(topology.nodes))
        placed = len(addresses_on(topology, name))
        yield from fits(topology, ("networks", name, "subnet"), network.subnet, wanted, placed)


def networks_have_nodes(topology: Topology) -> Iterator[Problem]:
    """A network nobody is on is forgotten, or its addresses are."""
    for name, _ in networks(topology):
        if not topology.is_lab and not addresses_on(topology, name):
            hint = f"give nodes an address there: `addresses: {{{name}: ...}}`"
            yield Problem(("networks", name), "no node is on it", hint)


def addresses_have_a_network(topology: Topology) -> Iterator[Problem]:
    """An address beside the cluster's is on a network there is."""
    for name, node in topology.nodes.items():
        for network in get_args(Separate):
            if getattr(node.addresses, network) and separate(topology, network) is None:
                what = f"there is no {network} network"
                hint = f"add `networks: {{{network}: {{subnet: ...}}}}`"
                yield Problem(("nodes", name, "addresses", network), what, hint)


def addresses_are_inside_their_network(topology: Topology) -> Iterator[Problem]:
    """An address is one a machine of its network can have."""
    for network, found in networks(topology):
        for name, node in topology.nodes.items():
            address = getattr(node.addresses, network)
            if address is None:
                continue
            path = ("nodes", name, "addresses", network)
            if not usable(address, found.subnet):
                what = f"{address} is not a usable address of {found.subnet}, the {network} network"
                yield Problem(path, what, free_range(topology, found.subnet))
            elif topology.is_lab and address == found.subnet[1]:
                yield Problem(path, f"{address} is the lab's gateway", free_range(topology, found.subnet))


def listed_nodes_are_on_the_network(topology: Topology) -> Iterator[Problem]:
    """Where a network lists its nodes, they have addresses there, and nobody else has."""
    for network, found in networks(topology):
        for i, name in enumerate(found.nodes):
            if name in topology.nodes and name not in addresses_on(topology, network) and not topology.is_lab:
                hint = f"add `addresses: {{{network}: ...}}` to {name}"
                yield Problem(("networks", network, "nodes", i), f"{name} has no address there", hint)
        for name, node in topology.nodes.items():
            if found.nodes and name not in found.nodes and getattr(node.addresses, network):
                what = f"{name} is not one of the nodes of the {network} network"
                hint = f"add it to `nodes` of networks.{network}, or remove the address"
                yield Problem(("nodes", name, "addresses", network), what, hint)


def balancers_are_where_clients_come(topology: Topology) -> Iterator[Problem]:
    """With a service network, frontends and virtual IPs are there and nowhere else."""
    if topology.networks.service is None:
        return
    there = addresses_on(topology, "service")
    for lb_name, balancer in topology.load_balancers.items():
        for i, name in enumerate(balancer.nodes):
            if name in topology.nodes and name not in there:
                what = f"{name} is not on the service network, so no client would reach {lb_name} there"
                hint = f"add `addresses: {{service: ...}}` to {name}"
                if topology.is_lab:
                    hint = f"add {name} to `nodes` of networks.service"
                yield Problem(("load_balancers", lb_name, "nodes", i), what, hint)


RULES = (
    networks_do_not_overlap,
    networks_fit,
    networks_have_nodes,
    addresses_have_a_network,
    addresses_are_inside_their_network,
    listed_nodes_are_on_the_network,
    balancers_are_where_clients_come,
)
