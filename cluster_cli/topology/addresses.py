"""Which address each node has: written in the topology, or handed out in a lab."""

import zlib
from ipaddress import IPv4Address, IPv4Network

from cluster_cli.topology.model import Topology

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


def addresses(topology: Topology) -> dict[str, IPv4Address]:
    """The address of every node; a node for which a lab has no room is left out.

    Handed out in the order of the file, past those that are written down, so
    a new node belongs at the end of the list or has its address pinned.
    """
    given = {name: node.address for name, node in topology.nodes.items() if node.address}
    subnet = subnet_of(topology)
    if subnet is None or not topology.is_lab:
        return given
    taken = set(given.values()) | {
        vip.address for balancer in topology.load_balancers.values() for vip in balancer.virtual_ips
    }
    offset = FIRST_HOST if subnet.num_addresses > 64 else 2  # never the first, which is the gateway's
    free = (subnet[i] for i in range(offset, subnet.num_addresses - 1) if subnet[i] not in taken)
    handed = {name: next(free, None) for name in topology.nodes if name not in given}
    found = given | {name: address for name, address in handed.items() if address}
    return {name: found[name] for name in topology.nodes if name in found}
