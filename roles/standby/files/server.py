"""The server on one copy, asked at its socket, and how it follows."""

import os
import pwd

import pymysql
import pymysql.cursors
from settings import data

STOP, STOP_APPLYING = "STOP SLAVE", "STOP SLAVE SQL_THREAD"
START, FETCH = "START SLAVE", "START SLAVE IO_THREAD"


class Server:
    """One connection, as the account of the system we are: root, or that of the server."""

    def __init__(self, name, patience=30):
        self.name = name
        self.connection = pymysql.connect(
            unix_socket=f"/run/mysqld/{name}.sock", user=pwd.getpwuid(os.geteuid()).pw_name, autocommit=True,
            connect_timeout=3, read_timeout=patience, cursorclass=pymysql.cursors.DictCursor,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def rows(self, sql, *values):
        """The rows of one statement as dicts."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall()

    def value(self, sql, *values):
        """The one value of the one row."""
        return next(iter(self.rows(sql, *values)[0].values()))

    def position(self):
        """Up to where it applied: one GTID a domain."""
        return self.value("SELECT @@gtid_slave_pos")

    def source(self):
        """Whom it follows, and how; None for nobody."""
        found = self.rows("SHOW SLAVE STATUS")
        if not found:
            return None
        row = found[0]
        return {
            "host": row["Master_Host"],
            "delay": int(row["SQL_Delay"]),
            "io": row["Slave_IO_Running"],
            "sql": row["Slave_SQL_Running"],
            "errno": int(row["Last_IO_Errno"] or row["Last_SQL_Errno"]),
            "io_error": row["Last_IO_Error"],
            "sql_error": row["Last_SQL_Error"],
            "lag": row["Seconds_Behind_Master"],
            "received": row["Gtid_IO_Pos"],
        }

    def password(self):
        """The password with which it logs in to its source; master.info has it in its sixth line."""
        try:
            with open(os.path.join(data(self.name), "master.info"), encoding="utf-8") as handle:
                return handle.read().split("\n")[5]
        except (OSError, IndexError):
            return None
