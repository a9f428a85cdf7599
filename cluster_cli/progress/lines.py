"""Progress as plain lines, for logs and pipes: stage starts and ends, failures, a heartbeat in between."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from cluster_cli.events import Event, RunEnded, StageEnded, StageStarted, Step, TaskEnded, TestEnded
from cluster_cli.history.timing import spell
from cluster_cli.progress.board import Board, Stage
from cluster_cli.progress.text import Patient, clean, failure_head, name_some, summary

HEARTBEAT = 15.0


class Lines:
    """A listener that writes `  12.3s  stage  text` lines. A context manager: inside, it also beats."""

    def __init__(self, board: Board, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._board, self._out, self._clock = board, Patient(stream), clock
        self._zero = self._said = clock()
        self._lock = threading.RLock()
        self._over = threading.Event()

    def __call__(self, event: Event) -> None:
        """Fold the event in and say what a log's reader wants of it."""
        with self._lock:
            now = self._clock() - self._zero
            self._board.take(event, now)
            match event:
                case StageStarted():
                    self._say(event.stage, event.title)
                case Step(node="") | Step(keep=True):
                    self._say(event.stage, self._board.stage(event.stage).doing)
                case TaskEnded(status="failed" | "unreachable", ignored=False):
                    self._say_failure(self._board.stage(event.stage))
                case TestEnded(outcome="failed"):
                    self._say_failure(self._board.stage("verify"))
                case StageEnded():
                    self._say(event.stage, _ending(self._board.stage(event.stage)))
                case RunEnded():
                    self._write(f"{summary(self._board, event.seconds)}\n")

    def beat(self) -> None:
        """Say what the running stage is busy with, when nothing was said for a while."""
        with self._lock:
            stage = self._board.running
            if stage and self._board.ended is None and self._clock() - self._said >= HEARTBEAT:
                self._say(stage.name, _busy_with(stage))

    def _say_failure(self, stage: Stage) -> None:
        failure = stage.failures[-1]
        body = "".join(f"\n{'':10}    {line}" for line in clean(failure.message).splitlines())
        self._say(stage.name, f"FAILED {failure_head(failure)}", body)

    def _say(self, stage: str, text: str, body: str = "") -> None:
        self._said = self._clock()
        self._write(f"{self._said - self._zero:7.1f}s  {stage}  {clean(text).replace(chr(10), ' ')}{body}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def __enter__(self) -> "Lines":
        threading.Thread(target=self._beat_until_over, name="heartbeat", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def _beat_until_over(self) -> None:
        while not self._over.wait(1.0):
            self.beat()


def _busy_with(stage: Stage) -> str:
    done = f"{sum(stage.tests.values())} checks done" if stage.tests else stage.doing or stage.title
    waits = f", waits for {name_some(stage.waits_for, 6)}" if stage.waits_for else ""
    return f"still at: {done}{waits}"


def _ending(stage: Stage) -> str:
    words = "failed after" if stage.state == "failed" else "done in"
    counts = [f"{stage.changed} changed"] if stage.changed else []
    counts += [f"{count} {outcome}" for outcome, count in sorted(stage.tests.items())]
    return ", ".join([f"{words} {spell(stage.seconds)}", *counts])
