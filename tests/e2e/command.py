"""The `cluster` command as a user runs it: another process, its exit code, what it printed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
CLUSTER = Path(sys.executable).parent / "cluster"


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """What it printed for scripts."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    def __str__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n{self.out[-4000:]}\n{self.err[-4000:]}"


def cluster(
    *words: str | Path, env: Mapping[str, str] | None = None, timeout: float = 300, program: Path = CLUSTER
) -> Done:
    """Run `cluster WORDS...` from an empty directory's point of view: nothing of the checkout is in the way."""
    began = time.monotonic()
    done = subprocess.run(
        [str(program), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        cwd="/",
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def start(*words: str | Path) -> "subprocess.Popen[str]":
    """Start `cluster WORDS...` in a process group of its own."""
    return subprocess.Popen(
        [str(CLUSTER), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        start_new_session=True,
    )


def kill_in(stage: str, words: Sequence[str | Path], after: float) -> bool:
    """Run `cluster WORDS...` and kill its process group so many seconds after a stage began; whether it still ran.

    Fails the test when it ends before that stage.
    """
    process = start(*words)
    _reached(process, stage)
    time.sleep(after)
    at_work = process.poll() is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    return at_work


def act_in(stage: str, words: Sequence[str | Path], act: Callable[[], object], timeout: float) -> Done:
    """Run `cluster WORDS...` to its end, and do something when a stage begins.

    Fails the test when it ends before that stage.
    """
    began, process = time.monotonic(), start(*words)
    said = _reached(process, stage)
    act()
    out, err = process.communicate(timeout=timeout)
    return Done(process.returncode, out, said + err, time.monotonic() - began)


def _reached(process: "subprocess.Popen[str]", stage: str) -> str:
    """Read on until a stage begins; what was said until then."""
    assert process.stderr
    said: list[str] = []
    while f"s  {stage}  " not in "".join(said[-1:]):
        line = process.stderr.readline()
        assert line, f"it ended before {stage} began: {said}"
        said.append(line)
    return "".join(said)


def wait_for(what: str, true: Callable[[], object], seconds: float, every: float = 0.1) -> float:
    """Wait until `true()` is; returns the seconds it took. Fails the test when the time is over."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"waited {seconds:g} s in vain: {what}"
        time.sleep(every)
    return time.monotonic() - began
