"""Who begins a MySQL group, who joins it, or why nobody may: from what every node shows. Pure.

MySQL's manual, "Restarting a Group": a group that lost all its members is begun by the one whose transactions,
executed and received, are a superset of all others'. The one that was not asked may have more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster_cli.databases.group_replication.gtid import GtidSet, union


@dataclass(frozen=True)
class Look:
    """What a node shows.

    state: member_state of the node itself, empty where its server does not run. live: whether it sees a group
    with a majority and a primary. has: its transactions, executed or received. new: whether it never held data.
    """

    state: str = ""
    live: bool = False
    has: str = ""
    new: bool = False

    @property
    def transactions(self) -> GtidSet:
        """All it has."""
        return GtidSet.parse(self.has)


@dataclass(frozen=True)
class Plan:
    """first: the node that begins the group, empty where it lives; refused: why nothing may be done."""

    first: str = ""
    refused: str = ""


def plan(looks: Mapping[str, Look], members: Sequence[str]) -> Plan:
    """What to do. members: the nodes with data, in a fixed order; looks: of those that answered."""
    if any(look.live for look in looks.values()):
        return Plan()
    if unseen := [name for name in members if name not in looks]:
        return Plan(
            refused=f"no node is in a group, and {', '.join(unseen)} did not answer: "
            f"it may have writes the others have not. What was seen: {evidence(looks)}. Nothing was started. "
            "Bring every node of the database in reach, then run `cluster up` again; "
            "if one never comes back: cluster recover --without NODE"
        )
    with_data = {name: look for name, look in looks.items() if not look.new}
    if not with_data:
        return Plan(first=members[0])
    if first := superset(with_data, members):
        return Plan(first=first)
    return Plan(
        refused=f"no node has all that the others have: {differences(with_data)}. Nothing was started. "
        "Choose whose writes are kept: cluster recover --dry-run shows them, and "
        "cluster recover --without NODE leaves one out"
    )


def takers(looks: Mapping[str, Look], decided: Plan, members: Sequence[str]) -> list[str]:
    """The nodes that are given a copy, in order: those without data, unless who begins has none either."""
    if decided.first and looks[decided.first].new:
        return []
    return [name for name in members if name in looks and looks[name].new and name != decided.first]


def superset(looks: Mapping[str, Look], members: Sequence[str]) -> str:
    """The first node that has all there is; empty when none has."""
    everything = union(look.transactions for look in looks.values())
    able = (name for name in members if name in looks and everything <= looks[name].transactions)
    return next(able, "")


def surplus(look: Look, looks: Mapping[str, Look]) -> GtidSet:
    """What a node has that the living group has not, which therefore does not let it in."""
    group = union(each.transactions for each in looks.values() if each.live)
    return GtidSet() if look.new else look.transactions - group


def evidence(looks: Mapping[str, Look]) -> str:
    """All nodes, as a person compares them."""
    return "; ".join(
        f"{name} {'never held data' if look.new else f'has {look.transactions}'}" for name, look in looks.items()
    )


def differences(looks: Mapping[str, Look]) -> str:
    """What each node has that another one lacks."""
    everything = union(look.transactions for look in looks.values())
    return "; ".join(
        f"{name} lacks {everything - look.transactions}"
        for name, look in looks.items()
        if not everything <= look.transactions
    )
