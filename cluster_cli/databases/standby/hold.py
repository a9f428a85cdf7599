"""Have a standby apply nothing more, so that what a mistake destroyed stays there."""

from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.standby.nodes import looked, step


def weigh(live: Live, node: str) -> Plan:
    """Its server must run. Raises ClusterError where it does not."""
    said, told = looked(live, node)
    if not said["running"]:
        raise refused(f"{node} cannot be held", "its server does not run:", "see: cluster status", told)
    return Plan(
        node, f"have {node} receive, and apply nothing until `cluster db release {node} {live.name}`", told
    )


def carry_out(live: Live, plan: Plan) -> None:
    """One step."""
    answer = step(live, plan.node, "hold")
    live.tell("", f"{plan.node} is held at {answer['position'] or 'nothing'}")
