"""What this backup node was told by the topology, and where it keeps what."""

import json
import os
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

PLACE = "/etc/cluster/backup.json"
HOME = "/var/lib/cluster-backup"
SCRATCH, STATE, LOCKS = f"{HOME}/scratch", f"{HOME}/state.json", f"{HOME}/locks"
METRICS = f"{HOME}/metrics/cluster_backup.prom"


class RefusedError(Exception):
    """What is not done, in words for a person."""


class BusyError(RefusedError):
    """Somebody else is at it."""


def settings():
    """All of it, as role backup wrote it."""
    with open(PLACE, encoding="utf-8") as handle:
        return json.load(handle)


def database(known, name):
    """What is said of one database. Raises RefusedError for one that is not backed up here."""
    found = {each["name"]: each for each in known["databases"]}
    if name not in found:
        raise RefusedError(f'there is no database "{name}" to back up here; there are {", ".join(found)}')
    return found[name]


def file_set(known, name):
    """What is said of files of nodes. Raises RefusedError for a name that is not backed up here."""
    found = {each["name"]: each for each in known["sets"]}
    if name not in found:
        raise RefusedError(f'there are no files "{name}" to back up here; there are {", ".join(found) or "none"}')
    return found[name]


@contextmanager
def held(name, *, shared=False, wait=True):
    """A lock of this node that goes with the process. Raises BusyError when somebody has it and we do not wait."""
    os.makedirs(LOCKS, exist_ok=True)
    with open(os.path.join(LOCKS, name), "w", encoding="utf-8") as handle:
        try:
            flock(handle, (LOCK_SH if shared else LOCK_EX) | (0 if wait else LOCK_NB))
        except BlockingIOError as error:
            raise BusyError(f"another run is at it ({name})") from error
        yield
