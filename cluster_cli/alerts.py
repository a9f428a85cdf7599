"""Which alerts fire now, by the Alertmanagers' word: what they are asked, and what their answers mean."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli import watchers
from cluster_cli.collect import Outcome
from cluster_cli.inventory import Host
from cluster_cli.topology.monitoring import CRITICAL
from cluster_cli.workspace import Workspace

SCHEMA_VERSION = 1
PROGRAM, PATH = "alertmanager", "/api/v2/alerts"  # its API, version 2
STATES = {"active": "firing", "unprocessed": "firing", "suppressed": "silenced"}
Row = dict[str, Any]


def question(host: Host) -> str:
    """The command by which a node that watches tells what fires."""
    return watchers.question(host, PROGRAM, [PATH])


def asked(workspace: Workspace) -> dict[str, Any]:
    """The document of `cluster alerts` (docs/reference/alerts.md).

    Raises ClusterError when nobody watches (exit 2), or nobody who does answers (exit 4).
    """
    answers = watchers.ask(workspace, PROGRAM, [PATH], untold="what fires")
    return {
        "schema_version": SCHEMA_VERSION,
        "cluster": workspace.topology.name,
        "watchers": watchers.silent(answers),
        "alerts": fired(answers),
    }


def fired(answers: Mapping[str, Outcome]) -> list[Row]:
    """What fires, each once, with the nodes that say so: what is critical first, then what is older."""
    rows: dict[str, Row] = {}
    for node, answer in answers.items():
        for each in read(answer):
            row = rows.setdefault(each["fingerprint"], described(each))
            row["told_by"].append(node)
    return sorted(rows.values(), key=lambda row: (row["severity"] != CRITICAL, row["since"], row["name"]))


def read(answer: Outcome) -> list[Row]:
    """The alerts a node tells; none when it does not answer."""
    try:
        found = json.loads(answer.stdout) if answer.rc == 0 else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def described(alert: Mapping[str, Any]) -> Row:
    """An alert as it stands in documents."""
    labels, notes = dict(alert["labels"]), alert.get("annotations", {})
    return {
        "name": labels.pop("alertname", ""),
        "severity": labels.pop("severity", ""),
        "state": state(alert["status"]),
        "since": alert["startsAt"].split(".")[0].removesuffix("Z") + "+00:00",
        "summary": notes.get("summary", ""),
        "runbook": notes.get("runbook", ""),
        "labels": labels,
        "told_by": [],
    }


def state(status: Mapping[str, Any]) -> str:
    """firing; silenced, by a person; or inhibited, by an alert that says more."""
    if status.get("inhibitedBy"):
        return "inhibited"
    return STATES.get(status["state"], "firing")


def problems(rows: list[Row]) -> Iterator[str]:
    """Critical alerts nobody silenced, a sentence each."""
    for row in rows:
        if row["severity"] == CRITICAL and row["state"] == "firing":
            yield f"alert {row['name']}: {row['summary']}"
