"""A copy of all data from one node to another by MySQL's clone plugin, over TLS, while the donor goes on.

It goes into an empty server of the node that takes it, which starts again at the end (MySQL's manual, "Cloning
Remote Data"). What was there before is moved aside; so a data directory may be a mount point.
"""

import os
import shutil
import threading
import time

import engine
import pymysql
import steps
from engine import DATA
from server import UNFINISHED, RefusedError, Server, empty, last_words, settings
from telling import KEPT, aside_folder, run, size, tell, worthless

PATIENCE = 120  # seconds until the other end is there
COPY_SECONDS = 86400
SPARE = 256 << 20  # for the server beside the copy
# The donor's server is being started: one whose commits waited gives none before. Who came just before its end
# wants to go on with what the new server knows nothing of.
AWAY = ("Connect failed", "could not find existing clone")
CUT = (2006, 2013)  # the connection ended: the server starts again
PROGRESS = "SELECT CAST(SUM(estimate) AS SIGNED) AS whole, CAST(SUM(data) AS SIGNED) AS came"
PROGRESS += " FROM performance_schema.clone_progress"


def give(_node):
    """Be there until the other one has come for its copy and gone with it: it fetches it by itself."""
    deadline, seen = time.monotonic() + PATIENCE, False
    server = Server()
    while True:
        there = any(row["Command"].lower() == "clone" for row in server.rows("SHOW PROCESSLIST"))
        if (seen and not there) or (not seen and time.monotonic() > deadline):  # the other one knows why
            return {}
        seen = seen or there
        time.sleep(0.05)


def take(donor, source):
    """Take a copy from a donor, in place of what is here, and follow the source."""
    began, known = time.monotonic(), settings()
    aside = cleared()
    with open(UNFINISHED, "w", encoding="utf-8") as handle:
        handle.write("{}\n")
    clone(known, donor)
    count = size(DATA)
    tell(bytes=count, of=count, doing="starting")
    server = back(known)
    server.say(engine.STOP, engine.FORGET)  # the donor's own
    steps.follow(source)
    tell(bytes=count, of=count, doing="done")
    seconds = round(time.monotonic() - began, 1)
    return {"bytes": count, "seconds": seconds, "aside": aside, "position": engine.position(server)}


def cleared():
    """Have an empty server run. What was there is moved aside, unless it never held anything; returns where to."""
    useless = worthless()
    if useless and not empty() and not os.path.exists(UNFINISHED):
        steps.start()
        return ""
    steps.halt()
    aside = "" if useless else set_aside()
    if not os.path.isdir(DATA):
        os.mkdir(DATA, mode=0o750)
        shutil.chown(DATA, "mysql", "mysql")
    for place in within():
        shutil.rmtree(place) if os.path.isdir(place) and not os.path.islink(place) else os.unlink(place)
    if why := engine.initialize():
        raise RefusedError(why)
    steps.start()
    return aside


def set_aside():
    """Keep what is here, and have an empty folder; of a mount point: a copy. Returns where it is."""
    aside = aside_folder()
    if not os.path.ismount(DATA):
        os.rename(DATA, aside)
        os.mkdir(DATA)
        shutil.copystat(aside, DATA)
        shutil.chown(DATA, "mysql", "mysql")
        return aside
    need, room = size(DATA), shutil.disk_usage(os.path.dirname(aside)).free
    if room < need + SPARE:
        steps.start()
        why = f"{need >> 20} MB, and {room >> 20} MB are free"
        raise RefusedError(f"there is no room beside {DATA} to keep what is there: {why}")
    os.mkdir(aside)
    shutil.copystat(DATA, aside)
    shutil.chown(aside, "mysql", "mysql")
    run(["cp", "-a", f"--target-directory={aside}", *within()])
    return aside


def within():
    """All that is in the data directory, but for what it held before a restore."""
    return sorted({os.path.join(DATA, name) for name in os.listdir(DATA)} - {KEPT})


def clone(known, donor):
    """Have the server take it, and say how far it is. Raises RefusedError."""
    server, address, port = Server(COPY_SECONDS), known["addresses"][donor], known["port"]
    server.rows("SET GLOBAL clone_valid_donor_list = %s", f"{address}:{port}")
    server.say("SET GLOBAL super_read_only = OFF")  # read_only stays ON
    sql = f"CLONE INSTANCE FROM %s@%s:{port} IDENTIFIED BY %s REQUIRE SSL"
    values, deadline = (known["user"], address, known["passwords"][0]), time.monotonic() + PATIENCE
    while failed := attempt(server, sql, *values):
        if not any(words in failed[0] for words in AWAY) or time.monotonic() > deadline:
            raise RefusedError(f"the copy from {donor} failed: {failed[0]}")
        time.sleep(1)


def attempt(server, sql, *values):
    """Try it once; what went wrong, in a list."""
    failed = []
    work = threading.Thread(target=said, args=(server, failed, sql, *values))
    work.start()
    number = server.connection.thread_id()
    while work.is_alive():
        work.join(0.5)
        watch(number, failed)
    return failed


def said(server, failed, sql, *values):
    """Say it; what went wrong goes into `failed`."""
    try:
        server.rows(sql, *values)
    except pymysql.MySQLError as error:
        if error.args[0] not in CUT:
            failed.append(error.args[-1])


def watch(number, failed):
    """Tell how far it is, and end it where there is no room. It is not told to who has no performance_schema."""
    try:
        server = Server(5)
        row = server.rows(PROGRESS)[0]
        whole, came = row["whole"] or 0, row["came"] or 0
        room = shutil.disk_usage(DATA).free
        if whole - came > room and not failed:
            failed.append(f"there is no room: {(whole - came) >> 20} MB are to come, {room >> 20} MB are free")
            server.say(f"KILL {number}")
    except pymysql.MySQLError:
        return  # it starts again
    count = came or size(DATA)
    tell(bytes=count, of=max(whole, count), doing="copying")


def back(known):
    """The server once it has started again with the copy, its door closed by the configuration."""
    deadline = time.monotonic() + steps.START_SECONDS
    while time.monotonic() < deadline:
        server = steps.answered(steps.START_SECONDS)
        try:
            if server.value("SELECT @@GLOBAL.super_read_only"):
                break
        except pymysql.MySQLError:
            pass  # it was about to end
        time.sleep(0.3)
    if engine.never_used(server, known):
        raise RefusedError(f"its server started again without the copy\n{last_words()}")
    return server
