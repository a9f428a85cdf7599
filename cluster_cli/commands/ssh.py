"""cluster ssh"""

import shlex
from pathlib import Path

import click

from cluster_cli.options import cluster_option


@click.command(short_help="Open a shell on a node.", context_settings={"ignore_unknown_options": True})
@cluster_option
@click.argument("node")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, cluster: Path, node: str, words: tuple[str, ...]) -> None:
    """Open a shell on NODE, or run WORDS there, over the connection Ansible uses (host keys checked).

    The exit code is the shell's. That it was opened, and with which words, is in the history.

    \b
    cluster ssh lb1
    cluster ssh web1 -- journalctl -u nginx -n 50
    """
    import signal
    import subprocess

    from cluster_cli import ssh
    from cluster_cli.run import noted
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    argv = ssh.argv(workspace.host(node), tty=not words)
    command_line = [words[0] if len(words) == 1 else shlex.join(words)] if words else []
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the shell's
    with noted(workspace, "ssh", {"node": node, "words": command_line}, locked=False) as link:
        code = subprocess.run([*argv, *command_line], check=False).returncode
        link.code = code
    context.exit(code if code >= 0 else 128 - code)
