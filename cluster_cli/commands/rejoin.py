"""cluster rejoin"""

from typing import Any

import click

from cluster_cli.databases.options import database_argument, operated, operation_options


@click.command(short_help="Bring a node back into its database.")
@click.argument("node")
@database_argument
@click.option("--clone", is_flag=True, help="Copy all data anew even where it could simply follow.")
@operation_options
def command(node: str, database: str | None, clone: bool, **rest: Any) -> None:
    """Bring NODE back into its database: an old primary, a node with old data, an emptied one.

    What it has is compared with what the database has. If it only misses
    something, it follows again. If it has writes of its own that the others
    have not, they are shown, its data is moved aside and a copy of a healthy
    node is streamed to it over TLS.

    A node that stands by and cannot go on gets a copy, too; DATABASE is named
    where it stands by for several.

    \b
    cluster rejoin db1 --dry-run           what it has, and what would be done
    cluster rejoin db1
    """
    operated("rejoin", database, {"node": node, "clone": clone}, **rest)
