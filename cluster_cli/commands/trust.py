"""cluster trust"""

from pathlib import Path

import click

from cluster_cli.options import cluster_option, yes_option


@click.command(short_help="Accept a node's new host key, after a look at it.")
@cluster_option
@yes_option
@click.argument("node")
def command(cluster: Path, yes: bool, node: str) -> None:
    """Forget the host key pinned for NODE and pin the one it offers now.

    For a machine that was reinstalled. Both fingerprints are shown, and you
    are asked for the node's name: compare the new one on its console first.
    """
    from cluster_cli import contact, ssh
    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.run import noted
    from cluster_cli.show.run import confirm_name
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    host = workspace.host(node)
    if workspace.topology.nodes[node].ssh.host_key:
        raise ClusterError(
            f"the topology says which host key {node} has",
            where=f"{workspace.places.topology}: nodes.{node}.ssh.host_key",
            hint="correct it there, or remove it, then run this again",
            code=Exit.USAGE,
        )
    known_hosts = workspace.places.known_hosts
    with noted(workspace, "trust", {"node": node}):
        ssh.close_all([host])
        before = contact.fingerprints(known_hosts, host)
        offered = contact.offered_key(host)
        if not offered:
            raise ClusterError(f"{node} offers no host key", hint="is it on?", code=Exit.UNREACHABLE)
        click.echo(f"pinned:  {', '.join(before) or 'none'}", err=True)
        click.echo(f"offered: {contact.fingerprint(offered.split()[1])}", err=True)
        confirm_name(node, "the offered key will be trusted", yes)
        contact.pin_given_keys(workspace, {node: (offered,)})
    click.echo(f"pinned the new key of {node}; next: cluster up --node {node}")
