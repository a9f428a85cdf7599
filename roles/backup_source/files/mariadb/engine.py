"""MariaDB's own words and ways. The one of MySQL has the same names.

A position is one GTID a replication domain; those of domains that are not asked for are a node's own matter.
"""

import os
import re
import subprocess

SOCKET = "/run/mysqld/mysqld.sock"
BACKUP = ["mariabackup", "--backup", "--user=mysql", f"--socket={SOCKET}", "--stream=xbstream", "--parallel=1"]
COPIER = "mariabackup"
PIPE = 1 << 20  # bytes that wait to be sent while the next ones are read
PRIMARY = "SELECT @@rpl_semi_sync_master_enabled"
SEMI_SYNC = "rpl_semi_sync_master"
POSITION, HISTORY = "SELECT @@gtid_binlog_pos", "SELECT @@gtid_binlog_state"
FIRST_EVENTS = 500  # the first change all nodes share stands among them

SESSION = "SET SESSION time_zone = '+00:00', group_concat_max_len = 1048576, max_statement_time = 0"
HASH = "MD5({})"
COLUMNS = """SELECT column_name FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s
    AND COALESCE(is_generated, '') <> 'ALWAYS' ORDER BY ordinal_position"""


def view(server):
    """Begin to see all rows as they are at one position; returns it."""
    server.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    place = {str(name).lower(): value for name, value in server.rows("SHOW STATUS LIKE 'binlog_snapshot_%'")}
    file, offset = place["binlog_snapshot_file"], place["binlog_snapshot_position"]
    return server.value("SELECT BINLOG_GTID_POS(%s, %s)", file, int(offset))


def copying(folder, since, log):
    """A copy of all, or of what changed since an LSN, as a process that writes it to its stdout."""
    words = [*BACKUP, f"--target-dir={folder}", f"--tmpdir={folder}", f"--extra-lsndir={folder}"]
    words += [f"--incremental-lsn={since}"] if since else []
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, pipesize=PIPE)


def tidy(_server):
    """What a copy that was killed left in other places than its folder: nothing."""


def told(server, folder):
    """What mariabackup wrote beside the copy: LSNs, a place in the binary log (its manual, "Files Created").

    The GTIDs it writes are those of @@gtid_current_pos, which on a Galera node or a former primary leaves out what
    came by another server: the server is asked for those of the place.
    """
    with open(os.path.join(folder, "xtrabackup_checkpoints"), encoding="utf-8") as handle:
        points = dict(re.findall(r"^(\w+) = (\S+)$", handle.read(), re.MULTILINE))
    with open(os.path.join(folder, "xtrabackup_info"), encoding="utf-8") as handle:
        info = handle.read()
    place = re.search(r"^binlog_pos = filename '([^']+)', position '(\d+)'", info, re.MULTILINE)
    with server(60.0) as here:
        version = here.value("SELECT VERSION()")
        position = here.value("SELECT BINLOG_GTID_POS(%s, %s)", place[1], int(place[2])) if place else ""
    return {
        "from_lsn": int(points["from_lsn"]),
        "to_lsn": int(points["to_lsn"]),
        "position": position,
        "version": version,
    }


def nothing_since(server, position):
    """Whether nothing was written since a position."""
    return reaches(position, shared(server.value(POSITION), position))


def begins(server, name):
    """The position at which a binary log begins."""
    return server.value("SELECT BINLOG_GTID_POS(%s, 4)", name)


def follows(server, name, start, position):
    """Whether a log that begins so holds the first change after a position, or one before it.

    One that says to begin with nothing may be that of a node that was given a copy: its first change tells.
    """
    if shared(start, position):
        return reaches(position, shared(start, position))
    events = server.rows(f"SHOW BINLOG EVENTS IN '{name}' LIMIT {FIRST_EVENTS}")
    found = (re.search(r"GTID (\d+)-\d+-(\d+)", row[5]) for row in events if row[2] == "Gtid")
    known = parsed(position)
    first = next((each for each in found if each and int(each[1]) in known), None)
    return first is not None and known[int(first[1])] >= int(first[2]) - 1


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
