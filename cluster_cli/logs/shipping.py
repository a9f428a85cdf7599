"""How far endpoints have the logs, by what each receiver says of its shipping: pure."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cluster_cli.backups.state import span
from cluster_cli.collect import Outcome
from cluster_cli.inventory import Inventory
from cluster_cli.status.limits import LOGS_BEHIND_SECONDS

QUESTION = "cat /run/cluster-log-shipper/status.json"


def described(inventory: Inventory, found: Mapping[str, Outcome], now: float) -> dict[str, Any]:
    """Each endpoint by name, with a row for each receiver, None where that does not say.

    now: seconds since the epoch.
    """
    rows: dict[str, Any] = {}
    for host in inventory.group("logs"):
        said = read(found.get(host.name))
        for endpoint in host.vars["logs_ship"]:
            name = endpoint["name"]
            row = rows.setdefault(name, {"url": endpoint["url"], "receivers": {}})
            row["receivers"][host.name] = receiver(said[name], now) if name in said else None
    return rows


def read(outcome: Outcome | None) -> Mapping[str, Any]:
    """What a receiver says, by endpoint; nothing when it does not."""
    try:
        said: Mapping[str, Any] = json.loads(outcome.stdout) if outcome and outcome.rc == 0 else {}
    except ValueError:
        return {}
    return said


def receiver(said: Mapping[str, Any], now: float) -> dict[str, Any]:
    """What a receiver says of an endpoint."""
    return {
        "until": datetime.fromtimestamp(said["until"], UTC).isoformat(timespec="seconds"),
        "behind_seconds": max(0, round(now - said["until"])),
        "error": said["error"],
        **{name: said[name] for name in ("sent", "refused", "lost_bytes")},
    }


def problems(rows: Mapping[str, Any]) -> Iterator[str]:
    """What is not sent, and why."""
    for name, row in rows.items():
        for node, said in row["receivers"].items():
            if said and said["behind_seconds"] > LOGS_BEHIND_SECONDS:
                why = said["error"] or "less is sent than is logged"
                yield f"{node}: {name} lacks the logs of the last {span(said['behind_seconds'])}: {why}"


def lines(rows: Mapping[str, Any]) -> Iterator[str]:
    """A line for each endpoint."""
    for name, row in rows.items():
        words = ", ".join(f"{far(said)} by {node}" for node, said in row["receivers"].items())
        yield f"logs sent to {name} ({row['url']}): {words}"


def far(said: Mapping[str, Any] | None) -> str:
    """How far a receiver is, in few words."""
    if said is None:
        return "nobody knows how many"
    seconds = said["behind_seconds"]
    return "all" if seconds <= LOGS_BEHIND_SECONDS else f"all but the last {span(seconds)}"
