"""Progress of a run on standard error: redrawn on a terminal, plain lines everywhere else."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from cluster_cli.events import Listener
from cluster_cli.progress.board import Board
from cluster_cli.progress.lines import Lines

__all__ = ["Board", "Lines", "for_stderr"]


def for_stderr(
    estimate: Mapping[str, float] | None = None,
    stage_nodes: Mapping[str, Sequence[str]] | None = None,
    plain: bool = False,
) -> AbstractContextManager[Listener]:
    """The listener that suits standard error, to be entered around the run.

    estimate: seconds per stage of a past run. stage_nodes: who takes part in each stage, so that the first
    task already says whom it waits for. plain: lines even on a terminal. An odd terminal never raises.
    """
    board = Board(estimate or {}, stage_nodes or {})
    stream = sys.stderr or io.StringIO()  # None when the caller closed it
    if plain or not stream.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return Lines(board, stream)
    from cluster_cli.progress.live import Live  # rich is loaded only where it draws

    return Live(board, stream)
