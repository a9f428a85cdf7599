"""cluster status"""

import json
from pathlib import Path
from typing import Any

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="How the cluster is right now.")
@cluster_argument
@click.option("-w", "--watch", is_flag=True, help="Look again and again until Ctrl-C, and tell what changed.")
@click.option(
    "--every", type=click.FloatRange(0.5, 3600), default=2.0, show_default=True, help="Seconds between looks."
)
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, watch: bool, every: float, output: str) -> None:
    """How the cluster is right now: who holds the virtual IPs, which servers are up, how the clocks are.

    Asked of the running services, never of the topology. Exit code 1 when
    anything is not well.

    \b
    cluster status shop                     one look
    cluster status shop --watch             a screen that is kept up to date, with what changed lately
    cluster status shop --watch >> a.log    without a terminal: a line for each change
    cluster status shop --watch -o json     a document a line, each with its changes
    """
    from cluster_cli.errors import Exit
    from cluster_cli.show.run import given
    from cluster_cli.show.status import table
    from cluster_cli.show.watch import watch as keep_looking
    from cluster_cli.status.gather import gather
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)

    def look() -> dict[str, Any]:
        return gather(workspace.topology, workspace.inventory)

    if watch:
        keep_looking(look, every, as_json=output == "json")
        return
    document = look()
    if output == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        from rich.console import Console

        Console().print(table(document))
        if not any(row["reachable"] for row in document["nodes"].values()):
            click.echo(f"next: no node answers; bring them up: cluster up {given(workspace)}", err=True)
    context.exit(int(Exit.OK if document["healthy"] else Exit.FAILED))
