"""MySQL's own words and ways. The one of MariaDB has the same names.

A position is the set of all GTIDs a server has, and that is its past, too.
"""

import json
import os
import shutil
import subprocess
import sys
import time

COPIER = "the copy"
PIPE = 1 << 20  # bytes that wait to be sent while the next ones are read
# Who follows takes no writes; on a primary that is fenced nothing is lost by giving a copy.
PRIMARY = "SELECT @@GLOBAL.super_read_only = 0"
SEMI_SYNC = "rpl_semi_sync_source"
POSITION = HISTORY = "SELECT @@GLOBAL.gtid_executed"
PURGED = "SELECT @@GLOBAL.gtid_purged"

# Where the server may write besides its data directory, also by its AppArmor profile.
PLACE = "/var/lib/mysql-files/cluster-backup"
COPIES = "SELECT id FROM information_schema.processlist WHERE user = 'mysql' AND info LIKE 'CLONE LOCAL%'"
PATIENCE = 30  # seconds until the server let go of a copy
TOLD = "told.json"
RUN = "import sys; sys.path.insert(0, sys.argv[1]); import clone; clone.main(*sys.argv[2:])"

SESSION = "SET SESSION time_zone = '+00:00', max_execution_time = 0, lock_wait_timeout = 20"
HASH = "SHA2({}, 256)"  # MD5 is a component that need not be there (MySQL 9.6)
COLUMNS = """SELECT column_name FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s
    AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position"""


def view(server):
    """Begin to see all rows as they are at one position; returns it. Nothing commits for that moment."""
    server.rows("FLUSH TABLES WITH READ LOCK")
    try:
        server.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return plain(server.value(POSITION))
    finally:
        server.rows("UNLOCK TABLES")


def copying(folder, _since, log):
    """A copy of all as a process that writes it to its stdout, a tar; there is none of what changed."""
    words = [sys.executable, "-I", "-c", RUN, os.path.dirname(__file__), folder]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, pipesize=PIPE)


def tidy(server):
    """End copies that the server goes on making for one of us who was killed, and remove what they left."""
    if not os.path.exists(PLACE):
        return
    with server(PATIENCE) as here:
        deadline = time.monotonic() + PATIENCE
        while (found := here.rows(COPIES)) and time.monotonic() < deadline:
            for (number,) in found:
                here.tried(f"KILL {number}")
            time.sleep(0.2)
    shutil.rmtree(PLACE, ignore_errors=True)


def told(_server, folder):
    """What clone.py wrote beside the copy: what it holds at least and at most, and the version."""
    with open(os.path.join(folder, TOLD), encoding="utf-8") as handle:
        return {"from_lsn": 0, "to_lsn": 0, **json.load(handle)}


def nothing_since(server, position):
    """Whether nothing was written since a position."""
    return contains(server, position, server.value(POSITION))


def begins(server, name):
    """What the server had when a binary log began.

    Each log begins with what those before it hold, be they removed. What never was in one of them, as a node that
    was given a copy has it, is among what counts as removed (MySQL's manual, "gtid_purged").
    """
    rows = server.rows(f"SHOW BINLOG EVENTS IN '{name}' LIMIT 5")
    before = next((row[5] for row in rows if row[2] == "Previous_gtids"), "")
    return plain(",".join(filter(None, (before, server.value(PURGED)))))


def follows(server, _name, start, position):
    """Whether a log that begins so holds the first change after a position, or one before it."""
    return contains(server, position, start)


def contains(server, position, other):
    """Whether a set has all of another one."""
    return server.value("SELECT GTID_SUBSET(%s, %s)", plain(other), plain(position)) == "1"


def plain(text):
    """A set without the line breaks and spaces the server puts in."""
    return "".join(text.split())
