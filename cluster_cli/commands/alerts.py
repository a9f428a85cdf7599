"""cluster alerts"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="The alerts that fire now.")
@cluster_argument
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, output: str) -> None:
    """The alerts that fire now, as the nodes that watch tell it, each once.

    What somebody silenced, and what an alert that says more inhibits, is shown
    as such. Exit code 0 when nothing fires, 1 when something does, 4 when no
    node that watches answers.
    """
    from cluster_cli.alerts import asked
    from cluster_cli.errors import Exit
    from cluster_cli.show.alerts import listed
    from cluster_cli.workspace import Workspace

    document = asked(Workspace.open(cluster))
    if output == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        from rich.console import Console

        Console().print(listed(document))
    fires = any(row["state"] == "firing" for row in document["alerts"])
    context.exit(int(Exit.FAILED if fires else Exit.OK))
