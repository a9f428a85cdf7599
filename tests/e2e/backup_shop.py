"""A database that is backed up, as an application meets it: writers with a ledger, and what each node has."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pymysql

from .command import cluster
from .conftest import Stack
from .data_tier import SEED
from .database import connect, prepare, trusting
from .ledger import Ledger

WRITERS = 4


@dataclass
class Shop:
    """The database as an application meets it, at the node `door`."""

    stack: Stack
    folder: Path
    nodes: tuple[str, ...] = ("db1", "db2", "db3")
    door: str = "db1"
    client: str = "mariadb --no-defaults -BN"

    def __post_init__(self) -> None:
        """Have the password and the authority at hand."""
        self.password = cluster("secrets", "show", "database_main.shop", "-C", self.stack.folder).out.strip()
        self.ca = self.folder / "root.pem"
        self.ca.write_text(cluster("certs", "authority", "-C", self.stack.folder).out)
        self.address = str(self.stack.workspace.inventory.host(self.door).vars["doorbell_address"])

    def connect(self) -> pymysql.Connection:
        """A connection that commits every statement by itself."""
        return connect(self.address, 3306, "shop", self.password, "shop", trusting(self.ca), 60.0)

    def say(self, sql: str) -> None:
        """A statement."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def everywhere(self, table: str) -> list[set[int]]:
        """The ids each node has."""
        asked = f"{self.client} -e 'SELECT id FROM shop.{table}'"
        return [set(map(int, self.stack.on(node, asked).split())) for node in self.nodes]

    def ledger(self, table: str) -> Ledger:
        """Writers on a table of their own."""
        with closing(self.connect()) as connection:
            prepare(connection, table)
        return Ledger(
            self.address, 3306, "shop", self.password, "shop", self.ca, self.folder / table, WRITERS, SEED,
            table=table, pause=0.01,
        )  # fmt: skip

    def marker(self, table: str, row: str = "id") -> tuple[str, set[int]]:
        """(a GTID position, what a table's rows are exactly there), from one view of the door's server.

        row: an expression, a number for each row.
        """
        said = self.stack.on(
            self.door,
            'mariadb --no-defaults -BN -e "START TRANSACTION WITH CONSISTENT SNAPSHOT; '
            "SHOW STATUS LIKE 'binlog_snapshot_%'; "
            f'SELECT {row} FROM shop.{table}"',
        ).splitlines()
        place = dict(line.split("\t") for line in said[:2])
        file, offset = place["Binlog_snapshot_file"], place["Binlog_snapshot_position"]
        position = self.stack.on(
            self.door, f"mariadb --no-defaults -BN -e \"SELECT BINLOG_GTID_POS('{file}', {offset})\""
        ).strip()
        sql = "SELECT IF(@@wsrep_on, @@wsrep_gtid_domain_id, @@gtid_domain_id)"
        domain = self.stack.on(self.door, f"mariadb --no-defaults -BN -e '{sql}'").strip()
        shared = next(each for each in position.split(",") if each.startswith(f"{domain}-"))
        return shared, {int(line) for line in said[2:]}


@dataclass
class MysqlShop(Shop):
    """The same where the server is MySQL."""

    client: str = "mysql --no-defaults -BN"

    def marker(self, table: str, row: str = "id") -> tuple[str, set[int]]:
        """(the set of all GTIDs, what a table's rows are exactly there), from one view of the door's server."""
        sql = (
            "FLUSH TABLES WITH READ LOCK; START TRANSACTION WITH CONSISTENT SNAPSHOT; "
            f"SELECT @@GLOBAL.gtid_executed; UNLOCK TABLES; SELECT {row} FROM shop.{table}"
        )
        said = self.stack.on(self.door, f'{self.client} -e "{sql}"').splitlines()
        return said[0].replace("\\n", ""), {int(line) for line in said[1:]}
