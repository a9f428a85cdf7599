"""Let applications write to a group again."""

from cluster_cli.databases.fence import refuse_half_restored, unmark
from cluster_cli.databases.group_replication.fence import ACTION, PATIENCE
from cluster_cli.databases.group_replication.nodes import evidence, members, primary
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused


def weigh(live: Live) -> Plan:
    """There must be a primary to open; a node out of reach keeps its mark and is told so by status."""
    refuse_half_restored(live)
    nodes = members(live)
    if (node := primary(nodes)) is None:
        raise refused("there is no primary to open", "no group lives", "see: cluster recover", evidence(nodes))
    return Plan(node, f"let applications write to {live.name}", evidence(nodes))


def carry_out(live: Live, plan: Plan) -> None:
    """First the mark, then the primary, since only a writable one turns the group's switch for the next ones."""
    unmark(live, [node for node, row in members(live).items() if row["state"] is not None])
    live.ask(plan.node, "SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF", PATIENCE)
    live.ask(plan.node, f"SELECT group_replication_enable_member_action({ACTION})", PATIENCE)
    live.tell("", f"{live.name} takes writes")
