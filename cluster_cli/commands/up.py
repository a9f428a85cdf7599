"""cluster up"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_option, plain_option
from cluster_cli.stages import STAGES


@click.command(short_help="Make the topology true, verify it, report.")
@cluster_argument
@node_option
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["lab", *(stage.name for stage in STAGES)]),
    help="Only this stage; may be repeated. lab alone: make the nodes, no more.",
)
@click.option("--verify/--no-verify", "verifying", default=True, help="Verify every node afterwards.")
@plain_option
@output_option
@click.pass_context
def command(
    context: click.Context,
    cluster: Path,
    nodes: tuple[str, ...],
    only: tuple[str, ...],
    verifying: bool,
    plain: bool,
    output: str,
) -> None:
    """Make the topology true, verify every node, and report.

    Lab nodes are made if they are missing. Run it as often as you like: what
    is right already is left alone, and a run that was interrupted is continued.

    Exit codes: 0 all well, 1 a task failed, 2 bad topology, 4 a node is out of
    reach (the others are done), 5 verification failed, 75 another run is at
    work, 130 interrupted.

    \b
    cluster up shop                        everything
    cluster up shop --only web -n web1     one stage on one node
    cluster up shop -o json | jq .changed  for scripts
    """
    from cluster_cli.outcome import write_report
    from cluster_cli.run import recorded
    from cluster_cli.show.run import show_outcome
    from cluster_cli.stages import stages_for
    from cluster_cli.up import lab_alone, planned, up
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    for name in nodes:
        workspace.host(name)
    stages = stages_for(set(workspace.render().groups()), only)
    verifying = verifying and not lab_alone(only)
    names = planned(stages, lab=workspace.topology.is_lab, verifying=verifying)
    groups = {
        stage.name: [h.name for role in stage.roles for h in workspace.render().group(role)] for stage in stages
    }
    arguments = {"nodes": nodes, "only": only, "verify": verifying}
    debug = context.find_root().obj.debug
    with recorded(workspace, "up", names, arguments=arguments, stage_nodes=groups, plain=plain) as run:
        outcome = up(run, only=only, nodes=nodes, verifying=verifying, debug=debug)
        run.code = outcome.code
    report = write_report(workspace, run.folder)
    show_outcome(workspace, run.folder, outcome, report, as_json=output == "json")
    context.exit(int(outcome.code))
