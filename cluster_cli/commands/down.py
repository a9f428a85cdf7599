"""cluster down"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, plain_option, yes_option


@click.command(short_help="Take a lab away; from machines you have, what was installed.")
@cluster_argument
@yes_option
@plain_option
@click.pass_context
def command(context: click.Context, cluster: Path, yes: bool, plain: bool) -> None:
    """Take away what `up` made, after the cluster's name was typed.

    A lab: its nodes, their volumes and their network. The node image stays
    cached, the runs' reports stay, and so do the secrets beside the topology.

    Machines you already had: the services that were started, the files that
    were made, the packages that were installed; replaced files return as they
    were. Operators' accounts are locked. Other accounts, the hostname, the
    time zone and the content of web sites stay, and kernel settings until the
    next boot.
    """
    from cluster_cli.down import remove_from_machines, remove_lab
    from cluster_cli.outcome import errors
    from cluster_cli.run import recorded
    from cluster_cli.show.run import confirm_name, given, show_errors
    from cluster_cli.up import CONTACT
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    if workspace.topology.is_lab:
        confirm_name(workspace.topology.name, "its nodes and everything in them will be lost", yes)
        removed = remove_lab(
            workspace, lambda node, text: click.echo(f"{node}: {text}" if node else text, err=True)
        )
        words = (
            f"removed {len(removed)} things: {', '.join(removed)}" if removed else "there was nothing to remove"
        )
        click.echo(words)
        click.echo(f"next: bring it back with cluster up {given(workspace)}", err=True)
        return
    confirm_name(workspace.topology.name, "its services will stop and what was installed will go", yes)
    with recorded(workspace, "down", [CONTACT, "remove"], arguments={}, plain=plain, unsealed=True) as run:
        outcome = remove_from_machines(run)
        run.code = outcome.code
    show_errors(errors(outcome, run.folder, given(workspace)))
    click.echo(f"next: bring it back with cluster up {given(workspace)}", err=True)
    context.exit(int(outcome.code))
