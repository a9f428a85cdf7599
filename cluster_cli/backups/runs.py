"""`cluster backup run` and `verify`: all backup nodes at once, recorded in the history."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from cluster_cli import ssh
from cluster_cli.backups import own
from cluster_cli.backups.nodes import backup_nodes, meant, work
from cluster_cli.errors import ClusterError
from cluster_cli.events import Step
from cluster_cli.inventory import Host
from cluster_cli.run import Run, recorded
from cluster_cli.show.run import given
from cluster_cli.workspace import Workspace

TITLES = {
    "full": "Make a full copy",
    "incremental": "Make a copy of what changed",
    "verify": "Read and verify the repository",
    "prove": "Restore, and compare every row",
}


@dataclass(frozen=True)
class Done:
    """What came of it: a row for each verb, database and node."""

    verb: str
    rows: tuple[dict[str, Any], ...]

    def as_json(self) -> str:
        """For scripts (docs/reference/backups.md)."""
        return json.dumps({"schema_version": 1, "verb": self.verb, "runs": list(self.rows)}, indent=1)


def run_all(
    workspace: Workspace, verb: str, database: str | None, steps: Sequence[str], *, plain: bool = False
) -> Done:
    """Have every backup node do these steps, one after the other, for these databases.

    Files of nodes and the cluster's own take part where nothing is named, or where they are.

    Raises ClusterError when one of them did not end well; the others were done all the same.
    """
    hosts, names = backup_nodes(workspace), meant(workspace, database)
    rows: list[dict[str, Any]] = []
    arguments = {"database": database, "steps": list(steps)}
    with recorded(workspace, verb, list(steps), arguments=arguments, plain=plain) as run:
        for step in steps:
            with run.stage(step, TITLES[step]):
                done = ran(run, step, names.databases)
                if step != "prove":
                    done += ran(run, "files-verify" if step == "verify" else "files", names.sets)
                    done += own.ran(run, hosts, step) if names.own else []
                rows += done
                refuse_failed(workspace, done)
    return Done(verb, tuple(rows))


def ran(run: Run, step: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """One step, one database or set of files after the other, on all nodes that back it up at once."""

    def tell(node: str, text: str) -> None:
        run.emit(Step(step, text, node))

    rows = []
    for name in names:
        found = ssh.on_all(backup_nodes(run.workspace, name), partial(one, step=step, name=name, tell=tell))
        rows += [{"step": step, "database": name, "node": node, **row} for node, row in found.items()]
    return rows


def one(host: Host, *, step: str, name: str, tell: Any) -> dict[str, Any]:
    """One step on one node."""
    return work(host, step, name, tell)


def refuse_failed(workspace: Workspace, rows: Sequence[dict[str, Any]]) -> None:
    """Raise ClusterError when one of these did not end well."""
    bad = [row for row in rows if not row["ok"]]
    for row in bad[1:]:
        click.echo(f"{row['node']}: {row['step']} of {row['database']}: {row['why']}", err=True)
    if bad:
        row = bad[0]
        raise ClusterError(
            f"{row['step']} of {row['database']} failed",
            where=row["node"],
            why=row["why"],
            hint=f"see all there is: cluster backups -C {given(workspace) or '.'}",
        )
