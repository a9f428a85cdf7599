"""Alerts for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

Document = Mapping[str, Any]
STYLES = {"critical": "bold red", "warning": "yellow"}


def table(document: Document) -> Group:
    """What fires, a row each, and who does not tell."""
    silent = [
        Text(f"{node} does not tell: {row['why']}", style="red")
        for node, row in document["watchers"].items()
        if row["why"]
    ]
    if not document["alerts"]:
        return Group(*silent, Text("nothing fires", style="green"))
    grid = Table("alert", "severity", "since (UTC)", "what is wrong", "see", box=SIMPLE_HEAD, pad_edge=False)
    for row in document["alerts"]:
        said = row["severity"] if row["state"] == "firing" else f"{row['severity']}, {row['state']}"
        style = STYLES.get(row["severity"], "") if row["state"] == "firing" else "dim"
        grid.add_row(Text(row["name"], style=style), said, row["since"][:19], row["summary"], row["runbook"])
    return Group(*silent, grid)


def status_lines(rows: list[dict[str, Any]]) -> Iterator[Text]:
    """A line for each alert that fires, in `status`."""
    for row in rows:
        if row["state"] == "firing":
            words = f"{row['summary']} (since {row['since'][11:19]})"
            yield Text.assemble("alert ", (row["name"], STYLES.get(row["severity"], "")), f": {words}")
