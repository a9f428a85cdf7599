"""One node stands by for two databases, in nobody's way; a spare takes the place of a node that is lost."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .command import Done, cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills

BESIDE = "late1"
TOPOLOGY = """
name: e2e-standby
provider: podman
network: {subnet: 10.89.136.0/24}
nodes:
  g1: {}
  g2: {}
  rep1: {}
  rep2: {}
  late1: {}
  free1: {}
load_balancers:
  edge: {nodes: [late1]}
databases:
  main: # galera
    nodes: [g1, g2]
    arbiter: late1
    through: edge
    schemas: [shop]
    standby: {late1: 0s}
    spares: [free1]
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
  orders:
    mode: replication
    nodes: [rep1, rep2]
    through: edge
    ports: {write: 3316, read: 3317}
    schemas: [stock]
    standby: {late1: 1h}
    spares: [free1]
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
"""
MEMBERS = {"main": ("g1", "g2"), "orders": ("rep1", "rep2")}
FOLLOWS_SECONDS = 60
pytestmark = only_in_drills


@dataclass(frozen=True)
class Shop:
    """Two databases, a node that stands by for both, and a spare of both."""

    stack: Stack

    def sql(self, node: str, text: str, database: str = "") -> str:
        """Statements to a node's server; with a database's name, to the one that stands by for it there."""
        socket = f"--socket=/run/mysqld/{database}.sock" if database else ""
        return self.stack.on(node, f'mariadb --no-defaults {socket} -BNe "{text}"').strip()

    def beside(self, database: str) -> dict:  # type: ignore[type-arg]
        """What the standby shows of a database."""
        found: dict = json.loads(self.stack.on(BESIDE, "python3 -IB /usr/local/lib/cluster/standby look"))  # type: ignore[type-arg]
        shown: dict = found[database]  # type: ignore[type-arg]
        return shown

    def follows(self, database: str, node: str) -> None:
        """The standby comes to follow a node."""

        def well() -> bool:
            shown = self.beside(database)
            return (shown.get("follows"), shown.get("io")) == (node, "Yes")

        wait_for(f"the standby of {database} to follow {node}", well, FOLLOWS_SECONDS)

    def row(self, database: str) -> dict:  # type: ignore[type-arg]
        found: dict = self.stack.status()["databases"][database]  # type: ignore[type-arg]
        return found

    def has(self, database: str, schema: str) -> bool:
        """Whether the standby shows a schema."""
        return schema in self.sql(BESIDE, "SHOW SCHEMAS", database).split()

    def received(self, database: str, schema: str) -> bool:
        """Whether the standby has a schema in its relay log."""
        place = f"/var/lib/cluster-standby/{database}/data/relay.0*"
        return bool(self.stack.on(BESIDE, f"grep -ls {schema} {place} || true"))

    def is_late(self, schema: str) -> None:
        """The standby of orders has received that, and does not show it."""
        wait_for(f"{schema} in the relay log", lambda: self.received("orders", schema), FOLLOWS_SECONDS)
        assert not self.has("orders", schema)

    def is_prompt(self, schema: str) -> None:
        wait_for(f"{schema} on the standby of main", lambda: self.has("main", schema), FOLLOWS_SECONDS)

    def run(self, *words: str) -> Done:
        done = cluster(*words, "-C", self.stack.folder, timeout=600)
        assert done.code == 0, done
        return done

    def refused(self, *words: str) -> str:
        done = cluster(*words, "-C", self.stack.folder, timeout=120)
        assert done.code == 1, done
        return done.err

    def up(self) -> int:
        done = cluster("up", self.stack.folder, "-o", "json", timeout=900)
        assert done.code == 0, [line for line in done.err.splitlines() if "fail" in line] or done
        changed: int = done.json["changed"]
        if changed:
            print("\n".join(line for line in done.err.splitlines() if " changed" in line))
        return changed

    def balanced(self, backend: str) -> set[str]:
        """The servers the balancer knows for a backend, and finds up."""
        said = self.stack.on(BESIDE, "echo 'show stat' | socat stdio /run/haproxy/admin.sock")
        rows = (line.split(",") for line in said.splitlines())
        return {row[1] for row in rows if row[0] == backend and len(row) > 17 and row[17].startswith("UP")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("standby"), TOPOLOGY) as stack:
        yield Shop(stack)


def test_one_node_stands_by_for_both(shop: Shop) -> None:
    assert shop.up() == 0
    shop.sql("g1", "CREATE SCHEMA first")
    shop.sql("rep1", "CREATE SCHEMA first")
    shop.is_prompt("first")
    shop.is_late("first")
    assert shop.beside("orders")["follows"] == "rep2"  # not the primary
    assert shop.row("orders")["acknowledging"] == 1
    shop.stack.settle(120)
    told = cluster("status", shop.stack.folder).out
    assert "late1 stands by (late by 1h)" in told
    assert "spares: free1" in told


def test_it_is_as_late_after_a_restart(shop: Shop) -> None:
    shop.stack.on(BESIDE, "systemctl restart mariadb@orders mariadb@main", 120)
    shop.is_late("first")
    shop.stack.settle(120)


def test_it_follows_another_node_when_its_own_is_gone(shop: Shop) -> None:
    for database, nodes in MEMBERS.items():
        gone = shop.beside(database)["follows"]
        other = next(node for node in nodes if node != gone)
        shop.stack.on(gone, "systemctl stop mariadb", 120)
        shop.follows(database, other)
        if database == "main":
            shop.sql(other, "CREATE SCHEMA second")
            shop.is_prompt("second")
        shop.stack.on(gone, "systemctl start mariadb", 120)
    shop.follows("orders", "rep2")  # again: it is the replica
    shop.stack.settle(120)


def test_a_switchover_turns_it_round(shop: Shop) -> None:
    shop.run("switchover", "orders")
    assert shop.row("orders")["primary"] == "rep2"
    shop.follows("orders", "rep1")
    shop.sql("rep2", "CREATE SCHEMA third")
    shop.is_late("third")
    shop.run("switchover", "orders", "--to", "rep1")
    shop.stack.settle(120)


def test_what_a_mistake_destroyed_is_there(shop: Shop) -> None:
    path = shop.stack.folder / "topology.yml"
    path.write_text(TOPOLOGY.replace("{late1: 1h}", "{late1: 0s}"))
    shop.up()
    shop.sql("rep1", "CREATE TABLE stock.items (n INT PRIMARY KEY); INSERT INTO stock.items VALUES (1), (2), (3)")
    wait_for("the rows", lambda: shop.sql(BESIDE, "SELECT COUNT(*) FROM stock.items", "orders") == "3", 60)
    path.write_text(TOPOLOGY)
    assert shop.up() > 0
    assert shop.up() == 0
    shop.sql("rep1", "DROP TABLE stock.items")
    shop.run("db", "hold", BESIDE, "orders")
    assert "applies nothing until `cluster db release late1 orders`" in " ".join(shop.stack.status()["problems"])
    shop.stack.on(BESIDE, "systemctl restart mariadb@orders", 120)
    wait_for("it to receive", lambda: shop.beside("orders").get("io") == "Yes", 60)
    assert shop.beside("orders")["sql"] == "No"
    dump = shop.stack.on(BESIDE, "mariadb-dump --socket=/run/mysqld/orders.sock stock items")
    load = "mariadb --no-defaults stock"
    done = shop.stack.lab.exec("rep1", load.split(), stdin=dump)
    assert done.returncode == 0, done
    assert shop.sql("rep1", "SELECT COUNT(*) FROM stock.items") == "3"
    shop.run("db", "release", BESIDE, "orders")
    shop.stack.settle(120)


def test_one_that_cannot_go_on_is_copied_anew(shop: Shop) -> None:
    assert "follows already" in shop.refused("rejoin", BESIDE, "main")
    row = "CREATE TABLE fourth.kept (n INT PRIMARY KEY, v INT); INSERT INTO fourth.kept VALUES (1, 1)"
    shop.sql("g1", f"CREATE SCHEMA fourth; {row}")
    shop.is_prompt("fourth")
    there = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'fourth'"
    wait_for("the table", lambda: shop.sql(BESIDE, there, "main") == "1", 60)
    wait_for("the row", lambda: shop.sql(BESIDE, "SELECT COUNT(*) FROM fourth.kept", "main") == "1", 60)
    shop.sql(BESIDE, "SET GLOBAL read_only = OFF; DELETE FROM fourth.kept", "main")  # by somebody's hand
    shop.sql("g1", "UPDATE fourth.kept SET v = 2")
    wait_for("it to stop", lambda: "does not follow" in " ".join(shop.stack.status()["problems"]), 60)
    shop.run("rejoin", BESIDE, "main", "--yes")
    assert shop.sql(BESIDE, "SELECT v FROM fourth.kept", "main") == "2"
    shop.sql("g1", "DROP SCHEMA fourth")
    shop.stack.settle(120)
    assert shop.stack.on(BESIDE, "ls -d /var/lib/cluster-standby/main/before-*")


def test_nobody_takes_the_place_of_who_is_alive_or_writes(shop: Shop) -> None:
    before = (shop.stack.folder / "topology.yml").read_text()
    assert "rep1 takes the writes" in shop.refused("db", "replace", "rep1", "--yes")
    shop.stack.on("rep2", "systemctl stop ssh; pkill -x sshd || true")
    assert "is alive" in shop.refused("db", "replace", "rep2", "--yes")
    shop.stack.on("rep2", "systemctl start ssh")
    shop.run("db", "replace", "rep2", "--dry-run")
    assert (shop.stack.folder / "topology.yml").read_text() == before


def test_a_spare_takes_the_place_of_a_dead_node(shop: Shop) -> None:
    shop.stack.lab.kill("rep2")
    done = shop.run("db", "replace", "rep2", "--yes")
    assert "+    nodes: [rep1, free1]" in done.err
    shop.up()  # which powers the dead node on, as a lab's
    shop.stack.settle(120)
    assert set(shop.row("orders")["replicas"]) == {"free1"}
    assert shop.sql("free1", "SELECT COUNT(*) FROM stock.items") == "3"
    wait_for("the balancer to know it", lambda: "free1" in shop.balanced("orders-read"), 30)
    assert (
        shop.stack.on("rep2", "systemctl is-active mariadb cluster-doorbell || true").split() == ["inactive"] * 2
    )
    assert shop.row("orders")["acknowledging"] == 1
    assert shop.up() == 0
    shop.follows("orders", "rep1")  # which is further back than the logs of a copy are


def test_who_lost_its_place_and_comes_back_has_no_say(shop: Shop) -> None:
    shop.stack.on("rep2", "systemctl start mariadb || true", 120)
    assert shop.row("orders")["acknowledging"] == 1  # the firewall does not let it in
    shop.stack.on("rep1", "nft delete table inet cluster")  # as where there is none
    wait_for("it to be told", lambda: "is no node of it" in " ".join(shop.stack.status()["problems"]), 60)
    done = cluster("up", shop.stack.folder, "--only", "database", "-n", "rep1", "-n", "free1", timeout=600)
    assert done.code == 1, done
    assert "follows as a node of this database and is none" in done.err
    shop.up()
    shop.stack.settle(120)


def test_it_goes_on_from_where_it_was_when_it_is_taken_again(shop: Shop) -> None:
    shop.run("db", "replace", "free1", "--by", "rep2", "--yes")
    shop.up()
    shop.stack.settle(120)
    assert set(shop.row("orders")["replicas"]) == {"rep2"}
    assert shop.stack.on("rep2", "ls -d /var/lib/mysql.before-* 2>/dev/null || true") == ""
    assert (shop.stack.folder / "topology.yml").read_text() == TOPOLOGY


def test_a_node_of_a_group_is_given_up_while_it_lives(shop: Shop) -> None:
    shop.run("db", "replace", "g2", "--yes")
    shop.up()
    shop.stack.settle(120)
    row = shop.row("main")
    assert set(row["nodes"]) == {"g1", "free1"}
    assert row["quorum"]["present"] == 3
    assert "fourth" not in shop.sql("free1", "SHOW SCHEMAS").split()
    assert "second" in shop.sql("free1", "SHOW SCHEMAS").split()
    shop.sql("free1", "CREATE SCHEMA fifth")
    shop.is_prompt("fifth")
    assert shop.up() == 0
