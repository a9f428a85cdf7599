"""Stop the writes of applications to a database with a primary."""

from cluster_cli.databases.fence import mark, weighed
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan
from cluster_cli.databases.replication.nodes import evidence, looks, step, writers


def weigh(live: Live) -> Plan:
    """Every node must hear it. Raises ClusterError while one does not."""
    seen = looks(live)
    return weighed(live, [node for node, look in seen.items() if look is None], evidence(seen))


def carry_out(live: Live, _plan: Plan) -> None:
    """First the mark, so that a restart meanwhile opens nothing; then the servers."""
    mark(live, live.nodes)
    live.on_all(writers(looks(live)), lambda node: step(live, node, "close"))
    live.tell("", f"{live.name} takes no writes")
