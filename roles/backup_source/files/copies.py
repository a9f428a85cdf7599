"""A copy of all data, or of what changed since an LSN, streamed while the server goes on."""

import os
import shutil
import sys
import threading
import time

import engine
from server import RefusedError, Server, lineage

RUN = "/run/cluster-backup-source"
CHUNK = 1 << 20
AGAIN_SECONDS = 5.0
BUSY = threading.Lock()
MADE, REMEMBERED = {}, 8  # what came of the last copies, by their runs


def made(run):
    """What came of a copy: whether it is whole, its LSNs and its position."""
    if run not in MADE:
        raise RefusedError(f"no copy was made as {run}", 404)
    return MADE[run]


def tidied():
    """Have nothing left of copies that ended; where that cannot be done now, as the server is away, soon."""
    try:
        engine.tidy(Server)
    except RefusedError as error:
        print(f"what a copy left is removed later: {error}", file=sys.stderr)
        again = threading.Timer(AGAIN_SECONDS, tidied_alone)
        again.daemon = True
        again.start()


def tidied_alone():
    """The same, unless a copy is made: that one tidies up before it begins, and at its end."""
    if BUSY.acquire(blocking=False):
        try:
            tidied()
        finally:
            BUSY.release()


class Copy:
    """One copy. since: the LSN an incremental one begins at, 0 for a full one; rate: MB a second, 0 for any."""

    def __init__(self, run, since, rate):
        self.run, self.since, self.rate, self.whole = run, since, rate, False
        self.folder = os.path.join(RUN, "copy")

    def __enter__(self):
        if not BUSY.acquire(blocking=False):
            raise RefusedError("this node is giving a copy already")
        try:
            self.log = open(os.path.join(RUN, "copy.log"), "w+", encoding="utf-8", errors="replace")
            self.begin()
        except BaseException:
            BUSY.release()
            raise
        return self

    def begin(self):
        """Start it, as the only one here."""
        while len(MADE) >= REMEMBERED:
            MADE.pop(next(iter(MADE)))
        engine.tidy(Server)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.lineage = lineage()
        self.process = engine.copying(self.folder, self.since, self.log)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        tidied()
        BUSY.release()

    def chunks(self):
        """The stream, a chunk in the place of the one before. After it `whole` says whether that was all of it."""
        count, began, place = 0, time.monotonic(), memoryview(bytearray(CHUNK))
        while came := self.process.stdout.readinto(place):
            yield place[:came]
            count += came
            ahead = count / (self.rate * 1e6) - (time.monotonic() - began) if self.rate else 0
            if ahead > 0:
                time.sleep(ahead)
        code = self.process.wait()
        self.whole = code == 0 and lineage() == self.lineage
        known = {"run": self.run, "whole": self.whole, "bytes": count, "lineage": self.lineage}
        found = engine.told(Server, self.folder) if self.whole else {"why": self.complaint(code)}
        MADE[self.run] = {**known, **found}
        shutil.rmtree(self.folder, ignore_errors=True)

    def complaint(self, code):
        """The last lines of who made it."""
        self.log.seek(0)
        lines = [line.strip() for line in self.log.readlines()[-4:]]
        return (
            f"{engine.COPIER} ended with {code}: {' / '.join(lines)}" if code else "the data files were replaced"
        )
