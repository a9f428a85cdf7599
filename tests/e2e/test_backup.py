"""Backups hold what was acknowledged, to a position exactly; damage is told; what was cut off never counts.

`make test` runs a part; `make drill` all of it, and measures.
"""

import hashlib
import itertools
import json
import os
import re
import stat
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cluster_cli.backups.sheet import check
from cluster_cli.secrets.store import Secrets

from . import dumps, sysbench
from .backup_killed import ends_well, node_ends_well
from .backup_lab import DIGESTS, OWN, SITE, SPOILED, Backups
from .backup_points import all_are_exact
from .backup_shop import Shop
from .command import Done, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills
from .verdict import OK, UNKNOWN

TOPOLOGY = """
name: e2e-backup
provider: podman
network: {subnet: 10.89.78.0/24}
nodes:
  db1: {}
  db2: {}
  db3: {}
  bak1: {}
databases:
  main:
    nodes: [db1, db2, db3]
    schemas: [shop]
    accounts: {shop: {schemas: [shop], rights: owner}}
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
backup:
  nodes: [bak1]
  schedule: {binlogs: 10s, jitter: 0s}
  files:
    site: {nodes: [db2, db3], paths: [/srv/site, /etc/issue]}
"""
ROWS, PATIENCE, POINTS = 300, 180, 20
BENCH_SECONDS, ALONE_SECONDS, SETTLING, COPIES = 600, 15, 3, 3  # of sysbench beside copies
GENTLE, MAY_LOSE = 50, 0.15  # MB/s; part of their transactions that applications may lose to a copy
GCACHE_MEGABYTES = 128  # what a node of Galera remembers, unless it is told otherwise
MEGABYTES = int(os.environ.get("CLUSTER_BACKUP_MB", "300"))
KILL = """
systemctl start --no-block cluster-backup@full:main
until pgrep -f '[r]estic backup --json --stdin' >/dev/null; do sleep 0.02; done
{0}
until [ "$(systemctl show -P ActiveState cluster-backup@full:main)" != activating ]; do sleep 0.1; done
systemctl show -P Result cluster-backup@full:main
"""

POSITION = "mariadb --no-defaults -BNe 'SELECT @@gtid_binlog_pos'"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("backup"), TOPOLOGY) as stack:
        yield stack


@pytest.fixture(scope="module")
def backups(lab: Stack) -> Backups:
    return Backups(lab)


@pytest.fixture(scope="module")
def shop(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(lab, tmp_path_factory.mktemp("shop"))


def test_a_copy_is_made_without_being_asked_for(backups: Backups) -> None:
    wait_for("the first copy", lambda: backups.ids("full"), 180, every=1)


def test_a_moment_under_writers_is_restored_exactly(shop: Shop, backups: Backups) -> None:
    """Full copy, incremental, binary logs; then rows are deleted, and the moment before is brought back."""
    with shop.ledger("orders") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        full = backups.run("--full")
        ledger.wait_for(ROWS, PATIENCE)
        increment = backups.run()
        ledger.wait_for(ROWS, PATIENCE)
        before = {each.number for each in ledger.records() if each.kind == OK}
        position, there = shop.marker("orders")
        ledger.wait_for(ROWS, PATIENCE)
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM orders WHERE writer = 0")
    done = backups.verb("restore", "main", "--to", "scratch", "--at", position, "-o", "json").json
    assert done["copies"] == [full["id"], increment["id"]]
    found = {int(line) for line in backups.restored("SELECT id FROM shop.orders").splitlines()}
    acknowledged = {each.number for each in ledger.records() if each.kind == OK}
    unknown = {each.number for each in ledger.records() if each.kind == UNKNOWN}
    assert found == there
    assert before <= found <= acknowledged | unknown
    assert acknowledged - found, "nothing was written after the moment"
    print(f"{len(found)} of {len(acknowledged)} rows at {position}, in {done['seconds']} s: {done['stages']}")
    backups.verb("restore", "main", "--to", "scratch", "--discard")
    assert full["node"] != shop.door, "the node that applications use gave the copy"
    assert increment["kind"] == "incremental"


@only_in_drills
def test_moments_drawn_at_random_are_restored(shop: Shop, backups: Backups) -> None:
    all_are_exact(shop, backups, POINTS)


def test_a_dump_under_writers_is_of_one_moment(shop: Shop, backups: Backups, tmp_path: Path) -> None:
    dumps.is_of_one_moment(shop, backups, ROWS, tmp_path)


def test_a_dump_of_a_table_goes_elsewhere(shop: Shop, backups: Backups, tmp_path: Path) -> None:
    dumps.one_table_goes_elsewhere(shop, backups, tmp_path)


@only_in_drills
def test_a_dump_that_is_killed_leaves_nothing_that_looks_good(
    shop: Shop, backups: Backups, tmp_path: Path
) -> None:
    dumps.killed_it_leaves_nothing_that_looks_good(backups, tmp_path, shop.nodes)


def test_a_restore_is_proven_and_status_says_so(backups: Backups) -> None:
    rows = backups.verb("backup", "verify", "main", "-o", "json").json["runs"]
    proof = next(each["result"] for each in rows if each["step"] == "prove")
    assert proof["rows"] > ROWS
    assert [each["id"] for each in backups.all() if each["proven"]] == proof["chain"]
    status = backups.stack.status()
    found = status["backups"]["main"]["bak1"]
    assert status["backups"]["cluster"]["bak1"]["own"]["id"].startswith("cluster-")
    assert found["proof"]["age_seconds"] < 300
    assert found["proof"]["failed"] is None
    assert not [each for each in status["problems"] if "bak1" in each], status["problems"]
    print(f"proof: {proof['rows']} rows, {proof['stages']}")


def test_the_clusters_own_files_come_back(backups: Backups, tmp_path: Path) -> None:
    """What `up` kept is what there is, to the byte; it opens with the sheet's keys, and with no others."""
    assert not own_of(backups.verb("backup", "run", "cluster", "-o", "json"))["new"], "up had not kept it"
    backups.verb("backup", "verify", "cluster")
    backups.verb("restore", "cluster", "--into", str(tmp_path / "own"))
    here = backups.stack.folder
    for name in ("topology.yml", "secrets.yml"):
        assert (tmp_path / "own" / name).is_file(), name
    assert (tmp_path / "own/topology.yml").read_bytes() == (here / "topology.yml").read_bytes()
    before, after = (
        Secrets.open(each / "secrets.yml", "e2e-backup").entries() for each in (here, tmp_path / "own")
    )
    assert after == before
    sheet, wrong = tmp_path / "sheet", tmp_path / "wrong"
    backups.verb("backup", "keys", "--print", code=2)
    backups.verb("backup", "keys", "--print", "--to", str(sheet))
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert "are right" in backups.verb("backup", "keys", "--check", str(sheet)).out
    key = before["backup_recovery"].value
    other = key[::-1]
    wrong.write_text(sheet.read_text().replace(key, other).replace(check(key), check(other)))
    assert "does not open" in backups.verb("backup", "keys", "--check", str(wrong), code=1).out
    kept = backups.stack.on(backups.node, "python3 -B /usr/local/lib/cluster/backup own-give")
    assert json.loads(kept)["sealed"].startswith("$ANSIBLE_VAULT;")


def test_files_of_nodes_come_back(backups: Backups, tmp_path: Path) -> None:
    """To a folder of this machine, and where they were, with owners and modes; and forth again."""
    there = {node: backups.stack.on(node, SITE).strip() for node in ("db2", "db3")}
    backups.verb("backup", "run", "site")
    again = backups.verb("backup", "run", "site", "-o", "json").json["runs"][0]["result"]
    assert again["stored"] < again["bytes"] / 2, "what had not changed was stored again"
    backups.verb("backup", "verify", "site")
    backups.verb("restore", "site", "--into", str(tmp_path / "site"))
    page = (tmp_path / "site/db2/srv/site/deep/page").read_bytes()
    assert hashlib.sha256(page).hexdigest() == there["db2"].splitlines()[0].split()[0]
    assert (tmp_path / "site/db3/etc/issue").read_text().strip()
    changed = {node: backups.stack.on(node, SPOILED + DIGESTS).strip() for node in there}
    assert all(changed[node] != there[node] for node in there)
    backups.verb("restore", "site", "--to", "cluster", "--yes")
    assert {node: backups.stack.on(node, DIGESTS).strip() for node in there} == there
    assert "kept aside" in backups.verb("restore", "site", "--to", "cluster", "--yes", code=1).err
    backups.verb("restore", "site", "--undo", "--yes")
    assert {node: backups.stack.on(node, DIGESTS).strip() for node in there} == changed
    backups.verb("restore", "site", "--confirm", "--yes")
    backups.verb("restore", "site", "--to", "cluster", "--yes")
    backups.verb("restore", "site", "--confirm", "--yes")
    assert {node: backups.stack.on(node, DIGESTS).strip() for node in there} == there


def own_of(done: Done) -> dict[str, Any]:
    """What came of the cluster's own files in a run."""
    found: dict[str, Any] = done.json["runs"][0]["result"]
    return found


@pytest.mark.parametrize(
    "kill",
    [
        "systemctl kill -s KILL cluster-backup@full:main",
        pytest.param("kill -KILL $(systemctl show -P MainPID cluster-backup@full:main)", marks=only_in_drills),
        pytest.param("pkill -KILL -u mysql -x restic", marks=only_in_drills),
    ],
    ids=["everything", "the program", "restic"],
)
def test_a_copy_that_is_killed_never_counts(backups: Backups, kill: str) -> None:
    before = backups.ids("full", "incremental")
    assert backups.stack.on("bak1", KILL.format(kill), 120).strip() != "success"
    assert backups.ids("full", "incremental") == before
    made = backups.run("--full")
    assert made["id"] in backups.ids("full")
    backups.verb("backup", "verify", "main")


def test_the_running_database_goes_back(shop: Shop, backups: Backups) -> None:
    """Rows are lost by a bad statement; the restore is killed half-way and goes on; a new history begins."""
    with shop.ledger("kept") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
    there = shop.everywhere("kept")[0]
    shop.say("DELETE FROM kept WHERE id > 0")
    shop.say("INSERT INTO kept (id, writer, sequence, payload) VALUES (1, 0, 0, '')")
    before = backups.ids("full", "incremental")
    query = ("--before-query", "delete from kept")
    found = backups.verb("restore", "main", "--to", "cluster", *query, "--dry-run")
    assert "DELETE FROM kept WHERE id > 0" in found.err
    position = re.findall(r"--at (\S+)", found.err)[0]  # the newest
    words = ("restore", "main", "--to", "cluster", "--at", position, "--yes")
    backups.killed("exchange", *words, after=2.0)
    told = [each for each in backups.stack.status()["problems"] if "did not end" in each]
    assert len(told) == 1, told
    assert "did not end" in backups.verb("db", "unfence", "main", code=1).err
    done = backups.verb(*words, "-o", "json").json
    print(f"back in service after {done['seconds']} s: {done['stages']}")
    assert shop.everywhere("kept") == [there] * len(shop.nodes)
    wait_for("a full copy of the new history", lambda: set(backups.ids("full")) - set(before), PATIENCE, every=1)
    with backups.quiet():  # whatever the policy let go of is gone
        assert min(before) in backups.ids("full"), "the copy went with which the moments of before begin"
        backups.verb("restore", "main", "--to", "scratch", "--at", position, "--dry-run")
    shop.say("INSERT INTO kept (id, writer, sequence, payload) VALUES (2, 0, 1, '')")
    backups.verb("backup", "verify", "main")
    backups.verb("restore", "main", "--to", "scratch", "--at", position, "--dry-run")  # the history of before, too
    backups.stack.settle()


@only_in_drills
def test_one_table_is_put_beside_the_live_one(shop: Shop, backups: Backups) -> None:
    """Just before a bad statement: a table that others refer to, and one that refers to others."""
    which = "CONSTRAINT which FOREIGN KEY (good) REFERENCES goods (id)"
    shop.say("CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(20), twice INT AS (id * 2) STORED)")
    shop.say(f"CREATE TABLE sold (id INT PRIMARY KEY, good INT, {which})")
    shop.say("INSERT INTO goods (id, name) VALUES (1, 'Käse'), (2, 'a\\'b'), (3, NULL)")
    shop.say("INSERT INTO sold VALUES (7, 1), (8, 3)")
    shop.say("UPDATE sold SET good = 2")
    expected = {"goods": ((1, "Käse", 2), (2, "a'b", 4), (3, None, 6)), "sold": ((7, 1), (8, 3))}
    for name in expected:
        words = ("restore", "main", "--table", f"shop.{name}", "--before-query", "update sold")
        done = backups.verb(*words, "-o", "json").json
        with closing(shop.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {done['table']} ORDER BY id")
            assert cursor.fetchall() == expected[name]
            cursor.execute("SELECT * FROM sold ORDER BY id")
            assert cursor.fetchall() == ((7, 2), (8, 2))


def test_a_restore_is_taken_back_and_confirmed(shop: Shop, backups: Backups) -> None:
    """What the database held before comes back on every node, and its history is a third one."""
    done = backups.verb("restore", "main", "--undo", "--yes", "-o", "json").json
    print(f"taken back after {done['seconds']} s: {done['stages']}")
    assert shop.everywhere("kept") == [{1}] * len(shop.nodes)
    backups.verb("restore", "main", "--confirm", "--yes")
    assert backups.stack.on("db1", "ls -d /var/lib/mysql?* || true").strip() == ""
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    backups.stack.settle()


@only_in_drills
def test_writers_go_on_while_the_last_node_copies(shop: Shop, backups: Backups) -> None:
    with shop.ledger("through") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        position, there = shop.marker("through")
        ledger.wait_for(ROWS, PATIENCE)
        done = backups.verb("restore", "main", "--to", "cluster", "--at", position, "--yes", "-o", "json").json
        ended = time.monotonic()
        ledger.wait_for(ROWS, PATIENCE)
    filled = ended - done["stages"]["fill"]
    since = {each.number for each in ledger.records() if each.kind == OK and filled < each.moment}
    meanwhile = {each.number for each in ledger.records() if each.kind == OK and filled < each.moment < ended}
    print(f"{len(meanwhile)} rows while the last node copied; {done['stages']}")
    assert meanwhile
    found = shop.everywhere("through")
    assert found == [found[0]] * len(shop.nodes)
    assert there | since <= found[0]
    backups.verb("restore", "main", "--confirm", "--yes")


@only_in_drills
def test_a_node_with_bad_data_is_put_back_from_a_backup(shop: Shop, backups: Backups) -> None:
    """Under writers, and killed half-way: the others serve and give no copy, and not one write is lost."""
    words = ("restore", "main", "--node", "db3")
    with shop.ledger("rotten") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        assert "db1 takes writes" in backups.verb("restore", "main", "--node", "db1", "--yes", code=1).err
        backups.rot("db3")
        said = backups.verb(*words, "--dry-run").err
        assert "nobody gives a copy" in said, said
        backups.killed("exchange", *words, "--yes", after=0.5)
        told = [each for each in backups.stack.status()["problems"] if "putting back db3" in each]
        assert len(told) == 1, told
        before = ledger.acknowledged
        done = backups.verb(*words, "--yes", "-o", "json").json
        ledger.wait_for(ROWS, PATIENCE)
        print(f"db3 after {done['seconds']} s: {done['stages']}; {ledger.acknowledged - before} rows meanwhile")
    backups.stack.on("db3", OWN)
    there = shop.everywhere("rotten")
    assert there == [there[0]] * len(shop.nodes)
    assert {each.number for each in ledger.records() if each.kind == OK} <= there[0]
    assert len({backups.stack.on(node, POSITION) for node in shop.nodes}) == 1, "it counts otherwise"
    backups.run()
    backups.verb("backup", "verify", "main")
    assert "db3 alone is put back" in backups.verb("restore", "main", "--undo", "--yes", code=2).err
    backups.verb(*words, "--confirm", "--yes")
    assert backups.stack.on("db3", "ls -d /var/lib/mysql?* || true").strip() == ""
    backups.stack.settle()


@only_in_drills
def test_a_node_whose_disk_is_lost_is_put_back(shop: Shop, backups: Backups) -> None:
    """Nothing is in place of its data, and then again what was: nothing."""
    shop.say("CREATE TABLE kept_elsewhere (id INT PRIMARY KEY)")
    shop.say("INSERT INTO kept_elsewhere VALUES (1)")
    backups.stack.on("db2", "systemctl kill -s KILL mariadb; systemctl stop mariadb; rm -r /var/lib/mysql")
    words = ("restore", "main", "--node", "db2")
    backups.verb(*words, "--yes")
    backups.stack.on("db2", OWN)
    assert shop.everywhere("kept_elsewhere") == [{1}] * len(shop.nodes)
    backups.verb(*words, "--undo", "--yes")
    assert shop.everywhere("kept_elsewhere") == [{1}] * len(shop.nodes)  # an empty one is given all by another
    backups.verb(*words, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)


@only_in_drills
@pytest.mark.parametrize(
    ("stage", "after", "way"),
    [
        ("restore", 3.0, "again"),
        ("restore", 8.0, "undo"),
        ("exchange", 0.2, "undo"),
        ("exchange", 1.5, "undo"),
        ("start", 0.5, "again"),
        ("start", 3.0, "undo"),
        ("start", 6.0, "again"),
    ],
)
def test_putting_back_a_node_that_is_killed_anywhere(
    shop: Shop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """The same command goes on, or --undo takes it back: writes go on, and every node has all of them."""
    node_ends_well(shop, backups, stage, after, way)


@only_in_drills
def test_who_could_not_go_on_from_a_backup_is_left_alone(shop: Shop, backups: Backups) -> None:
    """Nothing was fetched for longer than the others remember: nothing is done, and what else there is is said."""
    backups.fetched_beyond(time.time())
    shop.say("CREATE TABLE forgotten (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(1300))")
    with backups.nothing_fetched(shop.nodes):
        for _ in range(GCACHE_MEGABYTES // 6 + 6):
            shop.say("INSERT INTO forgotten (v) SELECT RPAD(MD5(seq), 1300, MD5(RAND())) FROM seq_1_to_5000")
        done = backups.verb("restore", "main", "--node", "db3", "--yes", code=1)
    assert "the others keep what came after" in done.err
    assert "cluster up --only database" in done.err
    assert backups.stack.status()["databases"]["main"]["restore"] is None
    assert backups.stack.on("db3", "ls -d /var/lib/mysql?* || true").strip() == ""
    backups.verb("restore", "main", "--node", "db3", "--dry-run")  # it fetches what is missing


@only_in_drills
@pytest.mark.parametrize(
    ("stage", "after", "way"),
    [
        ("restore", 1.0, "again"),
        ("restore", 6.0, "again"),
        ("fence", 0.5, "undo"),
        ("fence", 1.0, "again"),
        ("exchange", 0.5, "undo"),
        ("exchange", 3.5, "undo"),
        ("start", 1.0, "again"),
        ("start", 5.0, "undo"),
        ("start", 8.0, "again"),
        ("open", 0.2, "again"),
        ("fill", 1.0, "undo"),
        ("fill", 8.0, "again"),
        ("fill", 16.0, "undo"),
    ],
)
def test_a_restore_that_is_killed_anywhere(
    shop: Shop, backups: Backups, stage: str, after: float, way: str
) -> None:
    """The same command goes on, or --undo takes it back: the rows are those of the moment, or those of before."""
    ends_well(shop, backups, stage, after, way)


@only_in_drills
@pytest.mark.parametrize("trouble", ["small", "away"])
def test_a_store_that_takes_nothing(shop: Shop, backups: Backups, trouble: str) -> None:
    """A disk that is full, or not mounted: nothing half counts, it is told, and then it goes on without a gap."""
    before = backups.ids()
    shop.say(f"CREATE TABLE {trouble}_store (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(1200))")
    with getattr(backups, trouble)():
        noise = "RPAD(SHA2(RAND(), 512), 1200, SHA2(RAND(), 512))"
        shop.say(f"INSERT INTO {trouble}_store (v) SELECT {noise} FROM seq_1_to_9000")
        done = backups.verb("backup", "run", "main", "--full", "-o", "json", code=1)
        why = done.json["error"]["why"]
        print(f"{trouble}: {why}")
        assert re.search("no room left" if trouble == "small" else "is it mounted|unable to open", why), why
        wait_for("a fetch that fails", lambda: backups.state()["binlogs"].get("bad"), PATIENCE, every=1)
        assert not backups.stack.status()["healthy"]
    found = backups.ids("full", "incremental")
    assert [each for each in before if each in found] == found, "what did not come whole is listed"
    shop.say(f"INSERT INTO {trouble}_store (v) VALUES ('after')")
    backups.fetched_beyond(time.time())
    backups.verb("backup", "verify", "main")
    backups.run("--full")
    backups.verb("backup", "verify", "main")


@only_in_drills
def test_a_source_that_is_killed_is_named(backups: Backups) -> None:
    before = backups.ids("full", "incremental")
    lines = [
        "systemctl start --no-block cluster-backup@full:main",
        "until pgrep -f '[r]estic backup --json --stdin' >/dev/null; do sleep 0.02; done",
    ]
    backups.stack.on("bak1", "\n".join(lines))
    for node in ("db1", "db2", "db3"):
        backups.stack.on(node, "systemctl kill -s KILL cluster-backup-source")
    wait_for("the run to end", lambda: backups.state()["copies"].get("bad"), PATIENCE, every=0.5)
    assert "broke off" in backups.state()["copies"]["bad"]["why"]
    assert backups.ids("full", "incremental") == before
    wait_for("a node that gives copies", lambda: fit(backups), PATIENCE, every=0.5)
    backups.run("--full")


def fit(backups: Backups) -> bool:
    """Whether a node says that it may give a copy."""
    said = json.loads(backups.stack.on("bak1", "python3 -B /usr/local/lib/cluster/backup look"))
    return any(state["fit"] for state in said["main"]["nodes"].values())


DAMAGES: dict[str, tuple[Callable[[Backups], str], str]] = {
    "a flipped bit": (Backups.bit_flip, "was changed or is damaged"),
    "a file cut short": (Backups.truncation, "cut short|damaged"),
    "a missing increment": (
        lambda backups: backups.without(backups.ids("incremental")[-2]),
        "not in the repository",
    ),
    "missing binlogs": (lambda backups: backups.without(backups.ids("binlogs")[-2]), "binlogs are missing"),
    "another key": (lambda _: "echo wrong > /etc/cluster/backup.key", "the key does not open"),
}


ALWAYS = ("a flipped bit",)


@pytest.fixture
def whole(shop: Shop, backups: Backups) -> None:
    """A chain of three copies and at least three fetches after it."""
    if [each["kind"] for each in backups.all() if each["kind"] != "binlogs"][-2:] != ["incremental"] * 2:
        backups.run("--full")
        for _ in range(2):
            backups.run()
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS ticks (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
        for number in range(3):
            cursor.execute("INSERT INTO ticks (v) VALUES (%s)", (number,))
            backups.fetched_beyond(time.time())


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    "what",
    [
        *ALWAYS,
        *(pytest.param(each, marks=only_in_drills) for each in DAMAGES if each not in ALWAYS),
    ],
)
def test_damage_is_found_and_named(backups: Backups, what: str) -> None:
    damage, told = DAMAGES[what]
    with backups.damaged(damage(backups)):
        done = backups.verb("backup", "verify", "main", "-o", "json", code=1)
        why = done.json["error"]["why"]
    assert re.search(told, why), why
    print(f"{what}: {why}")
    backups.verb("backup", "verify", "main")


@only_in_drills
def test_a_lost_node_leaves_no_gap(shop: Shop, backups: Backups) -> None:
    a_giver_is_lost(shop, backups)


def a_giver_is_lost(shop: Shop, backups: Backups) -> None:
    """The node that gave the last binary logs loses its power and comes back; another goes on where it ended."""
    with shop.ledger("more") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        backups.fetched_beyond(time.time())
        giver = str(backups.state()["binlogs"]["good"]["node"])
        assert giver != shop.door
        backups.stack.lab.kill(giver)
        ledger.wait_for(ROWS, PATIENCE)
        backups.fetched_beyond(time.time())
        heir = str(backups.state()["binlogs"]["good"]["node"])
        ledger.wait_for(ROWS, PATIENCE)
    assert heir != giver
    backups.verb("backup", "verify", "main")
    backups.stack.lab.start(giver)
    backups.stack.settle(PATIENCE)


@only_in_drills
def test_figures(shop: Shop, backups: Backups) -> None:
    """How long copies take beside the same by hand; what an increment after one percent is of a full copy."""
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(1300))")
        for start in range(0, MEGABYTES * 760, 5000):
            cursor.execute(
                f"INSERT INTO big SELECT seq, RPAD(MD5(seq), 1300, CONCAT(MD5(RAND()), ' amber ')) "
                f"FROM seq_{start}_to_{start + 4999}"
            )
    full = backups.run("--full")
    by_hand = hand_seconds(backups, full["node"])
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE big SET v = REVERSE(v) WHERE id < %s", (MEGABYTES * 760 // 100,))
    increment = backups.run()
    assert increment["kind"] == "incremental"
    base = next(each for each in backups.all() if each["id"] == full["id"])
    bare = hand_seconds(backups, increment["node"], f"--incremental-lsn={base['to_lsn']}")
    proof = backups.verb("backup", "verify", "main", "-o", "json").json["runs"][1]["result"]
    with closing(shop.connect()) as connection, connection.cursor() as cursor:
        for start in range(0, MEGABYTES * 760, 5000):  # so that the store knows none of it
            anew = "UPDATE big SET v = RPAD(SHA2(v, 512), 1300, CONCAT(SHA2(v, 256), ' slate '))"
            cursor.execute(f"{anew} WHERE id BETWEEN %s AND %s", (start, start + 4999))
    with backups.with_cores_of_their_own():
        apart = backups.run("--full")
        apart_by_hand = hand_seconds(backups, apart["node"])
    print(f"where nodes share no cores: {apart['seconds']:.1f} s, by hand {apart_by_hand:.1f} s")
    print(f"full: {full['bytes'] / 1e6:.0f} MB in {full['seconds']:.1f} s, by hand {by_hand:.1f} s")
    print(f"after 1 %: {increment['bytes'] / 1e6:.1f} MB in {increment['seconds']:.1f} s, by hand {bare:.1f} s")
    print(f"proof of {proof['bytes'] / 1e6:.0f} MB in {proof['seconds']:.1f} s: {proof['stages']}")
    print(backups.compressions())
    assert full["seconds"] < 3 * by_hand
    assert increment["bytes"] < full["bytes"] / 5


@only_in_drills
def test_figures_of_applications(shop: Shop, backups: Backups) -> None:
    """What applications notice of a copy, where nodes do not share cores, as no machines do."""
    target = sysbench.Target(shop.stack, shop.door, shop.door, "main", shop.address, 3306, shop.password)
    sysbench.install(target)
    with backups.with_cores_of_their_own():
        alone, beside = foreground(target, backups)
        with backups.bounded(GENTLE):
            apart, gentle = foreground(target, backups)
    print(f"sysbench, transactions a second: {alone:.0f} alone, {beside:.0f} beside a copy ({beside / alone:.2f})")
    print(f"the same at {GENTLE} MB/s: {apart:.0f}, {gentle:.0f} ({gentle / apart:.2f})")
    assert min(beside / alone, gentle / apart) > 1 - MAY_LOSE


@only_in_drills
def test_figures_of_a_restore(shop: Shop, backups: Backups) -> None:
    """How long the database is away when it goes back, beside a copy of its files on the same disk."""
    shop.say("CREATE TABLE IF NOT EXISTS big (id INT PRIMARY KEY, v VARCHAR(1300))")
    rows = shop.everywhere("big")[0]
    victim = min(rows)
    shop.say(f"DELETE FROM big WHERE id = {victim}")
    if backups.stack.status()["databases"]["main"]["restore"]:
        backups.verb("restore", "main", "--confirm", "--yes")
    query = ("--before-query", f"delete from big where id = {victim}")
    done = backups.verb("restore", "main", "--to", "cluster", *query, "--yes", "-o", "json").json
    away = sum(done["stages"][each] for each in ("fence", "exchange", "start", "open"))
    copy = "cp -a /var/lib/mysql /var/tmp/by-hand; sync"
    took = f"s=$(date +%s.%N); {copy}; echo $(date +%s.%N) $s; rm -r /var/tmp/by-hand"
    end, start = map(float, backups.stack.on("db1", took, 600).split())
    print(f"{done['bytes'] / 1e6:.0f} MB: whole {done['seconds']} s, away {away:.1f} s; cp {end - start:.1f} s")
    print(f"stages: {done['stages']}; on the backup node: {done['restored']['stages']}")
    assert shop.everywhere("big") == [rows] * len(shop.nodes)


def hand_seconds(backups: Backups, node: str, more: str = "") -> float:
    """mariabackup's own stream into a file on the same disk."""
    began = time.monotonic()
    backups.stack.on(
        node,
        "mariabackup --backup --user=root --socket=/run/mysqld/mysqld.sock --stream=xbstream "
        f"--target-dir=/var/tmp/hand {more} "
        "2>/dev/null > /var/tmp/hand.xbstream; rm /var/tmp/hand.xbstream",
        300,
    )
    return time.monotonic() - began


def foreground(target: sysbench.Target, backups: Backups) -> tuple[float, float]:
    """Transactions a second of sysbench without, and beside full copies; alternately, in one run."""
    spans: list[tuple[float, float]] = []
    with sysbench.running(target, BENCH_SECONDS) as bench:
        time.sleep(ALONE_SECONDS)
        for _ in range(COPIES):
            began = time.time()
            backups.run("--full")
            spans.append((began, time.time()))
            time.sleep(ALONE_SECONDS)
        bench.stop()
        bench.wait(60)
    edges = [spans[0][0] - ALONE_SECONDS + SETTLING, *itertools.chain(*spans), spans[-1][1] + ALONE_SECONDS]
    alone = [tps for begin, end in zip(edges[::2], edges[1::2], strict=True) for tps in bench.between(begin, end)]
    beside = [tps for span in spans for tps in bench.between(*span)]
    return statistics.mean(alone), statistics.mean(beside)
