"""Variables of role network: the interfaces of a node, in the order they are built."""

from ipaddress import IPv4Network
from typing import Any

from cluster_cli.topology.addresses import addresses_of
from cluster_cli.topology.model import Node, Topology
from cluster_cli.topology.networks import NodeInterface, Route

ROLLBACKS = 2  # a bond or a lease takes longer than a packet filter to be there
ORDER = ("physical", "bond", "vlan")


def network_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's interfaces; empty when the topology leaves them alone."""
    node = topology.nodes[name]
    if not node.interfaces:
        return {}
    members = {member: bond for bond, found in node.interfaces.items() for member in found.bond}
    wanted = {member: NodeInterface() for member in members if member not in node.interfaces} | node.interfaces
    found = [interface_vars(topology, name, key, interface, members) for key, interface in wanted.items()]
    return {
        "network_interfaces": sorted(found, key=lambda row: (ORDER.index(row["kind"]), row["name"])),
        "network_take_over": node.take_over,
        "network_rollback": ROLLBACKS * -(-topology.firewall.rollback // 1000),
    }


def interface_vars(
    topology: Topology, node_name: str, name: str, interface: NodeInterface, members: dict[str, str]
) -> dict[str, Any]:
    """One interface. members: which bond a physical one is in."""
    node = topology.nodes[node_name]
    return {
        "name": name,
        "kind": "bond" if interface.bond else "vlan" if interface.vlan else "physical",
        "members": list(interface.bond),
        "mode": (interface.mode or "active-backup") if interface.bond else "",
        "id": interface.vlan or 0,
        "link": interface.link or "",
        "bond": members.get(name, ""),
        "vlans": [other for other, found in node.interfaces.items() if found.link == name],
        "addresses": [str(address) for address in addresses_of(topology, node_name, interface)],
        "dhcp": interface.dhcp,
        "mtu": interface.mtu or 0,
        "routes": [
            {"to": str(route.to), "via": str(route.via)}
            for route in node.routes
            if name == carrier(topology, node_name, node, route)
        ],
    }


def carrier(topology: Topology, node_name: str, node: Node, route: Route) -> str:
    """The interface a route leads over: the one whose network has the router, else the first with DHCP."""
    networks: list[tuple[str, IPv4Network]] = [
        (name, address.network)
        for name, interface in node.interfaces.items()
        for address in addresses_of(topology, node_name, interface)
    ]
    known = (name for name, network in networks if route.via in network)
    leased = (name for name, interface in node.interfaces.items() if interface.dhcp)
    return next(known, next(leased, ""))
