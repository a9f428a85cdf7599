"""cluster plan"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_option, plain_option
from cluster_cli.stages import STAGES


@click.command(short_help="What `up` would change; changes nothing.")
@cluster_argument
@node_option
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([stage.name for stage in STAGES]),
    help="Only this stage; may be repeated.",
)
@plain_option
@output_option
@click.pass_context
def command(
    context: click.Context, cluster: Path, nodes: tuple[str, ...], only: tuple[str, ...], plain: bool, output: str
) -> None:
    """What `up` would change, per node and file, as a diff. Changes nothing.

    Exit code 3 when something would change, 0 when nothing would. On a node
    that was never set up the plan is rough: what a package brings cannot be
    compared before it is there.
    """
    from dataclasses import asdict

    from cluster_cli import plan as planning
    from cluster_cli.errors import Exit
    from cluster_cli.outcome import errors
    from cluster_cli.run import recorded
    from cluster_cli.show.run import given, show_errors, show_plan
    from cluster_cli.stages import stages_for
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    for name in nodes:
        workspace.host(name)
    names = [stage.name for stage in stages_for(set(workspace.render().groups()), only)]
    listed = planning.stages_of(names, lab=workspace.topology.is_lab)
    with recorded(workspace, "plan", listed, arguments={"nodes": nodes, "only": only}, plain=plain) as run:
        found = planning.plan(run, only=only, nodes=nodes)
        run.code = found.outcome.code
        if run.code == Exit.OK and found.changes:
            run.code = Exit.CHANGES_PENDING
    show_errors(errors(found.outcome, run.folder, given(workspace)))
    if output == "json":
        rows = [asdict(change) for change in found.changes]
        click.echo(json.dumps({"schema_version": 1, "code": int(run.code), "changes": rows}, indent=1))
    else:
        show_plan(found.changes, given(workspace))
    context.exit(int(run.code))
