"""Promote a replica because the primary is lost: the one that received most, once it has applied all of it.

An acknowledgement says that one replica has received a write, not that it applied it, and not which one: so all
are asked, and none is promoted before its relay log is empty.
"""

import threading
from collections.abc import Mapping
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.balancers import lead
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.look import Look, at_once
from cluster_cli.databases.replication.nodes import Looks, evidence, led_by, looks, step, writers
from cluster_cli.databases.replication.switchover import follow
from cluster_cli.errors import ClusterError
from cluster_cli.status.answers import haproxy_servers
from cluster_cli.topology.doors import WRITE

HALT_SECONDS = 20.0
DRAIN_SECONDS = 86400  # it is bounded by progress, on the node
TELL_SECONDS = 2.0


def weigh(live: Live, to: str | None, accept_loss: bool) -> Plan:
    """Who is promoted, and what is at stake. Raises ClusterError where writes might be lost unasked."""
    seen = looks(live)
    told, old = evidence(seen), lost_one(live, seen)
    if to is not None and (to not in live.nodes or to == old):
        raise refused(f"{to} cannot be promoted", f"{old} is the one that is lost:", "name another node", told)
    able = {node: look for node, look in seen.items() if node != old and look and fit(look, old)}
    silent = [node for node in live.nodes if node != old and node not in able]
    if not able or (to is not None and to not in able):
        raise refused(f"{to or 'no node'} cannot be promoted", "it must have data and answer:", UP, told)
    if silent and not accept_loss:
        what = f"{', '.join(silent)} might have acknowledged writes that no other node has"
        raise refused(what, "it did not answer, or holds no data:", f"{UP}; or accept it: --accept-loss", told)
    lacks = gtid.apart({name: look.most for name, look in able.items()})
    if lacks and not (to and accept_loss):
        hint = "choose whose writes stay, and accept the loss of the others': --to NODE --accept-loss"
        raise refused("no node has all writes that are left", "they went apart: " + "; ".join(lacks), hint, told)
    node = to or best(able, live.nodes)
    needed = [name for name in able if name == node or gtid.distance(able[name].most, able[node].most)]
    if held := [name for name in needed if able[name].held]:
        hint = f"let it go on: cluster db release {held[0]}"
        raise refused(f"{held[0]} has to apply what it received", "it is held:", hint, told)
    late = [name for name in able if name not in at_once(able, able)]
    stakes = [
        *(f"what only {each} has received is lost" for each in silent),
        *(f"what {sentence} is lost" for sentence in lacks if sentence.startswith(f"{node} ")),
        *alive(live, seen, old),
        f"{old} comes back by `cluster rejoin {old}`",
    ]
    will = f"promote {node}, which has received up to {able[node].most or 'nothing'}, in place of {old}"
    will += f"; it is delayed, and applies {able[node].waiting} transactions first" if node in late else ""
    details = {"from": old, "chosen": to is not None, "able": list(able), "apart": bool(lacks), "late": late}
    return Plan(node, will, told, "; ".join(stakes), details)


UP = "bring it in reach: cluster up --only database"


def lost_one(live: Live, seen: Looks) -> str:
    """The primary that is lost. Raises ClusterError where there is one that is well, or none is known."""
    now, led = writers(seen), led_by(seen)
    well = [node for node in now if (look := seen[node]) and look.clients and not look.stuck]
    if well or (now and led not in (None, *now)):
        hint = "to move the writes: cluster switchover; to have the others follow: cluster up --only database"
        raise refused(f"{(well or now)[0]} takes writes", "nothing is lost:", hint, evidence(seen))
    found = led or next(iter(now), None)
    if found is None:
        hint = "see: cluster status; a node to begin with: cluster up --only database"
        raise refused("nobody knows a primary", f"no node of {live.name} follows another:", hint, evidence(seen))
    return found


def fit(look: Look, old: str) -> bool:
    """Whether a node could be promoted."""
    return look.running and not look.blank and look.follows in (old, "")


def best(able: Mapping[str, Look], order: tuple[str, ...]) -> str:
    """The one that received most; of several, the one that has least to apply.

    It is a delayed one only where all are: what one has received beyond the others, they fetch from it.
    """
    most = gtid.furthest(look.most for look in able.values())
    known = [node for node in order if node in able]
    return min(
        at_once(able, known) or known, key=lambda node: (gtid.distance(most, able[node].most), able[node].waiting)
    )


def alive(live: Live, seen: Looks, old: str) -> list[str]:
    """What is to be said where the old primary does not answer us but others still see it."""
    if seen[old] is not None:
        return []
    stat = live.balance("show stat")
    backend = f"{live.name}-{WRITE}"
    by = [name for name, text in stat.items() if haproxy_servers(Outcome(0, text, "")).get(backend, {}).get(old)]
    by += [node for node, look in seen.items() if look and look.follows == old and look.io == "Yes"]
    if not by:
        return []
    return [
        f"{old} cannot be reached from here, but {', '.join(by)} still reach it: it is not stopped, "
        "acknowledges nothing more once the others left it, and shows old rows to who reads there"
    ]


def carry_out(live: Live, plan: Plan) -> None:
    """End the old, ask all for what they received, let the best apply it and open, and all others follow it."""
    old, node = str(plan.details["from"]), plan.node
    able: list[str] = plan.details["able"]
    answers = live.on_all(
        [old, *able], lambda name: halted(live, name) if name == old else received_by(live, name)
    )
    received = {name: str(answers[name]) for name in able}
    most = received[node] if plan.details["apart"] else furthest(live, received)
    if gtid.distance(most, received[node]):
        late: list[str] = plan.details["late"]
        ahead = min((name for name in able if received[name] == most), key=lambda name: name in late)
        if not plan.details["chosen"] and ahead not in late:
            node = ahead
        else:
            fetched(live, node, ahead, most if ahead in late else "")
    drained(live, node, most)
    others = [name for name in live.nodes if name not in (node, old)]
    live.on_all(["", *others], lambda name: follow(live, name, node) if name else lead(live, node, old))
    live.tell("", f"{node} takes the writes of {live.name}; {old} comes back by: cluster rejoin {old}")


def fetched(live: Live, node: str, ahead: str, most: str) -> None:
    """Have a node fetch what another one has beyond it. most: what a delayed one has to apply before."""
    if most:
        live.tell(ahead, f"applies at once what it was to apply later, so that {node} can fetch it")
        step(live, ahead, "apply", most, seconds=DRAIN_SECONDS)
    step(live, node, "follow", ahead, seconds=120)


def furthest(live: Live, received: Mapping[str, str]) -> str:
    """What the node has that received most. Raises ClusterError where none has all: nobody was promoted then."""
    if lacks := gtid.apart(received):
        why = f"they went apart: {'; '.join(lacks)}; writes are stopped"
        hint = f"choose whose writes stay: cluster failover {live.name} --to NODE --accept-loss"
        raise refused("no node has all writes that are left", why, hint)
    return gtid.furthest(received.values())


def halted(live: Live, old: str) -> str:
    """End the old primary's server where it can be reached; whether that was so, in a word."""
    try:
        step(live, old, "halt", seconds=HALT_SECONDS)
    except ClusterError as error:
        live.tell(old, f"cannot be stopped ({error.why})")
        return "unknown"
    live.tell(old, "its server is stopped")
    return "stopped"


def received_by(live: Live, node: str) -> str:
    """Up to where a node has received, now that it receives no more."""
    answer = step(live, node, "stop_receiving", seconds=60)
    return gtid.joined((str(answer["received"] or ""), str(answer["position"])))


def drained(live: Live, node: str, most: str) -> None:
    """Promote it once it has applied all of that, and say how far it is meanwhile."""
    outcome: list[Any] = []
    work = threading.Thread(target=attempt, args=(live, node, most, outcome), daemon=True)
    work.start()
    while not ended(work, TELL_SECONDS):
        look = looks(live)[node]
        if look and not look.writable:
            live.tell(node, f"{gtid.distance(most, look.position)} transactions to apply")
    if isinstance(outcome[0], Exception):
        raise outcome[0]


def ended(work: threading.Thread, seconds: float) -> bool:
    """Whether it ended within that time."""
    work.join(seconds)
    return not work.is_alive()


def attempt(live: Live, node: str, most: str, outcome: list[Any]) -> None:
    """Promote; the answer or the error goes into `outcome`."""
    try:
        outcome.append(step(live, node, "promote", most or "''", seconds=DRAIN_SECONDS))
    except Exception as error:  # told by who waits: a thread has nobody to raise to
        outcome.append(error)
