"""Lead a group's writes to another node: all have the same data, so it is the balancers that change."""

import time

from cluster_cli.databases.asked import known
from cluster_cli.databases.balancers import lead, writer
from cluster_cli.databases.galera.nodes import evidence, members
from cluster_cli.databases.galera.state import takes_part
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused

CATCH_UP_SECONDS = 10.0
NEAR = 500  # write sets that are applied in a moment; under writers there are always some


def weigh(live: Live, to: str | None) -> Plan:
    """Who takes writes next. Raises ClusterError when it cannot be done."""
    if not live.database.through:
        raise refused(
            "nobody leads clients to this database",
            "it has no load balancer",
            "name one in the topology: `through`",
        )
    nodes = members(live)
    seen, now = evidence(nodes), writer(live)
    able = [node for node, row in nodes.items() if takes_part(row) and not row["read_only"] and node != now]
    if to is not None:
        known(live, to)
    if to is not None and to == now:
        raise refused(f"{to} takes the writes already", "there is nothing to do", "see: cluster status", seen)
    if not able or (to is not None and to not in able):
        what = f"{to or 'no other node'} cannot take writes now"
        raise refused(what, "it must be synced and not read-only:", "see: cluster status", seen)
    node = to or min(able, key=lambda name: (nodes[name]["waiting"], live.nodes.index(name)))
    return Plan(
        node, f"lead the writes of {live.name} from {now or 'nobody'} to {node}", seen, details={"from": now}
    )


def carry_out(live: Live, plan: Plan) -> None:
    """Wait until it has applied what is there, then turn the balancers and cut the old connections."""
    caught_up(live, plan.node)
    lead(live, plan.node, plan.details["from"])
    live.tell("", f"{plan.node} takes the writes of {live.name}")


def caught_up(live: Live, node: str) -> None:
    """Wait until a node has applied nearly all it received, so that its first clients need not wait for it."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while (left := members(live)[node]["waiting"]) > NEAR:
        if time.monotonic() > deadline:
            why = f"after {CATCH_UP_SECONDS:g} s it still has {left} write sets to apply"
            raise refused(f"{node} is behind", why, "wait until it is quiet, or choose another: --to NODE")
        time.sleep(0.2)
