"""Ends a database server that stands still because its disk is full, and starts it again when there is room.

A server without room waits for it in the middle of a commit. A Galera group applies writes in one order, and waits
with it; a group of MySQL goes on to take it for its primary. Without it the others go on. For modes that elect.
Usage: room ENGINE/MODE MARK, a file that is there as long as the server is away for this reason.
"""

import os
import subprocess
import sys
import time

import pymysql

SOCKET, DATA = "/run/mysqld/mysqld.sock", "/var/lib/mysql"
PERIOD = 1.0  # seconds between two looks
FULL_BYTES, ROOM_BYTES = 2**20, 64 * 2**20  # without room; with enough to start and to fetch what was missed
STUCK_SECONDS = 3.0


def galera(cursor):
    """(the last commit, how many writes wait to be applied). Galera's documentation, "Galera status variables"."""
    cursor.execute(
        "SHOW STATUS WHERE variable_name IN ('wsrep_last_committed', 'wsrep_local_recv_queue')",
    )
    found = dict(cursor.fetchall())
    return found["wsrep_last_committed"], int(found["wsrep_local_recv_queue"])


def group_replication(cursor):
    """The same. MySQL's manual, "General Thread States"; no temporary table is made, which would need room too."""
    cursor.execute("SELECT @@gtid_executed")
    (place,) = cursor.fetchone()
    cursor.execute("SHOW PROCESSLIST")
    return place, sum(row[6] == "waiting for handler commit" for row in cursor.fetchall())


MODES = {"mariadb/galera": ("mariadb", galera), "mysql/group_replication": ("mysql", group_replication)}


class Stall:
    """Where a node stands, and since when it goes no further while there is something to be done."""

    def __init__(self):
        self.place, self.since = None, 0.0

    def seen(self, place, waiting, now):
        """Whether it stood there too long. place: the last commit; waiting: how many are to be applied."""
        if place != self.place or not waiting:
            self.place, self.since = place, now
        return now - self.since >= STUCK_SECONDS


def free_bytes():
    """The room left for the server; 0 where its folder is lost: it cannot be started there either."""
    try:
        found = os.statvfs(DATA)
    except FileNotFoundError:
        return 0
    return found.f_bavail * found.f_frsize


class Server:
    """The server, over one connection: clients that wait may take all others."""

    def __init__(self, unit, question):
        self.unit, self.question, self.connection = unit, question, None

    def position(self, *, full):
        """(where it stands, how many writes wait there) by its own word; None where it says none, or has room."""
        try:
            self.connection = self.connection or self.connect()
            if not full:
                return self.connection.ping(reconnect=False)
            with self.connection.cursor() as cursor:
                return self.question(cursor)
        except (pymysql.MySQLError, OSError):
            self.connection = None
            return None

    def connect(self):
        """A connection that never waits long."""
        limits = {"connect_timeout": 2, "read_timeout": 3, "write_timeout": 3}
        return pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True, **limits)

    def end(self):
        """Kill it, for it cannot stop in order; `stop` keeps systemd from starting it again at once."""
        for words in (("kill", "--signal=KILL", self.unit), ("stop", self.unit)):
            subprocess.run(["systemctl", *words], check=True, timeout=120)

    def start(self):
        """Have systemd start it."""
        subprocess.run(["systemctl", "start", "--no-block", self.unit], check=True, timeout=10)


def attend(server, mark, stall, now):
    """Look once, and do what it is time for; what was done, in a sentence, empty for nothing."""
    free = free_bytes()
    found = server.position(full=free < FULL_BYTES)
    if free >= ROOM_BYTES and os.path.exists(mark):
        os.unlink(mark)
        server.start()
        return "there is room again: started the server"
    if found is None or not stall.seen(*found, now):
        return ""
    with open(mark, "w", encoding="utf-8"):
        pass
    server.end()
    return f"ended the server: {DATA} is full, and {found[1]} writes waited for room"


def main(mode, mark):
    """Look again and again."""
    server, stall = Server(*MODES[mode]), Stall()
    while True:
        if said := attend(server, mark, stall, time.monotonic()):
            print(said, flush=True)
        time.sleep(PERIOD)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
