"""Have a node that was held apply again what it receives."""

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication.nodes import answering, step

SECONDS = 1800  # what it received is looked after first


def weigh(live: Live, node: str) -> Plan:
    """It must be held. Raises ClusterError where it is not."""
    look, told = answering(live, node)
    if not look.held:
        raise refused(f"{node} is not held", "there is nothing to do", "see: cluster status", told)
    late = "as late as before" if node in live.database.delayed else "at once"
    return Plan(node, f"have {node} apply again what it receives, {late}", told)


def carry_out(live: Live, plan: Plan) -> None:
    """One step."""
    step(live, plan.node, "release", seconds=SECONDS)
    live.tell("", f"{plan.node} goes on")
