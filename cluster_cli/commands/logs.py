"""cluster logs"""

from pathlib import Path

import click

from cluster_cli.options import cluster_option, node_option


@click.command(short_help="The nodes' journals, merged by time.")
@cluster_option
@node_option
@click.option("-s", "--service", "services", multiple=True, help="Only this systemd unit; may be repeated.")
@click.option("--since", default="-10min", show_default=True, help="As journalctl takes it, such as -1h or today.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
def command(cluster: Path, nodes: tuple[str, ...], services: tuple[str, ...], since: str, follow: bool) -> None:
    """The journals of all nodes, or those chosen, merged by time.

    \b
    cluster logs -s keepalived --since -1h
    cluster logs -n lb1 -n lb2 -s haproxy -f
    """
    from cluster_cli.node_logs import follow_all, merged
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    hosts = [workspace.host(name) for name in nodes] or list(workspace.inventory.hosts)
    lines = follow_all(hosts, services, since) if follow else merged(hosts, services, since)
    for line in lines:
        click.echo(line)
