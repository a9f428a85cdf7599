"""The history of a cluster, so that tampering shows: JSON lines, each with the digest of the one before.

Lines are only ever added, under a lock of their own, and are on the disk before the work they announce begins.
A line has `n` (its number, from 1), `previous` (SHA-256 of the line before, empty in the first), `at` and `what`:

started  a run began: who, from where, with which arguments, on which topology
ended    it ended: its code, and the digest of its journal
reported its report was written: the report's digest
pruned   directories of old runs were removed
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Line = dict[str, Any]
FILE_NAME = "history.jsonl"


@dataclass(frozen=True)
class Head:
    """Where a chain ends: what the nodes are told, so that a chain cut short is found out.

    chain: the first characters of the first line's digest, which tell it from other chains.
    """

    chain: str
    n: int
    digest: str

    def __str__(self) -> str:
        """As it stands in the nodes' journals."""
        return f"chain={self.chain} n={self.n} sha256={self.digest}"


def of(state: Path) -> Path:
    """The chain of the cluster whose state directory this is."""
    return state / FILE_NAME


def add(path: Path, what: str, facts: Mapping[str, object]) -> Head:
    """Add a line, on the disk when this returns. Raises OSError when it cannot be written."""
    with opened(path) as file:
        lines = whole_lines(file)
        last = parsed(lines[-1]) if lines else None
        record = {
            "n": int(last["n"]) + 1 if last else len(lines) + 1,
            "previous": digest(lines[-1]) if lines else "",
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "what": what,
            **facts,
        }
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str).encode()
        os.write(file, line + b"\n")
        os.fsync(file)
        return Head(name_of([*lines, line]), int(str(record["n"])), digest(line))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The file for adding to it, by one process at a time."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def whole_lines(file: int) -> list[bytes]:
    """The file's lines; one that a kill tore is taken off, since nothing was begun on its word."""
    text = os.pread(file, os.fstat(file).st_size, 0)
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.ftruncate(file, whole)
    return text[:whole].splitlines()


def read(path: Path) -> list[bytes]:
    """The lines as they lie on the disk, a torn last one left out."""
    text = path.read_bytes() if path.is_file() else b""
    return text[: text.rfind(b"\n") + 1].splitlines()


def parsed(line: bytes) -> Line | None:
    """A line as an object; None when it is none of ours."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("n"), int) and "what" in found else None


def digest(text: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, empty when there is none."""
    return digest(path.read_bytes()) if path.is_file() else ""


def name_of(lines: list[bytes]) -> str:
    """What tells this chain from others."""
    return digest(lines[0])[:12] if lines else ""
