"""Which alerts fire now, by the Alertmanagers' word: what they are asked, and what their answers mean."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli.collect import Outcome, collect_all
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.topology.monitoring import CRITICAL
from cluster_cli.workspace import Workspace

SCHEMA_VERSION = 1
SECONDS, CONNECT_SECONDS = 20, 5
STATES = {"active": "firing", "unprocessed": "firing", "suppressed": "silenced"}
Row = dict[str, Any]
# Over the node's own certificate: an Alertmanager answers nobody who shows none (its API, version 2).
ASKING = """
import ssl, sys, urllib.request
address, port, folder, authority = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
try:
    url = f"https://{address}:{port}/api/v2/alerts"
    print(urllib.request.build_opener(*handlers).open(url, timeout=5).read().decode())
except OSError as error:
    sys.exit(f"its Alertmanager does not answer: {error}")
"""


def question(host: Host) -> str:
    """The command by which a node that watches tells what fires."""
    names = ("address", "port", "certificate", "authority")
    words = (str(host.vars[f"alertmanager_{name}"]) for name in names)
    return f"python3 -I -c {shlex.quote(ASKING)} {' '.join(map(shlex.quote, words))}"


def asked(workspace: Workspace) -> dict[str, Any]:
    """The document of `cluster alerts` (docs/reference/alerts.md).

    Raises ClusterError when nobody watches (exit 2), or nobody who does answers (exit 4).
    """
    hosts = workspace.inventory.group("alertmanager")
    if not hosts:
        raise ClusterError(
            "nobody watches this cluster",
            where=workspace.topology.name,
            hint="add a section `monitoring` to the topology, then: cluster up",
            code=Exit.USAGE,
        )
    work = [(host, {"alerts": question(host)}) for host in hosts]
    found = collect_all(work, timeout=SECONDS, connect_seconds=CONNECT_SECONDS)
    answers = {node: outcomes["alerts"] for node, outcomes in found.items()}
    document = {
        "schema_version": SCHEMA_VERSION,
        "cluster": workspace.topology.name,
        "watchers": {node: {"why": why(answer)} for node, answer in answers.items()},
        "alerts": fired(answers),
    }
    if all(answer.rc for answer in answers.values()):
        node, answer = next(iter(answers.items()))
        raise ClusterError(
            "no node that watches tells what fires",
            where=node,
            why=why(answer),
            hint="cluster status says how they are",
            code=Exit.UNREACHABLE,
        )
    return document


def why(answer: Outcome) -> str:
    """Why a node does not tell; empty when it does."""
    return (answer.stderr.strip().split("\n")[-1] or f"it ended with {answer.rc}") if answer.rc else ""


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
