"""Let another member of a group take its writes: the group itself hands them over."""

import time

from cluster_cli.databases.asked import known
from cluster_cli.databases.balancers import held_back, lead
from cluster_cli.databases.group_replication.nodes import evidence, members, primary
from cluster_cli.databases.group_replication.state import takes_part
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.errors import ClusterError

CATCH_UP_SECONDS = 10.0
RUNNING_SECONDS = 10  # how long transactions that run may take to end, before they are ended
ANSWER_SECONDS = 60.0


def weigh(live: Live, to: str | None) -> Plan:
    """Who takes writes next. Raises ClusterError when it cannot be done."""
    nodes = members(live)
    seen, now = evidence(nodes), primary(nodes)
    if to is not None:
        known(live, to)
    if now is None:
        raise refused("there is no primary to take over from", "no group lives", "see: cluster recover", seen)
    if to == now:
        raise refused(f"{to} takes the writes already", "there is nothing to do", "see: cluster status", seen)
    able = [node for node, row in nodes.items() if takes_part(row) and node != now]
    if not able or (to is not None and to not in able):
        what = f"{to or 'no other node'} cannot take writes now"
        raise refused(what, "it must be in the group, with all data:", "see: cluster status", seen)
    node = to or min(able, key=lambda name: (nodes[name]["waiting"], live.nodes.index(name)))
    details = {"from": now, "uuid": nodes[node]["uuid"]}
    return Plan(node, f"lead the writes of {live.name} from {now} to {node}", seen, details=details)


def carry_out(live: Live, plan: Plan) -> None:
    """Wait until it has applied what is there; then the group waits for what runs, and hands over."""
    caught_up(live, plan.node)
    said = f"SELECT group_replication_set_as_primary('{plan.details['uuid']}', {RUNNING_SECONDS})"
    with held_back(live, plan.details["from"]):
        live.ask(plan.details["from"], said, ANSWER_SECONDS)
        handed_over(live, plan)
    live.tell("", f"{plan.node} takes the writes of {live.name}")


def handed_over(live: Live, plan: Plan) -> None:
    """Lead the writes to who the group says has them. Raises ClusterError where that is another one."""
    if (after := primary(members(live))) != plan.node:
        raise ClusterError("the writes did not move", why=f"{after or 'nobody'} takes them", hint="cluster status")
    lead(live, plan.node, plan.details["from"])


def caught_up(live: Live, node: str) -> None:
    """Wait until a node has applied what it received, so that its first clients need not wait for it."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while (row := members(live)[node])["waiting"] > 0 and row["lag_seconds"] > 1:
        if time.monotonic() > deadline:
            why = f"it has not applied all it received within {CATCH_UP_SECONDS:g} s"
            raise refused(f"{node} is behind", why, "wait until it is quiet, or choose another: --to NODE")
        time.sleep(0.2)
