"""What a receiver keeps, as streams of lines that are read from a place on.

A stream is a file that is written to and those it was rotated to. A place is told by a file's first line, so that
it is found again whatever that file is called by now, and compressed or not.
"""

import gzip
import hashlib
import os
import re
import time
from dataclasses import dataclass

NAME = re.compile(r"(?P<stem>.+?)\.log(?:-(?P<rotated>\d+))?(?P<packed>\.gz)?")
WRITTEN_TO = "~"  # sorts behind all dates
LONGEST_FIRST = 65536  # bytes of a first line that count
SETTLED = 2  # seconds after which a folder's time of change tells of every change


@dataclass(frozen=True)
class Place:
    """first: digest of a file's first line, empty for none. at: bytes of its text that were read; size: it had."""

    first: str = ""
    at: int = 0
    size: int = 0

    @property
    def left(self):
        """Bytes that were there to be read."""
        return max(0, self.size - self.at)


@dataclass(frozen=True)
class Part:
    """Lines of a stream.

    before, after: the place in front of them and behind; all: whether there are no more; lost: bytes that were
    removed before they were read, as far as anybody saw them.
    """

    before: Place
    after: Place
    lines: tuple = ()
    all: bool = True
    lost: int = 0


class Kept:
    """The folders of a receiver: logs/NODE/SERVICE.log and security/NODE.log."""

    def __init__(self, logs, security):
        self.logs, self.security, self.known = logs, security, {}

    def streams(self):
        """The files of each stream, oldest first, by the stream's name."""
        found = {f"security/{stem}": files for stem, files in self.listed(self.security).items()}
        for node in sorted(os.listdir(self.logs)):
            for stem, files in self.listed(os.path.join(self.logs, node)).items():
                found[f"logs/{node}/{stem}"] = files
        return found

    def listed(self, folder):
        """The files of a folder by stem. One that did not change is not read again."""
        try:
            changed = os.stat(folder).st_mtime
            if self.known.get(folder, (0,))[0] != changed:
                found = by_stem(folder)
                settled = changed < time.time() - SETTLED
                self.known[folder] = (changed if settled else 0, found)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return self.known[folder][1]


def by_stem(folder):
    """A folder's logs by stem, oldest first. One that is being compressed is there twice, and whole once."""
    found = {}
    for name in sorted(os.listdir(folder), reverse=True):
        if match := NAME.fullmatch(name):
            rotated = match["rotated"] or WRITTEN_TO
            found.setdefault(match["stem"], {})[rotated] = os.path.join(folder, name)
    return {stem: [files[key] for key in sorted(files)] for stem, files in sorted(found.items())}


def opened(path):
    """The bytes of a file's text."""
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")


def first_of(path):
    """What a file is known by; empty when it has no whole line, or is gone."""
    try:
        with opened(path) as file:
            line = file.readline(LONGEST_FIRST)
    except (OSError, EOFError):
        return ""
    return hashlib.sha256(line).hexdigest()[:16] if line.endswith(b"\n") or len(line) == LONGEST_FIRST else ""


def whole_lines(text, most):
    """The lines that have ended. What is as long as may be read is taken as it is."""
    return text[: text.rfind(b"\n") + 1] or (text if len(text) == most else b"")


def identity(path):
    """What changes when a file is written to; None when it is gone."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return path, found.st_ino, found.st_size, found.st_mtime_ns  # a new file may have an old one's inode


def position(paths, place):
    """The number of the file a place is in; None when it is gone."""
    numbers = reversed(range(len(paths) if place.first else 0))
    return next((number for number in numbers if first_of(paths[number]) == place.first), None)


class Stream:
    """Reads one stream. It is not looked at again while its newest file stays as it was."""

    def __init__(self):
        self.quiet = self.packed = None

    def forget(self):
        """Look again, whatever was seen."""
        self.quiet = None

    def read(self, paths, place, most):
        """What follows a place: some `most` bytes of it."""
        newest = identity(paths[-1])
        if newest and newest == self.quiet:
            return Part(place, place)
        number = position(paths, place)
        lost, at = (place.left, 0) if number is None else (0, place.at)
        before, after, lines, length = Place(), Place(), [], 0
        for path in paths[number or 0 :]:
            if not (first := first_of(path)):
                continue
            size, text = self.text(path, at, most)
            # who wrote to an older file has closed it: else there were no newer one
            old = path != paths[-1] and len(text) < most
            taken = text if old else whole_lines(text, most)
            before = before if before.first else Place(first, at, size)
            after = Place(first, at + len(taken), max(size, at + len(taken)))
            lines += filter(None, taken.decode("utf-8", "replace").split("\n"))
            length, at = length + len(text), 0
            if length >= most:
                return Part(before, after, tuple(lines), False, lost)
        self.quiet = newest
        return Part(before, after, tuple(lines), True, lost)

    def text(self, path, at, most):
        """A file's size on the disk, and bytes of its text. A compressed one stays open: it has no middle."""
        try:
            size = os.stat(path).st_size
            if not path.endswith(".gz"):
                with open(path, "rb") as file:
                    file.seek(at)
                    return size, file.read(most)
            if self.packed is None or self.packed.name != path:
                self.packed = opened(path)
            self.packed.seek(at)
            return size, self.packed.read(most)
        except (FileNotFoundError, EOFError):  # it is gone, or was cut off
            return 0, b""

    def end(self, paths, most):
        """The place behind all there is, which is not read: that of the newest file that has a line."""
        for path in reversed(paths):
            part = Part(Place(), Place(), all=False)
            while not part.all:
                part = self.read([path], part.after, most)
            if part.after.first:
                return part.after
        return Place()
