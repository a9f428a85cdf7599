"""MySQL as its data is exchanged. The one of MariaDB has the same names.

A server that was restored begins apart from all others, closed, and says of every GTID that was ever given, and of
those up to a full million, that it has it. None of them is given again then, and who follows with data of before
is told that the rest is not to be had any more ("gtid_purged" in MySQL's manual).

One that goes on with others is apart until it has exactly what its data was restored to, and nothing of the server
that was copied. It has a UUID of its own: what came has no auto.cnf.
"""

import json
import os
import sys

from daemon import DATA, RefusedError, active, answers, may_start, started
from daemon import sql as said

UNIT = "mysql"
CLIENT = ["mysql", "--no-defaults", "--connect-timeout=3", "-BN", "--raw"]
SERVER = ["mysqld", "--version"]
# In a mount point: `mysqld --initialize` wants no other names in its folder than those that begin with a dot, and
# a server takes tablespaces in any folder it can read for its own (Dir_Walker in MySQL's storage/innobase).
BESIDE, BESIDE_MODE = ".cluster-aside", 0o700
OURS = {BESIDE}
MODE = 0o700  # of the data directory
JOIN = "cluster-group-join"
HELPERS = (JOIN,) if os.path.exists(f"/etc/systemd/system/{JOIN}.service") else ()
STAY = "/run/cluster-follows-nobody"  # roles/replication/files/server.py
STAYS = (STAY,)
SYSTEM = os.path.join(DATA, "mysql.ibd")  # a copy of another node brings its own
SETTLED = os.path.join(DATA, "cluster-settled.json")
ACTION = "'mysql_disable_super_read_only_if_primary', 'AFTER_PRIMARY_ELECTION'"
# What made the data on the backup node was let do anything there; here it reads (module mysql_accounts, COPIES).
READER = "'mysql'@'localhost'"
RIGHTS = f"""CREATE USER IF NOT EXISTS {READER} IDENTIFIED WITH auth_socket;
REVOKE ALL PRIVILEGES, GRANT OPTION FROM {READER};
GRANT SELECT, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT, BACKUP_ADMIN ON *.* TO {READER};"""
FOLLOWS_NOBODY = "STOP REPLICA; RESET REPLICA ALL;"  # what the copy was made of did


def seated(_known):
    """No files: the data itself says what it has (mysql.gtid_executed), which is compared when its server runs."""
    return {}


def settle():
    """Run on what came, apart from everybody, as a node's own; on stdin: {history: [the set it was restored to]}.

    Done once. Raises RefusedError unless it has exactly that set: by it others know what to give.
    """
    wanted = ",".join(json.load(sys.stdin)["history"])
    apart()
    if not os.path.exists(SETTLED):
        if not HELPERS:
            sql(FOLLOWS_NOBODY)
        exactly(wanted)
        sql(f"SET GLOBAL super_read_only = OFF; SET SESSION sql_log_bin = 0; {RIGHTS}")
        sql("SET GLOBAL super_read_only = ON")
        exactly(wanted)
        noted()
    return {"position": has()}


def exactly(wanted):
    """Raise RefusedError unless the server has this set, no more and no less."""
    both = f"GTID_SUBSET('{wanted}', @@GLOBAL.gtid_executed) AND GTID_SUBSET(@@GLOBAL.gtid_executed, '{wanted}')"
    if sql(f"SELECT {both}") != "1":
        raise RefusedError(f"its server has {has()}, and was restored to {wanted}")


def noted():
    """Keep in mind that it is settled, and on which file."""
    with open(f"{SETTLED}.new", "w", encoding="utf-8") as handle:
        json.dump({"inode": os.stat(SYSTEM).st_ino}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(f"{SETTLED}.new", SETTLED)


def as_it_came():
    """Whether no other node's copy came over what it was settled on."""
    if not os.path.exists(SETTLED):
        return True
    with open(SETTLED, encoding="utf-8") as handle:
        return json.load(handle)["inode"] == os.stat(SYSTEM).st_ino


def begin():
    """Run on what came, as the first of its database, apart from everybody; on stdin: all that counts as given."""
    spent = sys.stdin.read().strip()
    apart()
    sql(f"SET GLOBAL super_read_only = OFF; SET SESSION sql_log_bin = 0; {RIGHTS}")
    if HELPERS:
        sql(f"SELECT group_replication_disable_member_action({ACTION})")
    else:
        sql(FOLLOWS_NOBODY)
    sql("SET GLOBAL super_read_only = ON")
    marked(spent)
    return {"position": has()}


def spend():
    """Run on what is there, apart from everybody, and never give these numbers; on stdin: a set of GTIDs."""
    spent = sys.stdin.read().strip()
    apart()
    marked(spent)
    return {"position": has()}


def apart():
    """Have the server run and follow nobody: neither does a group begin by itself, nor does a replica go on."""
    if active(UNIT) != "active":
        may_start(UNIT)
        with open(STAY, "w", encoding="utf-8"):
            started(UNIT, ["systemctl", "start", UNIT])
    answers(UNIT, CLIENT)
    if os.path.exists(STAY):
        os.unlink(STAY)


def marked(spent):
    """Have the server count a set as what it has."""
    if rest := plain(sql(f"SELECT GTID_SUBTRACT('{spent}', @@GLOBAL.gtid_executed)")):
        sql(f"SET GLOBAL gtid_purged = '+{rest}'")
    if sql(f"SELECT GTID_SUBSET('{spent}', @@GLOBAL.gtid_executed)") != "1":
        raise RefusedError(f"it has {has()}, and not all of {spent}")


def has():
    """What the server has."""
    return plain(sql("SELECT @@GLOBAL.gtid_executed"))


def plain(text):
    """A set without the line breaks the server puts in."""
    return "".join(text.split())


def sql(text):
    """Statements to the server; what it says."""
    return said(CLIENT, text)
