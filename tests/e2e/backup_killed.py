"""A restore into the running database that is killed: the same command goes on, or --undo takes it back."""

from .backup_lab import Backups
from .backup_shop import Shop
from .verdict import OK

ROWS, PATIENCE = 200, 240
UNDO = ("restore", "main", "--undo", "--yes")


def ends_well(
    shop: Shop, backups: Backups, stage: str, after: float, way: str, *, undo_killed: float | None = None
) -> None:
    """The rows are those of the moment, or those of before, on every node, and backups go on.

    after: seconds into the stage. way: `again` or `undo`, which may be killed itself, so long after it starts
    servers, and is said again.
    """
    table = f"killed_{stage}_{after:g}_{way}".replace(".", "_")
    shop.say(f"CREATE TABLE {table} (id INT PRIMARY KEY)")
    shop.say(f"INSERT INTO {table} VALUES (1)")
    position, _ = shop.marker(table)
    shop.say(f"INSERT INTO {table} VALUES (2)")
    words = ("restore", "main", "--to", "cluster", "--at", position, "--yes")
    backups.killed(stage, *words, after=after)
    if way == "undo" and undo_killed is not None:
        backups.killed("start", *UNDO, after=undo_killed)
    backups.verb(*(words if way == "again" else UNDO))
    expected = {1} if way == "again" else {1, 2}
    assert shop.everywhere(table) == [expected] * len(shop.nodes)
    shop.say(f"INSERT INTO {table} VALUES (3)")
    if backups.stack.status()["databases"]["main"]["restore"]:
        backups.verb("restore", "main", "--confirm", "--yes")
    backups.run("--full")
    backups.verb("backup", "verify", "main")


def node_ends_well(shop: Shop, backups: Backups, stage: str, after: float, way: str, node: str = "db3") -> None:
    """The same of one node that is put back: writes go on meanwhile, and every node has all of them."""
    table = f"alone_{stage}_{after:g}_{way}".replace(".", "_")
    words = ("restore", "main", "--node", node)
    with shop.ledger(table) as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        backups.killed(stage, *words, "--yes", after=after)
        if way == "again" or backups.stack.status()["databases"]["main"]["restore"]:
            backups.verb(*words, *([] if way == "again" else ["--undo"]), "--yes")
        ledger.wait_for(ROWS, PATIENCE)
    if backups.stack.status()["databases"]["main"]["restore"]:
        backups.verb(*words, "--confirm", "--yes")
    backups.stack.settle(PATIENCE)
    there = shop.everywhere(table)
    assert there == [there[0]] * len(shop.nodes)
    assert {each.number for each in ledger.records() if each.kind == OK} <= there[0]
