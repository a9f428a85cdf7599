"""The nodes of a running Galera group: all asked at once."""

from typing import Any

from cluster_cli.databases.asked import outcomes
from cluster_cli.databases.galera.state import QUESTION, member
from cluster_cli.databases.live import Live


def members(live: Live) -> dict[str, dict[str, Any]]:
    """What each node says of itself (state.member)."""
    return {node: member(answer) for node, answer in outcomes(live, live.nodes, QUESTION).items()}


def evidence(nodes: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """What was seen, a line a node."""
    return tuple(
        f"{node}: {row['state'] or 'its server does not answer'}"
        + (f", at {row['position']}, {row['waiting']} waiting" if row["state"] else "")
        for node, row in nodes.items()
    )
