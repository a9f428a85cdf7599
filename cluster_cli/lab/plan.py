"""What `up` does with each node, decided from the labels of what is there. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.lab.engine import DEAD, Container
from cluster_cli.lab.network import CLUSTER
from cluster_cli.lab.recipe import SUITE

LAB = "io.cluster.lab"
NODE = "io.cluster.node"
ADDRESS = "io.cluster.address"
TOPOLOGY = "io.cluster.topology"
IMAGE = "io.cluster.image"


@dataclass(frozen=True)
class LabNode:
    """A node the lab shall have. address: on the cluster's network; others: on separate ones, by purpose.

    suite: the Debian suite it is made of.
    """

    name: str
    address: IPv4Address
    others: Mapping[str, IPv4Address] = field(default_factory=dict)
    suite: str = SUITE

    @property
    def addresses(self) -> dict[str, IPv4Address]:
        """All its addresses by the network's purpose, the cluster's first."""
        return {CLUSTER: self.address, **self.others}

    @property
    def entrance(self) -> IPv4Address:
        """Where SSH comes in."""
        return self.others.get("management", self.address)

    @property
    def address_labels(self) -> dict[str, str]:
        """The labels that remember its addresses."""
        return {address_label(purpose): str(address) for purpose, address in self.addresses.items()}


class Step(Enum):
    """What to do with one node, in the word a person reads."""

    KEEP = "keeping"
    UNPAUSE = "unpausing"
    START = "starting"
    CREATE = "creating"
    RECREATE = "re-creating"


def address_label(purpose: str) -> str:
    """The label that remembers a node's address on a network."""
    return ADDRESS if purpose == CLUSTER else f"{ADDRESS}.{purpose}"


def step_for(container: Container | None, image: str, networks: Iterable[str]) -> Step:
    """The step for a node whose container (if any) is this one.

    image: the reference a new one would have; networks: the engine's names of those it shall be on. A running
    node is never replaced; one that does not run is, where it was made from another image, is cut off a network or
    cannot be started.
    """
    if container is None:
        return Step.CREATE
    if container.running:
        return Step.UNPAUSE if container.state == "paused" else Step.KEEP
    usable = container.labels.get(IMAGE) == image and set(networks) <= set(container.networks)
    return Step.START if usable and container.state != DEAD else Step.RECREATE


def refuse_addresses(nodes: Sequence[LabNode], subnets: Mapping[str, IPv4Network]) -> None:
    """Raise ClusterError for an address a network cannot give to a node. subnets: by purpose."""
    for node in nodes:
        for purpose, address in node.addresses.items():
            refuse_address(node.name, address, subnets[purpose])


def refuse_address(node: str, address: IPv4Address, subnet: IPv4Network) -> None:
    """Raise ClusterError for an address this network cannot give to a node."""
    gateway = next(subnet.hosts())
    if address in subnet and address not in (gateway, subnet.network_address, subnet.broadcast_address):
        return
    raise ClusterError(
        f"{address} is no address for a node of {subnet}",
        where=node,
        why=f"{gateway} is this machine's own address in it" if address == gateway else "not a host in it",
        hint="set another address for the node in the topology",
        code=Exit.USAGE,
    )


def refuse_moves(nodes: Sequence[LabNode], present: Mapping[str, Container]) -> None:
    """Raise ClusterError when a node that exists has another address than it shall have."""
    moved = [
        f"{node.name} has {there}, shall have {wanted}"
        for node in nodes
        if node.name in present
        for there, wanted in moves(node, present[node.name])
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


def moves(node: LabNode, there: Container) -> Iterator[tuple[str, str]]:
    """What of a node's addresses is not as it shall be: (what it has, what it shall have)."""
    had = {key: value for key, value in there.labels.items() if key == ADDRESS or key.startswith(f"{ADDRESS}.")}
    for label in sorted(had.keys() | node.address_labels.keys()):
        old, new = had.get(label), node.address_labels.get(label)
        where = f" on the {label.removeprefix(ADDRESS + '.')} network" if label != ADDRESS else ""
        if old != new:
            yield f"{old or 'no address'}{where}", new or "none"


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
