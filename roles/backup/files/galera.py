"""Galera's own numbers: of transactions in binary logs, and up to where the files of a copy go, by their own word.

Every change of a group has a number, the seqno. In binary logs it is the Xid of a transaction; a statement that
changes no rows has none there. InnoDB keeps that of the last commit, and by it a node asks its group for what
comes next. What is replayed here is no change of the group's, so it is told: an XA transaction with an id as
Galera's own have them leaves its number in the files (MariaDB's sql/wsrep_xid.cc, wsrep_xid_init).
"""

import re
import struct
import subprocess
import uuid

import engine
import gtid
from settings import RefusedError

POSITION = re.compile(r"Recovered position:\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(-?\d+)")
NOBODY = uuid.UUID(int=0)
GTID, XID = re.compile(r"\sGTID (\d+-\d+-\d+)"), re.compile(r"\sXid = (\d+)\s*$")
# Nothing is loaded or contacted: the server says where its files are, and ends. What is about to be committed is
# left as it is: a server of a group that is told to roll it back ends before it says anything.
# fmt: off
RECOVER = (
    "--wsrep-on=ON", "--wsrep-recover", "--wsrep-provider=/nowhere", "--wsrep-cluster-address=gcomm://",
    "--binlog-format=ROW", "--disable-log-error", "--tc-heuristic-recover=OFF",
)
# fmt: on
NUMBERED = """CREATE OR REPLACE TABLE mysql.cluster_seat (id INT PRIMARY KEY) ENGINE=InnoDB;
XA START {0};
INSERT INTO mysql.cluster_seat VALUES (1);
XA END {0};
XA PREPARE {0};
XA COMMIT {0};
DROP TABLE mysql.cluster_seat;
"""
# The members as they last were: a server that is to be of another group would refuse itself (wsrep-lib,
# server_state::sst_received, "bogus GTID"); one that knows of none waits for the group's word.
FORGOTTEN = "DELETE FROM mysql.wsrep_cluster_members; DELETE FROM mysql.wsrep_cluster;"


def last_numbered(lines, domain):
    """(GTID, seqno) of the last transaction of a domain in what the engine's reader prints; None without one."""
    found, here = None, ""
    for line in lines:
        if named := GTID.search(line):
            here = named[1]
        elif here.startswith(f"{domain}-") and (number := XID.search(line)):
            found = here, int(number[1])
    return found


def read(paths, domain):
    """The same of binary logs."""
    process = subprocess.Popen(
        [*engine.PRINT, *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
        errors="replace",
    )  # fmt: skip
    found = last_numbered(process.stdout, domain)
    if process.wait() != 0:
        raise RefusedError(f"{', '.join(paths)} cannot be read")
    return found


def checkpoint(data):
    """(group, seqno) up to where files go. Raises RefusedError where they do not say so."""
    words = [*engine.words(data, f"{data}.sock"), *RECOVER]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    found = POSITION.search(done.stderr)
    if found is None or uuid.UUID(found[1]) == NOBODY:
        said = " / ".join(done.stderr.strip().splitlines()[-2:])[-300:]
        raise RefusedError(f"the restored files do not say which group they are of: {said}")
    return found[1], int(found[2])


def xid(group, seqno, position):
    """The id of a group's transaction, as `XA` takes it. position: its GTID."""
    domain, server, sequence = map(int, position.split("-"))
    whole = b"WSREPXif" + uuid.UUID(group).bytes + struct.pack("<q", seqno)
    return f"X'{(whole + struct.pack('=IIQ', domain, server, sequence)).hex()}','',1"


def number(server, group, seqno, position):
    """Have the files of a server go up to a transaction that was replayed, by their own word."""
    server.rows(NUMBERED.format(xid(group, seqno, position)))


def first(server, group, seqno, position):
    """Have the files of a server be of a new group, in which they are the first there is."""
    server.rows(FORGOTTEN)
    number(server, group, seqno, position)


def goal(found, start):
    """What was found where it is beyond what a copy holds; None else: then the copy's own number counts."""
    return None if found is None or gtid.reaches(start, found[0]) else found
