"""Bring a database back as files: fetch a chain, prepare it, and replay what was written up to a moment."""

import json
import os
import shutil
import subprocess
import tarfile

import engine
import gtid
from settings import RefusedError

ABOUT = "about.json"


def fetch(repository, chain, folder):
    """Unpack a full copy and those that build on it into folder/0, folder/1, ...; returns the bytes read."""
    count = 0
    for number, backup in enumerate(chain):
        place = os.path.join(folder, str(number))
        os.makedirs(place, mode=0o700)
        with repository.taken(backup) as stream:
            unpack = subprocess.Popen(
                engine.unpacking(place), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            try:
                shutil.copyfileobj(stream, unpack.stdin, 1 << 20)
                unpack.stdin.close()
            except BrokenPipeError:
                pass
            said = unpack.stderr.read().decode(errors="replace").strip()
            if unpack.wait() != 0:
                stream.rest()  # if the repository is to blame, that is said first
                raise RefusedError(f"{backup.id} cannot be unpacked: {said[-300:]}")
            count += stream.count
    return count


def prepare(chain, folder):
    """Make the files of a chain one consistent state; returns the data directory."""
    return engine.prepare(chain, folder, run)


def unpack_logs(repository, line, folder):
    """Unpack binary logs, each fetch into a folder of its own.

    Returns [(backup, [paths], where all domains were when they began), ...].
    """
    found = []
    for number, backup in enumerate(line):
        place = os.path.join(folder, f"binlogs-{number}")
        os.makedirs(place, mode=0o700)
        with repository.taken(backup) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            names = [info.name for info in extracted(tar, place) if info.name != ABOUT]
        with open(os.path.join(place, ABOUT), encoding="utf-8") as handle:
            begins = json.load(handle)["start"]
        found.append((backup, [os.path.join(place, name) for name in names], begins))
    return found


def extracted(tar, place):
    """The members of a tar, each put in place; plain files only."""
    for info in tar:
        if not info.isfile() or "/" in info.name:
            raise RefusedError(f"{info.name!r} has no place among binary logs")
        tar.extract(info, place, set_attrs=False)
        yield info


def replay(scratch, database, logs, start, goal="", stop=""):
    """Apply binary logs from a position on: to a GTID position, to a moment (UTC, as the engine's reader has it).

    Returns the position that was reached, as far as it is known.
    """
    here = engine.holds(scratch, start)
    for number, (backup, paths, begins) in enumerate(logs):
        last = number == len(logs) - 1
        words = engine.reading(here, begins, database["domain"], goal, stop, last=last)
        apply([*words, *paths], scratch.client(), backup)
        here = goal if goal and last else gtid.further(here, backup.position)
    return here


def apply(words, client, backup):
    """What reads the logs into the client. Raises RefusedError when either of them complains."""
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC"}
    read = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    done = subprocess.run(client, stdin=read.stdout, capture_output=True, text=True, check=False)
    read.stdout.close()
    said = read.stderr.read().decode(errors="replace").strip()
    code = read.wait()
    if done.returncode != 0:
        raise RefusedError(f"{backup.id} cannot be replayed: {done.stderr.strip()[-300:]}")
    if code != 0 or "ERROR" in said:
        raise RefusedError(f"{backup.id} cannot be read: {said[-300:]}")


def run(words, name):
    """A command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise RefusedError(
            f"{name} cannot be prepared: {' / '.join(done.stderr.strip().splitlines()[-3:])[-400:]}"
        )
