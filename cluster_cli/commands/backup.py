"""cluster backup"""

import sys
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, cluster_option, output_option, plain_option


@click.group(name="backup", short_help="Make a backup now, prove one, print the recovery sheet.")
def command() -> None:
    """Backups, besides what timers do.

    \b
    cluster backup run -C shop             what changed in every database, and the cluster's own files
    cluster backup run main -C shop        what changed since the last copy
    cluster backup verify main -C shop     read all of it, restore the newest, compare every row
    cluster backup dump main --into . -C shop  as SQL, in a file of this machine
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

    Without DATABASE they also keep the cluster's own files (topology, secrets,
    authorities), as `up` does; with the word cluster, only those.

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


@command.command(short_help="A database as SQL, in a file of this machine.")
@click.argument("database", required=False)
@click.option("--schema", "schemas", multiple=True, help="Only this schema; may be repeated.")
@click.option(
    "--table",
    "tables",
    metavar="SCHEMA.TABLE",
    multiple=True,
    help="Only this table; may be repeated, of one schema.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER|FILE",
    help="A folder, or a new file that ends in .sql.gz.",
)
@click.option("-n", "--node", help="From this node. Left away: one that only follows, where one is well.")
@click.option(
    "--max-rate",
    "rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MEGABYTES",
    help="Of SQL a second, at most.",
)
@cluster_option
@plain_option
@output_option
def dump(
    cluster: Path,
    database: str | None,
    schemas: tuple[str, ...],
    tables: tuple[str, ...],
    into: Path,
    node: str | None,
    rate: float | None,
    plain: bool,
    output: str,
) -> None:
    """Dump DATABASE, as it is at one moment, to a file: rows, views, routines, events, triggers.

    It is of one transaction, from a node that does not take the writes, where
    one is well; the GTID position stands in it. Writers go on. The file has its
    name once the dump is whole, and only you may read it. Accounts, and tables
    that are not InnoDB's as of that moment, are not in it.

    \b
    cluster backup dump main --into . -C shop
    cluster backup dump main --schema shop --into shop.sql.gz -C shop
    cluster backup dump main --table shop.orders --table shop.items --into /mnt/dumps -C shop
    """
    from cluster_cli.backups.dump import Wish
    from cluster_cli.backups.dump import dump as make
    from cluster_cli.workspace import Workspace

    done = make(Workspace.open(cluster), Wish(database, into, schemas, tables, node, rate, plain))
    if output == "json":
        click.echo(done.as_json())
    else:
        click.echo(done)
        click.echo(f"next: to put it in, in place of what is there: {done.load}", err=True)


@command.command(short_help="The recovery sheet, with the keys.")
@cluster_argument
@click.option("--print", "shown", is_flag=True, help="Print the keys. Without it, you are told what would be.")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Print to a new file only you may read, instead of the terminal.",
)
@click.option(
    "--check",
    "saved",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Say whether the keys in this saved sheet open what is kept now.",
)
@click.pass_context
def keys(context: click.Context, cluster: Path, shown: bool, target: Path | None, saved: Path | None) -> None:
    """Print all it takes to get the data back without this machine, and even without this tool.

    It has the repositories, their keys, the key of the cluster's own files, and
    the commands. Keep it on paper, away from the cluster and from this machine.
    It is shown on a terminal or written to a file, and nowhere else: no log has
    it. That it was printed is in the history.

    \b
    cluster backup keys --print -C shop                on the terminal
    cluster backup keys --print --to sheet -C shop     to a file, for the printer
    cluster backup keys --check sheet -C shop          is it still right?
    """
    from cluster_cli.backups import sheet
    from cluster_cli.backups.nodes import backup_nodes
    from cluster_cli.errors import Exit
    from cluster_cli.run import noted
    from cluster_cli.workspace import Workspace

    if bool(target) > shown or (saved and shown):
        raise click.UsageError("say --print, with --to FILE or without, or --check FILE")
    workspace = Workspace.open(cluster)
    nodes = ", ".join(host.name for host in backup_nodes(workspace))
    if saved:
        text, name = saved.read_text(errors="replace"), str(saved)
        wrong = list(sheet.faults(workspace, sheet.parsed(text, name), sheet.buckets(text, name)))
        click.echo("\n".join(wrong) or f"the keys are right, and open what is kept on {nodes}")
        context.exit(int(Exit.FAILED if wrong else Exit.OK))
    if not shown:
        click.echo(f"it would print the keys that open the backups on {nodes}, and how to restore with them")
        click.echo("next: cluster backup keys --print, on a terminal nobody looks at", err=True)
        return
    if target is None and not sys.stdout.isatty():
        raise click.UsageError("the sheet goes to a terminal, or with --to FILE to a file only you may read")
    with noted(workspace, "backup-keys", {"nodes": nodes, "to": str(target or "")}, locked=False):
        text = sheet.sheet(workspace)
        if target:
            sheet.write(text, target)
    if target:
        click.echo(f"next: print {target}, remove it, and keep the paper away from here", err=True)
    else:
        click.echo(text, nl=False)
