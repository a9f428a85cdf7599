"""The database server of this node, asked at its socket as the account it runs as; what the node is fit for."""

import http.client
import os
import subprocess

import engine
import pymysql

SOCKET, ACCOUNT, DATA = "/run/mysqld/mysqld.sock", "mysql", "/var/lib/mysql"
SECONDS = 10.0
OTHERS = """SELECT COUNT(*) FROM information_schema.processlist
    WHERE user NOT IN ('', 'system user', 'event_scheduler', 'root', 'mysql') AND user NOT LIKE 'cluster%'"""


class RefusedError(Exception):
    """What is not done, in words for a person. code: of HTTP."""

    def __init__(self, why, code=409):
        super().__init__(why)
        self.code = code


class Server:
    """A connection. Raises RefusedError where the server does not answer."""

    def __init__(self, seconds=SECONDS):
        try:
            self.connection = pymysql.connect(
                unix_socket=SOCKET, user=ACCOUNT, autocommit=True, connect_timeout=3, read_timeout=seconds,
                charset="utf8mb4",
            )  # fmt: skip
        except pymysql.MySQLError as error:
            raise RefusedError(f"the server does not answer: {error}", 503) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def rows(self, sql, *values):
        """The rows of a statement."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(sql, values or None)
            except pymysql.MySQLError as error:
                raise RefusedError(f"the server refused: {error}", 500) from error
            return cursor.fetchall()

    def tried(self, sql):
        """A statement that need not succeed."""
        try:
            self.rows(sql)
        except RefusedError:
            return

    def value(self, sql, *values):
        """The first field of the first row, as text; empty when there is none."""
        rows = self.rows(sql, *values)
        return str(rows[0][0]) if rows and rows[0][0] is not None else ""


def state(known):
    """What this node is fit for, and where its data stands.

    fit: its rows are as new as the database promises, by the doorbell's word. primary: others follow it.
    clients: connections of applications. lineage: changes when the data files are replaced, and with them the log
    that LSNs count.
    """
    with Server() as server:
        return {
            "fit": rings(known),
            "primary": server.value(engine.PRIMARY) == "1",
            "clients": int(server.value(OTHERS)),
            "version": server.value("SELECT VERSION()"),
            "position": server.value(engine.POSITION),
            "history": server.value(engine.HISTORY),
            "lineage": lineage(),
        }


def rings(known):
    """Whether the node says that it may be read from."""
    connection = http.client.HTTPConnection(known["address"], known["doorbell"], timeout=3)
    try:
        connection.request("GET", "/read")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def lineage():
    """When the system tablespace was made, and its inode: a copy from elsewhere has others."""
    place = os.path.join(DATA, "ibdata1")
    done = subprocess.run(["stat", "--format=%W:%i", place], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"the data files cannot be seen: {done.stderr.strip()}", 503)
    return done.stdout.strip()
