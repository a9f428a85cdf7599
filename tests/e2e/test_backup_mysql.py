"""A group of MySQL is backed up: what was acknowledged, to a set of GTIDs exactly; a cut-off copy leaves nothing.

`make drill` runs it.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_cli.databases.group_replication.gtid import GtidSet

from . import dumps
from .backup_killed import ends_well, node_ends_well
from .backup_lab import OWN, Backups
from .backup_points import all_are_exact
from .backup_shop import MysqlShop
from .command import cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills
from .test_backup import KILL, PATIENCE, ROWS, a_giver_is_lost, fit
from .verdict import OK, UNKNOWN

NODES = ("db1", "db2", "db3")
TOPOLOGY = """
name: e2e-mb
provider: podman
network: {subnet: 10.89.94.0/24}
nodes:
  db1: {release: sid}
  db2: {release: sid}
  db3: {release: sid}
  bak1: {release: sid}
databases:
  main:
    engine: mysql
    mode: group_replication
    nodes: [db1, db2, db3]
    schemas: [shop]
    accounts: {shop: {schemas: [shop], rights: owner}}
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
backup:
  nodes: [bak1]
  schedule: {binlogs: 10s, jitter: 0s}
"""
MILLION = 1_000_000
PLACE = "/var/lib/mysql-files"
COPY = f"{PLACE}/cluster-backup"
# In the middle of a copy, at whichever node gives it.
WATCH = f"until [ -e {COPY}/ibdata1 ]; do sleep 0.01; done; {{0}}"
FULL = "systemctl start --no-block cluster-backup@full:main"
LEFT = "ls -d /var/lib/mysql?* /var/lib/mysql/.cluster-aside/* 2>/dev/null | grep -v mysql-files || true"
HAS = "SELECT @@GLOBAL.gtid_executed"
# All of a node's data is lost; the folder is a mount point in a lab.
EMPTIED = "systemctl kill -s KILL mysql; systemctl stop mysql; find /var/lib/mysql -mindepth 1 -delete"

pytestmark = only_in_drills


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("backmy"), TOPOLOGY) as stack:
        yield stack


@pytest.fixture(scope="module")
def backups(lab: Stack) -> Backups:
    return Backups(lab, client="mysql --no-defaults")


@pytest.fixture(scope="module")
def shop(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> MysqlShop:
    primary = str(lab.status()["databases"]["main"]["primary"])
    return MysqlShop(lab, tmp_path_factory.mktemp("shop"), NODES, primary)


def test_a_copy_is_made_without_being_asked_for(backups: Backups) -> None:
    wait_for("the first copy", lambda: backups.ids("full"), PATIENCE, every=1)


def test_a_moment_under_writers_is_restored_exactly(shop: MysqlShop, backups: Backups) -> None:
    """Copies under writers, binary logs; then rows are deleted, and the moment before is brought back."""
    with shop.ledger("orders") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        backups.run("--full")
        ledger.wait_for(ROWS, PATIENCE)
        made = backups.run()
        ledger.wait_for(ROWS, PATIENCE)
        before = {each.number for each in ledger.records() if each.kind == OK}
        position, there = shop.marker("orders")
        ledger.wait_for(ROWS, PATIENCE)
    shop.say("DELETE FROM orders WHERE writer = 0")
    done = backups.verb("restore", "main", "--to", "scratch", "--at", position, "-o", "json").json
    assert done["copies"] == [made["id"]]
    assert made["kind"] == "full", "MySQL has no copies of what changed"
    found = {int(line) for line in backups.restored("SELECT id FROM shop.orders").splitlines()}
    executed = "".join(backups.restored("SELECT @@GLOBAL.gtid_executed").replace("\\n", "").split())
    acknowledged = {each.number for each in ledger.records() if each.kind == OK}
    unknown = {each.number for each in ledger.records() if each.kind == UNKNOWN}
    assert found == there
    assert executed == position
    assert before <= found <= acknowledged | unknown
    assert acknowledged - found, "nothing was written after the moment"
    print(f"{len(found)} of {len(acknowledged)} rows at {position}, in {done['seconds']} s: {done['stages']}")
    backups.verb("restore", "main", "--to", "scratch", "--discard")
    assert made["node"] != shop.door, "the node that applications use gave the copy"


def test_moments_drawn_at_random_are_restored(shop: MysqlShop, backups: Backups) -> None:
    all_are_exact(shop, backups, 6)


def test_a_second_of_the_clock_is_restored(shop: MysqlShop, backups: Backups) -> None:
    """One row before it, one after."""
    shop.say("CREATE TABLE seconds (id INT PRIMARY KEY)")
    shop.say("INSERT INTO seconds VALUES (1)")
    clock = "date -u +%s"
    began = int(backups.stack.on(shop.door, clock))
    wait_for("the second after", lambda: int(backups.stack.on(shop.door, clock)) > began + 1, 10, every=0.2)
    shop.say("INSERT INTO seconds VALUES (2)")
    moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(began + 1))
    backups.verb("restore", "main", "--to", "scratch", "--at", moment)
    assert backups.restored("SELECT id FROM shop.seconds").split() == ["1"]
    backups.verb("restore", "main", "--to", "scratch", "--discard")


def test_a_dump_under_writers_is_of_one_moment(shop: MysqlShop, backups: Backups, tmp_path: Path) -> None:
    dumps.is_of_one_moment(shop, backups, ROWS, tmp_path)


def test_a_dump_of_a_table_goes_elsewhere(shop: MysqlShop, backups: Backups, tmp_path: Path) -> None:
    dumps.one_table_goes_elsewhere(shop, backups, tmp_path)


def test_a_dump_that_is_killed_leaves_nothing_that_looks_good(
    shop: MysqlShop, backups: Backups, tmp_path: Path
) -> None:
    dumps.killed_it_leaves_nothing_that_looks_good(backups, tmp_path, shop.nodes)


def test_a_restore_is_proven_and_status_says_so(backups: Backups) -> None:
    rows = backups.verb("backup", "verify", "main", "-o", "json").json["runs"]
    proof = next(each["result"] for each in rows if each["step"] == "prove")
    assert proof["rows"] > ROWS
    assert [each["id"] for each in backups.all() if each["proven"]] == proof["chain"]
    status = backups.stack.status()
    assert status["backups"]["main"]["bak1"]["proof"]["failed"] is None
    assert not [each for each in status["problems"] if "bak1" in each], status["problems"]
    print(f"proof: {proof['rows']} rows, {proof['stages']}")


def nothing_left(backups: Backups) -> bool:
    """Whether no node has a copy on its disk."""
    return not any(backups.stack.on(node, f"ls -d {COPY} 2>/dev/null || true").strip() for node in NODES)


@pytest.mark.parametrize(
    "kill",
    ["systemctl kill -s KILL cluster-backup@full:main", "pkill -KILL -u mysql -x restic"],
    ids=["everything", "restic"],
)
def test_a_copy_that_is_killed_never_counts(backups: Backups, kill: str) -> None:
    with backups.quiet():
        before = backups.ids("full")
        assert backups.stack.on("bak1", KILL.format(kill), 120).strip() != "success"
        assert backups.ids("full") == before
        made = backups.run("--full")
        assert made["id"] in backups.ids("full")
    wait_for("nothing is left", lambda: nothing_left(backups), PATIENCE, every=0.5)
    backups.verb("backup", "verify", "main")


@pytest.mark.parametrize("what", ["cluster-backup-source", "mysql"])
def test_a_source_that_is_killed_leaves_nothing(shop: MysqlShop, backups: Backups, what: str) -> None:
    """In the middle of a copy: who gives it, or the server; what lies on the disk goes, the next copy is made."""
    with backups.quiet():
        node = str(backups.run("--full")["node"])
        before = backups.ids("full")
        backups.stack.on("bak1", FULL)
        backups.stack.on(node, WATCH.format(f"systemctl kill -s KILL {what}"), 120)
        wait_for("the run to end", lambda: backups.state()["copies"].get("bad"), PATIENCE, every=0.5)
        print(backups.state()["copies"]["bad"]["why"])
        assert backups.ids("full") == before
        wait_for("a node that gives copies", lambda: fit(backups), PATIENCE, every=0.5)
        made = backups.run("--full")
        assert made["id"] not in before
        wait_for("nothing is left", lambda: nothing_left(backups), PATIENCE, every=0.5)
    shop.say("CREATE TABLE IF NOT EXISTS after_kills (id INT PRIMARY KEY AUTO_INCREMENT)")
    shop.say("INSERT INTO after_kills VALUES ()")
    backups.verb("backup", "verify", "main")


def test_a_copy_without_room_is_refused(backups: Backups) -> None:
    """Before anything is written."""
    small = f"mount -t tmpfs -o size=64m,mode=700,uid=$(id -u mysql),gid=$(id -g mysql) none {PLACE}"
    again = "systemctl restart cluster-backup-source"
    with backups.quiet():
        for node in NODES:
            backups.stack.on(node, f"{small} && {again}")
        try:
            done = backups.verb("backup", "run", "main", "--full", "-o", "json", code=1)
        finally:
            for node in NODES:
                backups.stack.on(node, f"systemctl stop cluster-backup-source; umount {PLACE}; {again}")
        assert re.search(
            r"there is no room for a copy .* MB are needed, \d+ MB are free", done.json["error"]["why"]
        )
        backups.run("--full")


def test_one_table_is_put_beside_the_live_one(shop: MysqlShop, backups: Backups) -> None:
    shop.say("CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(20), twice INT AS (id * 2) STORED)")
    shop.say("INSERT INTO goods (id, name) VALUES (1, 'Käse'), (2, 'a\\'b'), (3, NULL)")
    position, there = shop.marker("goods")
    shop.say("DELETE FROM goods WHERE id > 0")
    done = backups.verb("restore", "main", "--table", "shop.goods", "--at", position, "-o", "json").json
    assert there == {1, 2, 3}
    found = backups.stack.on(
        shop.door, f"{shop.client} --default-character-set=utf8mb4 -e 'SELECT * FROM {done['table']} ORDER BY id'"
    )
    assert [line.split("\t") for line in found.splitlines()] == [["1", "Käse", "2"], ["2", "a'b", "4"],
                                                                  ["3", "NULL", "6"]]  # fmt: skip


def spare(backups: Backups) -> str:
    """A node the group can do without: it takes no writes."""
    primary = backups.stack.status()["databases"]["main"]["primary"]
    return [node for node in NODES if node != primary][-1]


def test_a_node_with_bad_data_is_put_back_from_a_backup(shop: MysqlShop, backups: Backups) -> None:
    """Under writers, and killed half-way: the others serve and give no copy, and not one write is lost."""
    node = spare(backups)
    words = ("restore", "main", "--node", node)
    with shop.ledger("rotten") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        primary = str(backups.stack.status()["databases"]["main"]["primary"])
        refused = backups.verb("restore", "main", "--node", primary, "--yes", code=1)
        assert f"{primary} takes the writes" in refused.err
        backups.rot(node)
        said = backups.verb(*words, "--dry-run").err
        assert "nobody gives a copy" in said, said
        backups.killed("exchange", *words, "--yes", after=0.5)
        told = [each for each in backups.stack.status()["problems"] if f"putting back {node}" in each]
        assert len(told) == 1, told
        before = ledger.acknowledged
        done = backups.verb(*words, "--yes", "-o", "json").json
        ledger.wait_for(ROWS, PATIENCE)
        print(f"{node} after {done['seconds']} s: {done['stages']}; {ledger.acknowledged - before} rows meanwhile")
    is_a_member_of_its_own(shop, backups, node)
    there = shop.everywhere("rotten")
    assert there == [there[0]] * len(NODES)
    assert {each.number for each in ledger.records() if each.kind == OK} <= there[0]
    backups.run()
    backups.verb("backup", "verify", "main")
    assert f"{node} alone is put back" in backups.verb("restore", "main", "--undo", "--yes", code=2).err
    backups.verb(*words, "--confirm", "--yes")
    assert "restore" not in backups.stack.on(node, LEFT)
    backups.stack.settle(PATIENCE)


def said_by_all(backups: Backups, sql: str) -> set[str]:
    """What the nodes' servers answer."""
    return {backups.stack.on(node, f'{backups.client} -BN -e "{sql}"') for node in NODES}


def is_a_member_of_its_own(shop: MysqlShop, backups: Backups, node: str) -> None:
    """It was given no copy, counts as the others do, takes no writes, and is as its role has it."""
    backups.stack.on(node, OWN)
    wait_for("the same set everywhere", lambda: len(said_by_all(backups, HAS)) == 1, 60)
    sql = "SELECT @@super_read_only, @@group_replication_clone_threshold, @@group_replication_bootstrap_group"
    assert backups.stack.on(node, f"{shop.client} -e '{sql}'").split() == ["1", "1000000", "0"]
    assert len(said_by_all(backups, "SELECT @@server_uuid")) == len(NODES)
    rights = backups.stack.on(node, f"{shop.client} -e \"SHOW GRANTS FOR 'mysql'@'localhost'\"")
    assert "INSERT" not in rights, "it may still do what only who replays may"


def test_a_node_whose_disk_is_lost_is_put_back(shop: MysqlShop, backups: Backups) -> None:
    """Nothing is in place of its data, and then again what was: nothing, on which no server starts."""
    node = spare(backups)
    shop.say("CREATE TABLE kept_elsewhere (id INT PRIMARY KEY)")
    shop.say("INSERT INTO kept_elsewhere VALUES (1)")
    backups.stack.on(node, EMPTIED)
    words = ("restore", "main", "--node", node)
    backups.verb(*words, "--yes")
    is_a_member_of_its_own(shop, backups, node)
    assert shop.everywhere("kept_elsewhere") == [{1}] * len(NODES)
    undone = backups.verb(*words, "--undo", "--yes")
    assert "its server does not take part" in undone.err
    done = cluster("up", backups.stack.folder, "--only", "database", timeout=600)
    assert done.code == 0, done
    assert shop.everywhere("kept_elsewhere") == [{1}] * len(NODES)  # an empty one is given all by another
    backups.verb(*words, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)


@pytest.mark.parametrize(
    ("stage", "after", "way"),
    [
        ("restore", 3.0, "again"),
        ("restore", 8.0, "undo"),
        ("exchange", 0.2, "undo"),
        ("exchange", 2.5, "undo"),
        ("start", 0.5, "again"),
        ("start", 2.0, "undo"),
        ("start", 4.0, "again"),
        ("start", 7.0, "undo"),
    ],
)
def test_putting_back_a_node_that_is_killed_anywhere(
    shop: MysqlShop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """The same command goes on, or --undo takes it back: writes go on, and every node has all of them."""
    node_ends_well(shop, backups, stage, after, way, spare(backups))


def test_a_node_comes_with_the_password_of_today(shop: MysqlShop, backups: Backups) -> None:
    """The copy, and what was fetched since, know that of before: it was changed since."""
    node = spare(backups)
    backups.fetched_beyond(time.time())
    with backups.nothing_fetched(NODES):
        backups.verb("secrets", "rotate", "database_main.cluster_replication")
        shop.say("CREATE TABLE rotated (id INT PRIMARY KEY)")
        shop.say("INSERT INTO rotated VALUES (1)")
        backups.verb("restore", "main", "--node", node, "--yes")
    is_a_member_of_its_own(shop, backups, node)
    assert shop.everywhere("rotated") == [{1}] * len(NODES)
    backups.verb("restore", "main", "--node", node, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)


def test_who_could_not_go_on_from_a_backup_is_left_alone(shop: MysqlShop, backups: Backups) -> None:
    """Nothing was fetched any more, and the others removed what comes next: nothing is done, and no copy given."""
    node = spare(backups)
    backups.fetched_beyond(time.time())
    with backups.nothing_fetched(NODES):
        shop.say("CREATE TABLE purged (id INT PRIMARY KEY)")
        for other in NODES:
            if other != node:
                backups.purge(other)
        done = backups.verb("restore", "main", "--node", node, "--yes", code=1)
    assert "in binary logs any more" in done.err
    assert f"cluster rejoin {node} --clone" in done.err
    assert backups.stack.status()["databases"]["main"]["restore"] is None
    backups.stack.settle(PATIENCE)
    backups.fetched_beyond(time.time())  # from this node, which has all
    backups.verb("restore", "main", "--node", node, "--dry-run")


def test_what_comes_just_before_a_statement_is_restored(shop: MysqlShop, backups: Backups) -> None:
    """One that changes rows, and one that drops the table."""
    shop.say("CREATE TABLE hasty (id INT PRIMARY KEY)")
    shop.say("INSERT INTO hasty VALUES (1), (2), (3)")
    shop.say("DELETE FROM hasty WHERE id > 1")
    shop.say("DROP TABLE hasty")
    for query, there in (("delete from hasty", {1, 2, 3}), ("drop table `?hasty", {1})):
        backups.verb("restore", "main", "--to", "scratch", "--before-query", query)
        assert set(map(int, backups.restored("SELECT id FROM shop.hasty").split())) == there


def test_the_running_database_goes_back(shop: MysqlShop, backups: Backups) -> None:
    """Under writers: rows are lost, the restore is killed half-way and goes on; no number is given again."""
    with shop.ledger("kept") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        position, there = shop.marker("kept")
        shop.say("DELETE FROM kept WHERE id % 2 = 0")
        ledger.wait_for(ROWS, PATIENCE)
        before, had = backups.ids("full"), executed(shop)
        words = ("restore", "main", "--to", "cluster", "--at", position, "--yes")
        backups.killed("exchange", *words, after=2.0)
        told = [each for each in backups.stack.status()["problems"] if "did not end" in each]
        assert len(told) == 1, told
        assert "did not end" in backups.verb("db", "unfence", "main", code=1).err
        done = backups.verb(*words, "-o", "json").json
        wrote = ledger.acknowledged
        ledger.wait_for(ROWS, PATIENCE)
    print(f"back in service after {done['seconds']} s: {done['stages']}; {ledger.acknowledged - wrote} rows since")
    found = shop.everywhere("kept")
    assert found == [found[0]] * len(NODES)
    since = found[0] - there
    assert there <= found[0]
    assert since <= {each.number for each in ledger.records()}
    assert had <= executed(shop), "a number of before might be given again"
    assert top(executed(shop)) > top(had) + MILLION
    wait_for("a full copy of the new history", lambda: set(backups.ids("full")) - set(before), PATIENCE, every=1)
    with backups.quiet():
        assert min(before) in backups.ids("full"), "the copy went with which the moments of before begin"
        backups.verb("restore", "main", "--to", "scratch", "--at", position, "--dry-run")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    backups.stack.settle(PATIENCE)


def test_a_restore_is_taken_back_and_confirmed(shop: MysqlShop, backups: Backups) -> None:
    """What the database held before comes back on every node, and its history is a third one."""
    had = executed(shop)
    done = backups.verb("restore", "main", "--undo", "--yes", "-o", "json").json
    print(f"taken back after {done['seconds']} s: {done['stages']}")
    found = shop.everywhere("kept")
    assert found == [found[0]] * len(NODES)
    assert top(executed(shop)) > top(had), "numbers that were given since might be given again"
    backups.verb("restore", "main", "--confirm", "--yes")
    for node in NODES:
        assert "restore" not in backups.stack.on(node, LEFT)
    shop.say("CREATE TABLE after_undo (id INT PRIMARY KEY)")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    backups.stack.settle(PATIENCE)


@pytest.mark.parametrize(
    ("stage", "after", "way"),
    [("fence", 0.5, "undo"), ("exchange", 3.5, "undo"), ("start", 10.0, "undo"), ("start", 20.0, "again")],
)
def test_a_restore_that_is_killed_anywhere(
    shop: MysqlShop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """The same command goes on, or --undo takes it back: the rows are those of the moment, or those of before."""
    ends_well(shop, backups, stage, after, way)


def executed(shop: MysqlShop) -> GtidSet:
    """All that the node writes go to has."""
    said = shop.stack.on(shop.door, f"{shop.client} -e 'SELECT @@GLOBAL.gtid_executed'")
    return GtidSet.parse(said.replace("\\n", "").replace("\n", ""))


def top(numbers: GtidSet) -> int:
    """The highest number in it."""
    return max(rows[-1][1] for rows in numbers.parts.values())


def test_missing_logs_are_named(shop: MysqlShop, backups: Backups) -> None:
    for _ in range(3):
        shop.say("INSERT INTO after_kills VALUES ()")
        backups.fetched_beyond(time.time())
    with backups.damaged(backups.without(backups.ids("binlogs")[-2])):
        done = backups.verb("backup", "verify", "main", "-o", "json", code=1)
    assert "binlogs are missing" in done.json["error"]["why"], done
    backups.verb("backup", "verify", "main")


def test_a_lost_node_leaves_no_gap(shop: MysqlShop, backups: Backups) -> None:
    a_giver_is_lost(shop, backups)
