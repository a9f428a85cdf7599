"""Where the time of a run went: a receipt from its journal, and from it an estimate of the next run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cluster_cli.history.journal import Record

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class ReceiptRow:
    """One line of the receipt. seconds: wall time; share: of the whole run, 0 to 1."""

    kind: Literal["stage", "task"]
    stage: str
    name: str
    seconds: float
    share: float


def spell(seconds: float) -> str:
    """A duration for people: `0.4 s`, `38.2 s`, `3 min 07 s`, `2 h 05 min`.

    >>> spell(187)
    '3 min 07 s'
    """
    if round(seconds, 1) < 60:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def stage_seconds(records: Iterable[Record]) -> dict[str, float]:
    """Wall seconds per stage, in the order they ended."""
    return {r["stage"]: float(r["seconds"]) for r in records if r["type"] == "StageEnded"}


def task_seconds(records: Iterable[Record]) -> dict[tuple[str, str], float]:
    """Wall seconds per (stage, `role : task`), longest first; a task that ran twice is added up."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for r in records:
        if r["type"] == "TaskSummary":
            sums[r["stage"], label(r["role"], r["task"])] += float(r["seconds"])
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def label(role: str, task: str) -> str:
    """How a task is named to people."""
    return f"{role} : {task}" if role else task


def receipt_rows(records: Sequence[Record], top: int = 5) -> list[ReceiptRow]:
    """All stages, longest first, then the `top` longest tasks."""
    stages = stage_seconds(records)
    whole = _whole(records, stages) or 1.0
    longest = sorted(stages.items(), key=lambda item: -item[1])
    tasks = list(task_seconds(records).items())[:top]
    return [
        *(ReceiptRow("stage", name, name, took, took / whole) for name, took in longest),
        *(ReceiptRow("task", stage, name, took, took / whole) for (stage, name), took in tasks),
    ]


def receipt_table(rows: Sequence[ReceiptRow]) -> Table:
    """The receipt as a rich table, to be printed by the caller's console."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("where the time went", overflow="fold")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for row in rows:
        name = row.name if row.kind == "stage" else f"  {_told_once(row)}"
        style = "" if row.kind == "stage" else "dim"
        table.add_row(Text(name), f"{row.seconds:.1f}", f"{row.share:.0%}", style=style)
    return table


def _told_once(row: ReceiptRow) -> str:
    """A task's name with its stage, unless its role says the same."""
    return row.name if row.name.startswith(f"{row.stage} :") else f"{row.stage}  {row.name}"


def estimate(runs: Iterable[Iterable[Record]]) -> dict[str, float]:
    """Stage seconds of the last successful `up`. runs: the journals, newest first, read only as needed."""
    for run in runs:
        records = list(run)
        started = next((r for r in records if r["type"] == "RunStarted"), {})
        ended = next((r for r in records if r["type"] == "RunEnded"), {})
        if started.get("verb") == "up" and ended.get("code") == 0:
            return stage_seconds(records)
    return {}


def _whole(records: Sequence[Record], stages: dict[str, float]) -> float:
    """Wall seconds of the run; of its stages, when it did not end."""
    ended = [float(r["seconds"]) for r in records if r["type"] == "RunEnded"]
    return ended[-1] if ended else sum(stages.values())
