"""cluster restore"""

from pathlib import Path

import click

from cluster_cli.databases.options import dry_option
from cluster_cli.options import cluster_option, output_option, plain_option


@click.command(short_help="A database as it was at a moment, beside everything.")
@click.argument("database", required=False)
@click.option("--to", type=click.Choice(["scratch"]), required=True, help="Where: an instance of its own.")
@click.option("--at", metavar="TIME|GTID", help="The moment. Left away: as far as there is anything.")
@click.option(
    "--backup", metavar="ID", help="This copy (`cluster backups`). Left away: the last before the moment."
)
@click.option("-n", "--node", help="The backup node. Left away: the first one.")
@click.option("--discard", "gone", is_flag=True, help="Throw away what was restored before.")
@cluster_option
@dry_option
@plain_option
@output_option
def command(
    cluster: Path,
    database: str | None,
    to: str,  # noqa: ARG001
    at: str | None,
    backup: str | None,
    node: str | None,
    gone: bool,
    dry: bool,
    plain: bool,
    output: str,
) -> None:
    """Restore DATABASE to a moment in an instance of its own on a backup node, for a look or to fetch rows from.

    Nothing live is touched. The moment is a second of the clock, or exactly a
    GTID position. What is restored is served at a socket there until it is
    discarded.

    \b
    cluster restore main --to scratch --at 2026-11-27T14:03:27 --dry-run
    cluster restore main --to scratch --at 2026-11-27T14:03:27
    cluster restore main --to scratch --discard
    """
    from cluster_cli.backups.restoring import Wish, discard, restore
    from cluster_cli.workspace import Workspace

    workspace, wish = Workspace.open(cluster), Wish(database, at, backup, node, dry=dry, plain=plain)
    done = discard(workspace, wish) if gone else restore(workspace, wish)
    if output == "json":
        click.echo(done.as_json())
    elif not gone and not dry:
        socket = done.result["socket"]
        click.echo(f"{done.database} as it was is on {done.node}, restored in {done.result['seconds']:.1f} s")
        click.echo(
            f"next: cluster exec -n {done.node} -- mariadb --no-defaults --socket={socket} -e ...", err=True
        )
