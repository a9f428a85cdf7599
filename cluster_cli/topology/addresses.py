"""Which address each node has on each network: written in the topology, or handed out in a lab."""

import zlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Literal

from cluster_cli.topology.model import Frontend, LoadBalancer, Topology
from cluster_cli.topology.networks import NodeInterface, Separate, SeparateNetwork

Purpose = Literal["cluster", Separate]

FIRST_HOST = 11  # below it: the bridge and room for what a person adds by hand


def subnet_of(topology: Topology) -> IPv4Network | None:
    """The cluster's subnet; a lab without one gets a /24 of 10.89.0.0/16 derived from its name."""
    if topology.network.subnet or not topology.is_lab:
        return topology.network.subnet
    return lab_subnet(topology.name)


def lab_subnet(name: str) -> IPv4Network:
    """The subnet of a lab that names none: the same for the same name, likely another for another."""
    third = 40 + zlib.crc32(name.encode()) % 200
    return IPv4Network(f"10.89.{third}.0/24")


def usable(address: IPv4Address, subnet: IPv4Network) -> bool:
    """Whether a host of the subnet may have this address."""
    ends = {subnet.network_address, subnet.broadcast_address} if subnet.prefixlen < 31 else set()
    return address in subnet and address not in ends


def separate(topology: Topology, network: Separate) -> SeparateNetwork | None:
    """A separate network, where the topology has it."""
    found: SeparateNetwork | None = getattr(topology.networks, network)
    return found


def subnet_for(topology: Topology, purpose: Purpose) -> IPv4Network | None:
    """The subnet that serves a purpose: the network of that name, or the cluster's where there is none."""
    found = separate(topology, purpose) if purpose != "cluster" else None
    return found.subnet if found else subnet_of(topology)


def addresses(topology: Topology) -> dict[str, IPv4Address]:
    """The address of every node on the cluster's network; one for which a lab has no room is left out.

    Handed out in the order of the file, past those that are written down, so
    a new node belongs at the end of the list or has its address pinned.
    """
    given = {name: node.address for name, node in topology.nodes.items() if node.address}
    subnet = subnet_of(topology)
    if subnet is None or not topology.is_lab:
        return given
    return handed_out(topology, topology.nodes, given, subnet)


def addresses_on(topology: Topology, network: Separate) -> dict[str, IPv4Address]:
    """The addresses on a separate network, of the nodes that are on it: handed out as the cluster's are."""
    found = separate(topology, network)
    if found is None:
        return {}
    written = {name: getattr(node.addresses, network) for name, node in topology.nodes.items()}
    given = {name: address for name, address in written.items() if address}
    if not topology.is_lab:
        return given
    return handed_out(topology, found.nodes or tuple(topology.nodes), given, found.subnet)


def addresses_for(topology: Topology, purpose: Purpose) -> dict[str, IPv4Address]:
    """The address each node has for a purpose: on the network of that name, else on the cluster's."""
    return addresses(topology) | (addresses_on(topology, purpose) if purpose != "cluster" else {})


def own_address(topology: Topology, name: str, purpose: Purpose) -> IPv4Interface | None:
    """A node's address on a network with its prefix; None where it has none inside it."""
    known = addresses(topology) if purpose == "cluster" else addresses_on(topology, purpose)
    address, subnet = known.get(name), subnet_for(topology, purpose)
    return IPv4Interface(f"{address}/{subnet.prefixlen}") if address and subnet and address in subnet else None


def addresses_of(topology: Topology, name: str, interface: NodeInterface) -> list[IPv4Interface]:
    """The addresses of one interface: the node's own on its network first."""
    own = own_address(topology, name, interface.network) if interface.network else None
    return [*([own] if own else []), *interface.addresses]


def frontend_addresses(
    topology: Topology, balancer: LoadBalancer, name: str, frontend: Frontend
) -> tuple[IPv4Address, ...]:
    """The addresses a frontend listens on at a node; empty for all there are.

    With a service network: the node's own there and the virtual IPs, and no other.
    """
    if frontend.address:
        return (frontend.address,)
    own = addresses_on(topology, "service").get(name)
    return (own, *(vip.address for vip in balancer.virtual_ips)) if own else ()


def handed_out(
    topology: Topology, names: Iterable[str], given: Mapping[str, IPv4Address], subnet: IPv4Network
) -> dict[str, IPv4Address]:
    """The addresses of these nodes in a lab's subnet, in the order of the file."""
    taken = set(given.values()) | {
        vip.address for balancer in topology.load_balancers.values() for vip in balancer.virtual_ips
    }
    offset = FIRST_HOST if subnet.num_addresses > 64 else 2  # never the first, which is the gateway's
    free = (subnet[i] for i in range(offset, subnet.num_addresses - 1) if subnet[i] not in taken)
    wanted = set(names)
    handed = {name: next(free, None) for name in topology.nodes if name in wanted and name not in given}
    found = {**given, **{name: address for name, address in handed.items() if address}}
    return {name: found[name] for name in topology.nodes if name in found}
