"""Fetch what was written since: from any node that knows the past we have, so that a lost node leaves no gap."""

import io
import json
import secrets
import tarfile
import time
from dataclasses import replace

import catalogue
import gtid
import record
from catalogue import BINLOGS, Backup
from settings import RefusedError, held
from source import SourceError, goes_on_from, ranked, states

MOST_ABOUT = 1 << 16  # bytes of about.json
GONE = 410  # what comes next was removed there already


class GapError(RefusedError):
    """What comes next is nowhere any more: only a new full copy leads on."""


def fetch(known, database, repository):
    """What was written since the last time; returns the Backup, None when nothing was or no copy is there yet.

    Raises GapError where what comes next is lost, RefusedError where it cannot be had now.
    """
    with held(f"binlogs-{database['name']}", wait=False):
        whole, parts = repository.snapshots()
        repository.forget(catalogue.left_over(parts, database["name"], (BINLOGS,)))
        after = catalogue.reached(whole, database["name"])
        if not after:
            return None
        return fetched(known, database, repository, after, catalogue.history(whole, database["name"]))


def fetched(known, database, repository, after, history):
    """What comes after a position of a history, from the first node that can give it."""
    found, why = states(known, database)
    order, lost = goes_on_from(found, after), 0
    for source in order:
        if gtid.reaches(after, found[source]["position"]):
            record.fetched(database["name"], after)
            return None  # nothing was written
        try:
            return taken(database, repository, source, after, history)
        except SourceError as error:
            why.append(str(error))
            lost += error.code == GONE
    told = "; ".join(why) or "none is fit and has that past"
    everybody = [state["position"] for state in found.values()]
    apart = gtid.parted([found[source]["position"] for source in ranked(found)], everybody, after)
    kind = GapError if len(found) == len(database["nodes"]) and apart and lost == len(order) else RefusedError
    raise kind(f"no node of {database['name']} goes on from {after}: {told}")


def taken(database, repository, source, after, history):
    """One stream of binary logs from one node."""
    run, began = secrets.token_hex(8), time.time()
    chunks = source.stream("/binlogs", after=after)
    if chunks is None:
        record.fetched(database["name"], after)
        return None
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(began))
    backup = Backup(
        id=f"{database['name']}-{name}-{BINLOGS}-{run[:4]}", database=database["name"], kind=BINLOGS,
        at=round(began, 3), node=source.name, engine=database["engine"], topology=database["topology"],
        history=history,
    )  # fmt: skip
    first = next(chunks, b"")
    about = json.loads(about_of(first))
    stored = repository.put(
        before(first, chunks), f"{database['name']}.{BINLOGS}.tar", catalogue.begun(backup.database, BINLOGS, run)
    )
    start, position = (gtid.only(about[name], database["domain"]) for name in ("start", "position"))
    start = start or after
    if not gtid.reaches(after, start) or not gtid.reaches(position, after):
        raise RefusedError(f"{source.name} gave binary logs from {start} to {position}, asked for {after}")
    seconds = round(time.time() - began, 3)
    backup = replace(backup, **stored, start=start, position=position, seconds=seconds)
    repository.commit(backup)
    record.made(backup)
    return backup


def before(first, chunks):
    """The chunks with the first one in front again."""
    yield first
    yield from chunks


def about_of(first):
    """The document a stream of binary logs begins with."""
    with tarfile.open(fileobj=io.BytesIO(first[:MOST_ABOUT]), mode="r:", errorlevel=2) as tar:
        info = tar.next()
        if info is None or info.name != "about.json":
            raise RefusedError("what came is no stream of binary logs")
        return tar.extractfile(info).read()
