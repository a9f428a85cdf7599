"""One run per cluster at a time. The kernel releases a dead owner's lock; a note names the living one."""

import getpass
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cluster_cli.errors import ClusterError, Exit


@contextmanager
def held(path: Path, verb: str) -> Iterator[None]:
    """Hold the cluster's lock. Raises ClusterError (exit 75) naming the owner and the lock's age when taken.

    The lock is flock(2): it ends with the process that holds it, however that
    ends, so there is never a stale one to break.
    """
    note = path.with_suffix(".owner.json")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise taken(note) from None
    try:
        note.write_text(json.dumps(owner(verb)))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def owner(verb: str) -> dict[str, object]:
    """Who we are: for the note, and for the facts of a run."""
    return {
        "who": getpass.getuser(),
        "host": platform.node(),
        "pid": os.getpid(),
        "verb": verb,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def taken(note: Path) -> ClusterError:
    """The error for a lock somebody holds."""
    try:
        by = json.loads(note.read_text())
        age = (datetime.now(UTC) - datetime.fromisoformat(by["since"])).total_seconds()
        where = f"{by['who']}@{by['host']}, process {by['pid']}, `cluster {by['verb']}` for {age:.0f} s"
        hint = f"wait for it, or end it with: kill -INT {by['pid']}"
    except (OSError, ValueError, KeyError):
        where, hint = "another process", "try again in a moment"
    return ClusterError(
        "another run is working on this cluster",
        where=where,
        why="two runs would undo each other's work",
        hint=hint,
        code=Exit.LOCKED,
    )
