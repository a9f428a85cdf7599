"""Says over HTTP what this node's database is fit for: 200 it is, 503 it is not. Balancers ask every second.

/write: in the primary component, with all data, ready, and not read-only. /read: the same, read-only or not, and
not far behind in applying what others wrote. Usage: doorbell ADDRESS PORT
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

SOCKET, ACCOUNT = "/run/mysqld/mysqld.sock", "cluster-doorbell"
SECONDS = 0.8  # balancers wait a little longer
BEHIND = 100  # write sets that wait to be applied
QUESTION = """SELECT variable_name, variable_value FROM information_schema.global_status WHERE variable_name IN
    ('wsrep_cluster_status', 'wsrep_local_recv_queue', 'wsrep_local_state', 'wsrep_ready')
    UNION SELECT 'read_only', @@read_only"""
READY = {"wsrep_cluster_status": "Primary", "wsrep_ready": "ON"}
DONOR, SYNCED = "2", "4"  # wsrep_local_state; who gives a copy goes on taking writes, as mariabackup lets it


class Server:
    """The database server over one connection, made anew when it breaks."""

    def __init__(self):
        self.lock, self.connection = threading.Lock(), None

    def state(self):
        """What it says of itself by name; empty when it does not answer."""
        with self.lock:
            try:
                self.connection = self.connection or self.connect()
                with self.connection.cursor() as cursor:
                    cursor.execute(QUESTION)
                    return {str(name).lower(): str(value) for name, value in cursor.fetchall()}
            except (pymysql.MySQLError, OSError):
                self.connection = None
                return {}

    def connect(self):
        """A connection that never waits long."""
        limits = {"connect_timeout": 1, "read_timeout": SECONDS, "write_timeout": SECONDS}
        return pymysql.connect(unix_socket=SOCKET, user=ACCOUNT, autocommit=True, **limits)


def fit(path, state):
    """Whether a node in this state may be used so."""
    if not READY.items() <= state.items():
        return False
    here = state["wsrep_local_state"]
    if path == "/write":
        return here in (SYNCED, DONOR) and state["read_only"] == "0"
    return path == "/read" and here == SYNCED and int(state["wsrep_local_recv_queue"]) <= BEHIND


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server_version, sys_version = "doorbell", ""
    timeout = 5
    database = Server()

    def do_GET(self):
        """Answer, with the state for a person who looks."""
        state = self.database.state()
        told = ("".join(f"{name} {value}\n" for name, value in sorted(state.items())) or "no answer\n").encode()
        self.send_response(200 if fit(self.path, state) else 503)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        """Nothing: there is one every second from each balancer."""


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Answer).serve_forever()
