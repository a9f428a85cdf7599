"""A cluster is lost: nodes, control machine and topology. A store, or a copy, and the sheet are left."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from .backup_lab import Backups
from .backup_shop import Shop
from .command import cluster, kill_in
from .verdict import OK

ROWS, PATIENCE = 200, 240


def made_again(shop: Shop, backups: Backups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cluster up --restore-from`, killed half-way and gone on with: what was fetched is there, and nothing else.

    Said once more, it leaves what is there alone. Backups go on, under the same keys.
    """
    with shop.ledger("lost") as ledger:
        ledger.wait_for(ROWS, PATIENCE)
        backups.run("--full")
        backups.verb("backup", "verify", "main")
        ledger.wait_for(ROWS, PATIENCE)
    backups.fetched_beyond(time.time())
    there = shop.everywhere("lost")[0]
    acknowledged = {each.number for each in ledger.records() if each.kind == OK}
    sheet = tmp_path / "sheet"
    backups.verb("backup", "keys", "--print", "--to", str(sheet))
    store = backups.outlives(tmp_path / "store")
    folder = backups.stack.folder
    assert cluster("down", folder, "--yes").code == 0
    folder.rename(tmp_path / "lost")
    for name in ("state", "config"):
        monkeypatch.setenv(f"XDG_{name.upper()}_HOME", str(tmp_path / "new-home" / name))
    words = ("up", folder, "--restore-from", store, "--recovery-sheet", sheet)
    assert kill_in("exchange", words, after=1.0), "the first try was over"
    done = cluster(*words, timeout=1500)
    assert done.code == 0, done
    print(f"made again in {done.seconds:.0f} s, after one that was killed")
    again = replace(shop)  # with the password as it is now
    assert again.password == shop.password
    assert again.everywhere("lost") == [there] * len(shop.nodes)
    assert acknowledged <= there
    again.say("CREATE TABLE written_since (id INT PRIMARY KEY)")
    done = cluster(*words, timeout=900)  # nothing is lost now, so nothing is put back
    assert done.code == 0, done
    assert "left as it is" in done.err
    assert again.everywhere("lost") == [there] * len(shop.nodes)
    backups.verb("restore", "main", "--confirm", "--yes")
    backups.run("--full")
    backups.verb("backup", "verify", "main")
    assert "are right" in backups.verb("backup", "keys", "--check", str(sheet)).out
    backups.stack.settle(PATIENCE)
