"""The password with which nodes of a group meet, told to one whose data knows that of another day."""

from collections.abc import Iterator, Sequence

from cluster_cli.databases.live import Live
from cluster_cli.databases.sql import quoted, text
from cluster_cli.secrets.names import database_account
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.databases import REPLICATION_ACCOUNT

CHANNEL = "group_replication_recovery"


def teach(live: Live, node: str) -> None:
    """Have a server that is out of its group let the others in, and come to them, with what they use now.

    As role group_replication does. It is not logged: what the node has stays what the group has of it. Over the
    client's standard input. Raises ClusterError with the server's words.
    """
    places = live.workspace.places
    secret = Secrets.open(places.secrets, places.name).entry(database_account(live.name, REPLICATION_ACCOUNT))
    live.ask(node, ";\n".join(statements(REPLICATION_ACCOUNT, tuple(secret.valid.values()))))


def statements(account: str, passwords: Sequence[str]) -> Iterator[str]:
    """What is to be said. passwords: those that are let in, one or two, the one to use first. Pure."""
    who = f"{quoted(account)}@`%`"
    how = f"ALTER USER {who} IDENTIFIED WITH caching_sha2_password BY"
    yield "SET GLOBAL super_read_only = OFF"  # read_only stays ON, and no application gets in
    yield "SET SESSION sql_log_bin = 0"
    yield f"CREATE USER IF NOT EXISTS {who} REQUIRE SSL"
    yield f"{how} {text(passwords[-1])}"
    yield f"ALTER USER {who} DISCARD OLD PASSWORD"
    yield from (f"{how} {text(each)} RETAIN CURRENT PASSWORD" for each in passwords[:-1])
    yield "SET GLOBAL super_read_only = ON"
    source = f"SOURCE_USER = {text(account)}, SOURCE_PASSWORD = {text(passwords[0])}"
    yield f"CHANGE REPLICATION SOURCE TO {source} FOR CHANNEL '{CHANNEL}'"
