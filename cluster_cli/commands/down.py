"""cluster down"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, yes_option


@click.command(short_help="Take a lab away.")
@cluster_argument
@yes_option
def command(cluster: Path, yes: bool) -> None:
    """Take away what the provider made: the lab's nodes, their volumes and their network.

    Asks for the cluster's name first, since what is in the nodes is lost. The
    node image stays cached, the runs' reports stay, and so do the secrets
    beside the topology. Machines you already had are not touched.
    """
    from cluster_cli import lock, ssh
    from cluster_cli.lab.stand import lab_of
    from cluster_cli.show import confirm_name
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    lab = lab_of(workspace)
    confirm_name(workspace.topology.name, "its nodes and everything in them will be lost", yes)
    with lock.held(workspace.places.lock, "down"):
        ssh.close_all(workspace.inventory.hosts)
        removed = lab.down(lambda node, text: click.echo(f"{node}: {text}" if node else text, err=True))
        workspace.places.known_hosts.unlink(missing_ok=True)
    click.echo(
        f"removed {len(removed)} things: {', '.join(removed)}" if removed else "there was nothing to remove"
    )
    click.echo(f"next: bring it back with cluster up {cluster}", err=True)
