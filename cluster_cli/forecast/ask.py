"""The forecast of a cluster, by the history of the nodes that watch it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_cli import watchers
from cluster_cli.collect import Outcome
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.forecast.findings import NEEDED, findings
from cluster_cli.forecast.history import BLOCK, Series, paths, read
from cluster_cli.forecast.trend import library
from cluster_cli.workspace import Workspace

SCHEMA_VERSION = 1
PROGRAM = "prometheus"
SECONDS = 20  # an answer may take; weeks are read from its disk


def asked(
    workspace: Workspace,
    within: timedelta,
    nodes: tuple[str, ...] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Any]:
    """The document of `cluster forecast` (docs/reference/forecast.md). nodes: those it is about; all when empty.

    Raises ClusterError when the library is not installed, when nobody watches or a node is not in the topology
    (exit 2), or when nobody who watches answers (exit 4).
    """
    library()
    for name in nodes:
        workspace.host(name)
    at = now().replace(microsecond=0)
    answers = watchers.ask(
        workspace, PROGRAM, paths(int(at.timestamp())), untold="what was in use", seconds=SECONDS
    )
    teller, series = longest(answers, int(at.timestamp()))
    wanted = [
        each for each in series if each.node in workspace.topology.nodes and (not nodes or each.node in nodes)
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "cluster": workspace.topology.name,
        "at": at.isoformat(),
        "within_seconds": int(within.total_seconds()),
        "needed_seconds": NEEDED * BLOCK,
        "watchers": watchers.silent(answers),
        "told_by": teller,
        "resources": findings(wanted, workspace.topology, at, within),
    }


def longest(answers: Mapping[str, Outcome], now: int) -> tuple[str, list[Series]]:
    """The node that watches and knows most of the past, and what it knows; ClusterError when it cannot be read."""
    known = {node: understood(node, answer, now) for node, answer in answers.items() if answer.rc == 0}
    return max(known.items(), key=lambda each: sum(len(series.used) for series in each[1]))


def understood(node: str, answer: Outcome, now: int) -> list[Series]:
    """What a node knows. Raises ClusterError (exit 4) when it says something else."""
    try:
        return read(answer.stdout, now)
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(
            "the history cannot be read", where=node, why=f"{type(error).__name__}: {error}", code=Exit.UNREACHABLE
        ) from None
