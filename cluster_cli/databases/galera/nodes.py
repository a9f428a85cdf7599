"""The nodes of a running Galera group: all asked at once."""

from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.galera.state import QUESTION, member
from cluster_cli.databases.live import Live
from cluster_cli.ssh import Answer


def members(live: Live) -> dict[str, dict[str, Any]]:
    """What each node says of itself (state.member)."""
    answers = live.on_all(live.nodes, lambda node: live.run(node, QUESTION, seconds=6))
    return {node: member(heard(answer)) for node, answer in answers.items()}


def heard(answer: object) -> Outcome | None:
    """An answer as `member` takes it."""
    return Outcome(answer.rc, answer.out, answer.err) if isinstance(answer, Answer) else None


def evidence(nodes: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """What was seen, a line a node."""
    return tuple(
        f"{node}: {row['state'] or 'its server does not answer'}"
        + (f", at {row['position']}, {row['waiting']} waiting" if row["state"] else "")
        for node, row in nodes.items()
    )
