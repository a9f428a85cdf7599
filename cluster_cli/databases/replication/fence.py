"""Stop the writes of applications to a database with a primary."""

from cluster_cli.databases.fence import mark
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication.nodes import evidence, looks, step, writers


def weigh(live: Live) -> Plan:
    """Every node must hear it. Raises ClusterError while one does not."""
    seen = looks(live)
    if silent := [node for node, look in seen.items() if look is None]:
        raise refused(
            f"{', '.join(silent)} would not hear of it",
            "it might come back and take writes:",
            "bring it in reach first: cluster up",
            evidence(seen),
        )
    stake = f"applications cannot write to {live.name} until `cluster db unfence {live.name}`"
    return Plan("", f"stop the writes of {live.name}", evidence(seen), stake)


def carry_out(live: Live, _plan: Plan) -> None:
    """First the mark, so that a restart meanwhile opens nothing; then the servers."""
    mark(live, live.nodes)
    live.on_all(writers(looks(live)), lambda node: step(live, node, "close"))
    live.tell("", f"{live.name} takes no writes")
