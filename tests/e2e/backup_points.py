"""Moments drawn at random while rows come, change and go: each is restored, and is what the source had there."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pymysql

from .backup_lab import Backups
from .backup_shop import Shop
from .data_tier import SEED
from .ledger import Ledger
from .verdict import OK, SPAN

ROW = "CRC32(CONCAT_WS('-', id, payload))"
APART = (0.1, 1.5)  # seconds between two moments
ROWS, PATIENCE = 100, 60
OFF = 1.0  # seconds by which a moment of the clock may be missed
CHANGING = 300  # rows of the table that no writer keeps account of


@contextmanager
def changing(shop: Shop, table: str) -> Iterator[None]:
    """Rows of a table come, change and go meanwhile; what writers put in is changed, and never deleted."""
    over = threading.Event()

    def change() -> None:
        chance = random.Random(SEED)
        while not over.is_set():
            with (
                suppress(pymysql.MySQLError),
                closing(shop.connect()) as connection,
                connection.cursor() as cursor,
            ):
                while not over.wait(0.005):
                    number = chance.randrange(1, CHANGING)
                    values = f"VALUES ({number}, 0, 0, '{chance.random()}')"
                    cursor.execute(
                        chance.choice(
                            (
                                f"REPLACE INTO {table} (id, writer, sequence, payload) {values}",
                                f"DELETE FROM {table} WHERE id = {number}",
                                f"UPDATE {table} SET payload = REVERSE(payload) WHERE id = {SPAN + number}",
                            )
                        )
                    )

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def all_are_exact(shop: Shop, backups: Backups, count: int) -> None:
    """That many positions are restored to the row, and a third as many moments of the clock to the second.

    There are three copies: before the first of them, after a third, and after two thirds.
    """
    chance, found = random.Random(SEED), dict[str, set[int]]()
    moments: list[int] = []
    with shop.ledger("points") as ledger, changing(shop, "points"):
        ledger.wait_for(ROWS, PATIENCE)
        for number in range(count):
            if number in (0, count // 3, 2 * count // 3):
                backups.run(*(() if number else ("--full",)))
            ledger.run(chance.uniform(*APART))
            position, rows = shop.marker("points", ROW)
            found[position] = rows
            if number % 3 == 0:
                moments.append(int(time.time()) + 1)
        ledger.run(3)
    seconds = [exact(backups, position, rows) for position, rows in found.items()]
    for moment in moments:
        to_the_second(backups, ledger, moment)
    print(
        f"{len(found)} positions and {len(moments)} seconds of {ledger.acknowledged} rows restored (seed {SEED}), "
        f"{sum(seconds) / len(seconds):.1f} s each, {max(seconds):.1f} at most"
    )


def exact(backups: Backups, position: str, rows: set[int]) -> float:
    """Restore to a position; returns the seconds it took."""
    done = backups.verb("restore", backups.database, "--to", "scratch", "--at", position, "-o", "json").json
    there = {int(line) for line in backups.restored(f"SELECT {ROW} FROM shop.points").split()}
    assert there == rows, f"{position}: {len(rows - there)} rows are missing, {len(there - rows)} are others"
    backups.verb("restore", backups.database, "--to", "scratch", "--discard")
    return float(done["seconds"])


def to_the_second(backups: Backups, ledger: Ledger, moment: int) -> None:
    """Restore to a second (since 1970): what was acknowledged before is there, and nothing from after it."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment))
    backups.verb("restore", backups.database, "--to", "scratch", "--at", text)
    there = set(map(int, backups.restored(f"SELECT id FROM shop.points WHERE id >= {SPAN}").split()))
    backups.verb("restore", backups.database, "--to", "scratch", "--discard")
    shift = time.time() - time.monotonic()
    when = {each.number: each.moment + shift - moment for each in ledger.records() if each.kind == OK}
    late = {number for number, seconds in when.items() if seconds < -OFF} - there
    early = {number for number in there if when.get(number, 0.0) > OFF}
    assert not late, f"{text}: {len(late)} rows of before are missing"
    assert not early, f"{text}: {len(early)} rows of after are there"
