"""What a node that stands by for a database says of its copy, and what is not well with it: pure."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.replication.look import span
from cluster_cli.topology.databases import Database

PROGRAM = "python3 -IB /usr/local/lib/cluster/standby"  # roles/standby installs it
QUESTION = f"{PROGRAM} look"
SECOND = 1000


def rows(outcome: Outcome | None) -> dict[str, dict[str, Any]]:
    """What a node says of each database it stands by for; empty where it says nothing."""
    found: dict[str, dict[str, Any]] = {}
    if outcome and outcome.rc == 0:
        with suppress(ValueError):
            found = json.loads(outcome.stdout)
    return found


def member(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """One copy in the words of `status`. said: the node's own (roles/standby/files/looking.py)."""
    row = said or {"why": "it does not answer"}
    return {
        "state": state(row),
        "follows": row.get("follows", ""),
        "running": follows(row),
        "held": bool(row.get("held")),
        "lag_seconds": row.get("lag"),
        "delay_seconds": row.get("delay", 0),
        "position": row.get("position", ""),
        "received": row.get("received", ""),
        "why": row.get("why", ""),
    }


def follows(row: Mapping[str, Any]) -> bool:
    """Whether it fetches what comes and applies it when it is time."""
    return bool(row.get("io") == row.get("sql") == "Yes")


def state(row: Mapping[str, Any]) -> str | None:
    """What it is now, in a word or two; None where its server does not answer."""
    if not row.get("running"):
        return None
    if row.get("held") and row.get("io") == "Yes":
        return "held"
    return "stands by" if follows(row) else "cut off"


def problems(name: str, database: Database, standby: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What is not well, as (node, sentence). standby: the members of database `name`, by node."""
    for node, row in standby.items():
        wanted = database.standby[node] // SECOND
        limit, lag = wanted + max(1, database.max_lag // SECOND), row["lag_seconds"]
        if row["state"] is None:
            yield node, f"its standby does not run ({row['why'] or 'no reason given'})"
        elif row["held"]:
            yield node, f"its standby applies nothing until `cluster db release {node} {name}`"
        elif row["state"] == "cut off":
            yield node, f"its standby does not follow ({row['why'] or 'its source does not answer'})"
        elif row["delay_seconds"] != wanted:
            now, wish = late(row["delay_seconds"]), late(wanted)
            yield node, f"its standby is {now}, but is to be {wish} (cluster up --only standby)"
        elif lag is not None and lag > limit:
            yield node, f"its standby is {lag:.0f} s behind, but is to be {late(wanted)}"


def late(seconds: int) -> str:
    """A delay in words."""
    return f"late by {span(seconds)}" if seconds else "not late"
