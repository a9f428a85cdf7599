"""cluster switchover"""

from typing import Any

import click

from cluster_cli.databases.options import database_argument, operated, operation_options


@click.command(short_help="Let another node take a database's writes.")
@database_argument
@click.option("--to", metavar="NODE", help="The node that is to take them. Left away: the one that fits best.")
@operation_options
def command(database: str | None, to: str | None, **rest: Any) -> None:
    """Let another node take the writes of DATABASE, on purpose and without losing any.

    The new node must have everything the old one has before it takes writes;
    where that cannot be had, nothing is changed and you are told why. Clients
    see their connections cut and must connect again: a pause of a second or
    two. DATABASE may be left away when there is only one.

    \b
    cluster switchover main --to db2
    cluster switchover --dry-run           what would be done
    """
    operated("switchover", database, {"to": to}, **rest)
