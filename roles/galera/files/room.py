"""Ends a database server that stands still because its disk is full, and starts it again when there is room.

A server without room waits for it in the middle of a commit, and its group, which applies writes in one order,
waits with it: one full disk stops all nodes. Without it the others go on. Usage: galera-room MARK, a file that is
there as long as the server is away for this reason.
"""

import os
import subprocess
import sys
import time

import pymysql

SOCKET, UNIT, DATA = "/run/mysqld/mysqld.sock", "mariadb", "/var/lib/mysql"
PERIOD = 1.0  # seconds between two looks
FULL_BYTES, ROOM_BYTES = 2**20, 64 * 2**20  # without room; with enough to start and to fetch what was missed
STUCK_SECONDS = 3.0
# Galera's documentation, "Galera status variables": what waits to be applied here, and how far this node is.
QUESTION = "SHOW STATUS WHERE variable_name IN ('wsrep_local_recv_queue', 'wsrep_last_committed')"
# It cannot stop in order; the second word keeps systemd from starting it again at once.
END = (("systemctl", "kill", "--signal=KILL", UNIT), ("systemctl", "stop", UNIT))
START = ("systemctl", "start", "--no-block", UNIT)


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
    """The room left for the server."""
    found = os.statvfs(DATA)
    return found.f_bavail * found.f_frsize


def position():
    """(the last commit, how many wait to be applied) by the server's own word; None where it says none."""
    where = {"unix_socket": SOCKET, "user": "root", "connect_timeout": 2, "read_timeout": 3}
    try:
        connection = pymysql.connect(**where)  # an administrator's: there is one more than clients can take
        with connection, connection.cursor() as cursor:
            cursor.execute(QUESTION)
            found = dict(cursor.fetchall())
        return found["wsrep_last_committed"], int(found["wsrep_local_recv_queue"])
    except (pymysql.MySQLError, OSError):
        return None


def attend(mark, stall, now):
    """Look once, and do what it is time for; what was done, in a sentence, empty for nothing."""
    free = free_bytes()
    if free >= ROOM_BYTES and os.path.exists(mark):
        os.unlink(mark)
        subprocess.run(START, check=True, timeout=10)
        return "there is room again: started the server"
    found = position() if free < FULL_BYTES else None
    if found is None or not stall.seen(*found, now):
        return ""
    with open(mark, "w", encoding="utf-8"):
        pass
    for words in END:
        subprocess.run(words, check=True, timeout=120)
    return f"ended the server: {DATA} is full, and {found[1]} writes of its group waited for it"


def main(mark):
    """Look again and again."""
    stall = Stall()
    while True:
        if said := attend(mark, stall, time.monotonic()):
            print(said, flush=True)
        time.sleep(PERIOD)


if __name__ == "__main__":
    main(sys.argv[1])
