"""Shows the logs this node has received, merged by time. One record a line:

TIME NODE SERVICE SEVERITY UID SPEAKER[PID]: MESSAGE

Times are in UTC, so that they sort as text. Exit codes: 0 shown, 2 bad usage, 3 nothing is received here now.
"""

import argparse
import gzip
import os
import select
import subprocess
import sys
import time
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

KEPT = {"logs": Path("/var/log/cluster/logs"), "security": Path("/var/log/cluster/security")}
UNIT = "cluster-log-receiver"  # and the account it runs as
FIRST = 20  # records shown before those to come, as journalctl does
EVERY = 0.5  # seconds between two looks at the files
SLACK = 60  # seconds a clock may be ahead: a file not written since is not read


def moment(text):
    """A time as journalctl takes it, in seconds since the epoch. ValueError when it is none."""
    words = ["systemd-analyze", "timestamp", "--", text]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = [line.split("@")[1] for line in done.stdout.splitlines() if "UNIX seconds: @" in line]
    if not found:
        raise ValueError(f"{text!r} is not a time, such as -1h, today or 2026-01-31 12:00")
    return float(found[0])


def written(seconds):
    """A time as it stands in a line."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="microseconds")


class Wanted:
    """What is asked for. since, until: as they stand in a line, empty for no end. nodes, services: empty: all."""

    def __init__(self, since="", until="", nodes=(), services=(), security=False):
        self.since, self.until, self.nodes, self.services = since, until, nodes, services
        self.security = security

    def files(self, kept):
        """The files that may hold such records, each stream's newest without a date at its end."""
        for node in kept["security"].glob("*.log*"):
            if self.of(node.name.split(".log")[0], self.nodes):
                yield node
        for path in () if self.security else kept["logs"].glob("*/*.log*"):
            service = path.name.split(".log")[0]
            if self.of(path.parent.name, self.nodes) and self.of(service, self.services):
                yield path

    @staticmethod
    def of(name, names):
        return not names or name in names

    def takes(self, line):
        """Whether a record is asked for."""
        words = line.split(" ", 3)
        if len(words) < 4 or (self.until and words[0] > self.until):
            return False
        return words[0] >= self.since and self.of(words[2], self.services)


def opened(path):
    """The text of a file, also of one that was compressed."""
    reader = gzip.open if path.suffix == ".gz" else open
    return reader(path, "rt", encoding="utf-8", errors="replace")


def records(wanted, kept, after=0.0):
    """All records asked for, oldest first, each once: what was sent twice is shown once. after: epoch seconds."""
    found = []
    for path in wanted.files(kept):
        try:
            if path.stat().st_mtime + SLACK >= after:
                with opened(path) as lines:
                    found += filter(wanted.takes, lines)
        except FileNotFoundError:
            continue  # it was rotated just now
    return [line for line, _ in groupby(sorted(found))]


class Follower:
    """Reads what is added to files. places: by path, the inode and how far it was read."""

    def __init__(self, wanted, kept):
        self.wanted, self.kept, self.places = wanted, kept, {}
        for path, state in self.look():
            self.places[path] = (state.st_ino, state.st_size)

    def look(self):
        """The files that are written to, with what stat(2) says of them."""
        for path in self.wanted.files(self.kept):
            if path.suffix == ".log":
                try:
                    yield path, path.stat()
                except FileNotFoundError:
                    continue

    def news(self):
        """What was added since the last time, oldest first."""
        found = []
        for path, state in self.look():
            inode, at = self.places.get(path, (state.st_ino, 0))
            if inode != state.st_ino:
                found += self.rest(path, inode, at)
                at = 0
            lines, at = self.read(path, at) if state.st_size != at else ([], at)
            self.places[path] = (state.st_ino, at)
            found += lines
        return [line for line, _ in groupby(sorted(filter(self.wanted.takes, found)))]

    def rest(self, path, inode, at):
        """What was added to a file before it was rotated."""
        for older in path.parent.glob(f"{path.name}-*"):
            if older.stat().st_ino == inode:
                return self.read(older, at)[0]
        return []

    @staticmethod
    def read(path, at):
        """The whole lines after a place, and the place after them."""
        with open(path, "rb") as file:
            file.seek(at)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        return whole.decode("utf-8", "replace").splitlines(keepends=True), at + len(whole)


def follow(wanted, kept):
    """Print what comes, until nobody listens any more."""
    follower = Follower(wanted, kept)
    listener = select.poll()
    listener.register(sys.stdout, 0)
    lines = records(wanted, kept)[-FIRST:]
    while not listener.poll(0):
        sys.stdout.writelines(lines)
        sys.stdout.flush()
        time.sleep(EVERY)
        lines = follower.news()


def bare(service):
    """A unit's name as files are named."""
    return service.removesuffix(".service").split("@")[0]


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--since", default="-10min")
    parser.add_argument("--until", default="")
    parser.add_argument("--node", action="append", default=[])
    parser.add_argument("--service", action="append", default=[])
    parser.add_argument("--security", action="store_true")
    parser.add_argument("--follow", action="store_true")
    return parser.parse_args(words)


def receives():
    """Whether logs come in here, rather than wait on the nodes."""
    words = ["pgrep", "-x", "-u", UNIT, "rsyslogd"]
    return subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 0


def main(words):
    asked = arguments(words)
    if not receives():
        print(f"{UNIT} takes no logs now", file=sys.stderr)
        return 3
    try:
        after = moment(asked.since)
        until = written(moment(asked.until)) if asked.until else ""
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    services = tuple(map(bare, asked.service))
    wanted = Wanted(written(after), until, tuple(asked.node), services, asked.security)
    if asked.follow:
        follow(wanted, KEPT)
    else:
        sys.stdout.writelines(records(wanted, KEPT, after))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
