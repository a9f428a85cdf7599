"""Progress on a terminal: one line per stage, redrawn in place, failures under the stage they hit."""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live as Redrawn
from rich.text import Text

from cluster_cli.events import Event, RunEnded
from cluster_cli.history.timing import spell
from cluster_cli.progress.board import Board, Failure, Stage, State
from cluster_cli.progress.text import Marks, Patient, clean, failure_head, marks_for, name_some, summary

STYLES: dict[State, str] = {"waiting": "dim", "running": "bold cyan", "done": "green", "failed": "bold red"}
MESSAGE_LINES = 3


class Live:
    """A listener and context manager that keeps the picture of the run up to date on a terminal.

    The cursor stays visible, so even a kill -9 leaves a terminal that works; standard output is not touched.
    """

    def __init__(
        self,
        board: Board,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        console: Console | None = None,
    ) -> None:
        self._console = console or Console(file=Patient(stream), force_terminal=True, highlight=False)  # type: ignore[arg-type]
        self._board, self._clock, self._zero = board, clock, clock()
        self._marks = marks_for(self._console.encoding)
        self._lock = threading.RLock()
        self._live = Redrawn(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=8,
            redirect_stdout=False,
        )

    def __call__(self, event: Event) -> None:
        """Fold the event in; the next redraw shows it."""
        with self._lock:
            self._board.take(event, self._clock() - self._zero)

    def render(self) -> Group:
        """The picture as it stands now, every line cut to the width of the terminal."""
        with self._lock:
            now = self._board.ended.seconds if self._board.ended else self._clock() - self._zero
            lines = list(_picture(self._board, now, self._marks, self._room()))
        for line in lines:
            _fit(line, self._console.width, self._marks)
        return Group(*lines)

    def _room(self) -> int:
        """How many failures a stage may show: all of them at the end, what the screen holds before."""
        spare = self._console.height - len(self._board.stages) - 6
        return 10_000 if self._board.ended else max(spare // (MESSAGE_LINES + 1), 1)

    def __enter__(self) -> "Live":
        self._live.start()
        self._console.show_cursor(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._board.ended is None:
            code = 130 if kind is not None and issubclass(kind, KeyboardInterrupt) else 1
            self(RunEnded(code, self._clock() - self._zero))
        self._live.stop()


def _picture(board: Board, now: float, marks: Marks, room: int) -> Iterator[Text]:
    yield _header(board, now, marks)
    width = max([len(name) for name in board.stages], default=0)
    for stage in board.stages.values():
        yield _stage_line(stage, now, marks, width)
        if stage.state == "running":
            yield from _doing(stage, marks)
        yield from (Text(f"  {clean(note)}", style="dim") for note in stage.notes[:room])
        yield from _failures(stage.failures, marks, room)
    if board.ended:
        yield Text(summary(board, now), style="bold green" if board.ended.code == 0 else "bold red")


def _header(board: Board, now: float, marks: Marks) -> Text:
    run = board.started
    line = Text().append(f"cluster {run.verb}  {run.cluster}" if run else "cluster", style="bold")
    if run and not board.ended:
        line.append(f"  {marks.dot}  {len(run.nodes)} nodes  {marks.dot}  {spell(now)}")
        remaining = board.remaining(now)
        if remaining is not None:
            line.append(f" of about {spell(now + remaining)}", style="dim")
    return line


def _stage_line(stage: Stage, now: float, marks: Marks, width: int) -> Text:
    line = Text().append(f"{marks.states[stage.state]} ", style=STYLES[stage.state])
    line.append(f"{stage.name:{width}}  ", style="bold" if stage.state == "running" else "")
    if stage.state == "waiting":
        return line
    line.append(f"{spell(stage.elapsed(now)):>12}  ")
    if stage.changed:
        line.append(f"{stage.changed} changed  ", style="yellow")
    if stage.tests["passed"]:
        line.append(f"{stage.tests['passed']} passed  ", style="green")
    if stage.tests["failed"]:
        line.append(f"{stage.tests['failed']} failed  ", style="red")
    line.append(clean(stage.title), style="dim")
    return line


def _doing(stage: Stage, marks: Marks) -> Iterator[Text]:
    if not stage.doing:
        return
    line = Text("  ").append(" ".join(clean(stage.doing).split()), style="cyan")
    if stage.waits_for:
        line.append(f"  {marks.dot} waits for {name_some(stage.waits_for, 5)}", style="dim")
    yield line


def _failures(failures: list[Failure], marks: Marks, room: int) -> Iterator[Text]:
    for failure in failures[:room]:
        yield Text(f"  {marks.states['failed']} {failure_head(failure)}", style="red")
        message = [line for line in clean(failure.message).splitlines() if line.strip()]
        yield from (Text(f"      {line}") for line in message[:MESSAGE_LINES])
    if len(failures) > room:
        yield Text(f"    and {len(failures) - room} more", style="red")


def _fit(line: Text, width: int, marks: Marks) -> None:
    """Cut the line in place; the terminal must never wrap it, or the redraw would lose count."""
    line.no_wrap, line.overflow = True, "crop"
    if line.cell_len > width:
        keep = max(width - len(marks.more), 0)
        line.truncate(keep, overflow="crop")
        line.append(marks.more[:width])
