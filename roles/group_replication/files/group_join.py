"""Brings this node's MySQL server back into its group, whenever it is out of it and the group lives.

A server in its group whose commits wait for each other for good leaves it, so that another one takes over, and
comes back; one that lets nobody in is ended.
It never begins a group: who may do that is decided by who has seen all nodes. Only who had to leave a group that
was nobody but itself begins that again. Usage: group-join CA ADDRESS..., the addresses of all members.
"""

import socket
import ssl
import subprocess
import sys
import time

import pymysql

SOCKET, PORT, CHANNEL = "/run/mysqld/mysqld.sock", 3306, "group_replication_recovery"
PERIOD, LONGEST = 1.0, 15.0  # seconds between two looks; after attempts that failed more, up to that
JOIN_SECONDS = 120  # START waits for the group's view; what comes after, a copy of all data too, goes on by itself
VIEW = """SELECT member_id = @@server_uuid, member_state, member_role
  FROM performance_schema.replication_group_members"""
# The account this node's server fetches with, as the server itself keeps it (MySQL's manual, "Replication Metadata
# Repositories"): no further copy of the password, and it is right after a rotation.
ACCOUNT = f"SELECT User_name, User_password FROM mysql.slave_master_info WHERE Channel_name = '{CHANNEL}'"
BUSY = ("ONLINE", "RECOVERING")
# Commits after a change of the group wait until all before it are done. One was seen that never was (9.7.4),
# when a member came back under load: no commit went on, and the group took its primary for well. Who leaves the
# group lets go of them (Commit_stage_manager::disable_manual_session_tickets); what was to be committed, is.
TICKET = "Waiting for Binlog Group Commit ticket"
STUCK_SECONDS, LEAVE_SECONDS = 10.0, 10
# Where what waits so is a change of accounts, it keeps them locked: the server greets, and nobody gets in to see.
SHUT_SECONDS = 20.0
END = ("systemctl", "kill", "--signal=KILL", "mysql")  # it cannot stop in order; systemd starts it again


def lives(rows):
    """Whether who sees these members is one of a group that has a primary, and a majority in reach."""
    mine = any(own and state == "ONLINE" for own, state, _ in rows)
    away = sum(state == "UNREACHABLE" for _, state, _ in rows)
    return mine and any(row[1:] == ("ONLINE", "PRIMARY") for row in rows) and 2 * away < len(rows)


def state_of(rows):
    """The state of who sees these members."""
    return next((state for own, state, _ in rows if own), "OFFLINE")


class Server:
    """A server, asked over one connection that is made for a few questions."""

    def __init__(self, **where):
        self.connection = pymysql.connect(autocommit=True, connect_timeout=2, **where)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, sql):
        """Rows of one statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()


class Shut(pymysql.OperationalError):
    """A server that greets whoever comes, and lets nobody in."""


def here(seconds=10):
    """This node's server, as root."""
    try:
        return Server(unix_socket=SOCKET, user="root", read_timeout=seconds)
    except pymysql.OperationalError as error:
        if "timed out" in str(error) and greets():
            raise Shut(*error.args) from error
        raise


def greets():
    """Whether the server says its first words, as one that stands still does not."""
    with socket.socket(socket.AF_UNIX) as plug:
        plug.settimeout(2)
        try:
            plug.connect(SOCKET)
            return bool(plug.recv(1))
        except OSError:
            return False


def none_lives(members, account, authority):
    """Why none of these members is in a living group, by its own word; empty when one is."""
    trust, why = ssl.create_default_context(cafile=authority), []  # read anew: it may have been renewed
    for address in members:
        where = {"host": address, "port": PORT, "user": account[0], "password": account[1], "ssl": trust}
        try:
            with Server(**where, read_timeout=2) as other:
                rows = other.ask(VIEW)
            if lives(rows):
                return ""
            why.append(f"{address} is {state_of(rows)}")
        except (pymysql.MySQLError, OSError) as error:
            why.append(f"{address}: {error}")
    return "; ".join(why)


class Commits:
    """The sessions whose commits wait for others, each with the moment it was first seen to."""

    def __init__(self):
        self.since = {}

    def stuck(self, sessions, now):
        """Whether one of them has been waiting for too long, by a clock in seconds, and in one statement.

        sessions: how long the statement of each is under way; a busy one may be seen to wait every time.
        """
        self.since = {each: self.since.get(each, now) for each in sessions}
        long = [each for each, first in self.since.items() if now - first >= STUCK_SECONDS]
        return any(sessions[each] >= STUCK_SECONDS - 1 for each in long)

    def seen(self, server):
        """How many of them are stuck, with those behind them; 0 where they go on."""
        rows = server.ask("SHOW PROCESSLIST")  # needs no temporary table, so it works on a full disk
        rows = {row[0]: row[5] for row in rows if row[6] == TICKET}
        return len(rows) if self.stuck(rows, time.monotonic()) else 0


def let_go(alone, living):
    """Leave the group, and begin it again where nobody else was in it; what was done, in a sentence.

    alone: whether it saw nobody else; living(): whether somebody has a group by now.
    """
    try:
        with here(LEAVE_SECONDS) as server:
            server.ask("STOP GROUP_REPLICATION")
    except (pymysql.MySQLError, OSError):
        subprocess.run(END, check=True, timeout=10)
        return "ended the server"
    if not alone or living():
        return "left the group, to come back"
    with here(JOIN_SECONDS) as server:
        server.ask("SET GLOBAL offline_mode = ON")  # commits that meet the first view may wait for good, too
        server.ask("SET GLOBAL group_replication_bootstrap_group = ON")
        try:
            server.ask("START GROUP_REPLICATION")
        finally:
            server.ask("SET GLOBAL group_replication_bootstrap_group = OFF")
            server.ask("SET GLOBAL offline_mode = OFF")
    return "began its group again"


class Door:
    """Since when the server has let nobody in."""

    def __init__(self):
        self.since = None

    def shut(self, error, now):
        """Whether it has been so for too long, by the error of each look and a clock in seconds."""
        if not isinstance(error, Shut):
            self.since = None
            return False
        self.since = now if self.since is None else self.since
        return now - self.since >= SHUT_SECONDS

    def attend(self, error):
        """End a server that lets nobody in; what was done, in a sentence, empty for nothing."""
        if not self.shut(error, time.monotonic()):
            return ""
        subprocess.run(END, check=False, timeout=10)
        return f"ended the server: it let nobody in for {SHUT_SECONDS:g} s"


def attend(members, authority, commits):
    """Look once, and do what it is time for; what was done, in a sentence, empty for nothing."""
    with here() as server:
        view = server.ask(VIEW)
        state = state_of(view)
        if state in BUSY and not (stuck := commits.seen(server) if state == "ONLINE" else 0):
            return welcome(server) if state == "ONLINE" else ""
        account = server.ask(ACCOUNT)
        if not account or server.ask("SELECT @@group_replication_bootstrap_group") == ((1,),):
            return ""
    if state in BUSY:
        done = let_go(len(view) == 1, lambda: not none_lives(members, account[0], authority))
        return f"{done}: {stuck} commits waited for {STUCK_SECONDS:g} s for what never came"
    if why := none_lives(members, account[0], authority):
        return f"no group lives: {why}"
    with here(JOIN_SECONDS) as server:
        if state != "OFFLINE":
            server.ask("STOP GROUP_REPLICATION")  # what was thrown out is still half in
        server.ask("START GROUP_REPLICATION")
    return f"joined the group, after it was {state}"


def welcome(server):
    """Let clients in again to a server that was shut to them when it left its group."""
    if server.ask("SELECT @@offline_mode") == ((0,),):
        return ""
    server.ask("SET GLOBAL offline_mode = OFF")
    return "let clients in again"


def tell(text, before):
    """Say what is new; the journal keeps it."""
    if text and text != before:
        print(text, flush=True)
    return text


def main(authority, members):
    """Look again and again, less often while attempts fail."""
    said, pause, commits, door = "", PERIOD, Commits(), Door()
    while True:
        try:
            said = tell(attend(members, authority, commits), said)
            pause = PERIOD
            door.since = None
        except (pymysql.MySQLError, OSError, subprocess.SubprocessError) as error:
            said = tell(door.attend(error) or f"not yet: {error}", said)
            pause = min(LONGEST, 2 * pause)
        time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
