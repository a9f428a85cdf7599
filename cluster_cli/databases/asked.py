"""The nodes of a database: asked the same thing at once, and known by their names."""

from collections.abc import Sequence

from cluster_cli.collect import Outcome
from cluster_cli.databases.live import Live
from cluster_cli.errors import ClusterError, Exit

SECONDS = 6.0


def outcomes(live: Live, nodes: Sequence[str], command: str, seconds: float = SECONDS) -> dict[str, Outcome]:
    """What a shell command gave on each of these nodes."""
    answers = live.on_all(nodes, lambda node: live.run(node, command, seconds=seconds))
    return {node: Outcome(answer.rc, answer.out, answer.err) for node, answer in answers.items()}


def known(live: Live, *nodes: str) -> None:
    """Raise ClusterError (exit 2) when one of these is no node of the database."""
    if strangers := [node for node in nodes if node not in live.nodes]:
        raise ClusterError(
            f"{', '.join(strangers)} is no node of database {live.name}",
            why=f"it has {', '.join(live.nodes)}",
            hint="name one of them",
            code=Exit.USAGE,
        )
