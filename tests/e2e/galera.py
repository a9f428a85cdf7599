"""A Galera lab under a ledger: who writes, what every node holds, and faults with their verdicts."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .command import cluster, wait_for
from .conftest import Stack
from .ledger import Ledger, Row, Verdict, connect, prepare, trusting, verdict

SEED = int(os.environ.get("CLUSTER_SEED", "1"))
WRITERS = 16
SETTLE_SECONDS = 120
STATUS = "mariadb --no-defaults -BNe \"SHOW STATUS LIKE 'wsrep%'\""
SAME = ("wsrep_cluster_conf_id", "wsrep_cluster_state_uuid", "wsrep_last_committed")  # once nobody writes
ROWS = "mariadb --no-defaults -BNe 'SELECT id, writer, sequence FROM shop.{}'"
WRITER = "SELECT @@wsrep_node_name"


@dataclass
class Database:
    """The database `main` of a lab, by its way in. tables: a fresh one for every fault."""

    stack: Stack
    address: str
    folder: Path
    nodes: tuple[str, ...] = ("db1", "db2", "db3")
    port: int = 3306
    tables: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Have the password and the authority at hand, as an application has them."""
        self.password = cluster("secrets", "show", "database_main.shop", "-C", self.stack.folder).out.strip()
        self.ca = self.folder / "root.pem"
        self.ca.write_text(cluster("certs", "authority", "-C", self.stack.folder).out)

    def writer(self) -> str:
        """The node that takes writes now."""
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(WRITER)
            return str(cursor.fetchone()[0])

    def status(self, node: str) -> dict[str, str]:
        """What a node says of its group; empty when it does not answer."""
        done = self.stack.lab.exec(node, ["sh", "-c", STATUS])
        rows = (line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
        return {row[0]: row[1] for row in rows} if done.returncode == 0 else {}

    def synced(self, node: str) -> bool:
        """Whether a node has all data and takes part, by its own word."""
        return self.status(node).get("wsrep_local_state_comment") == "Synced"

    def agreed(self) -> bool:
        """Whether all nodes are synced, in one view of the group, at one position."""
        seen = [self.status(node) for node in self.nodes]
        views = {tuple(each.get(name) for name in SAME) for each in seen}
        return len(views) == 1 and all(each.get("wsrep_local_state_comment") == "Synced" for each in seen)

    def settle(self) -> None:
        """Wait until all nodes agree and the way in is open."""
        wait_for("all nodes to agree", self.agreed, SETTLE_SECONDS, every=0.5)
        self.stack.settle(SETTLE_SECONDS)

    def rows(self, table: str) -> dict[str, list[Row]]:
        """The rows of every node, read at the node itself."""
        found = {}
        for node in self.nodes:
            text = self.stack.on(node, ROWS.format(table))
            found[node] = [Row(*map(int, line.split())) for line in text.splitlines()]
        return found

    @contextmanager
    def ledger(self) -> Iterator[tuple[Ledger, str]]:
        """A ledger at work on a table of its own."""
        table = f"ledger_{next(self.tables)}"
        with closing(self._connect()) as connection:
            prepare(connection, table)
        found = Ledger(
            self.address, self.port, "shop", self.password, "shop", self.ca, self.folder / table, WRITERS, SEED,
            table=table, pause=0.01,
        )  # fmt: skip
        with found:
            found.wait_for(500, 30)
            yield found, table

    def under(self, what: str, fault: Callable[[Ledger], object]) -> Verdict:
        """Put a fault into the database while the ledger writes, let all nodes come back, and judge."""
        self.settle()
        with self.ledger() as (ledger, table):
            fault(ledger)
            ledger.wait_for(500, 60)
        self.settle()
        found = verdict(ledger.records(), self.rows(table), ledger.ended)
        print(
            f"galera, {what}: {found.acknowledged} acknowledged, {found.unknown} unknown, longest gap "
            f"{found.gap:.2f} s, {found.said} (seed {SEED})"
        )
        return found

    def _connect(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return connect(self.address, self.port, "shop", self.password, "shop", trusting(self.ca))
