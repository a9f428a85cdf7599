"""Have a delayed node apply nothing more, so that what a mistake destroyed stays there."""

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication.nodes import answering, step


def weigh(live: Live, node: str) -> Plan:
    """It must be delayed, and follow. Raises ClusterError where it does not."""
    look, told = answering(live, node)
    if not look.delay:
        why = "what it received it has applied already:"
        raise refused(f"{node} is not delayed", why, f"restore instead: cluster restore {live.name}", told)
    return Plan(node, f"have {node} receive, and apply nothing until `cluster db release {node}`", told)


def carry_out(live: Live, plan: Plan) -> None:
    """One step."""
    answer = step(live, plan.node, "hold")
    live.tell("", f"{plan.node} is held at {answer['position'] or 'nothing'}")
