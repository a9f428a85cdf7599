"""cluster failover"""

from typing import Any

import click

from cluster_cli.databases.options import database_argument, operated, operation_options


@click.command(short_help="Promote a replica: the primary is lost.")
@database_argument
@click.option("--to", metavar="NODE", help="The node to promote. Left away: the one that received most.")
@click.option("--accept-loss", is_flag=True, help="Go on although acknowledged writes may be lost.")
@operation_options
def command(database: str | None, to: str | None, accept_loss: bool, **rest: Any) -> None:
    """Promote a replica of DATABASE (mode replication): its primary is lost.

    All other nodes are asked what they have received; the one with the most
    applies all of it and takes the writes. When one of them does not answer it
    may have more, so nothing is done unless you accept what is then at stake.
    The old primary must be down or is made read-only first; it comes back by
    `cluster rejoin`.

    You are shown the evidence, and asked for the database's name.

    \b
    cluster failover main --dry-run        the evidence, and who would be promoted
    cluster failover main
    """
    operated("failover", database, {"to": to, "accept_loss": accept_loss}, **rest)
