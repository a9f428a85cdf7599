"""cluster verify"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_option, plain_option
from cluster_cli.stages import ROLES


@click.command(short_help="Prove from outside that every node does its job.")
@cluster_argument
@node_option
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Only this role; may be repeated.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Also write JUnit XML here.")
@plain_option
@output_option
@click.pass_context
def command(
    context: click.Context,
    cluster: Path,
    nodes: tuple[str, ...],
    roles: tuple[str, ...],
    junit: Path | None,
    plain: bool,
    output: str,
) -> None:
    """Prove from outside that every node does its job, and change nothing.

    Runs the testinfra modules of every role on every node that has it, all
    nodes side by side. Exit code 5 when something does not hold.
    """
    import shutil

    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.outcome import write_report
    from cluster_cli.run import recorded
    from cluster_cli.show.run import show_outcome
    from cluster_cli.up import VERIFY, Outcome, verify_run
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    for name in nodes:
        workspace.host(name)
    for role in roles:
        if not {host.name for host in workspace.group(role)} & set(nodes or workspace.topology.nodes):
            raise ClusterError(f"none of {', '.join(nodes)} has the role {role}", code=Exit.USAGE)
    arguments = {"nodes": nodes, "roles": roles}
    with recorded(workspace, "verify", [VERIFY], arguments=arguments, plain=plain) as run:
        outcome = Outcome(verified=verify_run(run, nodes, roles))
        run.code = outcome.code
    if junit:
        shutil.copyfile(run.folder.path / "junit.xml", junit)
    report = write_report(workspace, run.folder)
    show_outcome(workspace, run.folder, outcome, report, as_json=output == "json", matrix=True)
    context.exit(int(outcome.code))
