"""cluster forecast"""

import json
from datetime import timedelta
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_option

LEAST, MOST = "1d", "90d"


@click.command(short_help="What will run out, and when.")
@cluster_argument
@node_option
@click.option("--within", default="30d", show_default=True, help=f"How far to look: {LEAST} to {MOST}.")
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, nodes: tuple[str, ...], within: str, output: str) -> None:
    """Which disk, memory, connections or sessions of which node run out, and when, by what Prometheus knows.

    It says when that is expected, between which moments it is with 90 %, and
    what to change. It says nothing of less than seven days of history, and of
    what moves too irregularly it says so. Exit code 0 when nothing runs out
    within that time, 1 when something does, 4 when no node that watches
    answers.
    """
    from cluster_cli.errors import Exit
    from cluster_cli.forecast.ask import asked
    from cluster_cli.forecast.findings import ALARMING
    from cluster_cli.show.forecast import table
    from cluster_cli.workspace import Workspace

    ahead = span(within)
    document = asked(Workspace.open(cluster), ahead, nodes)
    if output == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        from rich.console import Console

        Console().print(table(document))
    alarming = any(row["state"] in ALARMING for row in document["resources"])
    context.exit(int(Exit.FAILED if alarming else Exit.OK))


def span(text: str) -> timedelta:
    """A time to look ahead; a usage error when it is none."""
    from cluster_cli.topology.fields import Span

    try:
        return timedelta(milliseconds=Span(LEAST, MOST).check(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--within") from None
