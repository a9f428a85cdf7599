"""Who starts, who joins, or why nobody may: from what every node of a Galera cluster shows. Pure.

The rule is Galera's own (its documentation, "Crash Recovery"): a group is begun by the node with the highest
seqno, and only when every node's is known, since the one that was not asked may have more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Look:
    """What a node shows.

    running: whether its unit is active or on the way. status: wsrep_cluster_status where the server answers, else
    empty. group, seqno: what its data belongs to, and up to where; NOBODY and -1 for a node that never was in one.
    """

    running: bool
    status: str = ""
    group: str = NOBODY
    seqno: int = -1

    @property
    def new(self) -> bool:
        """Whether it never was in a group."""
        return self.group == NOBODY


@dataclass(frozen=True)
class Plan:
    """first: the node that begins the group, empty where it lives; refused: why nobody may begin one.

    unseen: nodes that did not answer, where that is the reason.
    """

    first: str = ""
    refused: str = ""
    unseen: tuple[str, ...] = ()


def plan(looks: Mapping[str, Look], members: Sequence[str]) -> Plan:
    """What to do. members: the nodes with data, in a fixed order; looks: of those that answered."""
    if any(look.status == "Primary" for look in looks.values()):
        return Plan()
    unseen = [name for name in members if name not in looks]
    if unseen:
        evidence = "; ".join(shown(name, look) for name, look in looks.items())
        return Plan(
            refused=f"no node is in a primary component, and {', '.join(unseen)} did not answer: "
            f"it may have writes the others have not. What was seen: {evidence}. "
            "Nothing was started. Bring every node of the database in reach, then run `cluster up` again. "
            "Lost for good? `cluster recover` shows the evidence, and asks.",
            unseen=tuple(unseen),
        )
    with_data = {name: look for name, look in looks.items() if not look.new}
    if not with_data:
        return Plan(first=members[0])
    groups = {look.group for look in with_data.values()}
    if len(groups) > 1:
        evidence = "; ".join(shown(name, look) for name, look in with_data.items())
        return Plan(
            refused=f"the nodes hold the data of different groups: {evidence}. Nothing was started. "
            "Move the data directory aside on those that are wrong, then run `cluster up` again."
        )
    return Plan(first=max(members, key=lambda name: looks[name].seqno))


def shown(name: str, look: Look) -> str:
    """A node as evidence."""
    if look.new:
        return f"{name} never was in a group"
    return f"{name} is at {look.group}:{look.seqno}"
