"""cluster logs"""

from functools import partial
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_as


@click.command(short_help="The nodes' logs, merged by time.")
@cluster_argument
@node_option
@click.option("-s", "--service", "services", multiple=True, help="Only this systemd unit; may be repeated.")
@click.option("--since", default="-10min", show_default=True, help="As journalctl takes it, such as -1h or today.")
@click.option("--until", default="", help="As journalctl takes it. Left away: now.")
@click.option("--security", is_flag=True, help="Only logins, sudo and changes of configuration.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@output_as("one JSON document for each record, one on a line")
def command(
    cluster: Path,
    nodes: tuple[str, ...],
    services: tuple[str, ...],
    since: str,
    until: str,
    security: bool,
    follow: bool,
    output: str,
) -> None:
    """The logs of all nodes, or those chosen, merged by time.

    They come from a node that receives them (`logs` in the topology), else from the journals of the nodes.

    \b
    cluster logs -s keepalived --since -1h
    cluster logs -n lb1 -n lb2 -s haproxy -f
    cluster logs --security --since today -o json
    """
    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.logs import journals, receivers
    from cluster_cli.logs.query import Query
    from cluster_cli.workspace import Workspace

    if follow and until:
        raise ClusterError("--until with --follow has no end to wait for", hint="leave one", code=Exit.USAGE)
    workspace = Workspace.open(cluster)
    hosts = [workspace.host(name) for name in nodes] or list(workspace.inventory.hosts)
    tell = partial(click.echo, err=True)
    query = Query(nodes, services, since, until, security, follow)
    known = receivers.receivers(workspace.inventory)
    found = (receivers.follow if follow else receivers.read)(known, query, tell) if known else None
    if found is None:
        if known:
            tell("# no receiver answers: these are the nodes' own journals")
        found = (journals.follow if follow else journals.read)(hosts, query, tell)
    for record in found:
        click.echo(record.as_json() if output == "json" else record.as_text())
