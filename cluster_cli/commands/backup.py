"""cluster backup"""

from pathlib import Path

import click

from cluster_cli.options import cluster_option, output_option, plain_option


@click.group(name="backup", short_help="Make a backup now, prove one, print the recovery sheet.")
def command() -> None:
    """Backups, besides what timers do.

    \b
    cluster backup run main -C shop        what changed since the last copy
    cluster backup verify main -C shop     read all of it, restore the newest, compare every row
    cluster backup keys --print -C shop    what it takes to get the data back without us
    """


@command.command(short_help="Make a copy now.")
@click.argument("database", required=False)
@click.option("--full", is_flag=True, help="A full copy, not only what changed since the last one.")
@cluster_option
@plain_option
@output_option
def run(cluster: Path, database: str | None, full: bool, plain: bool, output: str) -> None:
    """Have all backup nodes make a copy of DATABASE, or of all databases, now.

    It is taken from a replica that keeps up, behind everything else there. A
    run that is cut off leaves no half copy that counts.
    """
    from cluster_cli.backups.runs import run_all
    from cluster_cli.workspace import Workspace

    steps = ["full" if full else "incremental"]
    done = run_all(Workspace.open(cluster), "backup-run", database, steps, plain=plain)
    if output == "json":
        click.echo(done.as_json())


@command.command(short_help="Read and verify all of it, restore the newest copy, compare every row.")
@click.argument("database", required=False)
@cluster_option
@plain_option
@output_option
def verify(cluster: Path, database: str | None, plain: bool, output: str) -> None:
    """Prove the backups of DATABASE, or of all databases, on all backup nodes, now.

    Every bit of the repository is read and verified; then the newest copy is
    restored in a scratch instance, brought to a position a replica was at, and
    every row is compared with it. What is damaged is named. Exit code 1 then.
    """
    from cluster_cli.backups.runs import run_all
    from cluster_cli.workspace import Workspace

    done = run_all(Workspace.open(cluster), "backup-verify", database, ["verify", "prove"], plain=plain)
    if output == "json":
        click.echo(done.as_json())


@command.command(short_help="The recovery sheet, with the keys.")
@cluster_option
@click.option("--print", "shown", is_flag=True, help="Print the keys. Without it, you are told what would be.")
def keys(cluster: Path, shown: bool) -> None:
    """Print all it takes to get the data back without this tool: repositories, their keys, and the commands.

    Keep it on paper, away from the cluster and from this machine. That it was
    printed is in the history.
    """
    from cluster_cli.backups.nodes import backup_nodes
    from cluster_cli.backups.sheet import sheet
    from cluster_cli.run import noted
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    nodes = ", ".join(host.name for host in backup_nodes(workspace))
    if not shown:
        click.echo(f"it would print the keys that open the backups on {nodes}, and how to restore with them")
        click.echo("next: cluster backup keys --print, on a terminal nobody looks at", err=True)
        return
    with noted(workspace, "backup-keys", {"nodes": nodes}, locked=False):
        click.echo(sheet(workspace), nl=False)
