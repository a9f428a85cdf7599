"""Stop the writes of applications on all nodes of a group."""

from cluster_cli.databases.fence import mark, weighed
from cluster_cli.databases.group_replication.nodes import evidence, members, primary
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused

PATIENCE = 30.0  # it waits for statements that run
# What opens whoever is elected (MySQL's manual, "Configuring Member Actions"); the group keeps the switch.
ACTION = "'mysql_disable_super_read_only_if_primary', 'AFTER_PRIMARY_ELECTION'"


def weigh(live: Live) -> Plan:
    """Every node must hear it, and the group must live. Raises ClusterError while that is not so."""
    nodes = members(live)
    seen, node = evidence(nodes), primary(nodes)
    plan = weighed(live, [name for name, row in nodes.items() if row["state"] is None], seen, node or "")
    if node is None:
        raise refused("there is no primary to be told", "no group lives", "see: cluster recover", seen)
    return plan


def carry_out(live: Live, plan: Plan) -> None:
    """First the mark and the group's switch, so that no election opens another; then the primary."""
    mark(live, live.nodes)
    shut(live, plan.node)
    live.tell("", f"{live.name} takes no writes")


def close(live: Live) -> None:
    """Have the primary take no writes, nor whoever is elected, where there is a primary."""
    if (node := primary(members(live))) is not None:
        shut(live, node)


def shut(live: Live, node: str) -> None:
    """The same, told to the primary. Raises ClusterError where it does not do it in time."""
    live.ask(node, f"SELECT group_replication_disable_member_action({ACTION})", PATIENCE)
    live.ask(node, "SET GLOBAL super_read_only = ON", PATIENCE)
