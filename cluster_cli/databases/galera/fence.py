"""Stop the writes of applications on all nodes of a group."""

from cluster_cli.databases.fence import mark, weighed
from cluster_cli.databases.galera.nodes import evidence, members
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan

PATIENCE = 30.0  # it waits for statements that run


def weigh(live: Live) -> Plan:
    """Every node must hear it. Raises ClusterError while one does not."""
    nodes = members(live)
    return weighed(live, [node for node, row in nodes.items() if row["state"] is None], evidence(nodes))


def carry_out(live: Live, _plan: Plan) -> None:
    """First the mark, so that a restart meanwhile opens nothing; then the servers."""
    mark(live, live.nodes)
    live.on_all(live.nodes, lambda node: live.ask(node, "SET GLOBAL read_only = ON", PATIENCE))
    live.tell("", f"{live.name} takes no writes")
