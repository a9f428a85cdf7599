"""What people see after a verb: to stderr what is progress, to stdout what was asked for."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import TestEnded
from cluster_cli.history.journal import read
from cluster_cli.history.rundir import RunDir
from cluster_cli.history.timing import receipt_rows, receipt_table
from cluster_cli.lab.probe import Check
from cluster_cli.outcome import errors, summary
from cluster_cli.paint import paint
from cluster_cli.picture import endpoints
from cluster_cli.plan import Change
from cluster_cli.up import Outcome
from cluster_cli.workspace import Workspace

MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}
MOST_ERRORS = 6


def show_outcome(
    workspace: Workspace, run: RunDir, outcome: Outcome, report: Path, *, as_json: bool, matrix: bool = False
) -> None:
    """The end of `up` and `verify`: errors, receipt, endpoints, next step; JSON alone on stdout."""
    records = list(read(run.journal))
    console = Console(stderr=True)
    if outcome.verified and outcome.verified.results and (matrix or not outcome.verified.ok):
        console.print(matrix_table(outcome.verified.results))
    show_told(outcome.verified.results if outcome.verified else (), console)
    show_errors(errors(outcome, run, given(workspace)))
    if outcome.converged.changed:
        console.print(receipt_table(receipt_rows(records)))
    if outcome.code == Exit.OK and run.verb == "up":
        show_endpoints(workspace, console)
    console.print(Text(f"report: {report}"), soft_wrap=True)
    if as_json:
        click.echo(json.dumps(summary(outcome, records, report), indent=1))
    elif outcome.code == Exit.OK:
        console.print(f"next: cluster status {given(workspace)}", soft_wrap=True, highlight=False)
    elif outcome.code == Exit.INTERRUPTED:
        console.print(f"interrupted; go on with: cluster up {given(workspace)}", soft_wrap=True, highlight=False)


def given(workspace: Workspace) -> Path:
    """The cluster as a person may type it here."""
    folder = workspace.places.topology.parent
    here = Path.cwd()
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return shown if workspace.places.topology.name == "topology.yml" else shown / workspace.places.topology.name


def show_errors(found: Sequence[ClusterError]) -> None:
    """All errors in the four-part form, at most one screen of them."""
    for error in found[:MOST_ERRORS]:
        click.echo(paint("error: ", fg="red", bold=True) + str(error), err=True)
    if len(found) > MOST_ERRORS:
        click.echo(f"... and {len(found) - MOST_ERRORS} more; the report has them all", err=True)


def show_told(results: Sequence[TestEnded], console: Console) -> None:
    """What tests that passed have to tell: each thing once."""
    for text in dict.fromkeys(row.message for row in results if row.outcome == "passed" and row.message):
        console.print(Text(f"note: {text}", style="bold yellow"), soft_wrap=True)


def show_plan(changes: Sequence[Change], cluster: Path) -> None:
    """What would change, node by node; diffs in the usual colours."""
    if not changes:
        click.echo("nothing would change")
        return
    for node in dict.fromkeys(change.node for change in changes):
        click.echo(paint(node, bold=True))
        for change in (row for row in changes if row.node == node):
            click.echo(f"  {change.stage}: {change.task}")
            for line in change.diff.splitlines():
                click.echo(paint(f"      {line}", fg={"+": "green", "-": "red"}.get(line[:1])))
    nodes = len({change.node for change in changes})
    click.echo(f"pending: {len(changes)} on {nodes} of the nodes; next: cluster up {cluster}", err=True)


def show_endpoints(workspace: Workspace, console: Console) -> None:
    """Where clients reach what stands now."""
    for endpoint in endpoints(workspace.topology, workspace.inventory):
        by = ", ".join(endpoint.served_by)
        console.print(f"{endpoint.name}: {endpoint.url}  (by {by})", soft_wrap=True, highlight=False)


def matrix_table(results: Sequence[TestEnded]) -> Table:
    """Verification as a table of node by role: how many tests passed, or which failed."""
    roles = list(dict.fromkeys(row.role for row in results))
    nodes = sorted({row.node for row in results}, key=lambda name: (not name, name))
    table = Table("node", *roles, box=SIMPLE_HEAD, pad_edge=False)
    for node in nodes:
        cells = [cell([row for row in results if row.node == node and row.role == role]) for role in roles]
        table.add_row(node or "cluster", *cells)
    return table


def cell(rows: Sequence[TestEnded]) -> Text:
    """One cell of the matrix."""
    failed = [row for row in rows if row.outcome == "failed"]
    if failed:
        return Text("\n".join(f"FAILED {row.test}" for row in failed), style="red")
    passed, skipped = (sum(row.outcome == kind for row in rows) for kind in ("passed", "skipped"))
    return Text(f"{passed} ok" + (f", {skipped} skipped" if skipped else ""), style="green") if rows else Text("")


def check_table(checks: Sequence[Check]) -> Table:
    """The doctor's findings."""
    table = Table("", "check", "found", "how to mend it", box=SIMPLE_HEAD, pad_edge=False)
    for check in checks:
        mark, style = MARKS[check.status]
        table.add_row(
            Text(mark, style=style), check.name, check.detail, check.hint if check.status != "ok" else ""
        )
    return table


def history_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Past runs."""
    table = Table(
        "run", "seconds", "exit", "changed", "failed", "verified", "who", box=SIMPLE_HEAD, pad_edge=False
    )
    table.columns[0].no_wrap = True
    for row in rows:
        failed = f", {row['verify_failed']} failed" if row["verify_failed"] else ""
        table.add_row(
            str(row["run"]),
            "" if row["seconds"] is None else f"{row['seconds']:.1f}",
            Text(
                "none" if row["code"] is None else str(row["code"]), style="green" if row["code"] == 0 else "red"
            ),
            str(row["changed"]),
            str(row["failed"] + row["unreachable"]),
            f"{row['verify_passed']} ok{failed}",
            str(row["who"]),
        )
    return table


def confirm_name(name: str, consequence: str, yes: bool) -> None:
    """Ask for a name to be typed before something that cannot be undone. Raises ClusterError when it is not."""
    if yes:
        return
    typed = click.prompt(f"{consequence}; type {name} to go on", default="", show_default=False, err=True)
    if typed != name:
        raise ClusterError(
            "nothing was done", why=f'"{typed}" is not "{name}"', hint="or say --yes", code=Exit.USAGE
        )
