"""A dump under writers: of one moment, whole or not there, and put in again the same on every node."""

import gzip
import os
import stat
import subprocess
from pathlib import Path

from .backup_lab import Backups
from .backup_shop import Shop
from .command import CLUSTER, wait_for
from .verdict import OK, UNKNOWN

PATIENCE = 180  # seconds
SLOW = "0.01"  # megabytes a second: nobody is done within this test
AT_WORK = "pgrep -x mariadb-dump || pgrep -x mysqldump || true"


def is_of_one_moment(shop: Shop, backups: Backups, rows: int, folder: Path) -> None:
    """Dump while writers write: it has what a restore to its position has, and put in, so has every node."""
    with shop.ledger("dumped") as ledger:
        ledger.wait_for(rows, PATIENCE)
        before = {each.number for each in ledger.records() if each.kind == OK}
        done = backups.verb("backup", "dump", "main", "--into", str(folder), "-o", "json").json
        ledger.wait_for(rows, PATIENCE)
    acknowledged = {each.number for each in ledger.records() if each.kind == OK}
    unknown = {each.number for each in ledger.records() if each.kind == UNKNOWN}
    file = Path(done["file"])
    assert list(folder.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(gzip.decompress(file.read_bytes())) == done["sql_bytes"]
    assert done["schemas"] == ["shop"]
    assert done["node"] != shop.door, "the node that applications use was dumped"
    backups.verb("restore", "main", "--to", "scratch", "--at", shared(shop, done["position"]))
    there = {int(line) for line in backups.restored("SELECT id FROM shop.dumped").splitlines()}
    backups.verb("restore", "main", "--to", "scratch", "--discard")
    assert before <= there <= acknowledged | unknown
    assert acknowledged - there, "nothing was written after the moment"
    put_in(done["load"])
    wait_for("it on all nodes", lambda: shop.everywhere("dumped") == [there] * len(shop.nodes), PATIENCE, every=1)
    print(
        f"{len(there)} of {len(acknowledged)} rows at {done['position']}, {done['seconds']} s from {done['node']}"
    )


def shared(shop: Shop, position: str) -> str:
    """The part of a position that all nodes count: Galera's, without what each node numbers for itself."""
    if ":" in position:
        return position
    domain = shop.stack.on(shop.door, "mariadb --no-defaults -BN -e 'SELECT @@wsrep_gtid_domain_id'").strip()
    return next(each for each in position.split(",") if each.startswith(f"{domain}-"))


def put_in(line: str) -> None:
    """What the end of a dump says is to be typed."""
    path = f"{CLUSTER.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, cwd="/", env={**os.environ, "PATH": path}, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done


def one_table_goes_elsewhere(shop: Shop, backups: Backups, folder: Path) -> None:
    """Into the schema one says, from a node one says."""
    file = folder / "table.sql.gz"
    words = ("backup", "dump", "main", "--table", "shop.dumped", "--into", str(file), "-n", shop.nodes[1])
    done = backups.verb(*words, "-o", "json").json
    assert (done["node"], done["file"], done["tables"]) == (shop.nodes[1], str(file), ["shop.dumped"])
    admin = f"{shop.client} -e 'CREATE SCHEMA elsewhere'"
    shop.stack.on(shop.door, admin)
    assert "USE `shop`" in done["load"]
    put_in(done["load"].replace("USE `shop`", "USE `elsewhere`"))
    ids = f"{shop.client} -e 'SELECT id FROM {{}}.dumped ORDER BY id'"
    assert shop.stack.on(shop.door, ids.format("elsewhere")) == shop.stack.on(shop.door, ids.format("shop"))
    shop.stack.on(shop.door, f"{shop.client} -e 'DROP SCHEMA elsewhere'")
    assert "is there already" in backups.verb(*words, code=2).err


def killed_it_leaves_nothing_that_looks_good(backups: Backups, folder: Path, nodes: tuple[str, ...]) -> None:
    """Only a file that says it is a part; and no node goes on with it."""
    backups.killed("dump", "backup", "dump", "main", "--into", str(folder), "--max-rate", SLOW, after=2.0)
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    wait_for(
        "nodes to be done with it",
        lambda: not any(backups.stack.on(node, AT_WORK).strip() for node in nodes),
        PATIENCE,
        every=1,
    )
