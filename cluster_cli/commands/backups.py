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
    """The backups of DATABASE, or all there are, on every backup node.

    In place of a database: a name under backup.files in the topology, or
    cluster for the cluster's own files.

    A copy is proven when it was restored, brought to a position its source
    was at, and every row was the same. Exit code 1 when a backup node does
    not tell.
    """
    from cluster_cli.backups.nodes import backup_nodes, listed, meant
    from cluster_cli.errors import Exit
    from cluster_cli.show.backups import document, tables
    from cluster_cli.topology.makers import makers
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    hosts, names = backup_nodes(workspace), meant(workspace, database)
    nodes = {name: makers(workspace.topology, name) for name in names.databases}
    found = document(workspace.topology.name, listed(hosts), names, nodes)
    if output == "json":
        click.echo(json.dumps(found, indent=1))
    else:
        from rich.console import Console

        Console().print(tables(found))
    context.exit(int(Exit.FAILED if any(each["why"] for each in found["nodes"].values()) else Exit.OK))
