"""Runs rsyslog as a receiver of logs as long as there is room to keep them, and keeps no more than it may.

rsyslog forgets what it cannot write (measured: "message lost" for each record once a disk was full). So it is
ended before the disk is full: the senders keep on their own disks what nobody acknowledges, and it comes later.

Usage: log-receiver CONFIG RESERVE_MEGABYTES MOST_MEGABYTES METRICS FOLDER=DAYS...

MOST_MEGABYTES: of all that is kept, 0 for no bound; the oldest goes first, that of the last FOLDER only when there
is nothing else. METRICS: a file that tells Prometheus. DAYS: for which what is in the folder is kept.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

EVERY = 2.0  # seconds between two looks
WEIGHED_EVERY = 7  # looks from one time that all files are weighed to the next
DAY = 86400
ROTATED = "%Y%m%d%H%M%S"  # as logrotate's dateformat has it
PARTS = 20  # a file that is written to is rotated before its time when it is this part of what may be kept
METRICS = (  # name, type, help
    ("taken", "gauge", "Whether logs are taken: not while there is no room for them."),
    ("kept_bytes", "gauge", "What is kept."),
    ("removed_bytes_total", "counter", "What was removed to make room, since the receiver began."),
)
RSYSLOG = ("/usr/sbin/rsyslogd", "-n", "-iNONE", "-f")
PATIENCE = 10  # seconds rsyslog may take to end
SMALL = 10  # of a small disk this part is the reserve
FILES = 64  # inodes that have to be free


def short(folder, reserve):
    """What is missing to keep more in a folder; empty when nothing is. reserve: bytes."""
    found = os.statvfs(folder)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    needed = min(reserve, size // SMALL)
    if free < needed:
        return f"{folder} has {free >> 20} MiB left, and {needed >> 20} are kept free"
    if found.f_files and found.f_favail < FILES:
        return f"{folder} has {found.f_favail} inodes left"
    return ""


def shortage(folders, reserve):
    """The first shortage of several folders; empty when there is none."""
    return next(filter(None, (short(folder, reserve) for folder in folders)), "")


def say(text):
    """A line for the journal."""
    print(text, flush=True)


class Kept:
    """All files of some folders, bounded. folders: with days; most: bytes, 0 for no bound."""

    def __init__(self, folders, most):
        self.folders, self.most, self.bytes, self.removed = folders, most, 0, 0

    def files(self):
        """Each as (number of its folder, when it was written to, whether it was rotated, bytes, path)."""
        for number, top in enumerate(self.folders):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    with suppress(FileNotFoundError):  # it was rotated or compressed just now
                        found = os.stat(path)
                        yield number, found.st_mtime, not name.endswith(".log"), found.st_size, path

    def bound(self):
        """Weigh all, and remove of what was rotated the old and, from the oldest on, what is too much.

        Says whether more was rotated: what was is rsyslog's yet, until it is told.
        """
        rows = sorted(self.files())
        self.bytes = sum(row[3] for row in rows)
        oldest = [time.time() - days * DAY for days in self.folders.values()]
        rotated = [row for row in rows if row[2]]
        self.remove(row for row in rotated if row[1] < oldest[row[0]])
        if not self.most:
            return False
        began = self.bytes
        self.remove(row for row in rotated if row[1] >= oldest[row[0]] and self.bytes > self.most)
        if gone := began - self.bytes:
            self.removed += gone
            say(f"more than {self.most >> 20} MiB were kept: the oldest {gone >> 10} KiB are removed")
        return self.cut([(size, path) for _, _, was, size, path in rows if not was])

    def remove(self, rows):
        """Remove files."""
        for *_, size, path in rows:
            with suppress(FileNotFoundError):
                os.unlink(path)
            self.bytes -= size

    def cut(self, written):
        """Rotate what is large among the files that are written to, so that it can be removed in parts."""
        large = [path for size, path in written if size > self.most / PARTS]
        if self.bytes > self.most and not large:
            large = [max(written)[1]]
        for path in large:
            os.rename(path, f"{path}-{time.strftime(ROTATED)}")
        return bool(large)


class Receiver:
    """rsyslog, running or not."""

    def __init__(self, config):
        self.config, self.child, self.over = config, None, threading.Event()

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def start(self):
        self.child = subprocess.Popen(
            [*RSYSLOG, self.config], stderr=subprocess.DEVNULL
        )  # it tells the journal too

    def end(self):
        if self.running:
            self.child.terminate()
            try:
                self.child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child = None

    def rotated(self, *_):
        """Files were renamed."""
        if self.running:
            self.child.send_signal(signal.SIGHUP)

    def leave(self, *_):
        self.over.set()

    def run(self, kept, reserve, tell):
        """Run it whenever there is room, until we are told to leave; 1 when it ended by itself.

        tell: is called with whether logs are taken.
        """
        told, looks = "", 0
        while not self.over.is_set():
            if looks % WEIGHED_EVERY == 0 and kept.bound():
                self.rotated()
            looks += 1
            why = shortage(kept.folders, reserve)
            if why and self.running:
                self.end()
            if why and not told:
                say(f"no more logs are taken: {why}; the nodes keep theirs")
            if not why and self.child is None:
                say("logs are taken" + (" again" if told else ""))
                self.start()
            told = why
            tell(not why)
            if self.child is not None and not self.running:
                return 1
            self.over.wait(EVERY)
        return 0


def written(path, values):
    """Write metrics, which are never seen half."""
    lines = []
    for (name, kind, what), value in zip(METRICS, values, strict=True):
        name = f"cluster_logs_{name}"
        lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}", f"{name} {value}"]
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    os.rename(f"{path}.new", path)


def main(config, reserve, most, metrics, *folders):
    days = {folder: int(days) for folder, _, days in (each.rpartition("=") for each in folders)}
    receiver, kept = Receiver(config), Kept(days, int(most) << 20)
    signal.signal(signal.SIGHUP, receiver.rotated)
    signal.signal(signal.SIGTERM, receiver.leave)
    try:
        return receiver.run(
            kept, int(reserve) << 20, lambda taken: written(metrics, (int(taken), kept.bytes, kept.removed))
        )
    finally:
        receiver.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
