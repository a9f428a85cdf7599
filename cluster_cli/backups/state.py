"""How old the last copy, fetch and proven restore of a database are, and the cluster's own files: pure."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.render.backup import file_sets
from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.topology.makers import backed_up, makers
from cluster_cli.topology.model import Topology

QUESTION = "cat /var/lib/cluster-backup/state.json"
KINDS, OF_FILES, OWN = ("copies", "binlogs", "proof"), ("files",), ("own",)
MISSING = {
    "copies": "the last copy of {} is {} old",
    "binlogs": "what was written to {} was last fetched {} ago",
    "proof": "the last proven restore of {} is {} old",
    "files": "the last copy of {} is {} old",
}
NEVER = {
    "copies": "there is no copy of {}",
    "binlogs": "what was written to {} was never fetched",
    "proof": "no restore of {} was proven yet",
    "files": "there is no copy of {}",
    "own": "the {}'s own files were never kept: cluster backup run cluster",
}


def described(topology: Topology, found: Mapping[str, Outcome], now: float) -> dict[str, Any]:
    """By database, set of files, or `cluster` for its own, and backup node.

    found: answers to QUESTION; now: seconds since 1970.
    """
    said = {node: read(found.get(node)) for node in (topology.backup.nodes if topology.backup else ())}
    return {
        name: {node: row(said[node], name, now, known) for node in makers(topology, name)}
        for name, known in kinds(topology).items()
    }


def kinds(topology: Topology) -> dict[str, tuple[str, ...]]:
    """The kinds of run there are of each database, set of files, and the cluster's own files."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(backed_up(topology), KINDS)
    found |= dict.fromkeys(file_sets(topology), OF_FILES)
    return found | ({OWN_FILES: OWN} if topology.backup else {})


def read(outcome: Outcome | None) -> dict[str, Any]:
    """What a backup node knows of its runs; empty before the first, and when it does not answer."""
    try:
        found = json.loads(outcome.stdout) if outcome and outcome.rc == 0 else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def row(said: Mapping[str, Any], database: str, now: float, names: tuple[str, ...]) -> dict[str, Any]:
    """What a node knows of a database or set of files: a row for each kind of run."""
    kinds = said.get("databases", {}).get(database, {})
    since = said.get("since")
    rows = {kind: run(kinds.get(kind, {}), now) for kind in names}
    return {**rows, "watched_seconds": None if since is None else round(now - since)}


def run(known: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The last good run of a kind, and why the last one failed where it did."""
    good, bad = known.get("good") or {}, known.get("bad") or {}
    at = good.get("at")
    return {
        "age_seconds": None if at is None else max(0, round(now - at)),
        "at": None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "id": good.get("id"),
        "seconds": good.get("seconds"),
        "failed": bad.get("why"),
    }


def problems(topology: Topology, rows: Mapping[str, Any], reachable: Mapping[str, bool]) -> Iterator[str]:
    """What failed, and what is older than it may be, a sentence each."""
    for database, nodes in rows.items():
        for node, found in nodes.items():
            if reachable.get(node):
                yield from problems_of(topology, database, node, found)


def problems_of(topology: Topology, database: str, node: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The same of one database on one backup node."""
    for kind in (name for name in NEVER if name in found):
        each = found[kind]
        if each["failed"]:
            yield f"{node}: {words(kind)} of {database} failed: {each['failed']}"
        if each["age_seconds"] is not None and kind not in MISSING:
            continue  # it is kept when it changes
        age = each["age_seconds"] if each["age_seconds"] is not None else found["watched_seconds"]
        limit = getattr(topology.backup and topology.backup.overdue, kind if kind in MISSING else "copies")
        if age is not None and age * 1000 > limit:
            text = MISSING[kind] if each["age_seconds"] is not None else NEVER[kind]
            yield f"{node}: {text.format(database, span(age))}"


def words(kind: str) -> str:
    """What a kind of run is called."""
    known = {"binlogs": "the last fetch", "proof": "the last proof"}
    return known.get(kind, "the last copy")


def span(seconds: float) -> str:
    """A time in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
