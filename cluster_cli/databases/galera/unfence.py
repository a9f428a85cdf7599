"""Let applications write to a group again."""

from cluster_cli.databases.fence import refuse_half_restored, unmark
from cluster_cli.databases.galera.nodes import evidence, members
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan


def weigh(live: Live) -> Plan:
    """It can be done unless a restore is half done; a node out of reach keeps its mark, and status tells."""
    refuse_half_restored(live)
    return Plan("", f"let applications write to {live.name}", evidence(members(live)))


def carry_out(live: Live, _plan: Plan) -> None:
    """First the mark, then the servers."""
    able = [node for node, row in members(live).items() if row["state"] is not None]
    unmark(live, able)
    live.on_all(able, lambda node: live.ask(node, "SET GLOBAL read_only = OFF"))
    live.tell("", f"{live.name} takes writes")
