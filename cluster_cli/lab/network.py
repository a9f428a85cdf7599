"""The bridges of a lab: made once, never on a subnet this machine already uses."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from filelock import FileLock

from cluster_cli.errors import ClusterError
from cluster_cli.lab import command, host
from cluster_cli.lab.engine import Engine, sudo_prefix

LAB_LABEL = "io.cluster.lab"
CLUSTER = "cluster"  # the network every lab has; the others are named after their purpose
SET_BY_HAND = "3"  # NET_ADDR_SET in linux/netdevice.h


@dataclass(frozen=True)
class Bridge:
    """One network of a lab: the engine's name for it and its subnets."""

    name: str
    subnets: tuple[str, ...]


def find_networks(engine: Engine, lab: str) -> dict[str, Bridge]:
    """The lab's networks by purpose, told by its label and their names."""
    found = engine.networks(f"{LAB_LABEL}={lab}")
    return {purpose_of(lab, name): Bridge(name, tuple(subnets)) for name, subnets in found.items()}


def purpose_of(lab: str, bridge: str) -> str:
    """What a network is for: cluster-LAB-XXXX is the cluster's own, cluster-LAB-service-XXXX the clients'."""
    return bridge.removeprefix(f"cluster-{lab}-").rpartition("-")[0] or CLUSTER


def create_networks(engine: Engine, lab: str, subnets: Mapping[str, IPv4Network]) -> dict[str, Bridge]:
    """Make the lab's networks. Raises ClusterError when a subnet overlaps one in use on this machine.

    The names are new each time: podman 4 keeps the addresses booked under a network's name when the network
    goes, and an address booked by a run that was killed would stay taken until the next boot.
    """
    with FileLock(host.cache_dir() / f"network-{engine.name}.lock"):  # two labs coming up: one looks at a time
        taken = routes(command.run(["ip", "-json", "-4", "route", "show"], timeout=10))
        for name, used in engine.networks().items():
            taken |= {f"network {name} of {engine.name}": IPv4Network(each) for each in used if ":" not in each}
        for subnet in subnets.values():
            refuse_overlap(subnet, taken)
        return {purpose: _create(engine, lab, purpose, subnet) for purpose, subnet in subnets.items()}


def _create(engine: Engine, lab: str, purpose: str, subnet: IPv4Network) -> Bridge:
    """One network. Only the cluster's leads outside, to the package mirrors: the others are apart from all."""
    parts = ["cluster", lab, *([] if purpose == CLUSTER else [purpose]), secrets.token_hex(2)]
    bridge = Bridge("-".join(parts), (str(subnet),))
    inside = [] if purpose == CLUSTER else ["--internal"]
    flags = ["--subnet", str(subnet), "--label", f"{LAB_LABEL}={lab}", *inside]
    engine.run("network", "create", *flags, bridge.name)
    return bridge


def keep_address(subnet: IPv4Network) -> None:
    """Give the lab's bridge the hardware address it has now for good.

    A bridge takes its lowest port's address, so the death of a node would change that of this machine, and
    every other node would talk to the wrong one until it asks anew: seconds that no cluster is to blame for.
    """
    rows = json.loads(command.run(["ip", "-json", "-4", "route", "show", str(subnet)], timeout=10) or "[]")
    for bridge in {row["dev"] for row in rows if "dev" in row}:
        place = Path("/sys/class/net") / bridge
        if (place / "addr_assign_type").read_text().strip() != SET_BY_HAND:
            address = (place / "address").read_text().strip()
            words = ["ip", "link", "set", "dev", bridge, "address", address]
            command.run([*(sudo_prefix() or ()), *words], timeout=10)


def remove_networks(engine: Engine, lab: str) -> list[str]:
    """Remove the lab's networks, if there are any; the names removed."""
    names = list(engine.networks(f"{LAB_LABEL}={lab}"))
    if names:
        engine.run("network", "rm", *names)
    return names


def refuse_overlap(subnet: IPv4Network, taken: Mapping[str, IPv4Network]) -> None:
    """Raise ClusterError when subnet overlaps one of taken (who uses it -> which)."""
    for user, other in taken.items():
        if subnet.overlaps(other):
            raise ClusterError(
                f"the lab's subnet {subnet} is in use on this machine",
                where=user,
                why=f"it uses {other}, and packets for the nodes would go there",
                hint="set network.subnet (or that of networks) in the topology to a range that is free here",
            )


def routes(text: str) -> dict[str, IPv4Network]:
    """The destinations of `ip -json route`, the default route left out, by who has them."""
    found = {}
    for row in json.loads(text or "[]"):
        if row.get("dst", "default") != "default":
            found[f"route {row['dst']} dev {row.get('dev', '?')}"] = IPv4Network(row["dst"], strict=False)
    return found
