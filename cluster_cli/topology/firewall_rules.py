"""Rules on the firewall: what is opened once is open, and new rules have the time to be confirmed."""

from collections.abc import Iterator
from itertools import combinations

from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem

CONNECT_MS = 10_000  # what a connection through a jump host may take (ConnectTimeout in render/connection)


def ports_are_opened_once(topology: Topology) -> Iterator[Problem]:
    """Two entries for one port of a node are one whose sources were forgotten."""
    everywhere = tuple(topology.nodes)
    for (_, first), (i, second) in combinations(enumerate(topology.firewall.open), 2):
        both = [name for name in second.nodes or everywhere if name in (first.nodes or everywhere)]
        if both and (first.port, first.protocol) == (second.port, second.protocol):
            what = f"{second.protocol} port {second.port} of {both[0]} is opened twice"
            yield Problem(("firewall", "open", i, "port"), what, "put all `sources` into one entry")


def rollback_leaves_time_to_come_in(topology: Topology) -> Iterator[Problem]:
    """Good rules must not be taken back because a jump host is slow."""
    jumps = topology.ssh.jump or any(node.ssh.jump for node in topology.nodes.values())
    if jumps and topology.firewall.rollback < CONNECT_MS:
        what = "too short to come in again through a jump host: good rules would be taken back"
        yield Problem(("firewall", "rollback"), what, "use 10s or more")


RULES = (ports_are_opened_once, rollback_leaves_time_to_come_in)
