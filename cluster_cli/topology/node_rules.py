"""Rules on nodes: what they are called, where they are named, and how they are reached."""

from collections.abc import Iterator

from cluster_cli.stages import ROLES
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean
from cluster_cli.topology.walks import networks, references, virtual_ips

GROUPS = {"all", "ungrouped", "load_balancer", *ROLES}
LOCAL = {"localhost", "ip6-localhost", "ip6-loopback"}


def node_names_are_free(topology: Topology) -> Iterator[Problem]:
    """A node's name is a host name and an Ansible host: groups, the loopback and virtual IPs have theirs."""
    virtual = {
        f"{name}-vip{number}"
        for name, balancer in topology.load_balancers.items()
        for number, _ in enumerate(balancer.virtual_ips, 1)
    }
    beside = {f"{name}-{network}" for network, _ in networks(topology) for name in topology.nodes}
    for name in topology.nodes:
        if name in GROUPS:
            what = f'"{name}" is the name of an Ansible group'
        elif name in LOCAL:
            what = f'"{name}" always means the machine itself'
        elif name in virtual:
            what = f'"{name}" is the name of a virtual IP'
        elif name in beside:
            what = f'"{name}" is the name of an address on the {name.rpartition("-")[2]} network'
        elif name == topology.name:
            what = f'"{name}" is the name of the cluster'
        else:
            continue
        yield Problem(("nodes", name), what, "choose another name, such as node1")


def nodes_exist(topology: Topology) -> Iterator[Problem]:
    """A name in a list of nodes is a node."""
    for path, name in references(topology):
        if name not in topology.nodes:
            yield Problem(path, f'there is no node "{name}"', did_you_mean(name, topology.nodes))


def nodes_listed_once(topology: Topology) -> Iterator[Problem]:
    """A list of nodes names each of them once."""
    seen: set[tuple[Path, str]] = set()
    for path, name in references(topology):
        if (path[:-1], name) in seen:
            yield Problem(path, f'"{name}" is listed twice', "remove one of them")
        seen.add((path[:-1], name))


def preferred_nodes_belong(topology: Topology) -> Iterator[Problem]:
    """A virtual IP prefers a node of its own load balancer."""
    for path, lb_name, vip in virtual_ips(topology):
        nodes = topology.load_balancers[lb_name].nodes
        if vip.prefer and vip.prefer not in nodes:
            what = f'"{vip.prefer}" is not a node of {lb_name}'
            yield Problem((*path, "prefer"), what, did_you_mean(vip.prefer, nodes))


def existing_machines_have_addresses(topology: Topology) -> Iterator[Problem]:
    """Only a lab can hand out addresses."""
    for name, node in topology.nodes.items() if not topology.is_lab else ():
        if node.address is None:
            what = "an existing machine needs its address"
            hint = "add `address: 10.0.0.11`, or set `provider: podman` for a lab"
            yield Problem(("nodes", name), what, hint)


def existing_machines_have_a_network(topology: Topology) -> Iterator[Problem]:
    """Virtual IPs and access lists need the subnet."""
    if not topology.is_lab and topology.network.subnet is None:
        path: Path = ("network",) if "network" in topology.model_fields_set else ()
        yield Problem(path, "the network's subnet is missing", "add `network: {subnet: 10.0.0.0/24}`")


def existing_machines_have_no_lab(topology: Topology) -> Iterator[Problem]:
    """A lab image means nothing to existing machines."""
    if not topology.is_lab and topology.lab.image:
        what = "existing machines need no image"
        yield Problem(("lab", "image"), what, "remove it, or set `provider: podman`")


def releases_are_a_labs(topology: Topology) -> Iterator[Problem]:
    """What is installed on an existing machine, or in a stock image, is not ours to choose."""
    for name, node in topology.nodes.items():
        if "release" not in node.model_fields_set:
            continue
        path: Path = ("nodes", name, "release")
        if not topology.is_lab:
            yield Problem(path, "an existing machine has its own release", "remove it, or set `provider: podman`")
        elif topology.lab.image:
            yield Problem(path, "the release is that of `lab.image`", "remove one of the two")


def lab_nodes_are_reached_directly(topology: Topology) -> Iterator[Problem]:
    """A lab's nodes are on this machine: no jump host, no other port."""
    places: list[tuple[Path, object]] = [(("ssh",), topology.ssh)]
    places += [(("nodes", name, "ssh"), node.ssh) for name, node in topology.nodes.items()]
    for path, ssh in places if topology.is_lab else ():
        for field in ("jump", "port", "key", "host_key"):
            if getattr(ssh, field) is not None:
                yield Problem((*path, field), f"a lab sets {field} by itself", "remove it")


def one_host_key_per_node(topology: Topology) -> Iterator[Problem]:
    """A host key belongs to one machine."""
    if not topology.is_lab and topology.ssh.host_key and len(topology.nodes) > 1:
        what = "every machine has its own host key"
        yield Problem(("ssh", "host_key"), what, "set it under `ssh` of each node")


RULES = (
    node_names_are_free,
    nodes_exist,
    nodes_listed_once,
    preferred_nodes_belong,
    existing_machines_have_addresses,
    existing_machines_have_a_network,
    existing_machines_have_no_lab,
    releases_are_a_labs,
    lab_nodes_are_reached_directly,
    one_host_key_per_node,
)
