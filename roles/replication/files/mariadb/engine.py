"""MariaDB's own words and ways. The one of MySQL has the same names."""

import hashlib
import os
import re
import subprocess

DATA = "/var/lib/mysql"
UNIT = "mariadb"
INDEX = os.path.join(DATA, "relay.index")
CLIENT = ["mariadb", "--no-defaults", "--binary-mode"]
FENCE = "/etc/mysql/mariadb.conf.d/99-fenced.cnf"
OWN_SCHEMAS = {"information_schema", "mysql", "performance_schema", "sys", "test"}
DOORBELL = "cluster-doorbell"
OURS = "root", "mysql", "mariadb.sys", "system user", "event_scheduler", "prometheus", DOORBELL

STOP, STOP_RECEIVING = "STOP SLAVE", "STOP SLAVE IO_THREAD"
START, APPLY = "START SLAVE", "START SLAVE SQL_THREAD"
STOP_APPLYING = "STOP SLAVE SQL_THREAD"
FORGET = "RESET SLAVE ALL"
CLOSE, OPEN = "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF"
LET_ROOT = "DO 0"  # read_only does not stop it
END = "KILL HARD {}"
LEAD = "SET GLOBAL rpl_semi_sync_master_wait_no_slave = ON", "SET GLOBAL rpl_semi_sync_master_enabled = ON"
LEAD_NO_MORE = (
    "SET GLOBAL rpl_semi_sync_master_enabled = OFF",
    "SET GLOBAL rpl_semi_sync_master_wait_no_slave = OFF",
)
STALLED = """SELECT COALESCE(MAX(time), 0) AS seconds FROM information_schema.processlist
    WHERE state LIKE 'Waiting for semi-sync ACK%'"""


def shown(server):
    """What a server says of itself, whatever its part."""
    own = server.rows(
        "SELECT @@read_only AS read_only, @@rpl_semi_sync_master_enabled AS master, @@gtid_binlog_pos AS position,"
        " @@gtid_binlog_state AS history"
    )[0]
    status = server.status()
    return {
        **own,
        "read_only": bool(own["read_only"]),
        "master": bool(own["master"]),
        "clients": int(status.get("rpl_semi_sync_master_clients", 0)),
        "stalled": int(status.get("rpl_semi_sync_master_wait_sessions", 0)),
        "stalled_seconds": int(server.rows(STALLED)[0]["seconds"]),
        "acknowledges": status.get("rpl_semi_sync_slave_status") == "ON",
    }


def source(server):
    """Whom it follows, and how; None for a server that follows nobody."""
    found = server.rows("SHOW SLAVE STATUS")
    if not found:
        return None
    row = found[0]
    return {
        "host": row["Master_Host"],
        "port": int(row["Master_Port"]),
        "delay": int(row["SQL_Delay"]),
        "by_gtid": row["Using_Gtid"] == "Slave_Pos",
        "io": row["Slave_IO_Running"],
        "sql": row["Slave_SQL_Running"],
        "errno": int(row["Last_IO_Errno"] or row["Last_SQL_Errno"]),
        "io_error": row["Last_IO_Error"],
        "sql_error": row["Last_SQL_Error"],
        "lag": row["Seconds_Behind_Master"],
        "received": row["Gtid_IO_Pos"],
    }


def never_used(server, _known):
    """Whether a server that follows nobody, without schemas, was never part of a database."""
    return not server.value("SELECT @@gtid_binlog_state") and not server.value("SELECT @@gtid_slave_pos")


def stored_password(_server):
    """The password with which it logs in to its source; master.info has it in its sixth line."""
    try:
        with open(os.path.join(DATA, "master.info"), encoding="utf-8") as handle:
            return handle.read().split("\n")[5]
    except (OSError, IndexError):
        return None


def configured(server):
    """Whether it runs with our configuration: the package started it before that was there."""
    return bool(server.value("SELECT @@log_bin"))


def initialize():
    """Make an empty data directory a server's; what went wrong."""
    words = ["mariadb-install-db", "--user=mysql", "--skip-test-db", "--auth-root-authentication-method=socket"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"mariadb-install-db failed: {done.stderr.strip()}"


def begin(_server):
    """Nothing: what the package did is not in the binary log."""


def position(server):
    """Where it is."""
    return server.value("SELECT @@gtid_binlog_pos")


def applied(server):
    """Where its appliers are."""
    return server.value("SELECT @@gtid_slave_pos")


def wait(server, wanted, seconds):
    """Wait until its appliers are there; whether they are."""
    return server.value("SELECT MASTER_GTID_WAIT(%s, %s)", wanted, seconds) == 0


def has(server, wanted):
    """Whether everything up to a position is in the binary log here, by the last GTID of each server in it."""
    words = [word.strip() for word in server.value("SELECT @@gtid_binlog_state").split(",") if word.strip()]
    known = {tuple(word.split("-")[:2]): int(word.split("-")[2]) for word in words}
    parts = [word.strip().split("-") for word in wanted.split(",")]
    return all(known.get((domain, origin), 0) >= int(sequence) for domain, origin, sequence in parts)


def strays(_server, _known, _node):
    """What it has and the node has not; the server itself notices that (gtid_strict_mode)."""
    return ""


def learn(server, password):
    """Log in to the source with another password from now on."""
    server.say(STOP)
    server.rows("CHANGE MASTER TO master_password = %s", password)


def point(server, before, known, node):
    """Have another source."""
    if before:
        server.say(STOP)
    if position(server):
        server.say("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
    server.rows(
        "CHANGE MASTER TO master_host = %s, master_port = %s, master_user = %s, master_password = %s,"
        " master_use_gtid = slave_pos, master_connect_retry = 1, master_ssl = 1, master_ssl_ca = %s,"
        " master_ssl_verify_server_cert = 1",
        known["addresses"][node], known["port"], known["user"], known["passwords"][0], known["authority"],
    )  # fmt: skip


def delay(server, seconds):
    """Apply what comes that much later, once it is started; it fetches again what it has not applied."""
    server.say(STOP)
    server.rows("CHANGE MASTER TO master_delay = %s", seconds)


def hurry(server):
    """Apply at once what was received, and fetch nothing; what went wrong.

    The delay could only be changed while both threads are stopped, and the relay log would be gone then
    (sql/sql_repl.cc, change_master).
    """
    server.say(STOP)
    why = replayed(position(server), relay_logs())
    server.say("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
    return why


def replayed(start, files):
    """Apply relay logs from a position on, each transaction under its own GTID; what went wrong."""
    if not files or not start:
        return ""
    read = ["mariadb-binlog", f"--start-position={start}", *files]
    source = subprocess.Popen(read, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    into = subprocess.run(CLIENT, stdin=source.stdout, capture_output=True, text=True, check=False)
    source.stdout.close()
    words = source.stderr.read().decode(errors="replace").strip()  # the last transaction may be cut off
    source.wait()
    return f"{into.stderr.strip()} {words}".strip()


def relay_logs():
    """The relay logs that are there, in order."""
    try:
        with open(INDEX, encoding="utf-8") as handle:
            names = [os.path.join(DATA, line.strip()) for line in handle if line.strip()]
    except FileNotFoundError:
        return []
    return [name for name in names if os.path.exists(name)]


def account_statements(server, known):
    """What has to be said, with its values, for the account as which nodes fetch, with the passwords valid now."""
    who, hashes = f"`{known['user']}`@`%`", [native(each) for each in known["passwords"]]
    clause = " OR ".join(f"mysql_native_password USING '{each}'" for each in hashes)
    there = server.rows("SELECT 1 FROM mysql.global_priv WHERE user = %s AND host = '%%'", known["user"])
    if not there:
        yield (f"CREATE USER {who} IDENTIFIED VIA {clause} REQUIRE SSL",)
    elif not lets_in(server.value(f"SHOW CREATE USER {who}"), hashes):
        yield (f"ALTER USER {who} IDENTIFIED VIA {clause} REQUIRE SSL ACCOUNT UNLOCK",)
    grants = [next(iter(row.values())) for row in server.rows(f"SHOW GRANTS FOR {who}")] if there else []
    if len(grants) != 1 or not grants[0].startswith("GRANT REPLICATION SLAVE ON *.*"):
        yield (f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {who}",)
        yield (f"GRANT REPLICATION SLAVE ON *.* TO {who}",)
    yield from doorbell_statements(server)


def doorbell_statements(server):
    """The same for the account by which role doorbell asks, which sees how replication is and no row."""
    there = server.rows("SELECT 1 FROM mysql.global_priv WHERE user = %s", DOORBELL)
    if not there:
        yield (f"CREATE USER `{DOORBELL}`@localhost IDENTIFIED VIA unix_socket",)
    if not there or "SLAVE MONITOR" not in server.value(f"SHOW GRANTS FOR `{DOORBELL}`@localhost"):
        yield (f"GRANT SLAVE MONITOR ON *.* TO `{DOORBELL}`@localhost",)


def lets_in(created, hashes):
    """Whether SHOW CREATE USER tells of an account that comes over TLS with these passwords and no other."""
    return set(re.findall(r"\*[0-9A-F]{40}", created)) == set(hashes) and "REQUIRE SSL" in created


def native(password):
    """What mysql_native_password keeps of a password (its documentation)."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()
