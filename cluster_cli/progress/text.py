"""Text that any terminal can show: no control characters, no marks its encoding lacks, no more than fits."""

import contextlib
import io
import re
from dataclasses import dataclass
from typing import TextIO

from cluster_cli.history.timing import spell
from cluster_cli.progress.board import Board, Failure, State

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Marks:
    """The marks in front of a line, what stands for text left out, and what separates facts."""

    states: dict[State, str]
    more: str
    dot: str


UNICODE = Marks({"waiting": "·", "running": "▸", "done": "✓", "failed": "✗"}, "…", "·")
ASCII = Marks({"waiting": " ", "running": ">", "done": "+", "failed": "x"}, "...", "-")


class Patient(io.TextIOBase):
    """A stream that never ends a run: what its target refuses (closed pipe, odd encoding) is dropped."""

    def __init__(self, target: TextIO) -> None:
        self._target = target

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here is enough
        """The encoding of the target."""
        return getattr(self._target, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        """Whether the target is a terminal."""
        try:
            return self._target.isatty()
        except (OSError, ValueError):
            return False

    def write(self, text: str) -> int:
        """Write what the encoding can show."""
        with contextlib.suppress(OSError, ValueError, LookupError):
            self._target.write(text.encode(self.encoding, "replace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Flush, if the target still can."""
        with contextlib.suppress(OSError, ValueError):
            self._target.flush()


def marks_for(encoding: str) -> Marks:
    """The marks that encoding can show."""
    try:
        "·▸✓✗…".encode(encoding)
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


def clean(text: str) -> str:
    """`text` without escape sequences and control characters (tabs become spaces, line ends stay)."""
    plain = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\t", "    "))
    return _CONTROLS.sub("", plain).strip()


def name_some(names: tuple[str, ...], shown: int) -> str:
    """The first names, and how many follow.

    >>> name_some(("a", "b", "c"), 2)
    'a, b and 1 more'
    """
    left_out = len(names) - shown
    return ", ".join(names) if left_out <= 0 else f"{', '.join(names[:shown])} and {left_out} more"


def failure_head(failure: Failure) -> str:
    """Where and what, in one line."""
    where = f"{failure.node}  " if failure.node else ""
    return clean(f"{where}{failure.what}") + ("  (unreachable)" if failure.status == "unreachable" else "")


def summary(board: Board, seconds: float) -> str:
    """The last line: `up of shop: done in 42.0 s, 23 changed, 48 checks passed`."""
    sums = board.totals()
    run = f"{board.started.verb} of {board.started.cluster}" if board.started else "run"
    parts = [f"{run}: {board.verdict()} {'in' if board.verdict() == 'done' else 'after'} {spell(seconds)}"]
    counts = (
        ("changed", "changed"),
        ("failed", "failed"),
        ("unreachable", "unreachable"),
        ("passed", "checks passed" if sums["passed"] > 1 else "check passed"),
        ("tests_failed", "checks failed" if sums["tests_failed"] > 1 else "check failed"),
    )
    parts += [f"{sums[key]} {word}" for key, word in counts if sums[key] or key == "changed"]
    return ", ".join(parts)
