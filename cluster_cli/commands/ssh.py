"""cluster ssh"""

import os
import shlex
from pathlib import Path

import click

from cluster_cli.options import cluster_option


@click.command(short_help="Open a shell on a node.", context_settings={"ignore_unknown_options": True})
@cluster_option
@click.argument("node")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(cluster: Path, node: str, words: tuple[str, ...]) -> None:
    """Open a shell on NODE, or run WORDS there, over the connection Ansible uses (host keys checked).

    \b
    cluster ssh lb1
    cluster ssh web1 -- journalctl -u nginx -n 50
    """
    from cluster_cli import ssh
    from cluster_cli.workspace import Workspace

    argv = ssh.argv(Workspace.open(cluster).host(node), tty=not words)
    command_line = [words[0] if len(words) == 1 else shlex.join(words)] if words else []
    os.execvp(argv[0], [*argv, *command_line])
