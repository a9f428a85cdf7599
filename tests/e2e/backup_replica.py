"""A replica, db2, that is put back from a backup while its primary, db1, goes on: the same of either engine."""

import time
from functools import partial

from .backup_lab import Backups
from .backup_shop import Shop
from .command import wait_for
from .verdict import OK

ROWS, PATIENCE = 200, 240
WORDS = ("restore", "main", "--node", "db2")


def bad_data_is_put_back(shop: Shop, backups: Backups) -> None:
    """Who leads is left alone; killed half-way, it goes on; the replica has every acknowledged row."""
    with shop.ledger("rotten") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
    # Nobody writes meanwhile: writes wait for the replica, and clients that come again take up all connections.
    assert "db1 takes the writes" in backups.verb("restore", "main", "--node", "db1", "--yes", code=1).err
    backups.rot("db2")
    said = backups.verb(*WORDS, "--dry-run").err
    assert "nobody gives a copy" in said, said
    backups.killed("exchange", *WORDS, "--yes", after=0.5)
    done = backups.verb(*WORDS, "--yes", "-o", "json").json
    print(f"db2 after {done['seconds']} s: {done['stages']}, from {done['node']}")
    with shop.ledger("after") as later:
        later.wait_for(ROWS, PATIENCE)  # none is acknowledged without a replica
    for table, written in (("rotten", ledger), ("after", later)):
        wait_for(f"all rows of {table} on the replica", partial(both_have_the_same, shop, table), PATIENCE)
        assert {each.number for each in written.records() if each.kind == OK} <= shop.everywhere(table)[1]


def both_have_the_same(shop: Shop, table: str) -> bool:
    """Whether a table has the same rows on both nodes."""
    primary, replica = shop.everywhere(table)
    return primary == replica


def who_could_not_follow_is_left_alone(shop: Shop, backups: Backups) -> None:
    """Nothing was fetched any more, and the primary has removed what comes next."""
    backups.fetched_beyond(time.time())
    with backups.nothing_fetched(shop.nodes):
        shop.say("CREATE TABLE purged (id INT PRIMARY KEY)")
        backups.purge("db1")
        done = backups.verb(*WORDS, "--yes", code=1)
    assert "has no binary logs any more that go on from there" in done.err
    assert "cluster rejoin db2 --clone" in done.err
    assert backups.stack.status()["databases"]["main"]["restore"] is None
    backups.stack.settle(PATIENCE)
    backups.fetched_beyond(time.time())  # from the replica, which has all
