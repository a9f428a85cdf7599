"""Restore a database to a moment beside everything, for a look: a server on a socket, until it is discarded."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from calendar import timegm

import adopt
import binlogs
import catalogue
import engine
import gtid
import record
import restore
import scratch
import seat
from prove import Stopwatch
from settings import HOME, SCRATCH, BusyError, RefusedError, held

REQUESTS = f"{HOME}/requests"
UTC = "%Y-%m-%d %H:%M:%S"
FETCHES = 20  # tries, a second apart, while another run is at it
SPARE = 2  # times the size of the copies, for preparing them and for what is replayed


def folder_of(database):
    """Where a restored database lies."""
    return os.path.join(SCRATCH, f"{database}-look")


def request(name):
    """What is wished for: {at: UTC time, gtid: position, backup: id, seat: whether a node goes on from there}.

    group, sequence: the Galera group that begins with it, and after which GTID. Each may be empty or missing.
    """
    try:
        with open(os.path.join(REQUESTS, f"{name}.json"), encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return {}


def decided(database, backups, wish):
    """(copies to restore, binary logs to replay, up to which position, to which second) for a wish.

    Raises BrokenError where the way there is broken, RefusedError where it does not go that far.
    """
    name, goal, at = database["name"], wish.get("gtid", ""), wish.get("at", "")
    moment = timegm(time.strptime(at, UTC)) if at else None
    if chosen := wish.get("backup"):
        copy = next((each for each in catalogue.of(backups, name, *catalogue.COPIES) if each.id == chosen), None)
        if copy is None:
            raise RefusedError(f"there is no copy {chosen}; see them: cluster backups {name}")
    else:
        copy = catalogue.copy_before(backups, name, moment=moment, position=goal)
    chain = catalogue.chain(backups, copy)
    if wish.get("seat"):
        seat.refuse_past(backups, copy)
    elif chosen and not goal and not at:
        return chain, [], copy.position, at
    line = catalogue.line(backups, name, catalogue.begins(copy), goal, copy.history, moment)
    if moment is not None:
        end = catalogue.ending(backups, name, copy.history)
        if end and moment > end.at:
            raise RefusedError(f"what {copy.id} leads to ends with {end.id}, when {name} was restored")
        reached = max([each.at for each in line] + [end.until if end else record.seen(name)])
        if moment > reached:
            last = time.strftime(UTC, time.gmtime(reached))
            raise RefusedError(f"what was written was fetched until {last} UTC, not until {at}")
    return chain, line, goal, at


def plan(known, database, repository, wish):
    """What a restore would do, without doing it."""
    return way(known, database, repository, wish)[0]


def way(known, database, repository, wish):
    """(what a restore will do, for people; copies, binary logs, position and second as `decided` has them)."""
    fetched_as_far(known, database, repository, wish)
    backups, _ = repository.snapshots()
    chain, line, goal, at = decided(database, backups, wish)
    more = {}
    if wish.get("seat"):
        line, found = seat.found(database, repository, line, chain[-1].position)
        goal, more = found["gtid"], {"seat": found}
    count = sum(each.bytes for each in chain)
    free = shutil.disk_usage(HOME).free
    if free < SPARE * count:
        raise RefusedError(f"{HOME} has {free >> 20} MB free, and {SPARE * count >> 20} MB are needed")
    reached = line[-1].position if line else chain[-1].position
    told = {
        "copies": [each.id for each in chain], "binlogs": [each.id for each in line], "bytes": count,
        "from": chain[-1].position, "to": goal or (f"{at} UTC" if at else reached), **more,
    }  # fmt: skip
    return told, chain, line, goal, at


def restored(known, database, repository):
    """Restore, and leave the files for `serve`."""
    name, wish = database["name"], request(database["name"])
    with held(f"look-{name}", wait=False):
        took = Stopwatch()
        told, chain, line, goal, at = way(known, database, repository, wish)
        folder = folder_of(name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
        took.stage("decide")
        restore.fetch(repository, chain, folder)
        logs = restore.unpack_logs(repository, line, folder)
        took.stage("fetch")
        data = restore.prepare(chain, folder)
        took.stage("prepare")
        start = chain[-1].position
        if wish.get("group"):
            told["seat"] = {"group": wish["group"], "sequence": wish["sequence"]}
            seated = seat.begun(data, told["seat"], start)
        else:
            seated = seat.taken(database, data, told.get("seat"))
        with seated as settle, scratch.Scratch(data) as server:
            restore.replay(server, database, logs, start, goal=goal, stop=at)
            settle(server)
        took.stage("replay")
        for number in range(len(logs)):
            shutil.rmtree(os.path.join(folder, f"binlogs-{number}"))
        return {**told, "socket": f"{data}.sock", "stages": took.stages, "seconds": took.whole()}


def fetched_as_far(known, database, repository, wish):
    """Fetch what was written, where the wish goes beyond what is here, and what runs goes on from there.

    A node that goes on from there is to have as little to fetch from the others as may be.
    """
    if adopt.waits(database["name"]):
        return
    began = time.time()
    for _ in range(FETCHES):
        backups, _ = repository.snapshots()
        here = catalogue.reached(backups, database["name"])
        until = timegm(time.strptime(wish["at"], UTC)) if wish.get("at") else began if wish.get("seat") else 0
        late = until > record.seen(database["name"])
        if not here or (not late and gtid.reaches(here, wish.get("gtid", ""))):
            return
        try:
            binlogs.fetch(known, database, repository)
        except BusyError:
            time.sleep(1)
        except RefusedError as error:
            print(f"nothing more is fetched: {error}", file=sys.stderr)  # what is here may be enough
            return


def serve(name):
    """Become the server on the restored files."""
    data = os.path.join(folder_of(name), "0")
    if not os.path.isdir(data):
        raise RefusedError(f"nothing of {name} is restored here")
    words = engine.words(data, f"{data}.sock")
    os.execvp(words[0], words)


def restored_files(name):
    """(data directory, names in it that are the server's) of what was restored."""
    data = os.path.join(folder_of(name), "0")
    if not os.path.isdir(data):
        raise RefusedError(f"nothing of {name} is restored here")
    return data, sorted(each for each in os.listdir(data) if not each.startswith(engine.BESIDE))


def weighed(_known, database, _repository):
    """How many bytes `give` gives, and by which server's version they were written."""
    data, names = restored_files(database["name"])
    version = subprocess.check_output([engine.SERVER, "--version"], text=True).split()[2]
    return {"bytes": sum(sizes(os.path.join(data, name)) for name in names), "version": version}


def sizes(place):
    """Bytes of a file, or of all below a folder."""
    if os.path.isfile(place):
        return os.path.getsize(place)
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(place) for name in names)


def give(name):
    """The restored files as a tar, to stdout."""
    data, names = restored_files(name)
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", bufsize=1 << 20) as tar:
        for each in names:
            tar.add(os.path.join(data, each), each)
    return 0


def discarded(_known, database, _repository):
    """Throw the restored files away."""
    shutil.rmtree(folder_of(database["name"]), ignore_errors=True)
    return {}


def wish_on_stdin():
    """A wish as JSON."""
    return json.loads(sys.stdin.read() or "{}")
