"""The database server of this node, as root over its socket, and what it shows."""

import json
import os
import subprocess

import engine
import pymysql
import pymysql.cursors
from engine import DATA, FENCE, OWN_SCHEMAS, UNIT

SETTINGS = "/etc/cluster/replication.json"
SOCKET = "/run/mysqld/mysqld.sock"
HELD = "/var/lib/cluster/replication-held"  # nothing is applied here, until an operator says so
STAY = "/run/cluster-follows-nobody"  # it is on its way to lead: not to follow again when it starts
UNFINISHED = os.path.join(DATA, "cluster-copy.json")  # a copy that came here, and does not follow anybody yet
LAST_WORDS = ["journalctl", "-u", UNIT, "-n", "8", "--no-pager", "-o", "cat"]


class RefusedError(Exception):
    """What cannot be done, in a sentence."""


def settings():
    """What the role wrote for this node."""
    with open(SETTINGS, encoding="utf-8") as handle:
        return json.load(handle)


def systemctl(*words):
    """Run it; returns (exit code, output)."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def last_words():
    """The server's last lines in the journal."""
    return subprocess.run(LAST_WORDS, capture_output=True, text=True, check=False).stdout.strip()


def refuse_held():
    """Refuse to have anything applied where an operator holds it."""
    if os.path.exists(HELD):
        raise RefusedError(f"it is held. Next: cluster db release {settings()['node']}")


class Server:
    """One connection as root."""

    def __init__(self, patience=60):
        self.connection = pymysql.connect(
            unix_socket=SOCKET, user="root", autocommit=True, connect_timeout=3, read_timeout=patience,
            cursorclass=pymysql.cursors.DictCursor,
        )  # fmt: skip

    def rows(self, sql, *values):
        """The rows of one statement as dicts."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall()

    def say(self, *statements):
        """One statement after the other."""
        for sql in statements:
            self.rows(sql)

    def value(self, sql, *values):
        """The one value of the one row."""
        return next(iter(self.rows(sql, *values)[0].values()))

    def source(self):
        """Whom it follows, and how (engine.source); None for a server that follows nobody."""
        return engine.source(self)

    def status(self):
        """What it says of semi-synchronous replication, by lower-case names."""
        found = self.rows("SHOW GLOBAL STATUS LIKE 'rpl\\_semi%'")
        return {row["Variable_name"].lower(): row["Value"] for row in found}


def empty():
    """Whether there is no data directory a server could start from."""
    return not os.path.isdir(os.path.join(DATA, "mysql"))


def look():
    """What this node shows (cluster_cli/databases/replication/look.py)."""
    plain = {"running": False, "fenced": os.path.exists(FENCE), "blank": empty() or os.path.exists(UNFINISHED)}
    plain["held"] = os.path.exists(HELD)
    try:
        server = Server(patience=5)
        return {**plain, **of(server), "running": True}
    except pymysql.MySQLError as error:
        return {**plain, "why": str(error.args[-1])}


def of(server):
    """What a server that answers shows."""
    found, source = engine.shown(server), server.source()
    found["strangers"] = sorted({address for _, address in strangers(server, settings())})
    if source:
        return {**found, **of_replica(server, source)}
    if os.path.exists(UNFINISHED):
        return found
    return {**found, "blank": not schemas(server) and engine.never_used(server, settings())}


def of_replica(server, source):
    """How it follows, in our words."""
    known = settings()
    names = {address: name for name, address in known["addresses"].items()}
    return {
        "follows": names.get(source["host"], source["host"]),
        "io": source["io"],
        "sql": source["sql"],
        "errno": source["errno"],
        "error": (source["io_error"] or source["sql_error"] or "")[:300],
        "lag": None if source["lag"] is None else float(source["lag"]),
        "received": source["received"],
        "delay": source["delay"],
        "stale_delay": source["delay"] != known.get("delay", 0) and not os.path.exists(HELD),
        "stale_password": engine.stored_password(server) not in (None, known["passwords"][0]),
    }


def strangers(server, known):
    """(connection, address) of all that follow this server as its nodes do, and are none of them."""
    ours = {*known["addresses"].values(), *known.get("followers", ())}
    for row in server.rows("SHOW PROCESSLIST"):
        address = (row["Host"] or "").rsplit(":", 1)[0]
        if row["User"] == known["user"] and row["Command"].startswith("Binlog Dump") and address not in ours:
            yield row["Id"], address


def schemas(server):
    """The schemas somebody made."""
    return {row["Database"] for row in server.rows("SHOW DATABASES")} - OWN_SCHEMAS
