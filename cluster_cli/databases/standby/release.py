"""Have a standby that was held apply again what it receives."""

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.standby.nodes import looked, step


def weigh(live: Live, node: str) -> Plan:
    """It must be held. Raises ClusterError where it is not."""
    said, told = looked(live, node)
    if not said["held"]:
        raise refused(f"{node} is not held", "there is nothing to do", "see: cluster status", told)
    late = "as late as before" if live.database.standby[node] else "at once"
    return Plan(node, f"have {node} apply again what it receives, {late}", told)


def carry_out(live: Live, plan: Plan) -> None:
    """One step."""
    step(live, plan.node, "release")
    live.tell("", f"{plan.node} goes on")
