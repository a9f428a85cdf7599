"""Mark in the repository that a database was put back: a new history begins, and what was kept stays as it was."""

import json
import secrets
import sys
import time
from dataclasses import replace

import catalogue
import record
from catalogue import RESTORED, Backup
from settings import held


def mark(_known, database, repository):
    """Have the mark, while no server of the database runs; returns its id. On stdin: {to, node}, for people.

    A copy or a fetch under way ends first: it breaks off with the servers.
    """
    said, name = json.loads(sys.stdin.read()), database["name"]
    with held(f"copy-{name}"), held(f"binlogs-{name}"):
        whole, _ = repository.snapshots()
        run, now = secrets.token_hex(8), time.time()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        found = Backup(
            id=f"{name}-{stamp}-{RESTORED}-{run[:4]}", database=name, kind=RESTORED, at=round(now, 3),
            node=said["node"], engine=database["engine"], position=said["to"],
            history=catalogue.history(whole, name), until=record.seen(name), topology=database["topology"],
        )  # fmt: skip
        text = json.dumps(said).encode()
        stored = repository.put([text], f"{name}.{RESTORED}.json", catalogue.begun(name, RESTORED, run))
        found = replace(found, **stored)
        repository.commit(found)
        record.failed(name, "copies", f"no copy was made since {name} was restored")
        return {"id": found.id}
