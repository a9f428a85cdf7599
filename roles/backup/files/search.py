"""Find a statement in what was fetched: when it was, its GTID, and the GTID just before it."""

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import asdict

import catalogue
import engine
import gtid
import restore
import statements
from prove import emptied
from settings import HOME, SCRATCH, RefusedError, held

REQUESTS = f"{HOME}/requests"
MOST, LONGEST = 20, 300


def find(_known, database, repository):
    """The last statements that match, the newest first; how far back was looked; how many have no text (mute).

    requests/DATABASE-find.json: {pattern: a regular expression, since: seconds since 1970}. What was written in
    the history that goes on now is searched, from the newest fetch back. Raises RefusedError for a pattern that is
    none.
    """
    name = database["name"]
    with open(os.path.join(REQUESTS, f"{name}-find.json"), encoding="utf-8") as handle:
        wish = json.load(handle)
    try:
        pattern = re.compile(wish["pattern"], re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise RefusedError(f"the pattern is no regular expression: {error}") from error
    backups, _ = repository.snapshots()
    here = catalogue.within(backups, name, catalogue.history(backups, name))
    logs = [each for each in catalogue.of(here, name, catalogue.BINLOGS) if each.at >= wish["since"]]
    found, mute = {}, 0
    with held(f"find-{name}", wait=False), emptied(os.path.join(SCRATCH, f"{name}-find")) as folder:
        for backup in reversed(logs):
            told = list(spoken(repository, backup, database, pattern, folder))
            mute += sum(each is None for each in told)
            for each in filter(None, reversed(told)):
                found.pop(each.gtid, None)  # what comes before it, the older fetch knows
                found[each.gtid] = each
            if len(found) >= MOST:
                break
    return {
        "statements": [{**asdict(each), "text": each.text[:LONGEST]} for each in [*found.values()][:MOST]],
        "fetches": len(logs),
        "mute": mute,
        "from": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wish["since"])),
    }


def spoken(repository, backup, database, pattern, folder):
    """Those of one fetch that match, in their order; None for each of which there is no text."""
    for _, paths, begins in restore.unpack_logs(repository, [backup], folder):
        start = gtid.only(begins, database["domain"])
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC"}
        read = subprocess.Popen(
            [*engine.PRINT, *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
        for each in statements.read(read.stdout, database["domain"], start):
            if not each.text:
                yield None
            elif pattern.search(each.text):
                yield each
        if read.wait() != 0:
            raise RefusedError(f"{backup.id} cannot be read")
    shutil.rmtree(os.path.join(folder, "binlogs-0"), ignore_errors=True)
