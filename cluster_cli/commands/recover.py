"""cluster recover"""

from typing import Any

import click

from cluster_cli.databases.options import database_argument, operated, operation_options


@click.command(short_help="Begin a database again after all of its nodes were lost.")
@database_argument
@click.option(
    "--without",
    multiple=True,
    metavar="NODE",
    help="A node that is lost for good: go on without asking it. May be repeated.",
)
@operation_options
def command(database: str | None, without: tuple[str, ...], **rest: Any) -> None:
    """Begin the group of DATABASE again after a total outage, from the node that has the most.

    Every node is asked what it has, and you are shown that. With all of them
    seen nothing can be lost, and nobody is asked (`cluster up` does the same).
    With one missing, it may have writes the others have not: name it with
    --without only if you know that it never comes back, or accept that.

    \b
    cluster recover main --dry-run         what every node has
    cluster recover main --without db2     db2 is gone for good
    """
    operated("recover", database, {"without": without}, **rest)
