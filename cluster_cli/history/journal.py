"""The journal of a run: one JSON object a line, written as things happen, readable after a kill -9.

Every line has `t` (seconds since the start) and `type` (the event's class name); the first one also has
`started` (absolute, ISO 8601, UTC). Results that need no attention (ok, skipped) are not written one by
one: a `TaskSummary` line counts them when the task is over.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from cluster_cli.events import Event, RunEnded, RunStarted, StageEnded, TaskEnded, TaskStarted

Record = dict[str, Any]

DIFF_LIMIT = 4096
MESSAGE_LIMIT = 16384


@dataclass
class _OpenTask:
    """A task that runs: when it began, when its last result came, how many results of which status."""

    event: TaskStarted
    began: float
    ended: float
    counts: Counter[str] = field(default_factory=Counter)

    def summary(self) -> Record:
        seconds = round(self.ended - self.began, 3)
        return {"type": "TaskSummary", **asdict(self.event), "seconds": seconds, **self.counts}


class Journal:
    """A listener that writes every event to `path` (made with mode 0600, appended to), line by line.

    Use as a context manager. A write that fails (disk full) is raised: a run without its journal is not
    what was asked for. Safe to call from several threads.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file = _open_private(path)
        self._clock, self._now = clock, now
        self._zero = clock()
        self._tasks: dict[str, _OpenTask] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write the event, or count it when it is a result that needs no attention."""
        with self._lock:
            t = round(self._clock() - self._zero, 3)
            self._close_tasks(t, event)
            self._count(t, event)
            if not _is_quiet(event):
                self._write(t, _record(event, self._now))

    def _close_tasks(self, t: float, event: Event) -> None:
        """A stage's task is over when its next one begins or the stage ends; all are when the run ends."""
        if isinstance(event, TaskStarted | StageEnded):
            over = [event.stage] if event.stage in self._tasks else []
        else:
            over = list(self._tasks) if isinstance(event, RunEnded) else []
        for stage in over:
            self._write(t, self._tasks.pop(stage).summary())

    def _count(self, t: float, event: Event) -> None:
        if isinstance(event, TaskStarted):
            self._tasks[event.stage] = _OpenTask(event, t, t)
        elif isinstance(event, TaskEnded) and (task := self._tasks.get(event.stage)):
            task.ended = t
            task.counts[event.status] += 1

    def _write(self, t: float, record: Record) -> None:
        line = json.dumps({"t": t, **record}, ensure_ascii=False, separators=(",", ":"), default=str)
        self._file.write(line + "\n")
        self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Record]:
    """The records of a journal, oldest first. Lines torn by a kill are left out; no file means no records."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            record = _parse(line)
            if record is not None:
                yield record


def clip(text: str, limit: int) -> str:
    """`text`, cut after `limit` characters with a note of how many were left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]}\n[{left_out} more characters left out]"


def _is_quiet(event: Event) -> bool:
    return isinstance(event, TaskEnded) and event.status in ("ok", "skipped")


def _record(event: Event, now: Callable[[], datetime]) -> Record:
    """The event as a JSON-able dict; a task's result without its empty fields and with its texts cut."""
    record: Record = {"type": type(event).__name__, **asdict(event)}
    if isinstance(event, RunStarted):
        record["started"] = now().isoformat(timespec="seconds")
    if isinstance(event, TaskEnded):
        record["message"] = clip(event.message, MESSAGE_LIMIT)
        record["diff"] = clip(event.diff, DIFF_LIMIT)
        record = {key: value for key, value in record.items() if value not in ("", False)}
    return record


def _parse(line: str) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"t", "type"} <= record.keys() else None


def _open_private(path: Path) -> TextIO:
    """Open for appending with mode 0600 whatever the umask; a torn last line is closed first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
    return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
