"""`cluster restore --before-query`: the moment just before a statement, found in what was fetched."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import click

from cluster_cli import ssh
from cluster_cli.backups.nodes import chosen, fetch, work
from cluster_cli.backups.restoring import REQUESTS, WRITE, Done, Wish, moment, one_of, where
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.workspace import Workspace

BACK = timedelta(days=1)
Row = Mapping[str, Any]  # roles/backup/files/statements.py, Statement


def narrowed(workspace: Workspace, wish: Wish, pattern: str, since: str | None) -> Wish | Done:
    """The wish with the position just before the statement as its moment; all that match where it only looks.

    pattern: a regular expression; since: a time, a day ago where it is left away. Raises ClusterError where
    nothing matches, or more than one does.
    """
    host, database = where(workspace, wish), one_of(chosen(workspace, wish.database))
    if wish.at or wish.backup:
        raise ClusterError("the moment is named twice", hint="leave --at and --backup away", code=Exit.USAGE)
    found = statements(host, database, pattern, moment(since) if since else datetime.now().astimezone() - BACK)
    rows: Sequence[Row] = found["statements"]
    for row in rows:
        click.echo(f"{row['at']} UTC  {row['gtid']}  --at {row['before'] or 'nothing before'}", err=True)
        click.echo("".join(f"    {line}\n" for line in row["text"].splitlines()), err=True, nl=False)
    searched = f"{found['fetches']} fetches since {found['from']} UTC were searched"
    if not rows:
        hint = "look further back: --since TIME"
        if mute := found["mute"]:
            searched += f"; of {mute} transactions the binary logs do not hold the text"
            hint += "; or name the moment: --at"
        raise ClusterError(f"no statement matches {pattern!r}", why=searched, hint=hint)
    if len(rows) > 1 and wish.dry:
        return Done(database, host.name, True, found)
    if len(rows) > 1:
        hint = "name the moment: --at as shown, or say more in the pattern"
        raise ClusterError(f"{len(rows)} statements match {pattern!r}", why=searched, hint=hint, code=Exit.USAGE)
    if not rows[0]["before"]:
        raise ClusterError("nothing of what came before it was fetched", why=searched, hint="see: cluster backups")
    return replace(wish, at=str(rows[0]["before"]))


def statements(host: Host, database: str, pattern: str, since: datetime) -> dict[str, Any]:
    """What a backup node finds, once what was written last is fetched. Raises ClusterError with its reason."""
    fetch(host, database)
    asked = json.dumps({"pattern": pattern, "since": since.timestamp()})
    ssh.run(host, WRITE.format(f"{database}-find"), stdin=asked)
    row = work(host, "find", database, lambda _node, _text: None)
    if not row["ok"]:
        raise ClusterError(f"{host.name} could not search", where=REQUESTS, why=row["why"])
    found: dict[str, Any] = row["result"]
    return found
