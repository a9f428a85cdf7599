"""When each node installs its security updates: never at the same time as a node that could take over its work."""

from collections.abc import Iterator
from dataclasses import dataclass

from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem
from cluster_cli.topology.walks import backends

DAY = 24 * 60
SHORTEST = 15  # minutes a slot must have: an index, a few packages, a reboot
WORKING_SHARE = 0.75  # of a slot, for the updates; the rest is for coming back


@dataclass(frozen=True)
class Slot:
    """A node's part of the window. begin: minutes after the window's start; length, working: minutes."""

    begin: int
    length: int

    @property
    def working(self) -> int:
        """How long updates may take, before a reboot."""
        return int(self.length * WORKING_SHARE)

    @property
    def end(self) -> int:
        """Minutes after the window's start."""
        return self.begin + self.length


def redundant(topology: Topology) -> Iterator[tuple[str, ...]]:
    """Nodes that do the same work, so that one goes on while another is away."""
    for balancer in topology.load_balancers.values():
        yield balancer.nodes
    for _, _, backend in backends(topology):
        yield backend.nodes
    for web in topology.web.values():
        yield web.nodes
    for database in topology.databases.values():
        yield database.voters
    if topology.time:
        yield topology.time.servers
    if topology.audit:
        yield topology.audit.collectors
    if topology.logs:
        yield topology.logs.nodes


def turns(topology: Topology) -> dict[str, int]:
    """The turn of each node, from 0: two redundant nodes never have the same one.

    Greedy colouring in the order of the file, which needs at most one turn more than a node has partners.
    """
    groups = [set(group) for group in redundant(topology)]
    found: dict[str, int] = {}
    for node in topology.nodes:
        partners = set().union(*(group for group in groups if node in group))
        taken = {found[partner] for partner in partners if partner in found}
        found[node] = next(turn for turn in range(len(taken) + 1) if turn not in taken)
    return found


def slots(topology: Topology) -> dict[str, Slot]:
    """Every node's slot: the window in equal parts, one for each turn."""
    turn_of = turns(topology)
    length = minutes(topology) // (max(turn_of.values(), default=0) + 1)
    return {node: Slot(turn * length, length) for node, turn in turn_of.items()}


def clock(topology: Topology, minute: int) -> str:
    """The time of day, HH:MM, so many minutes after the window's start."""
    hours, rest = topology.hardening.updates.start.split(":")
    at = (int(hours) * 60 + int(rest) + minute) % DAY
    return f"{at // 60:02}:{at % 60:02}"


def minutes(topology: Topology) -> int:
    """Length of the window."""
    return topology.hardening.updates.span // 60_000


def the_window_holds_every_turn(topology: Topology) -> Iterator[Problem]:
    """Each of the redundant nodes needs time for its updates."""
    if not topology.hardening.enabled or not topology.hardening.updates.enabled:
        return
    needed = (max(turns(topology).values(), default=0) + 1) * SHORTEST
    if minutes(topology) < needed:
        what = f"too short: redundant nodes are updated one after the other, which needs {needed} minutes here"
        hint = f"set `span: {needed}m` or more" if needed <= DAY else "switch off `updates`, and do them by hand"
        yield Problem(("hardening", "updates", "span"), what, hint)


RULES = (the_window_holds_every_turn,)
