"""cluster backups"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_option, output_option


@click.command(short_help="The backups there are, and which of them are proven.")
@click.argument("database", required=False)
@cluster_option
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, database: str | None, output: str) -> None:
    """The backups of DATABASE, or of all databases and of the cluster's own files, on every backup node.

    A copy is proven when it was restored, brought to a position its source
    was at, and every row was the same. Exit code 1 when a backup node does
    not tell.
    """
    from cluster_cli.backups.nodes import backup_nodes, chosen, listed
    from cluster_cli.errors import Exit
    from cluster_cli.show.backups import document, tables
    from cluster_cli.topology.backup import OWN_FILES
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    names = chosen(workspace, database) if workspace.topology.backup and database != OWN_FILES else ()
    wanted = database in (None, OWN_FILES)
    found = document(workspace.topology.name, listed(backup_nodes(workspace)), names, own=wanted)
    if output == "json":
        click.echo(json.dumps(found, indent=1))
    else:
        from rich.console import Console

        Console().print(tables(found))
    context.exit(int(Exit.FAILED if any(each["why"] for each in found["nodes"].values()) else Exit.OK))
