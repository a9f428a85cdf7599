"""The proof client of a replicated database: writes rows with ids of its own, and keeps account of every answer.

What was acknowledged is on this machine's disk before the next row is sent, so the account outlives the database.
`python -m tests.e2e.ledger --help` says how to run it by hand.
"""

import itertools
import os
import random
import string
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pymysql

from .database import Outcome, attempt, connect, named, prepare, read_rows, told, trusting
from .verdict import OK, REFUSED, SPAN, Record, Row, Verdict, table, verdict

__all__ = [
    "Ledger",
    "Record",
    "Row",
    "Verdict",
    "accounts",
    "connect",
    "prepare",
    "read_rows",
    "table",
    "trusting",
    "verdict",
]

BACK_OFF = 0.05  # seconds between a failure and the next attempt
JOIN_SECONDS = 20.0  # a writer that is cut off at every step of a login, and then some


def keep(file: BinaryIO, kind: str, number: int, moment: float, reason: str) -> None:
    """Append one line to a writer's account; unless the row was refused, it is on disk when this returns.

    moment: monotonic seconds. Raises OSError.
    """
    line = f"{kind} {number} {moment:.6f} {reason}".rstrip().encode() + b"\n"
    if file.write(line) != len(line):
        raise OSError(f"the account took only a part of: {line!r}")
    if kind != REFUSED:
        os.fsync(file.fileno())


def parsed(text: str) -> list[Record]:
    """The records of one writer's account. A last line that was cut off does not count."""
    words = (line.split(maxsplit=3) for line in text.splitlines(keepends=True) if line.endswith("\n"))
    return [Record(kind, int(number), float(moment)) for kind, number, moment, *_ in words]


def accounts(folder: Path) -> list[Record]:
    """The records of all accounts in a folder, writer after writer."""
    return [each for path in sorted(folder.glob("writer-*")) for each in parsed(path.read_text(encoding="utf-8"))]


@dataclass
class Ledger:
    """Writers in a closed loop through one address, each keeping its own account in `folder`.

    ca: the authority of the server's certificate, None for no TLS; seed: of the payloads; pause: seconds between
    a writer's rows; ended: the monotonic second at which the last writer ended. An id is used for one attempt.
    """

    address: str
    port: int
    user: str
    password: str = field(repr=False)
    schema: str
    ca: Path | None
    folder: Path
    writers: int = 16
    seed: int = 0
    table: str = "ledger"
    pause: float = 0.0
    ended: float | None = None
    _count: int = 0
    _last: str = "nothing failed"
    _broken: list[Exception] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Ledger":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the writers. Raises FileExistsError where the folder has an account, OSError without the CA."""
        self._trust = trusting(self.ca)
        self._insert = f"INSERT INTO {named(self.table)} (id, writer, sequence, payload) VALUES (%s, %s, %s, %s)"
        self.folder.mkdir(parents=True, exist_ok=True)
        for writer in range(self.writers):
            self._account(writer).touch(exist_ok=False)
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(self.writers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the writers, each after the answer it waits for; again does nothing.

        Raises RuntimeError when a writer does not end in time or failed by itself: its account is not whole.
        """
        self._over.set()
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError(f"a writer did not end within {JOIN_SECONDS:g} s; last: {self._last}")
        self.ended = self.ended or time.monotonic()
        if self._broken:
            raise RuntimeError("a writer could not keep its account") from self._broken[0]

    @property
    def acknowledged(self) -> int:
        """How many rows were acknowledged so far."""
        with self._changed:
            return self._count

    def wait_for(self, more: int, seconds: float) -> float:
        """Wait until so many more rows are acknowledged; returns the seconds it took.

        Raises TimeoutError when the time is over, with what failed last.
        """
        began = time.monotonic()
        with self._changed:
            goal = self._count + more
            if not self._changed.wait_for(lambda: self._count >= goal, seconds):
                came = more - goal + self._count
                raise TimeoutError(f"{came} of {more} rows came within {seconds:g} s; last: {self._last}")
        return time.monotonic() - began

    def run(self, seconds: float) -> None:
        """Let it write for some seconds."""
        self._over.wait(seconds)

    def records(self) -> list[Record]:
        """What the accounts on disk say, writer after writer."""
        return accounts(self.folder)

    def _account(self, writer: int) -> Path:
        return self.folder / f"writer-{writer:03d}"

    def _run(self, writer: int) -> None:
        try:
            with self._account(writer).open("ab", buffering=0) as file:
                self._write(writer, file)
        except Exception as error:  # told by stop(): a thread has nobody to raise to
            self._last = told(error)
            self._broken.append(error)

    def _write(self, writer: int, file: BinaryIO) -> None:
        chance, outcome = random.Random(f"{self.seed}-{writer}"), Outcome(OK)
        for sequence in itertools.count(1):
            if self._over.is_set():
                break
            number = (writer + 1) * SPAN + sequence
            payload = "".join(chance.choices(string.ascii_letters, k=chance.randint(1, 200)))
            values = (number, writer, sequence, payload)
            outcome = attempt(outcome.connection, self._open, self._insert, values)
            keep(file, outcome.kind, number, time.monotonic(), outcome.reason)
            self._tell(outcome)
            self._over.wait(self.pause if outcome.kind == OK else BACK_OFF)
        if outcome.connection:
            with suppress(Exception):
                outcome.connection.close()

    def _open(self) -> pymysql.Connection:
        return connect(self.address, self.port, self.user, self.password, self.schema, self._trust)

    def _tell(self, outcome: Outcome) -> None:
        with self._changed:
            self._count += outcome.kind == OK
            self._last = outcome.reason or self._last
            self._changed.notify_all()


if __name__ == "__main__":
    from .drill import main

    sys.exit(main())
