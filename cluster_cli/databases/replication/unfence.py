"""Let applications write to a database with a primary again: to the node all others follow."""

from cluster_cli.databases.fence import refuse_half_restored, unmark
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.nodes import Looks, evidence, led_by, looks, step, writers


def weigh(live: Live) -> Plan:
    """Who takes writes then. Raises ClusterError where that is not plain, or a restore is half done."""
    refuse_half_restored(live)
    seen = looks(live)
    primary = next(iter(writers(seen)), None) or led_by(seen)
    look = seen.get(primary or "")
    if primary is None or look is None or not look.head or ahead(seen, look.history):
        hint = "cluster up --only database, or cluster failover; then this again"
        raise refused(
            "nobody is known to have all writes", "one must be followed by all others:", hint, evidence(seen)
        )
    return Plan(primary, f"let applications write to {live.name}, on {primary}", evidence(seen))


def ahead(seen: Looks, history: str) -> list[str]:
    """Nodes that have received what is not part of this history, or were not seen."""
    return [node for node, look in seen.items() if look is None or not gtid.contains(history, look.most)]


def carry_out(live: Live, plan: Plan) -> None:
    """First the mark, then the server."""
    unmark(live, live.nodes)
    step(live, plan.node, "promote")
    live.tell("", f"{live.name} takes writes")
