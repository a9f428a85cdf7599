"""What came of the runs: one document for `cluster status`, one file of metrics for Prometheus."""

import json
import os
import time

from settings import METRICS, STATE, held

HELP = {
    "last_success_timestamp_seconds": "When the last good run began.",
    "failed": "Whether the last run failed.",
    "bytes": "What the last good run read from a node.",
    "stored_bytes": "What the last good run added to the repository.",
    "duration_seconds": "How long the last good run took.",
}


def state():
    """{since, databases: {name: {copies|binlogs|proof: {good, bad}}}}; empty before the first run."""
    try:
        with open(STATE, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return {"since": round(time.time(), 3), "databases": {}}


def seen(database):
    """When what was written was fetched last, be it nothing; 0 where it never was."""
    return (state()["databases"].get(database, {}).get("binlogs", {}).get("good") or {}).get("at", 0)


def change(database, kind, **found):
    """Note something of a database, whole or not at all."""
    with held("state"):
        document = state()
        document["databases"].setdefault(database, {}).setdefault(kind, {}).update(found)
        write(STATE, json.dumps(document, indent=1))
        write(METRICS, metrics(document))


def write(place, text):
    """A file that is never seen half."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(f"{place}.new", "w", encoding="utf-8") as handle:
        handle.write(text)
        os.fchmod(handle.fileno(), 0o644)
        os.fsync(handle.fileno())
    os.rename(f"{place}.new", place)


def made(backup):
    """A copy or binlogs are in the repository."""
    kind = "binlogs" if backup.kind == "binlogs" else "copies"
    good = {name: getattr(backup, name) for name in ("id", "kind", "at", "node", "bytes", "stored", "seconds")}
    change(backup.database, kind, good={**good, "position": backup.position}, bad=None)


def fetched(database, position):
    """Nothing was written since the last time."""
    last = state()["databases"].get(database, {}).get("binlogs", {}).get("good") or {}
    change(database, "binlogs", good={**last, "at": round(time.time(), 3), "position": position}, bad=None)


def proven(database, good):
    """A restore was proven."""
    change(database, "proof", good=good, bad=None)


def failed(database, kind, why):
    """A run did not end well."""
    change(database, kind, bad={"at": round(time.time(), 3), "why": why})


def metrics(document):
    """The same for Prometheus (its text format)."""
    rows = {name: [] for name in HELP}
    for database, kinds in sorted(document["databases"].items()):
        for kind, found in sorted(kinds.items()):
            labels, good = f'{{database="{database}",kind="{kind}"}}', found.get("good")
            rows["failed"].append(f"cluster_backup_failed{labels} {int(bool(found.get('bad')))}")
            if good:
                rows["last_success_timestamp_seconds"].append(
                    f"cluster_backup_last_success_timestamp_seconds{labels} {good['at']:.0f}"
                )
                for name, key in (("bytes", "bytes"), ("stored_bytes", "stored"), ("duration_seconds", "seconds")):
                    if key in good:
                        rows[name].append(f"cluster_backup_{name}{labels} {good[key]}")
    lines = []
    for name, found in rows.items():
        if found:
            lines += [f"# HELP cluster_backup_{name} {HELP[name]}", f"# TYPE cluster_backup_{name} gauge", *found]
    return "\n".join(lines) + "\n"
