"""What was written since a position: closed binary logs, whole, in one stream."""

import json
import os
import re
import tarfile
import time

from server import DATA, RefusedError, Server

CHUNK = 1 << 20
FIRST_EVENTS = 500  # the first change all nodes share stands among them


def after(position):
    """[(name, position at its beginning), ...] from what holds the first change after a position on, oldest first.

    The last one is that in use, of which only its beginning counts. None when nothing was written since. Raises
    RefusedError with 410 where what comes next was removed here already.
    """
    with Server(60.0) as server:
        if reaches(position, shared(server.value("SELECT @@gtid_binlog_pos"), position)):
            return None
        server.rows("FLUSH LOCAL BINARY LOGS")  # closes the one in use; it is not replicated
        found = []
        for row in reversed(server.rows("SHOW BINARY LOGS")):
            begins = server.value("SELECT BINLOG_GTID_POS(%s, 4)", row[0])
            found.insert(0, (row[0], begins))
            if len(found) > 1 and follows(server, row[0], begins, position):
                return found
    raise RefusedError(f"what comes after {position} is not in the binary logs any more", 410)


def follows(server, name, begins, position):
    """Whether a log holds the first change after a position, or one before it.

    One that says to begin with nothing may be that of a node that was given a copy: its first change tells.
    """
    if shared(begins, position):
        return reaches(position, shared(begins, position))
    events = server.rows(f"SHOW BINLOG EVENTS IN '{name}' LIMIT {FIRST_EVENTS}")
    found = (re.search(r"GTID (\d+)-\d+-(\d+)", row[5]) for row in events if row[2] == "Gtid")
    known = parsed(position)
    first = next((each for each in found if each and int(each[1]) in known), None)
    return first is not None and known[int(first[1])] >= int(first[2]) - 1


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


def shared(position, asked):
    """What a position says of the domains that are asked for: what a node wrote by itself is its own matter."""
    words = (each.strip() for each in position.split(",") if each.strip())
    return ",".join(each for each in words if int(each.split("-")[0]) in parsed(asked))


def parsed(position):
    """{domain: sequence} of a GTID position."""
    rows = (word.strip().split("-") for word in position.split(",") if word.strip())
    return {int(domain): int(sequence) for domain, _, sequence in rows}


def reaches(position, goal):
    """Whether who is at `position` has everything up to `goal`."""
    here = parsed(position)
    return all(here.get(domain, 0) >= sequence for domain, sequence in parsed(goal).items())
