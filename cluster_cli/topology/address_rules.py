"""Rules on addresses: inside the network, of one owner each, and VRRP ids that do not collide."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from cluster_cli.topology.addresses import addresses, subnet_for, subnet_of, usable
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem
from cluster_cli.topology.walks import networks, virtual_ips

AT: Path = ("network", "subnet")


def subnet_fits(topology: Topology) -> Iterator[Problem]:
    """A lab's subnet holds its nodes and the bridge; any subnet is one machines can have."""
    if subnet := subnet_of(topology):
        yield from fits(topology, AT, subnet, len(topology.nodes), len(addresses(topology)))


def fits(topology: Topology, at: Path, subnet: IPv4Network, wanted: int, placed: int) -> Iterator[Problem]:
    """Whether a subnet is one machines can have. wanted: nodes to be on it; placed: those with an address."""
    widest, narrowest = (16, 27) if topology.is_lab else (8, 30)
    if not widest <= subnet.prefixlen <= narrowest:
        what = f"{subnet} cannot hold a {'lab' if topology.is_lab else 'cluster'}"
        yield Problem(at, what, f"use a prefix from /{widest} to /{narrowest}, such as /24")
    elif strange(subnet.network_address):
        yield Problem(at, f"{subnet} is not a network of machines", "such as 10.0.0.0/24")
    elif topology.is_lab and placed < wanted:
        yield Problem(at, f"{subnet} has no room for {wanted} nodes", "use a wider prefix")


def strange(address: IPv4Address) -> bool:
    """Whether no machine can have this address."""
    return (
        address.is_multicast or address.is_loopback or address.is_reserved or address in IPv4Network("0.0.0.0/8")
    )


def free_range(topology: Topology, subnet: IPv4Network) -> str:
    """The addresses to choose from, as a hint."""
    if subnet.prefixlen > 29:
        return f"choose another one of {subnet}"
    return f"choose one from {subnet[2 if topology.is_lab else 1]} to {subnet[-2]}"


def addresses_are_inside(topology: Topology) -> Iterator[Problem]:
    """Lab nodes stand in the lab's subnet; existing machines may be anywhere."""
    subnet = subnet_of(topology)
    for name, node in topology.nodes.items():
        path = ("nodes", name, "address")
        if node.address is None or subnet is None:
            continue
        if topology.is_lab and not usable(node.address, subnet):
            what = f"{node.address} is not a usable address of {subnet}"
            yield Problem(path, what, free_range(topology, subnet))
        elif topology.is_lab and node.address == subnet[1]:
            yield Problem(path, f"{node.address} is the lab's gateway", free_range(topology, subnet))
        elif strange(node.address) or (node.address in subnet and not usable(node.address, subnet)):
            yield Problem(path, f"{node.address} is not an address a machine can have", "name its own address")


def virtual_ips_are_inside(topology: Topology) -> Iterator[Problem]:
    """A virtual IP outside the clients' network would not be reached."""
    subnet = subnet_for(topology, "service")
    if subnet is None:
        return
    for path, _, vip in virtual_ips(topology):
        at = (*path, "address")
        if not usable(vip.address, subnet):
            what = f"the virtual IP {vip.address} is not a usable address of {subnet}"
            yield Problem(at, what, free_range(topology, subnet))
        elif topology.is_lab and vip.address == subnet[1]:
            yield Problem(at, f"{vip.address} is the lab's gateway", free_range(topology, subnet))


def addresses_are_unique(topology: Topology) -> Iterator[Problem]:
    """No two nodes or virtual IPs share an address."""
    owner: dict[IPv4Address, str] = {}
    written = [
        (("nodes", name, "address"), node.address, f"the address of node {name}")
        for name, node in topology.nodes.items()
        if node.address
    ]
    beside = [
        (("nodes", name, "addresses", network), address, f"the {network} address of node {name}")
        for network, _ in networks(topology)
        for name, node in topology.nodes.items()
        if (address := getattr(node.addresses, network))
    ]
    virtual = [
        ((*path, "address"), vip.address, f"a virtual IP of {name}") for path, name, vip in virtual_ips(topology)
    ]
    for path, address, who in [*written, *beside, *virtual]:
        if address in owner:
            yield Problem(path, f"{address} is already {owner[address]}", "give it another")
        owner.setdefault(address, who)


def router_ids_are_unique(topology: Topology) -> Iterator[Problem]:
    """Two VRRP groups with one id in a network confuse each other."""
    owner: dict[int, str] = {}
    for path, lb_name, vip in virtual_ips(topology):
        number = vip.router_id or int(vip.address) % 256
        at = (*path, "router_id") if vip.router_id else path
        if number in owner:
            what = f"VRRP router id {number} is already that of {owner[number]}"
            yield Problem(at, what, "set another `router_id` (1 to 255), unique in the network")
        elif number == 0:
            what = "no VRRP router id can be derived from an address ending in .0"
            yield Problem(at, what, "set `router_id` (1 to 255)")
        owner.setdefault(number, f"{vip.address} ({lb_name})")


RULES = (
    subnet_fits,
    addresses_are_inside,
    virtual_ips_are_inside,
    addresses_are_unique,
    router_ids_are_unique,
)
