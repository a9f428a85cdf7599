"""Forecasts for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_cli.backups.state import span
from cluster_cli.forecast.findings import ALARMING, FULL, RUNS_OUT, SHORT, STEADY, UNCLEAR
from cluster_cli.show.backups import size

Document = Mapping[str, Any]


def table(document: Document) -> Group:
    """What runs out, a row each, then what does not or cannot be told."""
    rows = document["resources"]
    silent = [
        Text(f"{node} does not tell: {row['why']}", style="red")
        for node, row in document["watchers"].items()
        if row["why"]
    ]
    alarming = [row for row in rows if row["state"] in ALARMING]
    return Group(*silent, *([grid(alarming)] if alarming else []), *rest(document))


def grid(rows: list[Document]) -> Table:
    """What is at its limit, or will be."""
    found = Table("node", "resource", "used", "a day", "runs out (UTC)", "90 %", box=SIMPLE_HEAD, pad_edge=False)
    found.add_column("change", overflow="fold")
    for row in rows:
        style = "bold red" if row["state"] == FULL else "yellow"
        used = f"{amount(row, row['used'])} of {amount(row, row['limit'])}"
        grows = f"+{amount(row, row['per_day'])}" if row["per_day"] else ""
        when, between = "now", ""
        if row["state"] == RUNS_OUT:
            ends = row["runs_out"]
            when, between = moment(ends["expected"]), f"{moment(ends['earliest'])} to {moment(ends['latest'])}"
        found.add_row(Text(row["node"], style=style), named(row), used, grows, when, between, row["advice"])
    return found


def rest(document: Document) -> Iterator[Text]:
    """In a line each: what cannot be told, what is too short to be told, and how many are well."""
    rows, ahead = document["resources"], span(document["within_seconds"])
    for row in rows:
        if row["state"] == UNCLEAR:
            yield Text(
                f"{row['node']} {named(row)}: may run out within {ahead}, by {100 * row['chance']:.0f} %, but its "
                "history is too irregular to say when"
            )
    short = [row for row in rows if row["state"] == SHORT]
    if short:
        had = max(row["history_seconds"] for row in short)
        yield Text(
            f"{counted(len(short))}: no forecast, since less than {span(had)} of history is known and "
            f"{span(document['needed_seconds'])} are needed",
            style="yellow",
        )
    steady = sum(row["state"] == STEADY for row in rows)
    if steady:
        yield Text(f"{counted(steady)}: will not run out within {ahead}", style="green")
    if not rows:
        yield Text(f"{document['told_by']} knows nothing of what was in use", style="yellow")


def counted(number: int) -> str:
    """How many resources."""
    return f"{number} resource" + "s" * (number != 1)


def named(row: Document) -> str:
    """The resource, and which of its kind."""
    return f"{row['resource']} {row['what']}".strip()


def amount(row: Document, value: float) -> str:
    """A figure in its unit; the resource says which, unless it is bytes."""
    return size(value) if row["unit"] == "bytes" else f"{value:.0f}"


def moment(iso: str | None) -> str:
    """A day and an hour."""
    return iso[:16].replace("T", " ") if iso else "later"
