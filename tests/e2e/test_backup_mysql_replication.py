"""A primary and a replica of MySQL go back to a moment and forth again; none of their numbers is given twice.

`make drill` runs it.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .backup_killed import ends_well
from .backup_lab import OWN, Backups
from .backup_lost import made_again
from .backup_replica import WORDS, bad_data_is_put_back, who_could_not_follow_is_left_alone
from .backup_shop import MysqlShop
from .command import wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills
from .test_backup_mysql import EMPTIED, MILLION, executed, top
from .verdict import OK

TOPOLOGY = """
name: e2e-mbr
provider: podman
network: {subnet: 10.89.96.0/24}
nodes:
  db1: {release: sid}
  db2: {release: sid}
  bak1: {release: sid}
databases:
  main:
    engine: mysql
    mode: replication
    nodes: [db1, db2]
    schemas: [shop]
    accounts: {shop: {schemas: [shop], rights: owner}}
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
backup:
  nodes: [bak1]
  schedule: {binlogs: 10s, jitter: 0s}
"""
NODES = ("db1", "db2")
ROWS, PATIENCE = 200, 240

pytestmark = only_in_drills


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("backmyr"), TOPOLOGY) as stack:
        yield stack


@pytest.fixture(scope="module")
def backups(lab: Stack) -> Backups:
    return Backups(lab, client="mysql --no-defaults")


@pytest.fixture(scope="module")
def shop(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> MysqlShop:
    primary = str(lab.status()["databases"]["main"]["primary"])
    return MysqlShop(lab, tmp_path_factory.mktemp("shop"), NODES, primary)


def test_a_primary_goes_back_and_forth(shop: MysqlShop, backups: Backups) -> None:
    """Rows are lost by a bad statement, and come back on both nodes; then what was before comes back."""
    wait_for("a copy", lambda: backups.ids("full"), PATIENCE, every=1)
    with shop.ledger("kept") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
    position, there = shop.marker("kept")
    assert {each.number for each in ledger.records() if each.kind == OK} <= there
    shop.say("DELETE FROM kept WHERE id > 0")
    had, words = executed(shop), ("restore", "main", "--to", "cluster", "--at", position, "--yes")
    backups.killed("start", *words, after=3.0)
    assert "did not end" in backups.verb("db", "unfence", "main", code=1).err
    done = backups.verb("restore", "main", "--to", "cluster", "--yes", "-o", "json").json
    print(f"back in service after {done['seconds']} s: {done['stages']}, {done.get('aside')}")
    assert shop.everywhere("kept") == [there] * len(NODES)
    assert had <= executed(shop), "a number of before might be given again"
    assert top(executed(shop)) > top(had) + MILLION
    shop.say("INSERT INTO kept (id, writer, sequence, payload) VALUES (2, 0, 1, '')")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    backups.stack.settle(PATIENCE)
    given = executed(shop)
    undone = backups.verb("restore", "main", "--undo", "--yes", "-o", "json").json
    print(f"taken back after {undone['seconds']} s: {undone['stages']}")
    assert shop.everywhere("kept") == [set(), set()]
    assert top(executed(shop)) > top(given), "numbers that were given since might be given again"
    backups.verb("restore", "main", "--confirm", "--yes")
    shop.say("INSERT INTO kept (id, writer, sequence, payload) VALUES (3, 0, 1, '')")
    wait_for("the row on the replica", lambda: shop.everywhere("kept") == [{3}, {3}], PATIENCE)
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    backups.stack.settle(PATIENCE)


@pytest.mark.parametrize(
    ("stage", "after", "way"), [("exchange", 2.0, "undo"), ("start", 1.0, "again"), ("start", 8.0, "undo")]
)
def test_a_restore_that_is_killed_anywhere(
    shop: MysqlShop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """It goes on, or is taken back by an undo that is killed itself: the rows are those of either."""
    ends_well(shop, backups, stage, after, way, undo_killed=3.0)


def test_a_replica_with_bad_data_is_put_back_from_a_backup(shop: MysqlShop, backups: Backups) -> None:
    """Not one write is lost; who leads, or could not follow, is left alone."""
    wait_for("a copy", lambda: backups.ids("full"), PATIENCE, every=1)
    bad_data_is_put_back(shop, backups)
    backups.stack.on("db2", OWN)
    backups.verb(*WORDS, "--undo", "--yes")  # on bad data, or data that came right: it may follow, or not
    backups.verb("rejoin", "db2", "--clone", "--yes")
    backups.verb(*WORDS, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)
    backups.run("--full")
    backups.verb("backup", "verify", "main")


@pytest.mark.parametrize(
    ("stage", "after", "way"),
    [("restore", 3.0, "undo"), ("exchange", 1.0, "undo"), ("start", 0.5, "again"), ("start", 2.5, "undo")],
)
def test_putting_back_a_replica_that_is_killed_anywhere(
    shop: MysqlShop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """The same command goes on, or --undo takes it back, and both nodes have the same rows."""
    table = f"alone_{stage}_{after:g}_{way}".replace(".", "_")
    shop.say(f"CREATE TABLE {table} (id INT PRIMARY KEY)")
    shop.say(f"INSERT INTO {table} VALUES (1)")
    backups.killed(stage, *WORDS, "--yes", after=after)
    if way == "again" or backups.stack.status()["databases"]["main"]["restore"]:
        backups.verb(*WORDS, *([] if way == "again" else ["--undo"]), "--yes")
    backups.stack.settle(PATIENCE)
    shop.say(f"INSERT INTO {table} VALUES (2)")
    wait_for("the row on both", lambda: shop.everywhere(table) == [{1, 2}] * len(NODES), PATIENCE)
    if backups.stack.status()["databases"]["main"]["restore"]:
        backups.verb(*WORDS, "--confirm", "--yes")


def test_who_led_once_fetches_what_it_wrote_itself(shop: MysqlShop, backups: Backups) -> None:
    """Of what comes from a source a server leaves out what has its own number, unless it is told not to."""
    backups.fetched_beyond(time.time())
    with backups.nothing_fetched(NODES):
        shop.say("CREATE TABLE own (id INT PRIMARY KEY)")
        shop.say("INSERT INTO own VALUES (1), (2)")
        backups.verb("switchover", "main", "--to", "db2", "--yes")
        backups.stack.on("db1", EMPTIED)
        backups.verb("restore", "main", "--node", "db1", "--yes")
    assert shop.everywhere("own") == [{1, 2}] * len(NODES)
    backups.verb("restore", "main", "--node", "db1", "--confirm", "--yes")
    backups.verb("switchover", "main", "--to", "db1", "--yes")
    backups.stack.settle(PATIENCE)


def test_who_could_not_follow_from_a_backup_is_left_alone(shop: MysqlShop, backups: Backups) -> None:
    who_could_not_follow_is_left_alone(shop, backups)


def test_a_lost_cluster_is_made_again(
    shop: MysqlShop, backups: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_again(shop, backups, tmp_path, monkeypatch)
