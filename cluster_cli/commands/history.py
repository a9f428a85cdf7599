"""cluster history"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="The past runs: when, who, what came of them.")
@cluster_argument
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@output_option
def command(cluster: Path, last: int, output: str) -> None:
    """The past runs of a cluster on this control machine, newest first."""
    from cluster_cli import history
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    rows = history.rows(workspace.places.state, last)
    if output == "json":
        click.echo(json.dumps({"schema_version": 1, "runs": rows}, indent=1))
        return
    from rich.console import Console

    from cluster_cli.show import history_table

    Console().print(history_table(rows))
