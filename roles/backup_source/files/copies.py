"""A copy of all data, or of what changed since an LSN, streamed by mariabackup while the server goes on."""

import os
import re
import shutil
import subprocess
import threading
import time

from server import SOCKET, RefusedError, Server, lineage

RUN = "/run/cluster-backup-source"
CHUNK = 1 << 20
BACKUP = ["mariabackup", "--backup", "--user=mysql", f"--socket={SOCKET}", "--stream=xbstream", "--parallel=1"]
BUSY = threading.Lock()
MADE, REMEMBERED = {}, 8  # what came of the last copies, by their runs


def made(run):
    """What came of a copy: whether it is whole, its LSNs and its position."""
    if run not in MADE:
        raise RefusedError(f"no copy was made as {run}", 404)
    return MADE[run]


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
        """Start mariabackup, as the only one here."""
        while len(MADE) >= REMEMBERED:
            MADE.pop(next(iter(MADE)))
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        words = [
            *BACKUP,
            f"--target-dir={self.folder}",
            f"--tmpdir={self.folder}",
            f"--extra-lsndir={self.folder}",
        ]
        words += [f"--incremental-lsn={self.since}"] if self.since else []
        self.lineage = lineage()
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        BUSY.release()

    def chunks(self):
        """The stream. After the last chunk, `whole` says whether that was all of it."""
        count, began = 0, time.monotonic()
        while chunk := self.process.stdout.read(CHUNK):
            yield chunk
            count += len(chunk)
            ahead = count / (self.rate * 1e6) - (time.monotonic() - began) if self.rate else 0
            if ahead > 0:
                time.sleep(ahead)
        code = self.process.wait()
        self.whole = code == 0 and lineage() == self.lineage
        known = {"run": self.run, "whole": self.whole, "bytes": count, "lineage": self.lineage}
        MADE[self.run] = {**known, **(told(self.folder) if self.whole else {"why": self.complaint(code)})}
        shutil.rmtree(self.folder, ignore_errors=True)

    def complaint(self, code):
        """The last lines mariabackup wrote."""
        self.log.seek(0)
        lines = [line.strip() for line in self.log.readlines()[-4:]]
        return f"mariabackup ended with {code}: {' / '.join(lines)}" if code else "the data files were replaced"


def told(folder):
    """What mariabackup wrote beside the copy: LSNs, a place in the binary log (its manual, "Files Created").

    The GTIDs it writes are those of @@gtid_current_pos, which on a Galera node or a former primary leaves out what
    came by another server: the server is asked for those of the place.
    """
    with open(os.path.join(folder, "xtrabackup_checkpoints"), encoding="utf-8") as handle:
        points = dict(re.findall(r"^(\w+) = (\S+)$", handle.read(), re.MULTILINE))
    with open(os.path.join(folder, "xtrabackup_info"), encoding="utf-8") as handle:
        info = handle.read()
    place = re.search(r"^binlog_pos = filename '([^']+)', position '(\d+)'", info, re.MULTILINE)
    with Server(60.0) as server:
        version = server.value("SELECT VERSION()")
        position = server.value("SELECT BINLOG_GTID_POS(%s, %s)", place[1], int(place[2])) if place else ""
    return {
        "from_lsn": int(points["from_lsn"]),
        "to_lsn": int(points["to_lsn"]),
        "position": position,
        "version": version,
    }
