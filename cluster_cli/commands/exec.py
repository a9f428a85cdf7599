"""cluster exec"""

import json
import shlex
from pathlib import Path

import click

from cluster_cli.options import cluster_option, node_option, output_option
from cluster_cli.paint import paint


@click.command(name="exec", short_help="Run a command on many nodes at once.")
@cluster_option
@node_option
@click.option("-g", "--group", default="all", show_default=True, help="Nodes with this role.")
@click.option("--sudo/--no-sudo", default=True, help="As root, or as the user we log in as.")
@click.option("--timeout", type=float, default=60, show_default=True, help="Seconds a node may take.")
@output_option
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def command(
    context: click.Context,
    cluster: Path,
    nodes: tuple[str, ...],
    group: str,
    sudo: bool,
    timeout: float,
    output: str,
    words: tuple[str, ...],
) -> None:
    """Run a shell command on all nodes, or those chosen, side by side. Exit code 1 when it failed anywhere.

    \b
    cluster exec -- uptime
    cluster exec 'df -h / | tail -1'
    cluster exec -g haproxy -- systemctl is-active haproxy
    """
    from dataclasses import asdict

    from cluster_cli import ssh
    from cluster_cli.errors import Exit
    from cluster_cli.run import noted
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    hosts = [workspace.host(name) for name in nodes] or list(workspace.group(group))
    text = words[0] if len(words) == 1 else shlex.join(words)
    with noted(workspace, "exec", {"nodes": [host.name for host in hosts], "words": text}, locked=False) as link:
        answers = ssh.on_all(hosts, lambda host: ssh.run(host, text, sudo=sudo, timeout=timeout))
        link.code = Exit.OK if all(answer.rc == 0 for answer in answers.values()) else Exit.FAILED
    if output == "json":
        rows = {name: asdict(answer) for name, answer in answers.items()}
        click.echo(json.dumps({"schema_version": 1, "nodes": rows}, indent=1))
    else:
        for name, answer in answers.items():
            mark = "" if answer.rc == 0 else paint(f"  exit {answer.rc}", fg="red")
            click.echo(paint(name, bold=True) + mark)
            click.echo("".join(f"  {line}\n" for line in (answer.out + answer.err).splitlines()), nl=False)
    context.exit(int(link.code))
