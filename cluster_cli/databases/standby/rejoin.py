"""Bring a standby back that cannot go on from where it is: it gets another copy of the database."""

import threading
from typing import Any

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication.failover import ended
from cluster_cli.databases.standby.nodes import looked, step
from cluster_cli.databases.standby.state import follows

COPY_SECONDS = 86400
TELL_SECONDS = 1.0
MEGA = 1 << 20


def weigh(live: Live, node: str, clone: bool) -> Plan:
    """That it is to be copied anew. Raises ClusterError where it follows and no copy is asked for, or is held."""
    said, told = looked(live, node)
    if said["held"]:
        hint = f"let it go on first: cluster db release {node} {live.name}"
        raise refused(f"{node} is held", "what it has is wanted:", hint, told)
    if follows(said) and not clone:
        raise refused(f"{node} follows already", "there is nothing to do", "see: cluster status", told)
    will = f"copy all data of {live.name} to {node} anew, and have it follow"
    kept = f"what {node} has of {live.name}, {said['delay']} s ago or more, is moved aside on the node"
    return Plan(node, will, told, kept if said.get("delay") else "")


def carry_out(live: Live, plan: Plan) -> None:
    """The copy, with its progress; the node's own service has it follow then."""
    outcome: list[Any] = []
    work = threading.Thread(target=attempt, args=(live, plan.node, outcome), daemon=True)
    work.start()
    while not ended(work, TELL_SECONDS):
        if row := step(live, plan.node, "progress"):
            live.tell(plan.node, f"{row['doing']}: {row['bytes'] // MEGA} MB")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    answer = outcome[0]
    aside = f"; its old data is in {answer['aside']}" if answer["aside"] else ""
    live.tell("", f"{plan.node} has a copy of {answer['donor']}: {answer['bytes'] // MEGA} MB in "
                  f"{answer['seconds']} s{aside}")  # fmt: skip


def attempt(live: Live, node: str, outcome: list[Any]) -> None:
    """Copy; the answer or the error goes into `outcome`."""
    try:
        outcome.append(step(live, node, "copy", "again", seconds=COPY_SECONDS))
    except Exception as error:  # told by who waits: a thread has nobody to raise to
        outcome.append(error)
