"""A primary and a replica go back to a moment and forth again, their data a mount point or not; two stores know.

At the end all of it is lost but a copy of one store and the recovery sheet, and made again.

`make drill` runs it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .backup_lab import DIGESTS, SITE, Backups
from .backup_lost import made_again
from .backup_replica import WORDS, bad_data_is_put_back, who_could_not_follow_is_left_alone
from .backup_shop import Shop
from .command import cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills
from .database_faults import MOVE

TOPOLOGY = """
name: e2e-back
provider: podman
network: {subnet: 10.89.79.0/24}
nodes:
  db1: {}
  db2: {}
  bak1: {}
  bak2: {}
databases:
  main:
    mode: replication
    nodes: [db1, db2]
    schemas: [shop]
    accounts: {shop: {schemas: [shop], rights: owner}}
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
backup:
  nodes: [bak1, bak2]
  schedule: {binlogs: 10s, jitter: 0s}
  files:
    site: {nodes: [db1, db2], paths: [/srv/site]}
"""
ROWS, PATIENCE = 200, 240

pytestmark = only_in_drills


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("back"), TOPOLOGY) as stack:
        yield stack


@pytest.fixture(scope="module")
def backups(lab: Stack) -> Backups:
    return Backups(lab)


@pytest.fixture(scope="module")
def shop(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(lab, tmp_path_factory.mktemp("shop"), ("db1", "db2"))


@pytest.mark.parametrize("kind", ["a folder", "a mount point"])
def test_a_primary_goes_back_and_forth(shop: Shop, backups: Backups, kind: str) -> None:
    """Rows are lost by a bad statement, and come back on both nodes; then what was before comes back."""
    if kind == "a mount point":
        for node in reversed(shop.nodes):
            backups.stack.on(
                node,
                MOVE.format(unit="mariadb", look="systemctl restart 'cluster-doorbell*' cluster-backup-source"),
                180,
            )
        done = cluster("up", backups.stack.folder, "--only", "database", timeout=600)
        assert done.code == 0, done
        backups.stack.settle(PATIENCE)
    table = kind.replace(" ", "_")
    wait_for("a copy", lambda: backups.ids("full"), PATIENCE, every=1)
    with shop.ledger(table) as ledger:
        ledger.wait_for(ROWS, PATIENCE)
    there = shop.everywhere(table)[0]
    shop.say(f"DELETE FROM {table} WHERE id > 0")
    words = ("restore", "main", "--to", "cluster", "--before-query", f"delete from {table}", "--yes")
    backups.killed("start", *words, after=3.0)
    done = backups.verb("restore", "main", "--to", "cluster", "--yes", "-o", "json").json
    print(f"{kind}: back in service after {done['seconds']} s: {done['stages']}, {done.get('aside')}")
    assert shop.everywhere(table) == [there] * 2
    shop.say(f"INSERT INTO {table} (id, writer, sequence, payload) VALUES (2, 0, 1, '')")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    undone = backups.verb("restore", "main", "--undo", "--yes", "-o", "json").json
    print(f"{kind}: taken back after {undone['seconds']} s: {undone['stages']}")
    assert shop.everywhere(table) == [set(), set()]
    backups.verb("restore", "main", "--confirm", "--yes")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    marks = [len(Backups(backups.stack, node).ids("restored")) for node in ("bak1", "bak2")]
    assert marks[0] == marks[1] >= 2
    backups.stack.settle(PATIENCE)


def test_a_replica_with_bad_data_is_put_back_from_a_backup(shop: Shop, backups: Backups) -> None:
    """Its data is a mount point now. Not one write is lost; who leads, or could not follow, is left alone."""
    wait_for("a copy", lambda: backups.ids("full"), PATIENCE, every=1)
    bad_data_is_put_back(shop, backups)
    backups.verb(*WORDS, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)
    backups.run("--full")
    backups.verb("backup", "verify", "main")


def test_who_could_not_follow_from_a_backup_is_left_alone(shop: Shop, backups: Backups) -> None:
    who_could_not_follow_is_left_alone(shop, backups)


def test_a_lost_cluster_is_made_again(
    shop: Shop, backups: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is there again, under the same keys, and the files."""
    site = {node: backups.stack.on(node, SITE).strip() for node in shop.nodes}
    backups.verb("backup", "run", "site")
    made_again(shop, backups, tmp_path, monkeypatch)
    assert {node: backups.stack.on(node, DIGESTS).strip() for node in site} == site
    waiting = "ls -A /var/lib/cluster-backup/waiting; stat -c %U /srv/cluster-backup/* | sort -u"
    assert backups.stack.on("bak1", waiting).split() == ["mysql"], "something waits, or is root's"
