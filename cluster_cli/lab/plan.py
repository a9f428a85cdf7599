"""What `up` does with each node, decided from the labels of what is there. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.lab.engine import Container

LAB = "io.cluster.lab"
NODE = "io.cluster.node"
ADDRESS = "io.cluster.address"
TOPOLOGY = "io.cluster.topology"
IMAGE = "io.cluster.image"


@dataclass(frozen=True)
class LabNode:
    """A node the lab shall have."""

    name: str
    address: IPv4Address


class Step(Enum):
    """What to do with one node, in the word a person reads."""

    KEEP = "keeping"
    UNPAUSE = "unpausing"
    START = "starting"
    CREATE = "creating"
    RECREATE = "re-creating"


def step_for(container: Container | None, image: str, network: str) -> Step:
    """The step for a node whose container (if any) is this one; image: the reference a new one would have.

    A running node is never replaced; a dead one made from another image, or cut off its network, is.
    """
    if container is None:
        return Step.CREATE
    if container.running:
        return Step.UNPAUSE if container.state == "paused" else Step.KEEP
    usable = container.labels.get(IMAGE) == image and network in container.networks
    return Step.START if usable else Step.RECREATE


def refuse_addresses(nodes: Sequence[LabNode], subnet: IPv4Network) -> None:
    """Raise ClusterError for an address the network cannot give to a node."""
    gateway = next(subnet.hosts())
    for node in nodes:
        if node.address not in subnet or node.address in (
            gateway,
            subnet.network_address,
            subnet.broadcast_address,
        ):
            role = (
                f"{gateway} is this machine's own address in it" if node.address == gateway else "not a host in it"
            )
            raise ClusterError(
                f"{node.address} is no address for a node of {subnet}",
                where=node.name,
                why=role,
                hint="set another address for the node in the topology",
                code=Exit.USAGE,
            )


def refuse_moves(nodes: Sequence[LabNode], present: Mapping[str, Container]) -> None:
    """Raise ClusterError when a node that exists has another address than it shall have."""
    moved = [
        f"{node.name} has {there.labels.get(ADDRESS)}, shall have {node.address}"
        for node in nodes
        if (there := present.get(node.name)) and there.labels.get(ADDRESS) != str(node.address)
    ]
    wanted = {str(node.address): node.name for node in nodes}
    moved += [
        f"{name}, no longer in the topology, has {address}, shall be {wanted[address]}'s"
        for name, there in present.items()
        if (address := there.labels.get(ADDRESS, "")) in wanted and name not in wanted.values()
    ]
    if moved:
        raise ClusterError(
            "a node cannot change its address while it exists",
            where=", ".join(sorted({row.split(" ", 1)[0].strip(",") for row in moved})),
            why="; ".join(moved),
            hint="pin `address:` of these nodes in the topology to what they have, or `cluster down` first",
        )


def foreign(present: Iterable[Container], topology: str) -> list[Container]:
    """The containers that were made from another topology file."""
    return [each for each in present if each.labels.get(TOPOLOGY) != topology]


def refuse_foreign(lab: str, others: Sequence[Container]) -> None:
    """Raise ClusterError when one of others, made from another topology, runs."""
    if alive := [each for each in others if each.running]:
        path = alive[0].labels.get(TOPOLOGY, "unknown")
        raise ClusterError(
            f"a lab named {lab} is running already",
            where=path,
            why=f"{', '.join(each.name for each in alive)}: made from another topology file",
            hint=f"`cluster down {path}` first, or give this cluster another `name:`",
        )
