"""Looks for secrets where they must not be: on disks, in journals, in what processes show of themselves."""

import re
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from cluster_cli.secrets.redact import forms

PERIOD = 0.05  # seconds between two looks at all processes
LARGEST = 64 * 1024 * 1024
# Where anybody but the package manager writes.
WRITABLE = ("/etc", "/var", "/root", "/home", "/srv", "/opt", "/run", "/tmp", "/dev/shm", "/usr/local")


class Canaries:
    """Texts that must turn up nowhere."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.needles = sorted({form for text in secrets for form in forms(text)})
        self._any = re.compile(b"|".join(re.escape(needle.encode()) for needle in self.needles))

    def sing_in(self, content: bytes) -> bool:
        """Whether one of them is in there."""
        return self._any.search(content) is not None

    def in_files(self, *roots: Path) -> Iterator[Path]:
        """The files at or below these places that hold one."""
        for root in roots:
            for path in [root] if root.is_file() else root.rglob("*"):
                if is_plain(path) and self.sing_in(path.read_bytes()):
                    yield path

    def on_node(self, container: str) -> dict[str, str]:
        """The files of a lab's node that hold one, with mode and owner ("640 root:_chrony")."""
        asked = "\n".join(needle for needle in self.needles if "\n" not in needle)  # its lines are needles, too
        found = (
            inside(container, ["grep", "-rlaFs", "--devices=skip", "-f", "-", *WRITABLE], asked).decode().split()
        )
        return {path: inside(container, ["stat", "-c", "%a %U:%G", path]).decode().strip() for path in found}

    def in_journal_of(self, container: str) -> bool:
        """Whether the journal of a lab's node holds one."""
        return self.sing_in(inside(container, ["journalctl", "--no-pager", "-o", "export"]))


def is_plain(path: Path) -> bool:
    """Whether it is a file that can be read."""
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST
    except OSError:  # gone meanwhile
        return False


def inside(container: str, command: list[str], given: str = "") -> bytes:
    """What a command in a lab's node prints; `given` comes by its standard input."""
    words = ["podman", "exec", "-i", container, *command]
    return subprocess.run(words, input=given.encode(), capture_output=True, check=False).stdout


class Watch:
    """Looks at the arguments and environment of every process of this machine and of its containers.

    seen: everything that was ever there; looks: how often it looked.
    """

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.looks = 0
        self._over = threading.Event()

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            for path in Path("/proc").glob("[0-9]*"):
                self.seen.add(shown(path / "cmdline"))
                self.seen.add(shown(path / "environ"))
            self.looks += 1
            self._over.wait(max(0.0, PERIOD - (time.monotonic() - began)))


def shown(path: Path) -> bytes:
    """A file of a process; nothing when the process is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
