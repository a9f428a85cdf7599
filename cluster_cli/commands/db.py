"""cluster db"""

from pathlib import Path
from typing import Any

import click

from cluster_cli.databases.options import database_argument, operated, operation_options
from cluster_cli.options import cluster_option


@click.group(name="db", short_help="Stop a database's writes, hold a delayed node, open its shell.")
def command() -> None:
    """Look into a database, and stop its writes.

    \b
    cluster db shell                       SQL on the node that takes writes
    cluster db fence main                  no application writes any more
    cluster db unfence main
    cluster db hold db4                    a node that stays behind applies nothing any more
    cluster db release db4
    cluster db replace db2                 a spare takes its place in the topology
    """


@command.command()
@database_argument
@operation_options
def fence(database: str | None, **rest: Any) -> None:
    """Stop all writes of applications to DATABASE, on all nodes, until `cluster db unfence`.

    Reads go on, and so does what the nodes send each other. It outlives a
    restart of a server and an `up`; `cluster status` shows it.
    """
    operated("fence", database, {}, **rest)


@command.command()
@database_argument
@operation_options
def unfence(database: str | None, **rest: Any) -> None:
    """Let applications write to DATABASE again."""
    operated("unfence", database, {}, **rest)


@command.command()
@click.argument("node")
@database_argument
@operation_options
def hold(node: str, database: str | None, **rest: Any) -> None:
    """Have NODE, which is delayed or stands by, apply nothing any more of DATABASE.

    A mistake was made, and it has not done it yet. It goes on receiving. It
    stays so over a restart and an `up`, until `cluster db release`; `cluster
    status` shows it. The database is named where NODE stands by for several.
    """
    operated("hold", database, {"node": node}, **rest)


@command.command()
@click.argument("node")
@database_argument
@operation_options
def release(node: str, database: str | None, **rest: Any) -> None:
    """Have NODE apply again what it receives of DATABASE, as late as the topology says."""
    operated("release", database, {"node": node}, **rest)


@command.command()
@click.argument("node")
@database_argument
@click.option("--by", metavar="SPARE", help="The spare that takes its place. Left away: the first that answers.")
@operation_options
def replace(node: str, database: str | None, by: str | None, **rest: Any) -> None:
    """Have a spare take the place of NODE, which is lost, or is to be given up.

    The two names are exchanged in the topology, and the difference is shown;
    nothing else is changed. `cluster up` then ends the server of NODE, copies
    the data to the spare and tells the balancers; `cluster plan` shows that
    before. To undo it, exchange the names again: NODE is a spare now.

    Refused while NODE takes the writes (`cluster failover` or `switchover`
    first), and while it cannot be reached from here but others reach its
    server.

    
    cluster db replace db2 --dry-run       what is seen, and which spare it would be
    cluster db replace db2 && cluster up
    """
    operated("replace", database, {"node": node, "by": by}, **rest)


@command.command(context_settings={"ignore_unknown_options": True})
@cluster_option
@click.option("-n", "--node", help="Its server. Left away: the one that takes writes.")
@database_argument
@click.pass_context
def shell(context: click.Context, cluster: Path, node: str | None, database: str | None) -> None:
    """Open the server's own client on a node of DATABASE, as root of the database, over SSH.

    Statements may also come over the standard input. That it was opened is in
    the history.

    \b
    cluster db shell main
    echo 'SHOW SCHEMAS' | cluster db shell -n db2
    """
    from cluster_cli.databases.shell import open_shell

    context.exit(open_shell(cluster, database, node))
