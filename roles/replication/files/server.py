"""The database server of this node, as root over its socket, and what it shows."""

import json
import os
import subprocess

import pymysql
import pymysql.cursors

SETTINGS = "/etc/cluster/replication.json"
SOCKET = "/run/mysqld/mysqld.sock"
DATA = "/var/lib/mysql"
FENCE = "/etc/mysql/mariadb.conf.d/99-fenced.cnf"
UNFINISHED = os.path.join(DATA, "cluster-copy.json")  # a copy that came here, and does not follow anybody yet
UNIT = "mariadb"
OWN_SCHEMAS = {"information_schema", "mysql", "performance_schema", "sys", "test"}
SEMI_SYNC = "rpl_semi_sync_master_clients", "rpl_semi_sync_master_wait_sessions", "rpl_semi_sync_slave_status"
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
        """SHOW SLAVE STATUS; None for a server that follows nobody."""
        found = self.rows("SHOW SLAVE STATUS")
        return found[0] if found else None

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
    try:
        server = Server(patience=5)
        return {**plain, **of(server), "running": True}
    except pymysql.MySQLError as error:
        return {**plain, "why": str(error.args[-1])}


def of(server):
    """What a server that answers shows."""
    own = server.rows(
        "SELECT @@read_only AS read_only, @@rpl_semi_sync_master_enabled AS master, @@gtid_binlog_pos AS position,"
        " @@gtid_binlog_state AS history, @@gtid_slave_pos AS applied, @@log_bin AS log_bin"
    )[0]
    source, status = server.source(), server.status()
    found = {
        "read_only": bool(own["read_only"]),
        "master": bool(own["master"]),
        "position": own["position"],
        "history": own["history"],
        "clients": int(status.get(SEMI_SYNC[0], 0)),
        "stalled": int(status.get(SEMI_SYNC[1], 0)),
        "acknowledges": status.get(SEMI_SYNC[2]) == "ON",
    }
    if source:
        return {**found, **of_replica(source)}
    if os.path.exists(UNFINISHED):
        return found
    return {**found, "blank": not own["history"] and not own["applied"] and not schemas(server)}


def of_replica(source):
    """What SHOW SLAVE STATUS says, in our words."""
    known = settings()
    names = {address: name for name, address in known["addresses"].items()}
    lag = source["Seconds_Behind_Master"]
    return {
        "follows": names.get(source["Master_Host"], source["Master_Host"]),
        "io": source["Slave_IO_Running"],
        "sql": source["Slave_SQL_Running"],
        "errno": int(source["Last_IO_Errno"] or source["Last_SQL_Errno"]),
        "error": (source["Last_IO_Error"] or source["Last_SQL_Error"] or "")[:300],
        "lag": None if lag is None else float(lag),
        "received": source["Gtid_IO_Pos"],
        "stale_password": stored_password() not in (None, known["passwords"][0]),
    }


def stored_password():
    """The password with which it logs in to its source; master.info has it in its sixth line."""
    try:
        with open(os.path.join(DATA, "master.info"), encoding="utf-8") as handle:
            return handle.read().split("\n")[5]
    except (OSError, IndexError):
        return None


def schemas(server):
    """The schemas somebody made."""
    return {row["Database"] for row in server.rows("SHOW DATABASES")} - OWN_SCHEMAS
