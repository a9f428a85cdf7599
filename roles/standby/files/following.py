"""Have a standby follow: whom, how late, and with which password. Nobody tells it but its settings.

It never depends on what it received before: both threads may be stopped at any time, and it fetches again from
where it applied (MariaDB's documentation, "Global Transaction ID").
"""

import json
import os
import time

import gtid
import pymysql
from looking import shown, tell
from server import FETCH, START, STOP, STOP_APPLYING, Server
from settings import RefusedError, data, database, held, settings
from source import goes_on_from, states

EVERY_SECONDS = 5.0
SILENT_SECONDS = 10.0  # without its source, until it looks for another
SHUN_SECONDS = 60.0  # for which one that did not do is not tried again, while there is another
MARKED_SECONDS = 0.5
COPY = "cluster-copy.json"  # in the data, of a copy that does not follow yet: where it stands


def follow(name):
    """Look after one standby for ever."""
    known, memory, last = settings(), Memory(), ""
    wanted = database(known, name)
    while True:
        try:
            with Server(name) as server:
                once(server, known, wanted, memory)
            said = ""
        except (pymysql.MySQLError, OSError, RefusedError) as error:
            said = str(error.args[-1])
        if said != last:
            print(said or "all is well", flush=True)
        last = said
        tell(shown(wanted), name)
        time.sleep(EVERY_SECONDS)


class Memory:
    """What is known of earlier rounds. well: when it last heard its source; shunned: until when, by address."""

    def __init__(self, now=time.monotonic):
        self.now, self.well, self.shunned = now, now(), {}

    def heard(self):
        """Its source answers."""
        self.well = self.now()

    def silent(self):
        """Whether its source has not answered for a while."""
        return self.now() - self.well > SILENT_SECONDS

    def shun(self, address):
        """Rather take another one for a while."""
        self.shunned[address] = self.now() + SHUN_SECONDS
        self.heard()

    def shuns(self, address):
        """Whether another one is to be taken."""
        return self.shunned.get(address, 0) > self.now()


def once(server, known, wanted, memory):
    """One round: see whom to follow, and say what has to be said."""
    row = server.source()
    if row and row["io"] == "Yes":
        memory.heard()
    elif row and (memory.silent() or fatal(row)):
        memory.shun(row["host"])
    is_held = os.path.exists(held(server.name))
    if is_held and row and row["io"] == "Yes":
        return  # somebody may be at work with it
    here = applied(server, wanted)
    source = chosen(row, states(known, wanted, here)[0], here, memory)
    if source and (row is None or row["host"] != source.address or server.password() != wanted["passwords"][0]):
        point(server, known, wanted, source)
        row = server.source()
    for sql in statements(row, wanted["delay"], is_held):
        server.rows(sql)


def fatal(row):
    """Whether the source said that it cannot go on from where this one is."""
    return row["io"] == "No" and bool(row["io_error"])


def applied(server, wanted):
    """Where it is in the database's past: as its copy says, until it follows for the first time."""
    try:
        with open(os.path.join(data(server.name), COPY), encoding="utf-8") as handle:
            return gtid.only(json.load(handle)["position"], wanted["domain"])
    except FileNotFoundError:
        return gtid.only(server.position(), wanted["domain"])


def chosen(row, found, position, memory):
    """The node to follow: the one it does, unless that is gone, or the primary while there is another.

    found: {source: what it says of itself}. One that was given a copy has no logs from before it, and does not do
    until this one, which is late, has come so far. None where nobody has all that this one has: it stays as it is.
    """
    able = goes_on_from(found, position)
    able = [each for each in able if found[each].get("reaches_back", True)] or able
    able = [each for each in able if not memory.shuns(each.address)] or able
    if not able:
        return None
    best, now = able[0], next((each for each in able if row and each.address == row["host"]), None)
    return now if now and (not found[now]["primary"] or found[best]["primary"]) else best


def point(server, known, wanted, source):
    """Have another source. What its nodes wrote by themselves has domains of its own, and is left out."""
    here = applied(server, wanted)
    theirs = gtid.others(source.ask("/state")["position"], wanted["domain"])
    if server.source():
        server.rows(STOP)
    server.rows("SET GLOBAL gtid_slave_pos = %s", ",".join(filter(None, (here, theirs))))
    server.rows(
        "CHANGE MASTER TO master_host = %s, master_port = %s, master_user = %s, master_password = %s,"
        " master_delay = %s, master_use_gtid = slave_pos, do_domain_ids = (%s), master_connect_retry = 1,"
        " master_ssl = 1, master_ssl_ca = %s, master_ssl_verify_server_cert = 1",
        source.address, wanted["port"], known["user"], wanted["passwords"][0], wanted["delay"], wanted["domain"],
        known["authority"],
    )  # fmt: skip
    path = os.path.join(data(server.name), COPY)
    if os.path.exists(path):
        os.unlink(path)
    print(f"follows {source.name} from {here or 'the beginning'} on", flush=True)


def statements(row, delay, is_held):
    """What has to be said to a server that follows so, for it to be as late as is wished, and to apply or not."""
    if row is None or is_held:
        return [FETCH] if row and row["io"] == "No" else []
    if row["delay"] != delay:
        return [STOP, f"CHANGE MASTER TO master_delay = {int(delay)}", START]
    stopped = row["sql"] == "No" and not row["sql_error"]
    return [START] if stopped or row["io"] == "No" else []


def hold(name):
    """Apply nothing any more, also after a start, and go on fetching; returns where it is.

    It is stopped twice: whoever looks after it may have decided to start it just before the mark was there.
    """
    with open(held(name), "w", encoding="utf-8"), Server(name) as server:
        server.rows(STOP_APPLYING)
        time.sleep(MARKED_SECONDS)
        server.rows(STOP_APPLYING)
        return {"position": server.position()}


def release(name):
    """Apply again what comes, as late as the topology says."""
    if os.path.exists(held(name)):
        os.unlink(held(name))
    with Server(name) as server:
        for sql in statements(server.source(), database(settings(), name)["delay"], is_held=False):
            server.rows(sql)
    return {}
