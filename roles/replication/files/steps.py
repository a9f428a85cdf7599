"""What is done to one node's server so that writes move, or so that it follows. Each step may be done again."""

import hashlib
import os
import re
import subprocess
import threading
import time

import pymysql
from server import (
    FENCE,
    UNFINISHED,
    UNIT,
    RefusedError,
    Server,
    empty,
    last_words,
    settings,
    stored_password,
    systemctl,
)

START_SECONDS = 1800  # the recovery of much data
GRACE = 1.0  # seconds for statements that run when writes are stopped
CLOSE_SECONDS = 8
CONNECT_SECONDS = 20
STUCK_SECONDS = 60  # without any progress
OURS = "root", "mysql", "mariadb.sys", "system user", "event_scheduler", "cluster-doorbell"
FETCHED = "Yes"
DOORBELL = "cluster-doorbell"


def start():
    """Have the server run. It takes no writes and follows whom it followed."""
    if empty():
        raise RefusedError("there is no data it could start from")
    systemctl("daemon-reload")
    systemctl("enable", UNIT)
    systemctl("reset-failed", UNIT)
    code, words = systemctl("start", UNIT)
    if code != 0:
        raise RefusedError(f"its server does not start: {words}\n{last_words()}")
    if not answered(START_SECONDS).value("SELECT @@log_bin"):  # the package started it before it was ours
        systemctl("restart", UNIT)
        answered(START_SECONDS)


def make():
    """Have an empty database where there is none at all."""
    if empty():
        words = [
            "mariadb-install-db",
            "--user=mysql",
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(f"mariadb-install-db failed: {done.stderr.strip()}")
    start()


def answered(seconds):
    """The server once it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return Server()
        except pymysql.MySQLError as error:
            if time.monotonic() > deadline or systemctl("is-active", UNIT)[1] in ("failed", "inactive"):
                raise RefusedError(f"its server does not answer: {error.args[-1]}\n{last_words()}") from error
            time.sleep(0.2)


def halt():
    """End the server at once. What no replica acknowledged is taken back when it is started again."""
    systemctl("stop", "--no-block", UNIT)  # so that systemd does not start it again
    systemctl("kill", "--signal=KILL", UNIT)
    systemctl("stop", UNIT)
    systemctl("reset-failed", UNIT)


def close():
    """Let no application write any more; returns the position that is the last one. RefusedError: not in time."""
    server = Server()
    over = threading.Event()
    ending = threading.Thread(target=end_sessions_until, args=(over,), daemon=True)
    ending.start()
    try:
        server.say(f"SET SESSION lock_wait_timeout = {CLOSE_SECONDS}", "SET GLOBAL read_only = ON")
    except pymysql.MySQLError as error:
        raise RefusedError(f"its writes do not end within {CLOSE_SECONDS} s: {error.args[-1]}") from error
    finally:
        over.set()
        ending.join()
    end_sessions()
    return {"position": server.value("SELECT @@gtid_binlog_pos")}


def end_sessions_until(over):
    """After a moment of grace, end sessions so that a long statement does not hold up the rest."""
    while not over.wait(GRACE):
        end_sessions()


def end_sessions():
    """End what applications do here."""
    server, user = Server(), settings()["user"]
    marks = ",".join(["%s"] * (len(OURS) + 1))
    sql = f"SELECT id FROM information_schema.processlist WHERE user NOT IN ({marks})"
    for row in server.rows(sql, *OURS, user):
        try:
            server.say(f"KILL HARD {row['id']}")
        except pymysql.MySQLError:
            continue  # it ended by itself


def promote(after="", limit=None):
    """Take writes, once everything up to the position `after` was applied. limit: seconds that may take."""
    server = Server()
    if after:
        drain(server, after, time.monotonic() + float(limit) if limit else None)
    if server.source():
        server.say("STOP SLAVE", "RESET SLAVE ALL")
    server.say(
        "SET GLOBAL rpl_semi_sync_master_wait_no_slave = ON", "SET GLOBAL rpl_semi_sync_master_enabled = ON"
    )
    if not os.path.exists(FENCE):
        server.say("SET GLOBAL read_only = OFF")
    return {"position": server.value("SELECT @@gtid_binlog_pos")}


def drain(server, wanted, deadline=None):
    """Wait until everything up to a position was applied, for as long as there is progress, or to the deadline."""
    seen, since = None, time.monotonic()
    while not has(server, wanted):
        server.rows("SELECT MASTER_GTID_WAIT(%s, 1)", wanted)
        if has(server, wanted):
            return
        source = server.source()
        if source and source["Slave_SQL_Running"] == "No":
            raise RefusedError(
                f"it does not apply what it received: {source['Last_SQL_Error'] or 'it was stopped'}"
            )
        now = server.value("SELECT @@gtid_slave_pos"), progress(server)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > STUCK_SECONDS:
            raise RefusedError(f"it is at {now[0]} and not at {wanted}, without progress for {STUCK_SECONDS} s")
        if deadline and time.monotonic() > deadline:
            raise RefusedError(f"it is at {now[0]} and not at {wanted} in time")


def has(server, wanted):
    """Whether everything up to a position is in the binary log here, by the last GTID of each server in it."""
    known = {tuple(word.split("-")[:2]): int(word.split("-")[2]) for word in words_of(server)}
    parts = [word.strip().split("-") for word in wanted.split(",")]
    return all(known.get((domain, origin), 0) >= int(sequence) for domain, origin, sequence in parts)


def words_of(server):
    """The GTIDs of the binary log's state."""
    return [word.strip() for word in server.value("SELECT @@gtid_binlog_state").split(",") if word.strip()]


def progress(server):
    """Something that changes while a large transaction is applied."""
    return server.value("SELECT COALESCE(SUM(trx_rows_modified), 0) FROM information_schema.innodb_trx")


def receive_no_more():
    """Fetch nothing from the source any more and go on applying; returns up to where it received.

    A replica both of whose threads stopped forgets what it received and did not apply when it is started
    (sql/slave.cc, start_slave_threads), so its SQL thread goes on.
    """
    server = Server()
    source = server.source()
    if source is None:
        return {"received": server.value("SELECT @@gtid_binlog_pos")}
    if source["Slave_SQL_Running"] == "No" and source["Slave_IO_Running"] != "No":
        server.say("START SLAVE SQL_THREAD")
    server.say("STOP SLAVE IO_THREAD")
    return {"received": server.source()["Gtid_IO_Pos"], "position": server.value("SELECT @@gtid_binlog_pos")}


def follow(node):
    """Fetch from a node from now on, from where this one is; returns once it does. It keeps what it has."""
    if writable():
        halt()  # commits that wait for a replica would be acknowledged by turning it read-only
        start()
    server, known = Server(), settings()
    source = server.source()
    if source and source["Master_Host"] == known["addresses"][node] and source["Using_Gtid"] == "Slave_Pos":
        resume(server, known)
    else:
        turn(server, source, known, node)
    fetching(server)
    if os.path.exists(UNFINISHED):
        os.unlink(UNFINISHED)
    return {"position": server.value("SELECT @@gtid_binlog_pos")}


def writable():
    """Whether applications may write here now."""
    return not Server().value("SELECT @@read_only")


def resume(server, known):
    """Go on with the same source, with the password that is right now."""
    server.say("SET GLOBAL rpl_semi_sync_master_enabled = OFF")
    if stored_password() != known["passwords"][0]:
        server.say("STOP SLAVE")
        server.rows("CHANGE MASTER TO master_password = %s", known["passwords"][0])
    server.say("START SLAVE")


def turn(server, source, known, node):
    """Have another source."""
    if source:
        server.say("STOP SLAVE")
    server.say(
        "SET GLOBAL read_only = ON",
        "SET GLOBAL rpl_semi_sync_master_enabled = OFF",
        "SET GLOBAL rpl_semi_sync_master_wait_no_slave = OFF",
    )
    if server.value("SELECT @@gtid_binlog_pos"):
        server.say("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
    server.rows(
        "CHANGE MASTER TO master_host = %s, master_port = %s, master_user = %s, master_password = %s,"
        " master_use_gtid = slave_pos, master_connect_retry = 1, master_ssl = 1, master_ssl_ca = %s,"
        " master_ssl_verify_server_cert = 1",
        known["addresses"][node], known["port"], known["user"], known["passwords"][0], known["authority"],
    )  # fmt: skip
    server.say("START SLAVE")


def fetching(server):
    """Wait until it does fetch. Raises RefusedError with the server's own reason."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while (source := server.source())["Slave_IO_Running"] != FETCHED:
        stopped = source["Slave_IO_Running"] == "No" and source["Last_IO_Error"]
        if stopped or time.monotonic() > deadline:
            raise RefusedError(f"it does not follow: {source['Last_IO_Error'] or 'its source does not answer'}")
        time.sleep(0.05)


def open_again():
    """Take writes as before, where a switchover did not come to its end."""
    server = Server()
    if server.source():
        raise RefusedError("it follows another node")
    return promote()


def healthy():
    """After a restart: a replica fetches and has applied what was there, who follows nobody answers."""
    server = Server()
    source = server.source()
    if source is None:
        return {}
    if source["Slave_IO_Running"] != "Yes" or source["Slave_SQL_Running"] != "Yes":
        raise RefusedError(
            f"it does not replicate: {source['Last_IO_Error'] or source['Last_SQL_Error'] or 'not yet'}"
        )
    if server.value("SELECT MASTER_GTID_WAIT(%s, 5)", source["Gtid_IO_Pos"]) != 0:
        raise RefusedError("it has not applied all it received")
    return {}


def account():
    """Have the account as which nodes fetch from each other, with the passwords that are valid now."""
    server, known = Server(), settings()
    who, hashes = f"`{known['user']}`@`%`", [native(each) for each in known["passwords"]]
    clause = " OR ".join(f"mysql_native_password USING '{each}'" for each in hashes)
    there = server.rows("SELECT 1 FROM mysql.global_priv WHERE user = %s AND host = '%%'", known["user"])
    if not there:
        server.say(f"CREATE USER {who} IDENTIFIED VIA {clause} REQUIRE SSL")
    elif not lets_in(server.value(f"SHOW CREATE USER {who}"), hashes):
        server.say(f"ALTER USER {who} IDENTIFIED VIA {clause} REQUIRE SSL ACCOUNT UNLOCK")
    granted = "\n".join(next(iter(row.values())) for row in server.rows(f"SHOW GRANTS FOR {who}"))
    right = granted.startswith("GRANT REPLICATION SLAVE ON *.*") and "\n" not in granted
    if not right:
        server.say(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {who}", f"GRANT REPLICATION SLAVE ON *.* TO {who}")
    doorbell(server)
    return {}


def doorbell(server):
    """Have the account by which role doorbell asks, which sees how replication is and no row."""
    if not server.rows("SELECT 1 FROM mysql.global_priv WHERE user = %s", DOORBELL):
        server.say(f"CREATE USER `{DOORBELL}`@localhost IDENTIFIED VIA unix_socket")
    if "SLAVE MONITOR" not in server.value(f"SHOW GRANTS FOR `{DOORBELL}`@localhost"):
        server.say(f"GRANT SLAVE MONITOR ON *.* TO `{DOORBELL}`@localhost")


def lets_in(created, hashes):
    """Whether SHOW CREATE USER tells of an account that comes over TLS with these passwords and no other."""
    return set(re.findall(r"\*[0-9A-F]{40}", created)) == set(hashes) and "REQUIRE SSL" in created


def native(password):
    """What mysql_native_password keeps of a password (its documentation)."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()
