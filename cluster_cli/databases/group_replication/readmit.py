"""Let a node take part in its group again whose data was put in place from a backup: it fetches what it misses.

MySQL's manual, "Distributed Recovery": who joins is given binary logs, or a copy of all data where these are
nowhere or more is missing than `group_replication_clone_threshold` says. A copy is what was to be avoided.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from cluster_cli.backups.exchange import step
from cluster_cli.databases.asked import known, outcomes
from cluster_cli.databases.group_replication import login
from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.databases.group_replication.nodes import (
    JOIN_UNIT,
    Nodes,
    evidence,
    hold,
    let_join,
    living,
    members,
    primary,
    told,
)
from cluster_cli.databases.group_replication.state import ONLINE, takes_part
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.seat import Seat
from cluster_cli.databases.sql import PURGED
from cluster_cli.errors import ClusterError

RECOVERING = "RECOVERING"
# What a server says that is about to join, and then that fetches already.
ONGOING = ("START or STOP GROUP_REPLICATION is ongoing", "with a running replica io thread")
JOIN_SECONDS, OUT_SECONDS = 86400.0, 180.0  # in all; while it is out, though its server answers
PERIOD = 1.0
LAST_WORDS = (
    f"journalctl -u mysql -u {JOIN_UNIT} -n 40 --no-pager -o cat | "
    "grep -E 'ERROR|not found|not yet|no group' | tail -n 3"
)
NO_COPY = "SET GLOBAL group_replication_clone_threshold = 9223372036854775807"
CONFIGURED = (
    "my_print_defaults mysqld | tr - _ | sed -nE 's/^__(loose_)?group_replication_clone_threshold=//p' | tail -n 1"
)


def weigh(live: Live, node: str) -> Plan:
    """Whether the group can spare it. Raises ClusterError where it takes the writes, or nobody else is there."""
    known(live, node)
    nodes = members(live)
    seen, others = evidence(nodes), others_in(nodes, node)
    if not others:
        hint = "see: cluster status; after an outage of all nodes: cluster recover"
        raise refused(f"no other node than {node} takes part with all data", "what was seen:", hint, seen)
    if primary(nodes) == node:
        hint = f"first: cluster switchover {live.name}"
        raise refused(f"{node} takes the writes", "applications would be cut off:", hint, seen)
    stake = f"what {node} holds is set aside; meanwhile {live.name} is on {' and '.join(others)}"
    will = f"put {node} back from a backup, and have it fetch what came since from the binary logs of the others"
    return Plan(node, will, seen, stake)


def others_in(nodes: Nodes, node: str) -> list[str]:
    """The nodes that are with a majority, but for this one."""
    return [name for name in living(nodes) if name != node]


def refuse_cut_off(live: Live, node: str, seat: Seat) -> str:
    """What it will fetch and from whom, in a sentence. Raises ClusterError where it could not go on so."""
    nodes = members(live)
    group = {name: GtidSet.parse(nodes[name]["has"]) for name in others_in(nodes, node)}
    here, whole = GtidSet.parse(seat.gtid), union(group.values())
    if not group:
        raise refused("no other node answers", "nobody tells what the group has:", "see: cluster status")
    if why := refusal(here, whole, purged(live, list(group))):
        hint = (
            f"have it copied from another node: cluster rejoin {node} --clone; or make a copy that is newer: "
            f"cluster backup run {live.name}"
        )
        raise ClusterError(f"{node} cannot be put back from a backup", why=why, hint=hint)
    rest = f"the {len(whole - here)} transactions it lacks by now come from the binary logs of the others"
    return f"{node} will be at {seat.gtid}: {rest}; nobody gives a copy"


def purged(live: Live, nodes: Sequence[str]) -> dict[str, GtidSet]:
    """What each of these that tells has in no binary log any more."""
    found = outcomes(live, nodes, PURGED)
    return {name: GtidSet.parse(answer.stdout) for name, answer in found.items() if answer.rc == 0}


def refusal(here: GtidSet, group: GtidSet, gone: Mapping[str, GtidSet]) -> str:
    """Why who has `here` cannot go on with a group by binary logs alone, empty where it can. Pure.

    group: all that its members have; gone: by member, what is in its binary logs no more. One that has the rest is
    enough: who joins tries one after the other.
    """
    if own := here - group:
        return f"it would have what the group has not: {own}"
    if not any(each <= here for each in gone.values()):
        left = {name: each - here for name, each in gone.items()}
        lost = "; ".join(f"{name} {len(each)} of them ({each})" for name, each in left.items()) or "nobody told"
        return f"nobody has all that comes after {here} in binary logs any more; removed: {lost}"
    return ""


def history(_live: Live, _node: str, seat: Seat) -> Sequence[str]:
    """What a node with this data has: the set it was restored to, exactly."""
    return (seat.gtid,)


def carry_out(live: Live, node: str, seat: Seat) -> None:
    """Have its server be the node's own, apart; then let it join, and see that nobody gave it a copy."""
    here = str(step(live, node, "settle", stdin=seat.document(history(live, node, seat)))["position"])
    hold(live, node)
    if members(live)[node]["state"] not in (ONLINE, RECOVERING):
        live.tell("", refuse_cut_off(live, node, Seat(here)))
        prepare(live, node)
    step(live, node, "release")
    start_again(live, node)
    live.ask(node, f"SET GLOBAL group_replication_clone_threshold = {int(told(live, node, CONFIGURED))}")
    if not step(live, node, "look")["own"]:
        live.tell("", f"the others' binary logs did not reach any more: {node} was given a whole copy by one")
    live.tell("", f"{node} takes part in {live.name}")


def prepare(live: Live, node: str) -> None:
    """Have it know how to log in to others, and be given no copy by one.

    A try that was interrupted may be about to join yet: then that is waited for, and it was told all of this.
    """
    deadline = time.monotonic() + OUT_SECONDS
    while True:
        try:
            login.teach(live, node)
            live.ask(node, NO_COPY)
            return
        except ClusterError as error:
            if not any(words in error.why for words in ONGOING) or time.monotonic() > deadline:
                raise
        if members(live)[node]["state"] in (ONLINE, RECOVERING):
            return
        live.tell(node, "a try to join is still under way")
        time.sleep(PERIOD)


def start_again(live: Live, node: str) -> None:
    """Start it on whatever data it has, and wait until it takes part. Raises ClusterError where it does not."""
    if not step(live, node, "look")["running"]:
        step(live, node, "join")
    let_join(live, node)
    deadline, out = time.monotonic() + JOIN_SECONDS, time.monotonic() + OUT_SECONDS
    while not takes_part(row := (nodes := members(live))[node]):
        now = time.monotonic()
        if row["state"] in (RECOVERING, None):
            out = now + OUT_SECONDS
        unit = step(live, node, "look")["unit"]
        if unit in ("failed", "inactive") or now > min(deadline, out):
            said = live.run(node, LAST_WORDS).out.strip() or f"it is {row['state'] or f'{unit}, by its unit'}"
            hint = f"cluster logs {node}; back: cluster restore {live.name} --node {node} --undo"
            raise ClusterError(f"{node} does not join its group", why=said, hint=hint)
        live.tell(node, joining(row, nodes, node))
        time.sleep(PERIOD)


def joining(row: Mapping[str, Any], nodes: Nodes, node: str) -> str:
    """How far it is, in words."""
    whole = union(GtidSet.parse(nodes[name]["has"]) for name in others_in(nodes, node))
    if not row["state"]:
        return "its server starts"
    lacks = len(whole - GtidSet.parse(row["has"]))
    return f"joins ({row['state']}), lacks {lacks} transactions, {row['waiting']} wait to be applied"
