"""Bring a node back: compare what it has with what the database has, then let it follow, or copy all anew."""

import json
import threading
from typing import Any

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.failover import ended
from cluster_cli.databases.replication.look import Look
from cluster_cli.databases.replication.nodes import Looks, evidence, looks, step, told, writers
from cluster_cli.databases.replication.state import PROGRAM, QUESTION
from cluster_cli.errors import ClusterError

START_SECONDS = 1800
COPY_SECONDS = 86400
TELL_SECONDS = 1.0
MEGA = 1 << 20


def weigh(live: Live, node: str, clone: bool) -> Plan:
    """Whether it follows or is copied to, and what would be lost. Its server is started, which takes no writes."""
    seen = started(live, node, looks(live))
    evident, now = evidence(seen), writers(seen)
    if len(now) != 1 and not (len(now) == 2 and node in now):
        hint = "if the primary is back: cluster up --only database; if it is lost: cluster failover"
        raise refused("not exactly one node takes writes", "there is nobody to follow:", hint, evident)
    primary, look = next(name for name in now if name != node or len(now) == 1), seen[node]
    if primary == node:
        raise refused(f"{node} takes the writes", "it follows nobody:", "see: cluster status", evident)
    if look is None:
        raise refused(f"{node} does not answer", "nothing can be done there:", f"see: cluster ssh {node}", evident)
    if look.follows == primary and look.replicates and not clone:
        raise refused(
            f"{node} follows {primary} already", "there is nothing to do", "see: cluster status", evident
        )
    leading = seen[primary]
    own = differs(look, leading.history if leading else "")
    if own and (later := looks(live)[primary]):  # asked both at once: what was on its way has come since
        own = differs(look, later.history)
    details = {"primary": primary, "donor": donor(seen, primary, node), "copy": clone or look.blank or bool(own)}
    if not details["copy"]:
        return Plan(node, f"have {node} follow {primary} from where it is", evident, details=details)
    will = f"copy all data of {details['donor']} to {node}, and have it follow {primary}"
    return Plan(node, will, evident, stake(node, look, own), details)


def stake(node: str, look: Look, own: str) -> str:
    """What is at stake when all is copied anew."""
    if look.blank:
        return ""
    where = "/var/lib/mysql.before-TIME"
    if not gtid.is_set(look.history):  # MySQL takes any folder with its data for its own, and is copied from there
        where += " (to cluster-aside/before-TIME in it where that is a mount point)"
    kept = f"the data of {node} is moved aside on the node, to {where}"
    return f"what only {node} has does not come back: {own}; {kept}" if own else kept


def started(live: Live, node: str, seen: dict[str, Look | None]) -> dict[str, Look | None]:
    """The same with the node's server running, where it can."""
    look = seen.get(node)
    if look is None or look.running or look.blank:
        return seen
    try:
        step(live, node, "start", seconds=START_SECONDS)
    except ClusterError as error:
        return seen | {node: Look(why=error.why.split("\n")[0])}
    return seen | {node: told(live.run(node, QUESTION))}


def differs(look: Look, history: str) -> str:
    """What it has and the primary has not; empty when it only misses something."""
    if not look.running:
        return "what it has cannot be told, as its server does not start"
    if own := gtid.missing(look.history, history):
        return ", ".join(own)
    if look.stalled and gtid.is_set(look.history):  # MySQL does them at its next start; MariaDB takes them back
        return f"the writes of {look.stalled} clients that wait for a replica, told to nobody as done"
    return f"the primary says: {look.error}" if look.diverged else ""


def donor(seen: Looks, primary: str, node: str) -> str:
    """Who gives the copy: a healthy replica that is not delayed, so that the primary is not held up; else it."""
    good = [
        name
        for name, look in seen.items()
        if look and name not in (primary, node) and look.follows == primary and look.replicates and not look.delay
    ]
    return good[-1] if good else primary


def carry_out(live: Live, plan: Plan) -> None:
    """Follow, or copy and follow."""
    node, primary = plan.node, str(plan.details["primary"])
    if not plan.details["copy"]:
        step(live, node, "follow", primary, seconds=START_SECONDS)
        late(live, node)
        live.tell("", f"{node} follows {primary}")
        return
    answer = copied(live, node, str(plan.details["donor"]), primary)
    late(live, node)
    aside = f"; its old data is in {answer['aside']}" if answer["aside"] else ""
    live.tell("", f"{node} follows {primary}, {answer['bytes'] // MEGA} MB in {answer['seconds']} s{aside}")


def late(live: Live, node: str) -> None:
    """Have it apply later what it receives, where that is wished."""
    if node in live.database.delayed:
        step(live, node, "delay", seconds=90)


def copied(live: Live, node: str, donor: str, primary: str) -> dict[str, Any]:
    """Stream the copy from node to node, and say how far it is."""
    ends = {node: ("receive", donor, primary), donor: ("give", node)}
    outcome: dict[str, Any] = {}
    work = threading.Thread(target=both, args=(live, ends, outcome), daemon=True)
    work.start()
    while not ended(work, TELL_SECONDS):
        answer = live.run(node, f"{PROGRAM} progress", seconds=5)
        if answer.rc == 0 and (row := json.loads(answer.out)):
            live.tell(node, f"{row['doing']}: {row['bytes'] // MEGA} of {row['of'] // MEGA} MB")
    for each in (node, donor):
        if isinstance(outcome[each], Exception):
            raise outcome[each]
    found: dict[str, Any] = outcome[node]
    return found


def both(live: Live, ends: dict[str, tuple[str, ...]], outcome: dict[str, Any]) -> None:
    """Run both ends; the answers or errors go into `outcome`."""

    def one(each: str) -> None:
        try:
            outcome[each] = step(live, each, *ends[each], seconds=COPY_SECONDS)
        except Exception as error:  # told by who waits: a thread has nobody to raise to
            outcome[each] = error

    live.on_all(list(ends), one)
