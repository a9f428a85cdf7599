"""Let a replica take the writes on purpose: it has everything before it does."""

import time

from cluster_cli.databases.asked import known
from cluster_cli.databases.balancers import held_back, lead
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.look import Look, at_once
from cluster_cli.databases.replication.nodes import Looks, evidence, looks, step, writers
from cluster_cli.errors import ClusterError, Exit

CATCH_UP_SECONDS = 10.0
NEAR = 500  # transactions that are applied in a moment
DRAIN_SECONDS = 5  # while nobody takes writes


def weigh(live: Live, to: str | None) -> Plan:
    """Who takes writes next. Raises ClusterError when it cannot be done."""
    seen = looks(live)
    told, now = evidence(seen), writers(seen)
    if to is not None:
        known(live, to)
    if len(now) != 1:
        what = f"{' and '.join(now)} both take writes" if now else "no node takes writes"
        raise refused(what, "there is nothing to switch over from:", hint_without(now), told)
    if to == now[0]:
        raise refused(f"{to} takes the writes already", "there is nothing to do", "see: cluster status", told)
    well = [node for node, look in seen.items() if look and look.follows == now[0] and look.replicates]
    able = at_once(seen, well)
    late = [node for node in well if node not in able and to in (None, node)]
    if late and (to or not able):
        why = "it would have to apply all it has received first:"
        hint = f"name another node, or take it out of `delayed` of {live.name} and: cluster up --only database"
        raise refused(f"{', '.join(late)} is delayed", why, hint, told)
    if not able or (to is not None and to not in able):
        what = f"{to or 'no other node'} cannot take writes now"
        raise refused(what, "it must follow the primary without an error:", "see: cluster status", told)
    node = to or min(able, key=lambda name: (behind(seen, now[0], name), live.nodes.index(name)))
    return Plan(node, f"move the writes of {live.name} from {now[0]} to {node}", told, details={"from": now[0]})


def hint_without(now: list[str]) -> str:
    """What to do where not exactly one node takes writes."""
    if now:
        return "stop them: cluster db fence; then cluster rejoin NODE for the one that is wrong"
    return "if the primary is back: cluster up --only database; if it is lost: cluster failover"


def behind(seen: Looks, primary: str, node: str) -> int:
    """How many transactions a node has yet to apply."""
    return gtid.distance(position(seen[primary]), position(seen[node]))


def position(look: Look | None) -> str:
    """Where a node is."""
    return look.position if look else ""


def carry_out(live: Live, plan: Plan) -> None:
    """Close the old, have the new apply the rest and open, then let all others follow it."""
    old, new = str(plan.details["from"]), plan.node
    caught_up(live, old, new)
    with held_back(live, old):
        last = str(step(live, old, "close", seconds=20)["position"])
        promoted(live, old, new, last)
        others = [node for node in live.nodes if node != new]
        live.on_all(["", *others], lambda node: follow(live, node, new) if node else lead(live, new, old))
    live.tell("", f"{new} takes the writes of {live.name}")


def caught_up(live: Live, old: str, new: str) -> None:
    """Wait until the new one is near, while the old one still takes writes."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while (left := behind(seen := looks(live), old, new)) > NEAR or lag(seen[new]) > 1:
        if time.monotonic() > deadline:
            why = f"after {CATCH_UP_SECONDS:g} s it still has {left} transactions to apply"
            raise refused(f"{new} is behind", why, "wait until it is quiet, or choose another: --to NODE")
        live.tell(new, f"{left} transactions to apply")
        time.sleep(0.3)


def lag(look: Look | None) -> float:
    """Seconds a node is behind; many where it does not say."""
    return 1e9 if look is None or look.lag is None else look.lag


def promoted(live: Live, old: str, new: str, last: str) -> None:
    """Have the new one take writes, or the old one again where it is certain that the new one does not."""
    try:
        step(live, new, "promote", last or "''", str(DRAIN_SECONDS), seconds=DRAIN_SECONDS + 25)
    except ClusterError as error:
        if error.code is Exit.UNREACHABLE:
            error.hint = "neither takes writes now: cluster switchover again, or cluster up --only database"
            raise
        step(live, old, "open")
        raise refused(f"{new} could not take the writes", error.why, f"{old} takes them again") from error


def follow(live: Live, node: str, primary: str) -> None:
    """Have a node follow the new primary, as late as is wished; one out of reach is left for `cluster up`."""
    try:
        step(live, node, "follow", primary, seconds=90)
        if node in live.database.delayed:
            step(live, node, "delay", seconds=90)
    except ClusterError as error:
        live.tell(node, f"does not follow {primary} yet ({error.why}): cluster up --only database")
