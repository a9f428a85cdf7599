"""A dump on its way: made and packed on its node, checked here while it is written, a file once it is whole."""

import json
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host

# What would keep the statements out of the binary log of the server that takes them, and so from its
# replicas, becomes a comment (mysqldump). The packed stream ends when all went well, and breaks off otherwise.
PROGRAM = r"""
import json, re, subprocess, sys, time, zlib
words, rate = json.loads({given!r})
squeeze, out = zlib.compressobj(3, zlib.DEFLATED, 31), sys.stdout.buffer
began, read = time.monotonic(), 0
process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
try:
    while piece := process.stdout.read(1 << 18):
        if not read:
            piece = re.sub(rb"(?m)^(SET @@SESSION\.SQL_LOG_BIN *= *0;)", rb"-- \1", piece, count=1)
        read += len(piece)
        out.write(squeeze.compress(piece))
        if rate:
            time.sleep(max(0.0, read / rate - (time.monotonic() - began)))
    if process.wait() == 0:
        out.write(squeeze.flush())
        out.flush()
finally:
    process.kill()
sys.exit(process.returncode)
"""
PIECE, HEAD, TAIL = 1 << 16, 1 << 16, 1 << 16  # bytes
TRAILER = b"-- Dump completed"
# By MariaDB's --gtid, since 10.11 at the end, and MySQL's --set-gtid-purged=COMMENTED, maybe over many lines. Rows
# have no line that begins so: ends of lines are escaped there.
POSITION = re.compile(
    rb"^(?:-- )?SET GLOBAL gtid_slave_pos *= *'([^']*)'"
    rb"|^(?:/\* )?SET @@GLOBAL\.GTID_PURGED *=(?:/\*!80000 '\+'\*/)? *'\+?([^']*)'",
    re.MULTILINE,
)
Told = Callable[[int, int], None]


@dataclass
class Seen:
    """What went by of a packed dump. size: of its SQL, in bytes; packed: as it came."""

    size: int = 0
    packed: int = 0
    head: bytes = b""
    tail: bytes = b""
    _unpack: "zlib._Decompress" = field(default_factory=lambda: zlib.decompressobj(31))

    def take(self, piece: bytes) -> None:
        """Look at the next part of it. Raises zlib.error where it is no such stream, or a damaged one."""
        text = self._unpack.decompress(piece)
        self.packed += len(piece)
        self.size += len(text)
        self.head += text[: max(0, HEAD - len(self.head))]
        self.tail = (self.tail + text)[-TAIL:]

    @property
    def whole(self) -> bool:
        """Whether the stream ended, and the dump said of itself that it is complete."""
        return self._unpack.eof and self.tail.rstrip().split(b"\n")[-1].startswith(TRAILER)

    @property
    def position(self) -> str:
        """The GTID position it was taken at; empty where it does not say."""
        found = POSITION.search(self.head) or POSITION.search(self.tail)
        return "".join((found[1] or found[2] or b"").decode().split()) if found else ""


def program(words: Sequence[str], rate: float | None) -> str:
    """What the node runs. words: the command that dumps; rate: bytes of SQL a second at most."""
    return PROGRAM.format(given=json.dumps([list(words), rate]))


def remote(host: Host) -> list[str]:
    """How it is run there: over a connection of its own, so that nothing else waits behind it."""
    sudo = "sudo -n " if host.vars["ansible_become"] else ""
    return [*ssh.argv(host, "ControlMaster=no", "ControlPath=none"), f"{sudo}nice -n 19 python3 -I -"]


def receive(argv: Sequence[str], script: str, file: IO[bytes], told: Told) -> Seen:
    """Write what a command gives for a script to a file; what went by. told: (size, packed), after each part.

    Raises ClusterError where it failed, or what came is not whole.
    """
    seen = Seen()
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words) as process,
    ):
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(script.encode())
            process.stdin.close()
            while piece := process.stdout.read(PIECE):
                file.write(piece)
                seen.take(piece)
                told(seen.size, seen.packed)
            code = process.wait()
        except BrokenPipeError:
            code = process.wait()
        except zlib.error as error:
            raise broken(str(error)) from None
        finally:
            process.kill()
        words.seek(0)
        said = words.read().decode(errors="replace").strip()
    if code:
        raise broken(said.split("\n")[-1] or f"exit code {code}", Exit.UNREACHABLE if code == 255 else Exit.FAILED)
    if not seen.whole:
        raise broken("it ended without the line by which it says that it is complete")
    return seen


def broken(why: str, code: Exit = Exit.FAILED) -> ClusterError:
    """The error for a dump that is not whole."""
    return ClusterError(
        "the dump broke off", why=why, hint="nothing of it was kept; run the same command again", code=code
    )


@contextmanager
def whole_or_nothing(target: Path) -> Iterator[IO[bytes]]:
    """A file only you may read, which has its name once the block ended well, and is gone otherwise.

    Killed in here, a file beside it stays that begins with a dot and ends in `.part`. Raises ClusterError where
    this machine has no room, or the name is taken meanwhile.
    """
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        draft = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            refuse_taken(target)
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ClusterError("the dump cannot be written", where=str(target), why=str(error)) from error


def refuse_taken(target: Path) -> None:
    """Raise ClusterError (exit 2) where there is such a file."""
    if target.exists():
        raise ClusterError(f"{target} is there already", hint="name another file, or a folder", code=Exit.USAGE)
