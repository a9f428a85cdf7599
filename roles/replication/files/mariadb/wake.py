"""After a start: apply what was received before, then follow as before.

A server that follows by GTID forgets its relay log when both its threads are started (sql/slave.cc,
start_slave_threads), and fetches that part again. Where the source is gone by then, and had acknowledged writes
because this node had received them, they would be lost.

Of one that is to stay behind, the source is let give it again, and the relay log is kept until it has; where it
does not, what is kept is applied at once, as everywhere else.
"""

import os
import shutil
import ssl
import time
from contextlib import closing

import engine
import pymysql
import steps
from server import HELD, STAY, settings
from telling import ASIDE

KEPT = os.path.join(ASIDE, "relay")
PATIENCE = 20  # seconds until the source answers
STUCK_SECONDS = 30  # in which nothing comes


def wake():
    """Follow again, if this server follows anybody."""
    server = steps.answered(60)
    source = server.source()
    if source is None or any(map(os.path.exists, (HELD, STAY))) or "Yes" in (source["io"], source["sql"]):
        return {}
    told = "" if source["delay"] and given_again(server, source) else applied_first(server)
    return {"told": told}


def applied_first(server):
    """Apply what was received, then follow; what went wrong."""
    told = engine.replayed(server.value("SELECT @@gtid_slave_pos"), old) if (old := kept()) else ""
    start = engine.position(server) if old else server.value("SELECT @@gtid_slave_pos")
    told += engine.replayed(start, engine.relay_logs())
    if engine.position(server) != server.value("SELECT @@gtid_slave_pos"):
        server.say("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
    server.say(engine.START)
    shutil.rmtree(KEPT, ignore_errors=True)
    return told


def given_again(server, source):
    """Whether the source gave again all it has, to be applied when it is time."""
    goal = at_the_source(source)
    if goal is None:
        return False
    keep()
    server.say(engine.START)
    seen, since = None, time.monotonic()
    while not reached(now := server.source(), goal):
        if now["received"] != seen:
            seen, since = now["received"], time.monotonic()
        elif time.monotonic() - since > STUCK_SECONDS or (now["io"] == "No" and now["io_error"]):
            server.say(engine.STOP)
            return False
        time.sleep(0.2)
    shutil.rmtree(KEPT)
    return True


def reached(source, goal):
    """Whether everything up to a position was received: of each domain the sequence counts."""
    received, wanted = (sequences(each) for each in (source["received"], goal))
    return all(received.get(domain, 0) >= last for domain, last in wanted.items())


def sequences(position):
    """The last sequence of each domain."""
    words = [word.strip().split("-") for word in (position or "").split(",") if word.strip()]
    return {domain: int(last) for domain, _, last in words}


def at_the_source(source):
    """Where the source is; None where it does not answer."""
    known, deadline = settings(), time.monotonic() + PATIENCE
    trust = ssl.create_default_context(cafile=known["authority"])
    where = {"host": source["host"], "port": source["port"], "connect_timeout": 3, "read_timeout": 5}
    while True:
        try:
            connection = pymysql.connect(**where, user=known["user"], password=known["passwords"][0], ssl=trust)
            with closing(connection), connection.cursor() as cursor:
                cursor.execute("SELECT @@gtid_binlog_pos")
                return cursor.fetchone()[0]
        except (pymysql.MySQLError, OSError):
            if time.monotonic() > deadline:
                return None
            time.sleep(1)


def keep():
    """Keep the relay log beside: what has several names outlives that one of them is removed.

    What was kept already is older and stays: it was not given again.
    """
    if os.path.isdir(KEPT):
        return
    shutil.rmtree(KEPT + ".new", ignore_errors=True)
    os.makedirs(KEPT + ".new", mode=0o700)
    for name in engine.relay_logs():
        os.link(name, os.path.join(KEPT + ".new", os.path.basename(name)))
    os.rename(KEPT + ".new", KEPT)


def kept():
    """The relay logs that are kept, in order."""
    names = sorted(os.listdir(KEPT)) if os.path.isdir(KEPT) else []
    return [os.path.join(KEPT, name) for name in names]
