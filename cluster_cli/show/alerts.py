"""Alerts for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

Document = Mapping[str, Any]
STYLES = {"critical": "bold red", "warning": "yellow"}


def listed(document: Document) -> Group:
    """What fires, three lines each, and who does not tell."""
    silent = [
        Text(f"{node} does not tell: {row['why']}", style="red")
        for node, row in document["watchers"].items()
        if row["why"]
    ]
    if not document["alerts"]:
        return Group(*silent, Text("nothing fires", style="green"))
    return Group(*silent, *(line for row in document["alerts"] for line in lines(row)))


def lines(row: Mapping[str, Any]) -> Iterator[Text]:
    """An alert: its name, how bad and since when; what is wrong; where it stands what to do."""
    fires = row["state"] == "firing"
    said = row["severity"] if fires else f"{row['severity']}, {row['state']}"
    since = row["since"][:19].replace("T", " ")
    style = STYLES.get(row["severity"], "") if fires else "dim"
    yield Text.assemble((row["name"], style), f"  {said}, since {since} UTC")
    yield Text(f"  {row['summary']}")
    yield Text(f"  {row['runbook']}", style="dim")


def status_lines(rows: list[dict[str, Any]]) -> Iterator[Text]:
    """A line for each alert that fires, in `status`."""
    for row in rows:
        if row["state"] == "firing":
            words = f"{row['summary']} (since {row['since'][11:19]})"
            yield Text.assemble("alert ", (row["name"], STYLES.get(row["severity"], "")), f": {words}")
