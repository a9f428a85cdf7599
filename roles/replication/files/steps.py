"""What is done to one node's server so that writes move, or so that it follows. Each step may be done again."""

import os
import threading
import time
from contextlib import suppress

import engine
import pymysql
from engine import FENCE, OURS, UNIT
from server import (
    HELD,
    STAY,
    UNFINISHED,
    RefusedError,
    Server,
    empty,
    last_words,
    look,
    refuse_held,
    settings,
    strangers,
    systemctl,
)

START_SECONDS = 1800  # the recovery of much data
GRACE = 1.0  # seconds for statements that run when writes are stopped
CLOSE_SECONDS = 8
STOP_SECONDS = 5
CONNECT_SECONDS = 20
CATCH_UP_SECONDS = 10
AWAY = (2003, 2006, 2013)  # not there, or gone while asked (MySQL's manual, "Client Error Message Reference")
STUCK_SECONDS = 60  # without any progress
COME_BACK = 5  # seconds in which a replica that only lost its connection is back
FETCHED = "Yes"


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
    if not engine.configured(answered(START_SECONDS)):
        systemctl("restart", UNIT)
        answered(START_SECONDS)


def make():
    """Have an empty database where there is none at all."""
    if empty() and (why := engine.initialize()):
        raise RefusedError(why)
    start()
    engine.begin(Server())


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
    """End the server at once: asked to end, it might tell clients that what waits for a replica is done."""
    systemctl("kill", "--signal=KILL", UNIT)
    systemctl("stop", UNIT)  # so that systemd does not start it again
    systemctl("reset-failed", UNIT)


def close():
    """Let no application write any more; returns the position that is the last one. RefusedError: not in time."""
    server = Server()
    over = threading.Event()
    ending = threading.Thread(target=end_sessions_until, args=(over,), daemon=True)
    ending.start()
    try:
        server.say(f"SET SESSION lock_wait_timeout = {CLOSE_SECONDS}", engine.CLOSE)
    except pymysql.MySQLError as error:
        server.say(engine.OPEN)  # MySQL would stay closed by half
        raise RefusedError(f"its writes do not end within {CLOSE_SECONDS} s: {error.args[-1]}") from error
    finally:
        over.set()
        ending.join()
    end_sessions()
    return {"position": engine.position(server)}


def cut():
    """Cut off who follows and is no node of this database. RefusedError where it comes back: then it is alive.

    It may be the only one that acknowledged a write, and nobody would ask it in a failover. A node that died
    stays connected for a quarter of an hour, and does not come back.
    """
    server, known = Server(), settings()
    found = list(strangers(server, known))
    for connection, _ in found:
        with suppress(pymysql.MySQLError):  # it ended by itself
            server.say(engine.END.format(connection))
    deadline = time.monotonic() + COME_BACK
    while found and time.monotonic() < deadline:
        time.sleep(0.5)
        if back := sorted({address for _, address in strangers(server, known)}):
            raise RefusedError(
                f"{', '.join(back)} follows as a node of this database and is none. Next: end its server there "
                "(systemctl disable --now), or name it among `nodes`, or `spares`"
            )
    return {"cut": sorted({address for _, address in found})}


def end_sessions_until(over):
    """After a moment of grace, end sessions so that a long statement does not hold up the rest."""
    while not over.wait(GRACE):
        end_sessions()


def end_sessions():
    """End what applications do here."""
    server, ours = Server(), (*OURS, settings()["user"])
    for row in server.rows("SHOW PROCESSLIST"):
        if row["User"] in ours:
            continue
        try:
            server.say(engine.END.format(row["Id"]))
        except pymysql.MySQLError:
            continue  # it ended by itself


def promote(after="", limit=None):
    """Take writes, once everything up to the position `after` was applied. limit: seconds that may take."""
    server = Server()
    if after:
        drain(server, after, time.monotonic() + float(limit) if limit else None)
    if server.source():
        server = follow_nobody()
    server.say(*engine.LEAD)
    if not os.path.exists(FENCE):
        server.say(engine.OPEN)
    return {"position": engine.position(server)}


def follow_nobody():
    """Follow nobody any more; the server.

    One that stopped receiving within a large transaction waits a minute for the rest of it before MySQL ends its
    applier ("deferring to exit until the group completion"). It is ended instead; back again, it applies nothing.
    """
    try:
        Server(STOP_SECONDS).say(engine.STOP)
    except pymysql.OperationalError as error:
        if error.args[0] not in AWAY:
            raise
        with open(STAY, "w", encoding="utf-8"):
            halt()
        start()
    server = Server()
    server.say(engine.STOP, engine.FORGET)
    with suppress(FileNotFoundError):
        os.remove(STAY)
    return server


def apply_all(wanted):
    """Apply everything up to a position, also where that is to be done later."""
    drain(Server(), wanted)
    return {}


def drain(server, wanted, deadline=None):
    """Wait until everything up to a position was applied, for as long as there is progress, or to the deadline."""
    source = server.source()
    late = source and source["delay"] and not engine.has(server, wanted)
    if late:
        refuse_held()
    told = engine.hurry(server) if late else ""
    seen, since = None, time.monotonic()
    while not engine.has(server, wanted):
        engine.wait(server, wanted, 1)
        if engine.has(server, wanted):
            return
        source = server.source()
        if source and source["sql"] == "No":
            why = source["sql_error"] or told or "it was stopped"
            raise RefusedError(f"it does not apply what it received: {why}")
        now = engine.applied(server), progress(server)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > STUCK_SECONDS:
            raise RefusedError(f"it is at {now[0]} and not at {wanted}, without progress for {STUCK_SECONDS} s")
        if deadline and time.monotonic() > deadline:
            raise RefusedError(f"it is at {now[0]} and not at {wanted} in time")


def progress(server):
    """Something that changes while a large transaction is applied."""
    return server.value("SELECT COALESCE(SUM(trx_rows_modified), 0) FROM information_schema.innodb_trx")


def receive_no_more():
    """Fetch nothing from the source any more and go on applying; returns up to where it received.

    A replica of MariaDB both of whose threads stopped forgets what it received and did not apply when it is
    started (sql/slave.cc, start_slave_threads), so its SQL thread goes on.
    """
    server = Server()
    source = server.source()
    if source is None:
        return {"received": engine.position(server)}
    if source["sql"] == "No" and source["io"] != "No" and not os.path.exists(HELD):
        server.say(engine.APPLY)
    server.say(engine.STOP_RECEIVING)
    return {"received": server.source()["received"], "position": engine.position(server)}


def follow(node):
    """Fetch from a node from now on, from where this one is; returns once it does. It keeps what it has."""
    refuse_held()
    if writable():
        halt()  # commits that wait for a replica would be acknowledged by turning it read-only
        start()
    server, known = Server(), settings()
    belong(server, known, node)
    source = server.source()
    if (
        source
        and (source["host"], source["port"]) == (known["addresses"][node], known["port"])
        and source["by_gtid"]
    ):
        resume(server, known)
    else:
        turn(server, source, known, node)
    fetching(server)
    if os.path.exists(UNFINISHED):
        os.unlink(UNFINISHED)
    return {"position": engine.position(server)}


def belong(server, known, node):
    """Refuse to follow a node that has not all that this one has, where the server itself would not notice."""
    if own := strays(server, known, node):
        raise RefusedError(f"it has what {node} has not: {own}. Next: cluster rejoin {known['node']}")


def strays(server, known, node):
    """What this one has and the node has not. The node may be about to start: who gives copies does it before."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return engine.strays(server, known, node)
        except pymysql.MySQLError as error:
            if error.args[0] not in AWAY or time.monotonic() > deadline:
                raise RefusedError(f"{node} cannot be asked what it has: {error.args[-1]}") from error
            time.sleep(0.5)


def writable():
    """Whether applications may write here now."""
    return not Server().value("SELECT @@read_only")


def delay():
    """Apply what comes as much later as the topology says, after what is here when that begins."""
    server, wanted = Server(), settings().get("delay", 0)
    source = server.source()
    if source is None or source["delay"] == wanted or os.path.exists(HELD):
        return {}
    if not source["delay"]:
        engine.wait(server, source["received"], CATCH_UP_SECONDS)
    engine.delay(server, wanted)
    server.say(engine.START)
    fetching(server)
    return {}


def hold_applying():
    """Apply nothing any more, also after a start, and go on fetching; returns where it is."""
    server = Server()
    if server.source() is None:
        raise RefusedError("it follows nobody")
    os.makedirs(os.path.dirname(HELD), exist_ok=True)
    with open(HELD, "w", encoding="utf-8"):
        server.say(engine.STOP_APPLYING)
    return {"position": engine.position(server)}


def release():
    """Apply again what it receives, as late as the topology says."""
    import wake  # which is made of these steps

    if os.path.exists(HELD):
        os.unlink(HELD)
    delay()
    source = Server().source()
    if source and (source["io"], source["sql"]) == ("No", "No"):
        wake.wake()  # it was started meanwhile
    elif source:
        Server().say(engine.START)
    return {}


def resume(server, known):
    """Go on with the same source, with the password that is right now."""
    server.say(*engine.LEAD_NO_MORE)
    if engine.stored_password(server) != known["passwords"][0]:
        engine.learn(server, known["passwords"][0])
    server.say(engine.START)


def turn(server, source, known, node):
    """Have another source."""
    server.say(engine.CLOSE, *engine.LEAD_NO_MORE)
    engine.point(server, source, known, node)
    server.say(engine.START)


def fetching(server):
    """Wait until it does fetch. Raises RefusedError with the server's own reason."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while (source := server.source())["io"] != FETCHED:
        stopped = source["io"] == "No" and source["io_error"]
        if stopped or time.monotonic() > deadline:
            raise RefusedError(f"it does not follow: {source['io_error'] or 'its source does not answer'}")
        time.sleep(0.05)


def open_again():
    """Take writes as before, where a switchover did not come to its end."""
    server = Server()
    if server.source():
        raise RefusedError("it follows another node")
    return promote()


def healthy():
    """After a restart: a replica fetches and has applied what was there, who follows nobody answers.

    One that is to stay behind has not applied it.
    """
    server = Server()
    source = server.source()
    if source is None or os.path.exists(HELD):
        return {}
    if source["io"] != "Yes" or source["sql"] != "Yes":
        raise RefusedError(f"it does not replicate: {source['io_error'] or source['sql_error'] or 'not yet'}")
    if not source["delay"] and not engine.wait(server, source["received"], 5):
        raise RefusedError("it has not applied all it received")
    return {}


def account():
    """Have the account as which nodes fetch from each other, with the passwords that are valid now.

    A change that waits for a replica keeps MySQL from letting anybody in, that replica too: where none
    acknowledges, it is made while the server is closed.
    """
    known = settings()
    said = list(engine.account_statements(Server(), known))
    if not said:
        return {}
    held = hold()
    server = Server()
    closed = server.value("SELECT @@read_only")
    if closed:
        server.say(engine.LET_ROOT)
    for sql, *values in said:
        server.rows(sql, *values)
    if closed:
        server.say(engine.CLOSE)
    if held:
        promote()
    return {}


def hold():
    """Where nobody acknowledges, commits wait for ever, and others for them: have none begin. Whether so."""
    deadline = time.monotonic() + COME_BACK
    while True:
        here = look()
        if not here["master"] or here["read_only"] or here["clients"]:
            return False
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    halt()  # its clients are told nothing, as until now
    start()
    return True
