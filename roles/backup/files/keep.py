"""Let go of what the policy does not keep."""

import time

import record
import retention
from catalogue import FULL


def tidy(known, database, repository):
    """Forget what may go, and give the room back; returns the ids of what went."""
    backups, _ = repository.snapshots()
    keep = known["keep"]
    stays = repository.kept([f"database:{database['name']}", f"kind:{FULL}"], keep)
    full = {each.id for each in backups if each.snapshot in stays} | proven(database["name"])
    gone = retention.expendable(backups, database["name"], full, time.time() - keep["binlogs_seconds"])
    if gone:
        repository.forget([each.snapshot for each in gone])
        repository.prune()
    return [each.id for each in gone]


def proven(database):
    """The full copy of the last proven restore: it stays until another one is proven."""
    good = record.state()["databases"].get(database, {}).get("proof", {}).get("good") or {}
    return set(good.get("chain", [])[:1])
