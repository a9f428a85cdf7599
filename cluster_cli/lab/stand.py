"""A workspace's lab: its nodes made, their keys pinned."""

import shutil
from collections.abc import Callable
from ipaddress import IPv4Network

from cluster_cli import ssh
from cluster_cli.access.operator_key import ensure_operator_key
from cluster_cli.contact import pin_given_keys
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.lab.engine import Engine
from cluster_cli.lab.lab import Lab, LabNode
from cluster_cli.lab.network import CLUSTER
from cluster_cli.topology.addresses import addresses, addresses_on, subnet_of
from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.model import Topology
from cluster_cli.topology.walks import networks
from cluster_cli.workspace import Workspace

Notify = Callable[[str, str], None]


def lab_of(workspace: Workspace) -> Lab:
    """The lab of a cluster. Raises ClusterError when the cluster is not one, or the engine cannot work."""
    topology, subnet = workspace.topology, subnet_of(workspace.topology)
    if not topology.is_lab or subnet is None:
        raise ClusterError(
            f"{topology.name} is not a lab",
            where=str(workspace.places.topology),
            why="its provider is existing, so nobody but you makes and removes its machines",
            code=Exit.USAGE,
        )
    others: dict[str, IPv4Network] = {purpose: network.subnet for purpose, network in networks(topology)}
    return Lab(
        topology.name,
        Engine.detect(engine_here(topology.provider)),
        {CLUSTER: subnet, **others},
        str(workspace.places.topology),
        topology.lab.image,
    )


def lab_nodes(topology: Topology) -> list[LabNode]:
    """The nodes of a lab with their addresses on each network."""
    beside = {purpose: addresses_on(topology, purpose) for purpose, _ in networks(topology)}
    return [
        LabNode(
            name,
            address,
            {purpose: known[name] for purpose, known in beside.items() if name in known},
            topology.nodes[name].release,
        )
        for name, address in addresses(topology).items()
    ]


def engine_here(provider: str) -> str:
    """The topology's engine; the other one where only that is what the machine has."""
    other = {"podman": "docker", "docker": "podman"}[provider]
    return other if shutil.which(other) and not shutil.which(provider) else provider


def stand_up(workspace: Workspace, notify: Notify) -> None:
    """Make the nodes that are missing, start those that are down, and pin their host keys."""
    lab = lab_of(workspace)
    public = ensure_operator_key(workspace)
    nodes = lab_nodes(workspace.topology)
    user = workspace.topology.ssh.user or DEFAULT_USER
    states = lab.up(nodes, user, public, notify)
    if pin_given_keys(workspace, {name: state.host_keys for name, state in states.items()}):
        ssh.close_all(workspace.inventory.hosts)
