"""What was written since a position: closed binary logs, whole, in one stream."""

import json
import os
import tarfile
import time

import engine
from server import DATA, RefusedError, Server

CHUNK = 1 << 20


def after(position):
    """[(name, position at its beginning), ...] from what holds the first change after a position on, oldest first.

    The last one is that in use, of which only its beginning counts. None when nothing was written since. Raises
    RefusedError with 410 where what comes next was removed here already.
    """
    with Server(60.0) as server:
        if engine.nothing_since(server, position):
            return None
        if waits(server):
            raise RefusedError(
                "no replica acknowledges: to close a log would wait for one, and hold up the server", 503
            )
        server.rows("FLUSH LOCAL BINARY LOGS")  # closes the one in use; it is not replicated
        found = []
        for row in reversed(server.rows("SHOW BINARY LOGS")):
            begins = engine.begins(server, row[0])
            found.insert(0, (row[0], begins))
            if len(found) > 1 and engine.follows(server, row[0], begins, position):
                return found
    raise RefusedError(f"what comes after {position} is not in the binary logs any more", 410)


def reach_back(position):
    """Whether the logs hold all that was written after a position, as who follows from there needs it."""
    with Server() as server:
        if engine.nothing_since(server, position):
            return True
        first = server.rows("SHOW BINARY LOGS")[0][0]
        return engine.follows(server, first, engine.begins(server, first), position)


def waits(server):
    """Whether commits wait for a replica and none is there.

    Who closes a log then waits with the log locked, and all who only look at it (MariaDB's sql/log.cc and MySQL's
    sql/binlog.cc, rotate_and_purge).
    """
    rows = server.rows(f"SHOW GLOBAL STATUS LIKE '{engine.SEMI_SYNC}\\_%'")
    known = {str(row[0]).lower().removeprefix(engine.SEMI_SYNC): str(row[1]) for row in rows}
    return known.get("_status") == "ON" and known.get("_clients") == "0"


def packed(found):
    """A tar as chunks: about.json says from where to where, then the logs."""
    begins, ends = found[0][1], found[-1][1]
    about = json.dumps({"start": begins, "position": ends, "files": [name for name, _ in found[:-1]]}).encode()
    yield header("about.json", len(about)) + about + padding(len(about))
    for name, _ in found[:-1]:
        with open(os.path.join(DATA, name), "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            yield header(name, size)
            while chunk := handle.read(CHUNK):
                yield chunk
        if rest := padding(size):
            yield rest
    yield b"\0" * 2 * tarfile.BLOCKSIZE


def header(name, size):
    """What stands before a file in a tar."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(time.time()), 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size):
    """What stands after it, up to a whole block."""
    return b"\0" * (-size % tarfile.BLOCKSIZE)
