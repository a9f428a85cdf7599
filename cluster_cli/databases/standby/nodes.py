"""One node that stands by for a running database: asked, and told to do one step."""

import json
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import refused
from cluster_cli.databases.standby.state import PROGRAM, QUESTION, member, rows
from cluster_cli.errors import ClusterError, Exit

STEP_SECONDS = 30.0


def looked(live: Live, node: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a node says of its copy, and that as evidence. Raises ClusterError where it says nothing."""
    answer = live.run(node, QUESTION)
    said = rows(Outcome(answer.rc, answer.out, answer.err)).get(live.name)
    if said is None:
        why = answer.err.strip().split("\n")[-1] or "it says nothing of that database"
        raise refused(f"{node} cannot be told", why, "see: cluster status; cluster up --only standby")
    return said, (shown(node, said),)


def shown(node: str, said: dict[str, Any]) -> str:
    """A node as evidence."""
    row = member(said)
    if row["state"] is None:
        return f"{node}: its standby does not run ({row['why'] or 'no reason given'})"
    whom = f", follows {row['follows']}" if row["follows"] else ""
    trouble = f" ({row['why']})" if row["why"] else ""
    return f"{node} {row['state']}{whom}, is at {row['position'] or 'nothing'}{trouble}"


def step(live: Live, node: str, word: str, *more: str, seconds: float = STEP_SECONDS) -> dict[str, Any]:
    """Have a node do one step for this database (roles/standby/files/main.py); what it answers.

    Raises ClusterError: exit 1 with the node's reason when it refused, exit 4 when nobody knows what became of it.
    """
    answer = live.run(node, " ".join((PROGRAM, word, live.name, *more)), seconds=seconds)
    if answer.rc == 0:
        found: dict[str, Any] = json.loads(answer.out.splitlines()[-1])
        return found
    raise ClusterError(
        f"{node} could not {word}",
        where=f"database {live.name}",
        why=answer.err.strip() or f"exit code {answer.rc}",
        hint=f"see: cluster status; cluster logs {node}",
        code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
    )
