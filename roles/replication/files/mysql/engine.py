"""MySQL's own words and ways. The one of MariaDB has the same names.

What a server has is a set of transactions here (gtid_executed), and that is its position and its history.
"""

import os
import shutil
import ssl
import subprocess
import tempfile
from contextlib import closing

import pymysql

DATA = "/var/lib/mysql"
UNIT = "mysql"
FENCE = "/etc/mysql/conf.d/99-fenced.cnf"
OWN_SCHEMAS = {"information_schema", "mysql", "performance_schema", "sys"}
OURS = (
    "root", "system user", "event_scheduler", "debian-sys-maint", "cluster-doorbell", "prometheus",
    "mysql", "mysql.session", "mysql.infoschema", "mysql.sys",
)  # fmt: skip
DENIED = 1045

STOP, STOP_RECEIVING = "STOP REPLICA", "STOP REPLICA IO_THREAD"
START, APPLY = "START REPLICA", "START REPLICA SQL_THREAD"
RECEIVE, STOP_APPLYING = "START REPLICA IO_THREAD", "STOP REPLICA SQL_THREAD"
NOWHERE = 1  # a port at which no server is
FORGET = "RESET REPLICA ALL"
CLOSE, OPEN = "SET GLOBAL super_read_only = ON", "SET GLOBAL read_only = OFF"  # each sets the other as well
LET_ROOT = "SET GLOBAL super_read_only = OFF"  # read_only stays as it is, and no application gets in
END = "KILL {}"
LEAD = ("SET GLOBAL rpl_semi_sync_source_enabled = ON",)
LEAD_NO_MORE = ("SET GLOBAL rpl_semi_sync_source_enabled = OFF",)
ENABLED = "SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_source\\_enabled'"
# What the package's own first start does with an empty data directory (its postinst).
FIRST_STATEMENTS = """USE mysql;
INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';
ALTER USER 'root'@'localhost' IDENTIFIED WITH 'auth_socket';
"""  # it ends by itself: told to, it might before it is done
NEW_PASSWORD = "%s@'%%' IDENTIFIED WITH caching_sha2_password BY %s"
RIGHTS = {"REPLICATION SLAVE", "BACKUP_ADMIN"}  # to fetch, and to be given a copy


def plain(text):
    """A set without the line breaks and spaces the server puts in."""
    return "".join((text or "").split())


STALLED = """SELECT COALESCE(MAX(time), 0) AS seconds FROM information_schema.processlist
    WHERE state LIKE 'Waiting for semi-sync ACK%'"""


def shown(server):
    """What a server says of itself, whatever its part. One that gave up waiting for replicas is no `master`."""
    own = server.rows("SELECT @@GLOBAL.read_only AS read_only, @@GLOBAL.gtid_executed AS position")[0]
    status, enabled = server.status(), server.rows(ENABLED)  # none before the plugin is configured
    waits = bool(enabled) and enabled[0]["Value"] == "ON" and status.get("rpl_semi_sync_source_status") == "ON"
    return {
        "read_only": bool(own["read_only"]),
        "position": plain(own["position"]),
        "history": plain(own["position"]),
        "master": waits,
        "clients": int(status.get("rpl_semi_sync_source_clients", 0)),
        "stalled": int(status.get("rpl_semi_sync_source_wait_sessions", 0)),
        "stalled_seconds": int(server.rows(STALLED)[0]["seconds"]),
        "acknowledges": status.get("rpl_semi_sync_replica_status") == "ON",
    }


def source(server):
    """Whom it follows, and how; None for a server that follows nobody."""
    found = server.rows("SHOW REPLICA STATUS")
    if not found:
        return None
    row = found[0]
    return {
        "host": row["Source_Host"],
        "port": int(row["Source_Port"]),
        "delay": int(row["SQL_Delay"]),
        "by_gtid": str(row["Auto_Position"]) == "1",
        "io": row["Replica_IO_Running"],
        "sql": row["Replica_SQL_Running"],
        "errno": int(row["Last_IO_Errno"] or row["Last_SQL_Errno"]),
        "io_error": row["Last_IO_Error"],
        "sql_error": row["Last_SQL_Error"],
        "lag": row["Seconds_Behind_Source"],
        "received": plain(row["Retrieved_Gtid_Set"]),
    }


def never_used(server, known):
    """Whether a server that follows nobody, without schemas, was never part of a database."""
    return not server.rows("SELECT 1 FROM mysql.user WHERE user = %s", known["user"])


def stored_password(server):
    """The password with which it logs in to its source (MySQL's manual, "Replication Metadata Repositories")."""
    found = server.rows("SELECT User_password AS password FROM mysql.slave_master_info")
    return found[0]["password"] if found else None


def configured(server):
    """Whether it runs with our configuration: the package started it before that was there."""
    return bool(server.value("SELECT @@GLOBAL.skip_replica_start"))


def initialize():
    """Make an empty data directory a server's; what went wrong. Not where the data is being exchanged."""
    if (
        subprocess.run(["systemctl", "is-enabled", UNIT], capture_output=True, text=True).stdout.strip()
        == "masked"
    ):
        return "its data is being exchanged: cluster status shows how `cluster restore` goes on, or is taken back"
    folder = tempfile.mkdtemp()
    try:
        script = os.path.join(folder, "first.sql")
        with open(script, "w", encoding="utf-8") as handle:
            handle.write(FIRST_STATEMENTS)
        for path in (folder, script):
            shutil.chown(path, "mysql", "mysql")
        words = ["mysqld", "--no-defaults", "--initialize-insecure", "--user=mysql", f"--init-file={script}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(folder)
    return "" if done.returncode == 0 else f"mysqld --initialize failed: {(done.stderr or done.stdout)[-600:]}"


def begin(server):
    """Forget what the package logged at its first start: the database's past begins here."""
    server.say("RESET BINARY LOGS AND GTIDS")


def position(server):
    """What it has."""
    return plain(server.value("SELECT @@GLOBAL.gtid_executed"))


applied = position


def wait(server, wanted, seconds):
    """Wait until it has that; whether it does."""
    return server.value("SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)", wanted, seconds) == 0


def has(server, wanted):
    """Whether it has all of a set."""
    return bool(server.value("SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)", wanted))


def strays(server, known, node):
    """What it has or received and the node has not: no server would notice that before rows differ.

    Raises pymysql.MySQLError when the node cannot be asked.
    """
    received = (source(server) or {"received": ""})["received"]
    own = ",".join(filter(None, (position(server), received)))
    sql = "SELECT GTID_SUBTRACT(%s, @@GLOBAL.gtid_executed)"
    return plain(asked(known, known["passwords"][0], node, sql, own))


def asked(known, password, node, sql, *values):
    """The one value a node's server gives to who logs in as nodes do: over TLS, and its name is checked."""
    trust = ssl.create_default_context(cafile=known["authority"])
    where = {"host": known["addresses"][node], "port": known["port"], "connect_timeout": 5, "read_timeout": 10}
    connection = pymysql.connect(**where, user=known["user"], password=password, ssl=trust)
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchone()[0]


def learn(server, password):
    """Log in to the source with another password from now on."""
    server.say(APPLY, STOP_RECEIVING)  # while its appliers run, a server keeps what it received
    server.rows("CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = %s", password)


def point(server, before, known, node):
    """Have another source; it is tried for ever (MySQL's manual, "CHANGE REPLICATION SOURCE TO Statement")."""
    if before:
        server.say(APPLY, STOP_RECEIVING)
    if before and not before["by_gtid"]:
        server.say(STOP)
    by_gtid = "" if before and before["by_gtid"] else ", SOURCE_AUTO_POSITION = 1"
    server.rows(
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %s, SOURCE_PORT = %s, SOURCE_USER = %s, SOURCE_PASSWORD = %s,"
        " SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 0, SOURCE_SSL = 1, SOURCE_SSL_CA = %s,"
        " SOURCE_SSL_VERIFY_SERVER_CERT = 1" + by_gtid,
        known["addresses"][node], known["port"], known["user"], known["passwords"][0], known["authority"],
    )  # fmt: skip


def delay(server, seconds):
    """Apply what comes that much later, once it is started. While one thread runs, the relay log is kept."""
    server.say(RECEIVE, STOP_APPLYING)
    server.rows("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %s", seconds)


def hurry(server):
    """Apply at once what was received, and fetch nothing; what went wrong.

    The delay is changed while nothing is applied, and the relay log outlives that only where the other thread runs
    (sql/rpl_replica.cc, change_master): it looks for its source where none is.
    """
    server.say(APPLY, STOP_RECEIVING)
    server.rows("CHANGE REPLICATION SOURCE TO SOURCE_PORT = %s", NOWHERE)
    delay(server, 0)
    server.say(APPLY)
    return ""


def account_statements(server, known):
    """What has to be said, with its values, for the account as which nodes fetch, with the passwords valid now.

    A server keeps two passwords of an account.
    """
    user, words = known["user"], known["passwords"]
    found = server.rows(
        "SELECT ssl_type <> '' AND account_locked = 'N' AS right_so,"
        " User_attributes->>'$.additional_password' AS second FROM mysql.user WHERE user = %s AND host = '%%'",
        user,
    )
    if not found:
        yield "CREATE USER %s@'%%' REQUIRE SSL", user
    elif not found[0]["right_so"]:
        yield "ALTER USER %s@'%%' REQUIRE SSL ACCOUNT UNLOCK", user
    two = bool(found and found[0]["second"])
    if not found or two != (len(words) > 1) or not all(lets_in(known, each) for each in words):
        yield f"ALTER USER {NEW_PASSWORD}", user, words[-1]
        yield "ALTER USER %s@'%%' DISCARD OLD PASSWORD", user
        yield from ((f"ALTER USER {NEW_PASSWORD} RETAIN CURRENT PASSWORD", user, each) for each in words[:-1])
    if granted(server, user) != RIGHTS:
        yield "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@'%%'", user
        yield f"GRANT {', '.join(sorted(RIGHTS))} ON *.* TO %s@'%%'", user


def granted(server, user):
    """What the account may do everywhere; None where it may do something in one place."""
    if not server.rows("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", user):
        return None
    lines = [next(iter(row.values())) for row in server.rows(f"SHOW GRANTS FOR `{user}`@`%`")]
    parts = [line.removeprefix("GRANT ").split(" ON ", 1) for line in lines]
    if any(not where.startswith("*.* ") for _, where in parts):
        return None
    return {right for rights, _ in parts for right in rights.split(", ")}


def lets_in(known, password):
    """Whether this server lets in who comes with that password, by trying."""
    try:
        return bool(asked(known, password, known["node"], "SELECT 1"))
    except pymysql.OperationalError as error:
        if error.args[0] == DENIED:
            return False
        raise
