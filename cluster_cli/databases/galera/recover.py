"""Begin a group again after all of its nodes were lost: from the one that has the most."""

import json

from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.galera_plan import (
    Look,
    plan,
    shown,
)
from cluster_cli.databases.asked import known, outcomes
from cluster_cli.databases.balancers import refuse_reached
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused

LOOK = "python3 -I /usr/local/lib/cluster/galera-look"  # roles/galera/files/look.py
SECONDS = 60.0  # a server that did not end well reads its log to tell how far it came


def weigh(live: Live, without: tuple[str, ...]) -> Plan:
    """Who begins. Raises ClusterError where a group lives, or a node that was not given up did not answer."""
    known(live, *without)
    looks, seen = looked(live, without)
    if any(look.status == "Primary" for look in looks.values()):
        hint = "see: cluster status; nodes that are away: cluster up"
        raise refused("the group lives, there is nothing to recover", "what was seen:", hint, seen)
    refuse_reached(live, without, seen)
    decided = plan(looks, [node for node in live.nodes if node not in without])
    if decided.unseen:
        hint = (
            f"bring it in reach; or, lost for good: cluster recover --without {' --without '.join(decided.unseen)}"
        )
        why = "it may have writes the others have not. What was seen:"
        raise refused(f"{', '.join(decided.unseen)} did not answer", why, hint, seen)
    if decided.refused:
        raise refused("nobody may begin", decided.refused, "move the wrong data aside", seen)
    lost = f"what only {' and '.join(without)} may have is given up for good" if without else ""
    waiting = any(look.running for look in looks.values())
    first = "" if waiting else decided.first  # what a server that waits has is known only when it was stopped
    at = first or "the node that proves to have the most once the servers that wait were stopped"
    return Plan(
        first, f"begin {live.name} at {at}, and let the others join", seen, lost, {"without": list(without)}
    )


def looked(live: Live, without: tuple[str, ...]) -> tuple[dict[str, Look], tuple[str, ...]]:
    """What each node shows that answers and is not given up; and all of it as lines."""
    asked = [node for node in live.nodes if node not in without]
    answers = outcomes(live, asked, LOOK, SECONDS)
    looks = {node: Look(**json.loads(answer.stdout)) for node, answer in answers.items() if answer.rc == 0}
    lines = [f"{node}: did not answer" for node in asked if node not in looks]
    lines += [f"{node}: given up" for node in without]
    return looks, (*(described(node, look) for node, look in looks.items()), *lines)


def described(node: str, look: Look) -> str:
    """A node as a line of evidence."""
    if look.status:
        return f"{node}: its server runs, {look.status}"
    return f"{node}: its server waits for its group" if look.running else shown(node, look)


def carry_out(live: Live, plan: Plan) -> None:
    """The role does it, as in `up`: one node begins, the others join one after the other."""
    lost = plan.details["without"]
    live.apply([node for node in live.nodes if node not in lost], {"galera_lost": lost})
    live.tell("", f"{live.name} takes writes again")
