"""The last runs, left on the nodes that watch: for the status page, and for `cluster status`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster_cli import contact, ssh
from cluster_cli.collect import Outcome
from cluster_cli.history import past
from cluster_cli.history.results import SHOWN, result
from cluster_cli.render.monitoring import RUNS as PLACE
from cluster_cli.workspace import Workspace

QUESTION = f"cat {PLACE}"
SECONDS, CONNECT_SECONDS = 8, 3
# Joins them with those the node knows, maybe of other control machines; keeps the newest, if somebody reads them.
KEEP = """
import json, os
place, reader, new, kept = json.loads({given!r})
if os.path.exists(reader):
    try:
        with open(place, encoding="utf-8") as file:
            old = json.load(file)
    except (OSError, ValueError):
        old = []
    known = {{row["run"]: row for row in [*old, *new]}}
    with open(place + ".new", "w", encoding="utf-8") as file:
        json.dump([known[name] for name in sorted(known)[-kept:]], file)
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    os.rename(place + ".new", place)
"""
READER = "/etc/cluster/metrics.json"  # the settings of what reads it: gone after `down`
Row = dict[str, Any]


def leave(workspace: Workspace) -> dict[str, str]:
    """Leave the last runs on every node that watches, once a run is over; why that failed, by node.

    All of the last ones, since a node may have missed some. Raises nothing that a run could fail of. Nodes that
    were never met are left out.
    """
    try:
        known = workspace.places.known_hosts
        hosts = [host for host in workspace.inventory.group("prometheus") if contact.fingerprints(known, host)]
        if not hosts:
            return {}
        script = program(last_runs(workspace.places.state))
        options = (f"ConnectTimeout={CONNECT_SECONDS}",)
        answers = ssh.on_all(
            hosts,
            lambda host: ssh.run(host, "exec python3 -I -", stdin=script, timeout=SECONDS, options=options),
        )
    except Exception as error:  # whatever it is, the run itself went as it went
        return {"": f"{type(error).__name__}: {error}"}
    return {node: why(answer) for node, answer in answers.items() if answer.rc}


def program(rows: Iterable[Row], place: str = PLACE, reader: str = READER) -> str:
    """What a node runs to keep these rows."""
    return KEEP.format(given=json.dumps([place, reader, list(rows), SHOWN]))


def why(answer: ssh.Answer) -> str:
    """The last line a node, or SSH, said."""
    return answer.err.strip().split("\n")[-1] or f"it ended with {answer.rc}"


def last_runs(state: Path) -> list[Row]:
    """The newest runs below a state directory, as they are shown: no arguments but the database's name."""
    begun = past.records(state, "started")
    rows = [row for row in past.rows(state, 2 * SHOWN) if row["kept"]]  # verbs without stages have no directory
    return [described(row, begun.get(row["run"], {}).get("args") or {}) for row in rows[:SHOWN]]


def described(row: Mapping[str, Any], arguments: Mapping[str, Any]) -> Row:
    """One run: the row of `cluster history`, and the arguments it had."""
    return {
        **{key: row[key] for key in ("run", "verb", "started", "seconds", "code", "changed", "who")},
        "about": str(arguments.get("database") or ""),
        "result": result(row["code"]),
    }


def told(answers: Mapping[str, Outcome]) -> list[Row]:
    """The last runs by the word of all nodes that watch, the newest first. answers: to QUESTION, by node."""
    known = {row["run"]: row for answer in answers.values() for row in read(answer)}
    return [known[name] for name in sorted(known, reverse=True)[:SHOWN]]


def read(answer: Outcome) -> Iterator[Row]:
    """What one node has; nothing before the first run, and when it does not answer."""
    try:
        found = json.loads(answer.stdout) if answer.rc == 0 else []
    except ValueError:
        return
    yield from found if isinstance(found, list) else ()
