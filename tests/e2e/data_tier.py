"""A database's lab under a ledger: who writes, what every node holds, and what came of a fault."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from cluster_cli.lab.stand import lab_of

from .batch import Batch
from .command import Done, cluster, wait_for
from .conftest import Stack
from .ledger import Ledger, Row, Verdict, connect, prepare, trusting, verdict
from .peek import Peek
from .sampler import TABLE as SAMPLED
from .sampler import Sampler

SEED = int(os.environ.get("CLUSTER_SEED", "1"))
DRILL = os.environ.get("CLUSTER_DRILL") == "1"  # `make drill`: all faults, and ten kills
WRITERS = 16
SETTLE_SECONDS = 180
TABLES = itertools.count(int(time.time()))  # a fresh one for every fault, also in a lab that is used again
TABLE: list[tuple[str, ...]] = []  # (mode, fault, acknowledged, longest gap, verdict) of all faults of a session

only_in_drills = pytest.mark.skipif(not DRILL, reason="make drill runs it")


@dataclass(frozen=True)
class Mode:
    """What differs between modes.

    database: its name in the topology; unit, client: of the server; same: what all nodes agree on once nobody
    writes; elects: whether another node takes over by itself; begins: whether nodes that lost their majority find
    each other again by themselves; gap_seconds: how soon writes go on (median).
    """

    name: str
    database: str
    nodes: tuple[str, ...]
    port: int
    unit: str
    client: str
    same: str
    elects: bool
    begins: bool
    gap_seconds: float


GALERA = Mode(
    name="galera",
    database="main",
    nodes=("db1", "db2", "db3"),
    port=3306,
    unit="mariadb",
    client="mariadb --no-defaults -BN",
    same="SHOW STATUS WHERE variable_name IN "
    "('wsrep_cluster_conf_id', 'wsrep_cluster_state_uuid', 'wsrep_last_committed')",
    elects=True,
    begins=True,
    gap_seconds=5.0,
)
REPLICATION = Mode(
    name="replication",
    database="orders",
    nodes=("rep1", "rep2", "rep3"),
    port=3316,
    unit="mariadb",
    client="mariadb --no-defaults -BN",
    same="SELECT @@gtid_binlog_pos",
    elects=False,
    begins=False,
    gap_seconds=30.0,  # with an operator who acts at once
)
GROUP_REPLICATION = Mode(
    name="group_replication",
    database="books",
    nodes=("my1", "my2", "my3"),
    port=3326,
    unit="mysql",
    client="mysql --no-defaults -BN",
    same="SELECT @@gtid_executed",
    elects=True,
    begins=False,
    gap_seconds=9.0,
)
MODES = (GALERA, REPLICATION, GROUP_REPLICATION)
MYSQL_REPLICATION = Mode(  # in a lab of its own: test_databases_mysql.py
    name="replication (mysql)",
    database="stock",
    nodes=("myr1", "myr2", "myr3"),
    port=3306,
    unit="mysql",
    client="mysql --no-defaults -BN",
    same="SELECT @@gtid_executed",
    elects=False,
    begins=False,
    gap_seconds=30.0,  # with an operator who acts at once
)


@dataclass
class Database:
    """A database of a lab, by its way in. folder: for the accounts of its writers, one a fault."""

    stack: Stack
    address: str
    folder: Path
    mode: Mode

    def __post_init__(self) -> None:
        """Have the password and the authority at hand, as an application has them."""
        workspace = self.stack.workspace  # to open it takes a second of processor time
        self.peek = Peek(lab_of(workspace))
        self.addresses = {node: workspace.inventory.host(node).address for node in self.nodes}
        self.learn()

    def learn(self) -> None:
        """Ask for both."""
        secret = f"database_{self.mode.database}.shop"
        self.password = cluster("secrets", "show", secret, "-C", self.stack.folder).out.strip()
        self.ca = self.folder / "root.pem"
        self.ca.write_text(cluster("certs", "authority", "-C", self.stack.folder).out)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Those with data."""
        return self.mode.nodes

    @property
    def port(self) -> int:
        """Where writes go, at the balancers' address."""
        return self.mode.port

    def verb(self, *words: str) -> Done:
        """`cluster WORDS DATABASE ...`, which must succeed; `db` has a verb of its own in front of the name."""
        head = 2 if words[0] == "db" else 1
        named = (*words[:head], self.mode.database, *words[head:])
        done = cluster(*named, "-C", self.stack.folder, timeout=600)
        assert done.code == 0, done
        return done

    def writer(self) -> str:
        """The node that takes writes now, as a client meets it."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@hostname")
            return str(cursor.fetchone()[0])

    def others(self, node: str) -> tuple[str, ...]:
        """All nodes but this one."""
        return tuple(name for name in self.nodes if name != node)

    def fit(self, node: str, path: str = "/read") -> bool:
        """Whether a node says that it may be used so."""
        return self.peek.run(node, ["bash", "-c", self._ring(node, path)]).returncode == 0

    def _ring(self, node: str, path: str) -> str:
        """A command that succeeds where a node's doorbell says yes: the shell does it all."""
        address = self.addresses[node]
        asks = f"printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; read -t 3 -r line <&3; [[ $line == *' 200 '* ]]"
        return f"exec 3<>/dev/tcp/{address}/9200 && {{ {asks}; }}"

    def asked(self, node: str, sql: str) -> str:
        """What a node's server says; empty when it does not answer."""
        return self.peek.run(node, [*self.mode.client.split(), "-e", sql]).stdout

    def agreed(self) -> bool:
        """Whether all nodes may be read from, and stand at one position."""
        with ThreadPoolExecutor() as pool:
            seen = set(pool.map(self._stands, self.nodes))
        return len(seen) == 1 and "" not in seen

    def _stands(self, node: str) -> str:
        """Where a node stands, empty where it may not be read from."""
        return self.asked(node, self.mode.same) if self.fit(node) else ""

    def settle(self) -> None:
        """Wait until all nodes agree and the way in is open."""
        wait_for("all nodes to agree", self.agreed, SETTLE_SECONDS, every=1)
        self.stack.settle(SETTLE_SECONDS)

    def insist(self, *words: object, seconds: float = 180) -> None:
        """`cluster WORDS`, again while it is refused: a node boots, a check is yet to come."""
        began = time.monotonic()
        while (done := cluster(*words, timeout=600)).code != 0:
            assert time.monotonic() - began < seconds, done
            time.sleep(1)

    def ready(self) -> None:
        """As `settle`; where an earlier fault left something broken, it is put right first."""
        try:
            self.settle()
        except AssertionError:
            print(f"{self.mode.name} is not well, and is put right")
            self.mend()
            self.settle()

    def mend(self) -> None:
        """Power on every node, take every fault away, and have the database as it should be."""
        lab, folder = self.stack.lab, self.stack.folder
        for node in self.nodes:
            if lab.exec(node, ["true"]).returncode != 0:
                lab.start(node)
            lab.link(node, up=True)
            self.stack.on(node, "nft delete table inet drill 2>/dev/null; pkill -CONT 'mariadbd|mysqld'; true")
        self.insist("up", folder, "--only", "database")
        for node in self.nodes if not self.mode.elects else ():
            if not self.fit(node):
                self.insist("rejoin", node, "--yes", "-C", folder)

    def rows(self, table: str) -> dict[str, list[Row]]:
        """The rows of every node, read at the node itself."""
        found = {}
        for node in self.nodes:
            sql = f"SELECT id, writer, sequence FROM shop.{table}"
            text = self.stack.on(node, f"{self.mode.client} -e '{sql}'")
            found[node] = [Row(*map(int, line.split())) for line in text.splitlines()]
        return found

    @contextmanager
    def ledger(self) -> Iterator[tuple[Ledger, str]]:
        """A ledger at work on a table of its own."""
        table = f"ledger_{next(TABLES)}"
        with closing(self.connect()) as connection:
            prepare(connection, table)
        found = Ledger(
            self.address, self.port, "shop", self.password, "shop", self.ca, self.folder / table, WRITERS, SEED,
            table=table, pause=0.05,
        )  # fmt: skip
        with found:
            found.wait_for(500, 30)
            yield found, table

    def under(self, what: str, fault: Callable[[Ledger], object], *, lagging: bool = False) -> Verdict:
        """Put a fault into the database while the ledger writes, let all nodes come back, and judge.

        lagging: a heavy batch runs beside it, so that nodes fall behind in applying what they received.
        """
        self.ready()
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {SAMPLED} (id INT PRIMARY KEY, moment DATETIME(6))")
        with ExitStack() as stack:
            sampler = stack.enter_context(Sampler(self.stack.lab, self.addresses, self.mode.name))
            if lagging:
                stack.enter_context(self.batch())
            ledger, table = stack.enter_context(self.ledger())
            fault(ledger)
            ledger.wait_for(500, 90)
        self.settle()
        found = verdict(ledger.records(), self.rows(table), ledger.ended)
        told = what + (", under lag" if lagging else "")
        two = sampler.two_writers()
        said = found.said + (f", two nodes took writes for {two:.1f} s" if two else "")
        TABLE.append((self.mode.name, told, str(found.acknowledged), f"{found.gap:.2f}", said))
        print(
            f"{self.mode.name}, {told}: {found.acknowledged} acknowledged, {found.unknown} unknown, longest gap "
            f"{found.gap:.2f} s, {said} (seed {SEED})"
        )
        assert not two, said
        return found

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Large transactions, one after the other, for as long as it lasts."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS batch")  # what an earlier fault's has become
            cursor.execute("CREATE TABLE batch (id BIGINT AUTO_INCREMENT PRIMARY KEY, text CHAR(200))")
        with Batch(self.connect):
            yield

    def connect(self, reads: bool = False) -> pymysql.Connection:
        """A connection as an application makes it, for writes or for reads alone."""
        return connect(self.address, self.port + reads, "shop", self.password, "shop", trusting(self.ca))


def print_table() -> None:
    """The matrix of all faults so far."""
    rows = [("mode", "fault", "acknowledged", "gap, s", "verdict"), *TABLE]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    print(
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows), sep="\n"
    )
