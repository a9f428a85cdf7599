"""Gives files of this node to backup nodes: over TLS, with certificates on both sides.

GET /files?set=NAME, a tar of the paths that the topology names so. What broke off has no end, so the other side
knows. It writes nothing and holds nothing of the repository.
"""

import os
import subprocess
import sys

import tsdb
from giving import Giver, serve

SETTINGS = "/etc/cluster/backup-files.json"
CHUNK = 1 << 20
# The same files give the same bytes; with numbers for names, which the node they come back to may not know.
TAR = [
    "tar", "--create", "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--sort=name", "--one-file-system", "--numeric-owner", "--xattrs", "--acls", "--sparse",
    "--warning=no-file-changed", "--warning=no-file-removed",
    "--warning=no-file-ignored", "--directory=/", "--file=-", "--",
]  # fmt: skip
GOOD = (0, 1)  # 1: a file was changed while it was read, which files of a running service may be


class Answer(Giver):
    """One request."""

    server_version = "backup-files"

    def give(self, path, asked):
        """Answer a backup node."""
        paths = self.known["sets"].get(asked.get("set", ""))
        if path != "/files" or paths is None:
            self.say(404, {"why": "no files are given under that name"})
        elif missing := [each for each in paths if not os.path.lexists(each)]:
            self.say(409, {"why": f"there is no {missing[0]}"})
        else:
            with Tar(paths) as tar:
                self.pour(tar.chunks(), tar.whole)


class Tar:
    """A tar of these paths while it is made; it ends with the block."""

    def __init__(self, paths):
        self.paths = paths

    def __enter__(self):
        self.marks = tsdb.marks(self.paths)
        words = [*TAR, *(path[1:] for path in self.paths)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def chunks(self):
        """Its bytes."""
        return iter(lambda: self.process.stdout.read(CHUNK), b"")

    def whole(self):
        """Whether that was all of it."""
        paths = " ".join(self.paths)
        if (code := self.process.wait()) not in GOOD:
            print(f"tar of {paths} ended with {code}", file=sys.stderr)
            return False
        if tsdb.marks(self.paths) != self.marks:
            print(f"a database of Prometheus in {paths} was compacted while it was read", file=sys.stderr)
            return False
        return True


if __name__ == "__main__":
    serve(SETTINGS, Answer)
