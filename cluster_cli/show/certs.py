"""`certs` for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_cli.errors import ClusterError, Exit

SHORTEST_PASSPHRASE = 12


def table(document: Mapping[str, Any]) -> Group:
    """The whole screen: a row a certificate, then what needs attention."""
    grid = Table("node", "name", "for", "issuer", "expires", "days left", box=SIMPLE_HEAD, pad_edge=False)
    for node, rows in document["nodes"].items():
        for name, row in rows.items():
            grid.add_row(node, name, *cells(row))
    return Group(*([grid] if document["nodes"] else []), *remarks(document))


def cells(row: Mapping[str, Any]) -> tuple[str | Text, ...]:
    """One certificate in few words."""
    if row["expires"] is None:
        return ("", "", "", Text("none", style="bold red"))
    style = "bold red" if row["warning"] else "green"
    names = ", ".join([*row["names"], *row["addresses"]])
    return names, row["issuer"], row["expires"][:10], Text(f"{row['days_left']:g}", style=style)


def remarks(document: Mapping[str, Any]) -> Iterator[Text]:
    """What needs attention, each on a line."""
    for node, rows in document["nodes"].items():
        for name, row in rows.items():
            if row["warning"]:
                yield Text(f"{node}: {name}: {row['warning']}", style="red")
    for node in document["unreachable"]:
        yield Text(f"{node} does not answer", style="red")
    if document["warning"]:
        yield Text(document["warning"], style="yellow")
    if not document["nodes"] and not document["unreachable"]:
        yield Text("no node has certificates; next: give a frontend `tls: {}`, then: cluster up")


def passphrase(file: Path | None, *, confirm: bool) -> str:
    """A passphrase: a file's first line or asked for. Raises ClusterError (exit 2) when a new one is short."""
    if file:
        found = file.read_text(encoding="utf-8").partition("\n")[0]
    else:
        found = click.prompt("passphrase of the file", hide_input=True, confirmation_prompt=confirm, err=True)
    if confirm and len(found) < SHORTEST_PASSPHRASE:
        raise ClusterError(
            "the passphrase is too short",
            why=f"it has {len(found)} characters, and whoever finds the file can try for years",
            hint=f"use at least {SHORTEST_PASSPHRASE}",
            code=Exit.USAGE,
        )
    return str(found)
