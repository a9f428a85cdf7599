"""Prove a backup: restore it, bring it to a position its source was at, compare every table, throw it away."""

import os
import shutil
import time
from contextlib import contextmanager

import binlogs
import catalogue
import engine
import gtid
import record
import restore
from scratch import Scratch
from settings import SCRATCH, BusyError, RefusedError, held
from source import HOURS, SourceError, ranked, states

FETCH_SECONDS = 300  # for what was written until the position, to be fetched


def prove(known, database, repository):
    """Restore the newest copy and compare; returns what was found, which is recorded.

    Raises RefusedError naming what is wrong.
    """
    name = database["name"]
    with held(f"prove-{name}", wait=False), emptied(os.path.join(SCRATCH, f"{name}-proof")) as folder:
        took = Stopwatch()
        seen, node = digests(known, database)
        took.stage("digests")
        fetched_until(known, database, repository, seen["position"])
        backups, _ = repository.snapshots()
        copy = catalogue.copy_before(backups, name, position=seen["position"])
        chain = catalogue.chain(backups, copy)
        line = catalogue.line(backups, name, catalogue.begins(copy), seen["position"], copy.history)
        took.stage("binlogs")
        count = restore.fetch(repository, chain, folder)
        logs = restore.unpack_logs(repository, line, folder)
        took.stage("fetch")
        data = restore.prepare(chain, folder)
        took.stage("prepare")
        with Scratch(data) as scratch:
            took.stage("start")
            restore.replay(scratch, database, logs, copy.position, goal=seen["position"])
            took.stage("replay")
            rows = compared(scratch, seen["tables"])
            took.stage("compare")
        good = {
            "at": took.at, "id": copy.id, "chain": [each.id for each in chain], "binlogs": len(line),
            "position": seen["position"], "against": node, "tables": len(seen["tables"]), "rows": rows,
            "left_out": seen["left_out"], "bytes": count, "seconds": took.whole(), "stages": took.stages,
        }  # fmt: skip
        repository.prove([each for each in chain if not each.proven])
        record.proven(name, good)
        return good


class Stopwatch:
    """How long each stage took, in seconds."""

    def __init__(self):
        self.at, self.began, self.last, self.stages = round(time.time(), 3), time.monotonic(), time.monotonic(), {}

    def stage(self, name):
        """One ended."""
        now = time.monotonic()
        self.stages[name], self.last = round(now - self.last, 2), now

    def whole(self):
        """All of it."""
        return round(time.monotonic() - self.began, 2)


def digests(known, database):
    """(every table at one position, the node that says so): a replica where one is fit."""
    found, why = states(known, database)
    for source in ranked(found):
        try:
            seen = source.ask("/digests", HOURS)
            return {**seen, "position": gtid.only(seen["position"], database["domain"])}, source.name
        except SourceError as error:
            why.append(str(error))
    raise RefusedError(f"no node tells what its tables hold: {'; '.join(why) or 'none is fit'}")


def fetched_until(known, database, repository, position):
    """Have the binary logs up to a position."""
    deadline = time.monotonic() + FETCH_SECONDS
    while True:
        backups, _ = repository.snapshots()
        here = catalogue.reached(backups, database["name"])
        if not here:
            raise RefusedError(f"there is no copy of {database['name']} yet")
        if gtid.reaches(here, position):
            return
        if time.monotonic() > deadline:
            raise RefusedError(f"binary logs reach {here}, not {position}")
        try:
            binlogs.fetch(known, database, repository)
        except BusyError:
            time.sleep(1)


def compared(scratch, tables):
    """How many rows are the same. Raises RefusedError naming the tables that are not."""
    wrong, rows = [], 0
    for name, seen in tables.items():
        try:
            count, crossed, total = scratch.rows(engine.SESSION + seen["statement"])[0]
        except RefusedError as error:
            wrong.append(f"{name} ({error})")
            continue
        restored = f"{number(crossed):x}.{number(total):x}"
        if (int(count), restored) != (seen["rows"], seen["digest"]):
            wrong.append(f"{name} ({count} rows, {seen['rows']} at the source)")
        rows += int(count)
    if wrong:
        raise RefusedError(f"what was restored is not what was backed up: {', '.join(wrong)[:600]}")
    return rows


def number(text):
    """A number of an empty table, too."""
    return 0 if text == "NULL" else int(text)


@contextmanager
def emptied(folder):
    """A folder for the while; what a killed run left there goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
