"""Mark in the repository that a new history of a database begins; what was kept before stays as it was."""

import json
import secrets
import sys
import time
from dataclasses import replace

import adopt
import catalogue
import record
from catalogue import RESTORED, Backup
from settings import held


def mark(_known, database, repository):
    """Have the mark, while no server of the database runs. On stdin: {to, node}, for people."""
    said = json.loads(sys.stdin.read())
    return begun(database, repository, f"put back to {said['to']}", said["node"])


def begun(database, repository, why, node=""):
    """Have a new history begin; returns the id of its mark. A copy or a fetch under way ends first."""
    name = database["name"]
    with held(f"copy-{name}"), held(f"binlogs-{name}"):
        whole, _ = repository.snapshots()
        run, now = secrets.token_hex(8), time.time()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        found = Backup(
            id=f"{name}-{stamp}-{RESTORED}-{run[:4]}", database=name, kind=RESTORED, at=round(now, 3), node=node,
            engine=database["engine"], position=why, history=catalogue.history(whole, name),
            until=record.seen(name), topology=database["topology"],
        )  # fmt: skip
        stored = repository.put([why.encode()], f"{name}.{RESTORED}.txt", catalogue.begun(name, RESTORED, run))
        repository.commit(replace(found, **stored))
        adopt.restored(name)
        record.failed(name, "copies", f"no copy of {name} was made since a new history began: {why}")
        return {"id": found.id}
