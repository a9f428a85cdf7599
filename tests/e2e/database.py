"""The database as the ledger meets it: connections, one insert and what came of it, the rows of one node."""

import re
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pymysql

from .verdict import OK, REFUSED, UNKNOWN, Row

PATIENCE = 2.0  # seconds for each of: connect, write, read
READ_PATIENCE = 30.0

# What a server says before it begins to commit, or after it has rolled back. Whatever is not here may have
# committed: 1180 (Galera could not tell), 3101 (a member that left the group after it had sent the row),
# 1062 (a proxy may have sent the row twice), 1053, 1205, 1317, 1927 (ended from outside, at any moment).
SURELY_NOT_COMMITTED = frozenset(
    {
        1044,  # access denied to the schema
        1045,  # access denied
        1047,  # Galera: not ready
        1049,  # no such schema
        1142,  # no right to insert
        1146,  # no such table
        1213,  # deadlock, rolled back; if such a row is found all the same, that is a finding: a phantom
        1227,  # no such privilege
        1290,  # read-only by option
        1792,  # read-only transaction
        1836,  # read-only mode
        3098,  # group replication: not a table it can replicate
        3100,  # group replication: refused before the commit
    }
)


def connect(
    address: str,
    port: int,
    user: str,
    password: str,
    schema: str,
    trust: ssl.SSLContext | None,
    read_timeout: float = PATIENCE,
) -> pymysql.Connection:
    """A connection that commits every statement by itself.

    trust: checks the server's certificate, which has to name the address; None: no TLS. Timeouts in seconds.
    Raises pymysql.MySQLError, and ValueError or OSError for what fails before the server is asked.
    """
    # Accounts: mysql_native_password works. caching_sha2_password works over TLS; only without TLS it would need
    # the package cryptography. MariaDB's ed25519 would need PyNaCl, which is not among our dependencies.
    return pymysql.connect(
        host=address,
        port=port,
        user=user,
        password=password,
        database=schema,
        ssl=trust,
        ssl_disabled=trust is None,
        autocommit=True,
        connect_timeout=PATIENCE,
        read_timeout=read_timeout,
        write_timeout=PATIENCE,
    )


def trusting(ca: Path | None) -> ssl.SSLContext | None:
    """What trusts the certificates of one authority (PEM file), host name checked; None without one."""
    return ssl.create_default_context(cafile=str(ca)) if ca else None


def named(table: str) -> str:
    """The table's name, fit to be part of a statement. Raises ValueError for what is not a plain name."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,63}", table):
        raise ValueError(f"not a plain table name: {table!r}")
    return table


def prepare(connection: pymysql.Connection, table: str = "ledger") -> None:
    """Create the table where it is missing; rows that are there stay. Raises pymysql.MySQLError."""
    columns = "id BIGINT PRIMARY KEY, writer INT NOT NULL, sequence INT NOT NULL, payload VARCHAR(200) NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {named(table)} ({columns}) ENGINE = InnoDB")


def read_rows(
    host: str,
    port: int,
    user: str,
    password: str,
    schema: str,
    ca: Path | None,
    table: str = "ledger",
    before: str = "",
) -> list[Row]:
    """All rows of one node, asked directly, by id.

    before: a statement that goes first, such as `SET SESSION wsrep_sync_wait = 1` where a node may lag.
    Raises pymysql.MySQLError where the node does not answer in full.
    """
    connection = connect(host, port, user, password, schema, trusting(ca), READ_PATIENCE)
    with closing(connection), connection.cursor() as cursor:
        if before:
            cursor.execute(before)
        cursor.execute(f"SELECT id, writer, sequence FROM {named(table)} ORDER BY id")
        return [Row(*row) for row in cursor]


def kind_of(error: Exception) -> str:
    """`refused` where the server said that the statement did not commit, `unknown` for every doubt."""
    code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    return REFUSED if code in SURELY_NOT_COMMITTED else UNKNOWN


def told(error: Exception) -> str:
    """The error on one short line."""
    return " ".join(f"{type(error).__name__} {error}".split())[:160]


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt. connection: for the next one, None after a failure; reason: empty when ok."""

    kind: str
    reason: str = ""
    connection: pymysql.Connection | None = None


def attempt(
    connection: pymysql.Connection | None,
    open_one: Callable[[], pymysql.Connection],
    statement: str,
    values: tuple[object, ...],
) -> Outcome:
    """Insert one row, over a new connection where there is none. Raises nothing: every failure is an outcome.

    A failure drops the connection, so that the next one may lead to a node that takes the row.
    """
    if connection is None:
        try:
            connection = open_one()
        except Exception as error:  # the row was not sent yet, so whatever it was, it did not commit
            return Outcome(REFUSED, told(error))
    try:
        with connection.cursor() as cursor:
            inserted = cursor.execute(statement, values)
        if inserted == 1:
            return Outcome(OK, connection=connection)
        outcome = Outcome(UNKNOWN, f"the server counts {inserted} rows")
    except Exception as error:  # a driver that lost its server has more ways to fail than it documents
        outcome = Outcome(kind_of(error), told(error))
    with suppress(Exception):
        connection.close()
    return outcome
