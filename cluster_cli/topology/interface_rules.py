"""Rules on the interfaces of existing machines: whole, joined in a way that works, and leading somewhere."""

from collections.abc import Iterator
from ipaddress import IPv4Interface

from cluster_cli.topology.addresses import addresses_of, own_address
from cluster_cli.topology.model import Node, Topology
from cluster_cli.topology.networks import NodeInterface
from cluster_cli.topology.problems import Path, Problem, did_you_mean

Found = Iterator[tuple[Path, str, str, Node, NodeInterface]]


def every_interface(topology: Topology) -> Found:
    """Every interface as (path, node's name, interface's name, node, interface)."""
    for node_name, node in topology.nodes.items():
        for name, interface in node.interfaces.items():
            yield ("nodes", node_name, "interfaces", name), node_name, name, node, interface


def lab_nodes_have_no_interfaces(topology: Topology) -> Iterator[Problem]:
    """In a lab the container engine makes the interfaces."""
    for name, node in topology.nodes.items() if topology.is_lab else ():
        for field in ("interfaces", "routes", "take_over"):
            if getattr(node, field):
                what = "a lab makes the interfaces of its nodes by itself"
                yield Problem(("nodes", name, field), what, "remove it; networks are set under `networks`")


def interfaces_are_of_one_kind(topology: Topology) -> Iterator[Problem]:
    """Physical, a bond or a VLAN, with all that makes it one."""
    for path, _, _, _, found in every_interface(topology):
        if found.bond and found.vlan:
            yield Problem(
                path, "is a bond and a VLAN at once", "make the VLAN an interface of its own over the bond"
            )
        elif found.vlan and not found.link:
            yield Problem(path, "a VLAN needs the interface it runs over", "add `link: bond0`")
        elif found.link and not found.vlan:
            what = "only a VLAN runs over another interface"
            yield Problem(path, what, f"add `vlan: 20`, or remove `link: {found.link}`")
        elif found.mode and not found.bond:
            yield Problem(
                path, "only a bond has a mode", f"add `bond: [eno1, eno2]`, or remove `mode: {found.mode}`"
            )


def vlans_have_their_link(topology: Topology) -> Iterator[Problem]:
    """A VLAN runs over a physical interface or a bond that is described too, one id once."""
    seen: dict[tuple[str, str, int], str] = {}
    for path, node_name, name, node, found in every_interface(topology):
        if not found.vlan or not found.link:
            continue
        link = node.interfaces.get(found.link)
        if link is None:
            hint = did_you_mean(found.link, [other for other in node.interfaces if other != name])
            what = f"{found.link} is not among the interfaces of {node_name}"
            yield Problem((*path, "link"), what, hint or f"add `{found.link}: {{}}` beside it")
        elif link.vlan:
            yield Problem((*path, "link"), f"{found.link} is a VLAN itself", "name the interface below it")
        owner = seen.setdefault((node_name, found.link, found.vlan), name)
        if owner != name:
            yield Problem(
                (*path, "vlan"), f"VLAN {found.vlan} of {found.link} is already {owner}", "remove one of them"
            )


def bonds_have_their_own_members(topology: Topology) -> Iterator[Problem]:
    """A member is physical, of one bond, and has nothing else to do."""
    owner: dict[tuple[str, str], str] = {}
    for path, node_name, name, node, found in every_interface(topology):
        for i, member in enumerate(found.bond):
            at = (*path, "bond", i)
            there = node.interfaces.get(member)
            if owner.setdefault((node_name, member), name) != name:
                yield Problem(at, f"{member} is already in {owner[node_name, member]}", "put it into one bond")
            elif found.bond.count(member) > 1:
                yield Problem(at, f"{member} is listed twice", "remove one of them")
            elif there and (there.bond or there.vlan):
                yield Problem(
                    at, f"{member} is not a physical interface", "name the interfaces of the machine itself"
                )
            elif there and (there.network or there.addresses or there.dhcp):
                what = f"{member} is in a bond, so it has no address of its own"
                yield Problem(at, what, f"give the address to {name}")


def interfaces_have_their_network(topology: Topology) -> Iterator[Problem]:
    """The node's address on a network is known, and on one interface."""
    seen: dict[tuple[str, str], str] = {}
    for path, node_name, name, _, found in every_interface(topology):
        if found.network is None:
            continue
        owner = seen.setdefault((node_name, found.network), name)
        if owner != name:
            what = f"the {found.network} network is already on {owner}"
            yield Problem((*path, "network"), what, "remove one of them, or join both in a bond")
        elif own_address(topology, node_name, found.network) is None:
            what = f"{node_name} has no address in the {found.network} network"
            hint = "give it one there, or write `addresses: [192.0.2.5/24]` here"
            yield Problem((*path, "network"), what, hint)


def further_addresses_are_free(topology: Topology) -> Iterator[Problem]:
    """An address written at an interface is nobody else's."""
    owner = {
        address: f"the address of node {name}"
        for name, address in ((name, node.address) for name, node in topology.nodes.items())
    }
    for path, node_name, name, _, found in every_interface(topology):
        for i, written in enumerate(found.addresses):
            if written.ip in owner:
                hint = "give it another, or use `network` for the node's own address"
                yield Problem((*path, "addresses", i), f"{written.ip} is already {owner[written.ip]}", hint)
            owner.setdefault(written.ip, f"that of {name} on {node_name}")


def routes_lead_over_an_interface(topology: Topology) -> Iterator[Problem]:
    """A router stands in a network of the node; without knowing it (DHCP) any may do."""
    for name, node in topology.nodes.items() if not topology.is_lab else ():
        known = dict.fromkeys(each.network for each in known_addresses(topology, name))
        guess = any(found.dhcp for found in node.interfaces.values())
        for i, route in enumerate(node.routes):
            path: Path = ("nodes", name, "routes", i)
            if not guess and not any(route.via in network for network in known):
                what = f"{route.via} is in no network of the interfaces of {name}"
                there = ", ".join(map(str, known))
                yield Problem((*path, "via"), what, f"name a router in {there}" if there else "add `interfaces`")
            if any(other.to == route.to for other in node.routes[:i]):
                yield Problem((*path, "to"), f"there is already a route to {route.to}", "remove one of them")


def take_over_takes_something(topology: Topology) -> Iterator[Problem]:
    """There is nothing to take over where no interface is described."""
    for name, node in topology.nodes.items():
        if node.take_over and not node.interfaces and not topology.is_lab:
            yield Problem(("nodes", name, "take_over"), "there is nothing to take over", "add `interfaces`")


def known_addresses(topology: Topology, name: str) -> list[IPv4Interface]:
    """The addresses the interfaces of a node will have, each with its network."""
    return [
        each for found in topology.nodes[name].interfaces.values() for each in addresses_of(topology, name, found)
    ]


RULES = (
    lab_nodes_have_no_interfaces,
    interfaces_are_of_one_kind,
    vlans_have_their_link,
    bonds_have_their_own_members,
    interfaces_have_their_network,
    further_addresses_are_free,
    routes_lead_over_an_interface,
    take_over_takes_something,
)
