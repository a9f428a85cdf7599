"""cluster restore"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cluster_cli.databases.options import dry_option
from cluster_cli.options import cluster_option, output_option, plain_option, yes_option

if TYPE_CHECKING:
    from cluster_cli.backups.nodes import Meant
    from cluster_cli.backups.restoring import Done, Wish
    from cluster_cli.workspace import Workspace


@click.command(short_help="A database as it was at a moment: beside everything, or where it runs.")
@click.argument("database", required=False)
@click.option(
    "--to",
    type=click.Choice(["scratch", "cluster"]),
    help="Where: an instance of its own, or the running database.",
)
@click.option("--at", metavar="TIME|GTID", help="The moment. Left away: as far as there is anything.")
@click.option(
    "--backup", metavar="ID", help="This copy (`cluster backups`). Left away: the last before the moment."
)
@click.option("--before-query", "pattern", metavar="PATTERN", help="Just before the statement that matches.")
@click.option("--since", metavar="TIME", help="How far back such a statement is looked for. Left away: a day.")
@click.option("--table", metavar="SCHEMA.TABLE", help="Only this table, beside the live one under another name.")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path),
    help="Files, or with the word cluster the cluster's own: a new folder of this machine.",
)
@click.option("-n", "--node", help="This node of the running database alone is put back.")
@click.option("--from", "source", metavar="NODE", help="The backup node. Left away: the first that can.")
@click.option("--discard", "gone", is_flag=True, help="Throw away what was restored to scratch.")
@click.option("--undo", "back", is_flag=True, help="Have back what the running database held before.")
@click.option("--confirm", "sure", is_flag=True, help="Remove what it held before: it cannot be had back then.")
@cluster_option
@dry_option
@yes_option
@plain_option
@output_option
def command(
    cluster: Path,
    database: str | None,
    to: str | None,
    at: str | None,
    backup: str | None,
    pattern: str | None,
    since: str | None,
    table: str | None,
    folder: Path | None,
    node: str | None,
    source: str | None,
    gone: bool,
    back: bool,
    sure: bool,
    dry: bool,
    yes: bool,
    plain: bool,
    output: str,
) -> None:
    """Restore DATABASE to a moment: in an instance of its own on a backup node, or where it runs.

    The moment is a second of the clock, or exactly a GTID position (of MySQL: a
    set, as @@gtid_executed says it); or, with --before-query, just before a
    statement that matches a regular expression (case does not matter). --dry-run
    shows what matches, when it was, and how to name the moment.

    With --to scratch nothing live is touched: what is restored is served at a
    socket there until it is discarded.

    With --to cluster the database itself goes back, on all of its nodes, once
    that was made and is there. It asks for the database's name. What it held
    is kept aside on its nodes until --confirm; --undo has it back.
    Interrupted anywhere, the same command goes on.

    Files of nodes come back by their name under backup.files: into a new
    folder of this machine, or with --to cluster where they were; what is there
    then stays aside. The cluster's own files (topology, secrets, authorities)
    come back with the word cluster, into a new folder.

    With --node one node of the running database is put back from the newest
    copy and what was written since, and fetches the rest from the others,
    which go on and give no copy: after its disk was lost, or its data became
    bad. Never the node that takes writes. What it held is kept aside on it
    until --confirm; --undo has it back. Interrupted, the same command goes on.

    With --table one table is put beside the live one as
    TABLE_restored_STAMP, without its foreign keys and triggers.

    \b
    cluster restore main --to scratch --at 2026-11-27T14:03:27 --dry-run
    cluster restore main --to cluster --at 2026-11-27T14:03:27
    cluster restore main --undo
    cluster restore main --node db3 --dry-run
    cluster restore main --node db3
    cluster restore main --node db3 --confirm
    cluster restore web --to cluster
    cluster restore cluster --into shop-as-it-was
    cluster restore main --before-query 'drop table' --dry-run
    cluster restore main --table shop.orders --before-query 'delete from orders'
    """
    from cluster_cli.backups.nodes import meant
    from cluster_cli.backups.restoring import Wish
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    target, source = chosen_nodes(workspace, database, node, source)
    wish = Wish(database, at, backup, source, dry=dry, plain=plain, target=target)
    names = meant(workspace, database)
    if target:
        if any((at, to, pattern, since, table, folder, gone, back and sure)):
            raise click.UsageError("a node follows its database: --node goes with --backup, --undo or --confirm")
        node_put_back(workspace, wish, yes=yes, back=back, sure=sure, output=output)
        return
    if folder or (database and not names.databases):
        if any((at, pattern, table, gone)):
            raise click.UsageError(
                "of files there are copies, no moments: name one with --backup, or the last is taken"
            )
        done = files_outcome(workspace, wish, names, to, folder, yes=yes, back=back, sure=sure)
        click.echo(done.as_json() if output == "json" else files_words(done))
        return
    if (
        sum(map(bool, (to, gone and not to, back, sure, table and not to, pattern and dry and not (to or table))))
        != 1
    ):
        raise click.UsageError(
            "say one of --to scratch, --to cluster, --node NODE, --table, --discard, --undo, --confirm"
        )
    if table and to:
        raise click.UsageError("--table puts a table beside the live one; leave --to away")
    done = outcome(workspace, wish, to, (pattern, since), table, yes=yes, gone=gone, back=back, sure=sure)
    if output == "json":
        click.echo(done.as_json())
    elif not dry:
        from cluster_cli.databases.shell import PROGRAMS

        client = PROGRAMS[workspace.topology.databases[done.database].engine]
        for line in last_words(done, to, client, quiet=gone or sure, back=back):
            click.echo(line, err=line.startswith("next:"))


def chosen_nodes(
    workspace: "Workspace", database: str | None, node: str | None, source: str | None
) -> tuple[str | None, str | None]:
    """(the node of the database that is put back, the backup node): --node with a backup node means that one."""
    known = workspace.topology.databases
    among = [known[database]] if database in known else list(known.values())
    if node is None or any(node in each.nodes for each in among):
        return node, source
    if source:
        raise click.UsageError(f"{node} is no node of {database or 'a database'}: --from names the backup node")
    return None, node


def node_put_back(workspace: "Workspace", wish: "Wish", *, yes: bool, back: bool, sure: bool, output: str) -> None:
    """Put one node back, or let go of that, and tell what came of it."""
    from cluster_cli.backups import one_node

    verb = one_node.undo if back else one_node.confirm if sure else one_node.put_back
    done = verb(workspace, wish, yes)
    if output == "json":
        click.echo(done.as_json())
    elif back:
        click.echo(f"{wish.target} has what it held before again")
        click.echo(f"next: cluster restore {done.database} --node {wish.target} --confirm", err=True)
    elif not sure and not done.dry:
        click.echo(
            f"{wish.target} was put back from {done.node}, to {done.result['to']}, and goes on with the others"
        )
        verb_again = f"cluster restore {done.database} --node {wish.target}"
        click.echo(f"next: look at it, then: {verb_again} --confirm; or back: --undo", err=True)


def files_outcome(
    workspace: "Workspace",
    wish: "Wish",
    names: "Meant",
    to: str | None,
    folder: Path | None,
    *,
    yes: bool,
    back: bool,
    sure: bool,
) -> "Done":
    """Have files of nodes back, or the cluster's own."""
    from cluster_cli.backups import filesets, own

    if names.own and folder and wish.database and not (to or back or sure):
        return own.restore_into(workspace, wish, folder)
    if len(names.sets) != 1 or names.databases or sum(map(bool, (folder, to == "cluster", back, sure))) != 1:
        ways = "cluster restore NAME --into FOLDER, --to cluster, --undo or --confirm"
        raise click.UsageError(f"files of nodes come back by: {ways}; the cluster's own only --into FOLDER")
    name = names.sets[0]
    if folder:
        return filesets.restore_into(workspace, name, wish, folder)
    verb = filesets.undo if back else filesets.confirm if sure else filesets.restore_in_place
    return verb(workspace, name, wish, yes)


def files_words(done: "Done") -> str:
    """What came of it, or would."""
    result, verb = done.result, "would be" if done.dry else "is"
    if "files" in result:
        return f"{', '.join(result['files'])} and the secrets of {result['id']}: {verb} in {result['into']}"
    if "into" in result:
        return f"{', '.join(result['copies'].values())}: {verb} in {result['into']}"
    if "copies" in result:
        return f"{', '.join(result['copies'].values())}: {verb} back on {', '.join(result['nodes'])}"
    return f"done on {', '.join(result['nodes'])}"


def outcome(
    workspace: "Workspace",
    wish: "Wish",
    to: str | None,
    search: tuple[str | None, str | None],
    table: str | None,
    *,
    yes: bool,
    gone: bool,
    back: bool,
    sure: bool,
) -> "Done":
    """Do it."""
    from cluster_cli.backups import one_table, replacing, restoring, searching

    if search[0]:
        found = searching.narrowed(workspace, wish, search[0], search[1])
        if isinstance(found, restoring.Done):
            return found
        wish = found
    if gone:
        return restoring.discard(workspace, wish)
    if table:
        return one_table.restore_table(workspace, wish, table)
    if to == "cluster" or back or sure:
        verb = replacing.undo if back else replacing.confirm if sure else replacing.replace_data
        return verb(workspace, wish, yes)
    return restoring.restore(workspace, wish)


def last_words(done: "Done", to: str | None, client: str, *, quiet: bool, back: bool) -> tuple[str, ...]:
    """What came of it, and what next."""
    if quiet:
        return ()
    if back:
        return (f"{done.database} has its data of before again",)
    if "table" in done.result:
        return (f"{done.result['table']} has {done.result['rows']} rows, as they were at {done.result['to']}",)
    if to == "cluster":
        return (
            f"{done.database} is as it was at {done.result['to']}",
            f"next: look at it, then: cluster restore {done.database} --confirm; or back: --undo",
        )
    socket = done.result["socket"]
    return (
        f"{done.database} as it was is on {done.node}, restored in {done.result['seconds']:.1f} s",
        f"next: cluster exec -n {done.node} -- {client} --socket={socket} -e ...",
    )
