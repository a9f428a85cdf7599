"""Says over HTTP what this node's database is fit for: 200 it is, 503 it is not. Balancers ask every second.

/write: it may take writes now, by what the server itself says of its part in the database. /read: its rows are not
older than the limit. Usage: doorbell ENGINE/MODE ADDRESS PORT MAX_LAG_SECONDS
"""

import os
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

SOCKET, ACCOUNT = "/run/mysqld/mysqld.sock", "cluster-doorbell"
DATA, SPARE_BYTES = "/var/lib/mysql", 64 * 2**20
# Written by `cluster switchover` before it closes the server; forgotten where that died on its way.
LEAVING, LEAVING_SECONDS = "/run/cluster-leaving", 10
SECONDS = 0.8  # balancers wait a little longer


class Galera:
    """In the primary component, with all data, ready. Galera's documentation, "Galera status variables"."""

    QUESTION = """SELECT variable_name, variable_value FROM information_schema.global_status WHERE variable_name IN
        ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_local_recv_queue', 'wsrep_local_state',
        'wsrep_ready')
        UNION SELECT 'read_only', @@read_only"""
    READY = {"wsrep_cluster_status": "Primary", "wsrep_ready": "ON"}
    DONOR, SYNCED = "2", "4"  # wsrep_local_state; who gives a copy goes on taking writes, as mariabackup lets it
    BEHIND = 100  # write sets that wait to be applied; it is by them that Galera slows its writers

    @classmethod
    def ask(cls, cursor):
        cursor.execute(cls.QUESTION)
        return {str(name).lower(): str(value) for name, value in cursor.fetchall()}

    @classmethod
    def writes(cls, state, _max_lag):
        ready = cls.READY.items() <= state.items() and state["wsrep_local_state"] in (cls.SYNCED, cls.DONOR)
        return ready and state["read_only"] == "0"

    @classmethod
    def reads(cls, state, _max_lag):
        ready = cls.READY.items() <= state.items() and state["wsrep_local_state"] == cls.SYNCED
        return ready and int(state["wsrep_local_recv_queue"]) <= cls.BEHIND


class Replication:
    """The one that follows nobody and waits for replicas, or a replica that keeps up."""

    ALONE = 10.0  # seconds; without a replica nothing is acknowledged, so it is a primary the others have left
    FENCE = "/etc/mysql/mariadb.conf.d/99-fenced.cnf"
    QUESTION = """SELECT variable_name, variable_value FROM information_schema.global_status
        WHERE variable_name = 'rpl_semi_sync_master_clients'
        UNION SELECT 'read_only', @@read_only UNION SELECT 'waits', @@rpl_semi_sync_master_enabled
        UNION SELECT 'waits_alone', @@rpl_semi_sync_master_wait_no_slave"""
    CLIENTS = "rpl_semi_sync_master_clients"
    FETCHED = {"io": "Slave_IO_Running", "sql": "Slave_SQL_Running", "lag": "Seconds_Behind_Master"}
    seen = 0.0  # when a replica was last seen to acknowledge

    @classmethod
    def ask(cls, cursor):
        cursor.execute(cls.QUESTION)
        state = {str(name).lower(): str(value) for name, value in cursor.fetchall()} | cls.source(cursor)
        return {**state, "fenced": str(int(os.path.exists(cls.FENCE))), "alone_seconds": f"{cls.alone(state):.0f}"}

    @classmethod
    def source(cls, cursor):
        """How it follows: io and sql, empty where it does not, and lag in seconds."""
        cursor.execute("SHOW SLAVE STATUS")
        row, names = cursor.fetchone(), [each[0] for each in cursor.description]
        source = dict(zip(names, row, strict=True)) if row else {}
        return {name: str(source.get(column, "")) for name, column in cls.FETCHED.items()}

    @classmethod
    def alone(cls, state):
        """For how many seconds no replica has acknowledged."""
        now = time.monotonic()
        if state.get(cls.CLIENTS, "0") != "0" or state["read_only"] != "0" or not cls.seen:
            cls.seen = now
        return now - cls.seen

    @classmethod
    def leads(cls, state):
        return not state["io"] and state["waits"] == state["waits_alone"] == "1"

    @classmethod
    def writes(cls, state, _max_lag):
        takes = cls.leads(state) and state["read_only"] == state["fenced"] == "0"
        return takes and float(state["alone_seconds"]) < cls.ALONE

    @classmethod
    def reads(cls, state, max_lag):
        fetches = state["io"] == state["sql"] == "Yes" and state["lag"].isdigit()
        return cls.leads(state) or (fetches and int(state["lag"]) <= max_lag)


class GroupReplication:
    """Online in a group of which a majority is in reach; for writes, its primary.

    MySQL's manual, "The replication_group_members Table". A member that lost sight of the majority calls itself
    ONLINE for a while, and the others UNREACHABLE.
    """

    MEMBERS = """SELECT member_id = @@server_uuid, member_state, member_role
        FROM performance_schema.replication_group_members"""
    # How old the oldest write is that is being applied now, by the clock of who acknowledged it.
    SELF = """SELECT @@super_read_only, @@offline_mode, (SELECT COALESCE(MAX(GREATEST(0, TIMESTAMPDIFF(MICROSECOND,
        applying_transaction_original_commit_timestamp, NOW(6)))), 0) / 1000000
        FROM performance_schema.replication_applier_status_by_worker
        WHERE channel_name = 'group_replication_applier' AND applying_transaction <> '')"""

    @classmethod
    def ask(cls, cursor):
        cursor.execute(cls.MEMBERS)
        members = cursor.fetchall()
        cursor.execute(cls.SELF)
        read_only, offline, lag = cursor.fetchone()
        mine = next(((state, role) for own, state, role in members if own), ("OFFLINE", ""))
        return {
            "member_state": mine[0],
            "member_role": mine[1],
            "members": str(len(members)),
            "unreachable": str(sum(state == "UNREACHABLE" for _, state, _ in members)),
            "super_read_only": str(read_only),
            "offline_mode": str(offline),
            "lag_seconds": str(lag),
        }

    @classmethod
    def takes_part(cls, state):
        majority = 2 * int(state["unreachable"]) < int(state["members"])
        return state["member_state"] == "ONLINE" and majority and state["offline_mode"] == "0"

    @classmethod
    def writes(cls, state, _max_lag):
        return cls.takes_part(state) and state["member_role"] == "PRIMARY" and state["super_read_only"] == "0"

    @classmethod
    def reads(cls, state, max_lag):
        # A primary's appliers may still show what they applied last before it was elected.
        behind = 0.0 if state["member_role"] == "PRIMARY" else float(state["lag_seconds"])
        return cls.takes_part(state) and behind <= max_lag


class MySQLReplication(Replication):
    """The same of MySQL. MySQL's manual, "Performance Schema Replication Tables"."""

    FENCE = "/etc/mysql/conf.d/99-fenced.cnf"
    CLIENTS = "rpl_semi_sync_source_clients"
    QUESTION = """SELECT variable_name, variable_value FROM performance_schema.global_status
        WHERE variable_name IN ('rpl_semi_sync_source_clients', 'rpl_semi_sync_source_status')
        UNION SELECT 'read_only', @@read_only UNION SELECT 'waits', @@rpl_semi_sync_source_enabled
        UNION SELECT 'waits_alone', @@rpl_semi_sync_source_wait_no_replica"""
    SOURCE = """SELECT fetched.service_state, applied.service_state, (SELECT FLOOR(COALESCE(MAX(GREATEST(0,
        TIMESTAMPDIFF(MICROSECOND, applying_transaction_original_commit_timestamp, NOW(6)))), 0) / 1000000)
        FROM performance_schema.replication_applier_status_by_worker WHERE applying_transaction <> '')
        FROM performance_schema.replication_connection_status fetched
        JOIN performance_schema.replication_applier_status applied USING (channel_name)"""
    WORDS = {"ON": "Yes", "OFF": "No", "CONNECTING": "Connecting"}  # noqa: RUF012

    @classmethod
    def source(cls, cursor):
        cursor.execute(cls.SOURCE)
        row = cursor.fetchone()
        if row is None:
            return {"io": "", "sql": "", "lag": ""}
        return {"io": cls.WORDS.get(row[0], row[0]), "sql": cls.WORDS.get(row[1], row[1]), "lag": str(row[2])}

    @classmethod
    def leads(cls, state):
        return super().leads(state) and state.get("rpl_semi_sync_source_status") == "ON"


MODES = {
    "mariadb/galera": Galera,
    "mysql/group_replication": GroupReplication,
    "mariadb/replication": Replication,
    "mysql/replication": MySQLReplication,
}


def fit(mode, path, state, max_lag):
    """Whether a node in this state may be used so; nothing is known of one that does not answer."""
    judge = {"/write": MODES[mode].writes, "/read": MODES[mode].reads}.get(path)
    if path == "/write" and state and int(state["free_bytes"]) < SPARE_BYTES:
        return False  # while there is room to stop in good order, and another node may have more
    if path == "/write" and state.get("leaving") == "1":
        return False  # so that balancers hold new connections back until another node takes them
    return bool(state and judge and judge(state, max_lag))


def free_bytes():
    """The room left where the data is."""
    found = os.statvfs(DATA)
    return found.f_bavail * found.f_frsize


def leaving():
    """Whether another node is about to take the writes."""
    try:
        return 0 <= time.time() - os.stat(LEAVING).st_mtime < LEAVING_SECONDS
    except OSError:
        return False


class Server:
    """The database server over one connection, made anew when it breaks."""

    def __init__(self, mode):
        self.mode, self.lock, self.connection = mode, threading.Lock(), None

    def state(self):
        """What it says of itself by name; empty when it does not answer."""
        with self.lock:
            try:
                self.connection = self.connection or self.connect()
                with self.connection.cursor() as cursor:
                    state = self.mode.ask(cursor)
                return state | {"free_bytes": str(free_bytes()), "leaving": str(int(leaving()))}
            except (pymysql.MySQLError, OSError):
                self.connection = None
                return {}

    def connect(self):
        """A connection that never waits long."""
        limits = {"connect_timeout": 1, "read_timeout": SECONDS, "write_timeout": SECONDS}
        return pymysql.connect(unix_socket=SOCKET, user=ACCOUNT, autocommit=True, **limits)


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server_version, sys_version = "doorbell", ""
    timeout = 5
    mode, database, max_lag = "", None, 0

    def do_GET(self):
        """Answer, with the state for a person who looks."""
        state = self.database.state()
        told = ("".join(f"{name} {value}\n" for name, value in sorted(state.items())) or "no answer\n").encode()
        with suppress(ConnectionError):  # a balancer hangs up when it has read the first line
            self.answer(state, told)

    def answer(self, state, told):
        """Send it."""
        self.send_response(200 if fit(self.mode, self.path, state, self.max_lag) else 503)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        """Nothing: there is one every second from each balancer."""


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    Answer.mode, address, port, Answer.max_lag = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    Answer.database = Server(MODES[Answer.mode])
    ThreadingHTTPServer((address, port), Answer).serve_forever()
