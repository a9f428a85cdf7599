"""cluster validate"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="Check the topology file; touch nothing.")
@cluster_argument
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, output: str) -> None:
    """Check the topology file and touch nothing.

    Every problem is shown at once, as file:line:column: path: what is wrong
    (what to do). Exit code 2 when there is any.
    """
    from cluster_cli.errors import Exit
    from cluster_cli.secrets.by_hand import refuse_missing
    from cluster_cli.topology.load import TopologyError
    from cluster_cli.topology.walks import frontends
    from cluster_cli.workspace import Workspace

    try:
        workspace = Workspace.open(cluster)
        if any(frontend.tls for _, _, frontend in frontends(workspace.topology)):
            from cluster_cli.certificates.cluster_certificates import refuse_bad_certificates

            refuse_bad_certificates(workspace)
        refuse_missing(workspace)
    except TopologyError as error:
        if output != "json":
            raise
        rows = [
            {
                "line": place.line,
                "column": place.column,
                "path": list(p.path),
                "message": p.message,
                "hint": p.hint,
            }
            for place, p in error.problems
        ]
        click.echo(json.dumps({"schema_version": 1, "valid": False, "problems": rows}, indent=1))
        context.exit(int(Exit.USAGE))
    if output == "json":
        click.echo(json.dumps({"schema_version": 1, "valid": True, "problems": []}, indent=1))
    else:
        click.echo(
            f"{workspace.places.topology} is valid: cluster {workspace.topology.name}, "
            f"{len(workspace.topology.nodes)} nodes, provider {workspace.topology.provider}"
        )
        click.echo(f"next: cluster up {cluster}", err=True)
