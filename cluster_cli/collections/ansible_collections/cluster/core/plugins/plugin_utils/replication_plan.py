"""Who takes writes, and what each node does to follow: from what the nodes of a database show. Pure.

What is known to be right is done; whoever takes writes goes on doing so. Who is to take them when nobody does is
only decided where all nodes were seen and one of them has everything. MariaDB's documentation, "Semisynchronous
Replication": what was acknowledged is on the primary and was received by one replica at least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.look import Look, at_once, shown

STAY, ATTACH, COPY, REFUSE = "stay", "attach", "copy", "refuse"


@dataclass(frozen=True)
class Step:
    """What one node does. node: from whom it copies; why: it may not follow."""

    kind: str
    node: str = ""
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """primary: who takes writes, or would if the database were not fenced. opens: it has to be told to.

    first: nobody ever had data. fetch: the node from which it takes first what it has not. steps: by node, of all
    others that were seen. refused: why nothing may be done.
    """

    primary: str = ""
    opens: bool = False
    first: bool = False
    fetch: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)
    refused: str = ""


def plan(looks: Mapping[str, Look], members: Sequence[str]) -> Plan:
    """What to do. members: the nodes, in a fixed order; looks: of those that answered."""
    acting = [name for name in members if name in looks and looks[name].writable]
    if len(acting) > 1:
        return refusal(
            f"{' and '.join(acting)} both take writes",
            looks,
            members,
            "cluster db fence, then cluster rejoin NODE",
        )
    fenced = [name for name in looks if looks[name].head and looks[name].master and looks[name].fenced]
    if not acting and len(fenced) == 1:
        acting = fenced
    if acting:
        return Plan(primary=acting[0], steps=steps(looks, members, acting[0]))
    if unseen := [name for name in members if name not in looks]:
        what = (
            f"no node takes writes, and {', '.join(unseen)} did not answer: it may have what the others have not"
        )
        return refusal(
            what, looks, members, "cluster up with all nodes in reach; if one is lost: cluster failover"
        )
    return resumed(looks, members)


def resumed(looks: Mapping[str, Look], members: Sequence[str]) -> Plan:
    """Nobody takes writes, and all nodes were seen."""
    filled = [name for name in members if not looks[name].blank]
    if not filled:
        chosen = members[0]
        others = {name: Step(COPY, chosen) for name in members if name != chosen}
        return Plan(primary=chosen, opens=True, first=True, steps=others)
    heads = [name for name in filled if looks[name].head]
    led = [name for name in heads if all(looks[other].follows == name for other in filled if other != name)]
    if len(led) != 1:
        return refusal("no node takes writes, and no one is followed by all others", looks, members, FAILOVER)
    primary = led[0]
    ahead = [name for name in filled if not gtid.contains(looks[primary].history, looks[name].most)]
    if not ahead:
        return Plan(primary=primary, opens=True, steps=steps(looks, members, primary))
    best = max(
        ahead, key=lambda name: (gtid.distance(looks[name].most, ""), not looks[name].delay, -members.index(name))
    )
    if not can_give(looks, best, primary):
        what = f"{best} has received writes that {primary} has not"
        return refusal(what, looks, members, FAILOVER)
    return Plan(primary=primary, opens=True, fetch=best, steps=steps(looks, members, primary, after=best))


def can_give(looks: Mapping[str, Look], best: str, primary: str) -> bool:
    """Whether a node has all that the primary has, and applies what it has beyond that.

    It is the tail that a crash took back from the primary, and that it had sent before.
    """
    look = looks[best]
    return look.running and look.sql == "Yes" and gtid.contains(look.history, looks[primary].position)


def steps(looks: Mapping[str, Look], members: Sequence[str], primary: str, after: str = "") -> dict[str, Step]:
    """What all others do. after: the node whose history counts, because the primary takes it over first."""
    history = looks[after or primary].history
    ahead = looks[after].most if after else ""
    donor = donor_of(looks, members, primary)
    return {
        name: step(name, looks[name], primary, donor, (history, ahead))
        for name in members
        if name in looks and name != primary
    }


def step(name: str, look: Look, primary: str, donor: str, past: tuple[str, str]) -> Step:
    """What one node does. past: the history that counts, and a position it is about to reach."""
    if look.blank:
        return Step(COPY, donor)
    if not look.running:
        return Step(REFUSE, why=f"its server does not run: {look.why}")
    if look.held:
        receives = look.follows == primary and look.io == "Yes"
        return Step(STAY) if receives else Step(REFUSE, why=f"it is held. Next: cluster db release {name}")
    if look.follows == primary and look.replicates and not look.stale_password:
        return Step(STAY)
    history, soon = past
    if has(history, soon, look.position) and (soon or not look.diverged):
        return Step(ATTACH, primary)
    own = ", ".join(gtid.missing(look.history, history)) or look.error
    return Step(REFUSE, why=f"it has what {primary} has not ({own}). Next: cluster rejoin {name}")


def has(history: str, soon: str, position: str) -> bool:
    """Whether a position is part of a history, or of what it is about to become."""
    return gtid.contains(history, position) or (bool(soon) and gtid.distance(position, soon) == 0)


def donor_of(looks: Mapping[str, Look], members: Sequence[str], primary: str) -> str:
    """Who gives copies: a healthy replica that is not delayed, so that the primary is not held up; else it."""
    able = [name for name in at_once(looks, members) if name != primary]
    good = [name for name in able if looks[name].follows == primary and looks[name].replicates]
    return good[-1] if good else primary


FAILOVER = "cluster failover, which asks all nodes and shows what would be lost"


def refusal(what: str, looks: Mapping[str, Look], members: Sequence[str], hint: str) -> Plan:
    """Why nothing is done, with what was seen and what next."""
    seen = "; ".join(shown(name, looks.get(name)) for name in members)
    return Plan(refused=f"{what}. What was seen: {seen}. Nothing was changed. Next: {hint}")


NEAR = 1000  # transactions that are applied in a moment


@dataclass(frozen=True)
class Successor:
    """Who may take over from whom. new: empty where nobody can, with the reason in `why`."""

    old: str = ""
    new: str = ""
    why: str = ""


def successor(looks: Mapping[str, Look], members: Sequence[str]) -> Successor:
    """The replica to which writes move when the primary is to be restarted: all others must be well."""
    acting = [name for name in members if name in looks and looks[name].writable]
    if len(acting) != 1:
        return Successor(why="not exactly one node takes writes")
    old = acting[0]
    others = [name for name in members if name != old]
    if bad := [name for name in others if name not in looks or not follows_well(looks[name], old)]:
        return Successor(old, why=f"{', '.join(bad)} does not follow {old} without an error")
    left = {name: gtid.distance(looks[old].position, looks[name].position) for name in at_once(looks, others)}
    if not left:
        return Successor(old, why=f"{', '.join(others)} is delayed")
    new = min(left, key=lambda name: (left[name], members.index(name)))
    if left[new] > NEAR:
        return Successor(old, why=f"{new} has {left[new]} transactions to apply")
    return Successor(old, new)


def follows_well(look: Look, primary: str) -> bool:
    """Whether a node is a replica of this primary in good health."""
    return look.follows == primary and look.replicates
