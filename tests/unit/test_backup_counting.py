"""How far numbers went: by nodes that answer, and by copies of every history."""

from types import SimpleNamespace
from typing import Any

import pytest

from cluster_cli.backups import counting, numbers

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A database of which db1 answers and db2 does not."""

    def run(node: str, _command: str) -> SimpleNamespace:
        return SimpleNamespace(
            rc=node == "db2", out=f"{A}:1-1200\nNULL\n" if node == "db1" else f"{A}:1-9000000\n"
        )

    rows = [
        {"database": "main", "kind": "full", "position": f"{A}:1-900:2000001-3000009"},
        {"database": "main", "kind": "restored", "position": f"put back to {A}:1-900"},
        {"database": "books", "kind": "full", "position": f"{A}:1-8000000"},
        {"database": "main", "kind": "full", "position": "7-1-12"},
    ]
    monkeypatch.setattr(counting, "backup_nodes", lambda *_: ())
    monkeypatch.setattr(counting, "listed", lambda _: {"bak1": {"backups": rows}, "bak2": {"backups": []}})
    monkeypatch.setattr(counting, "domain_id", lambda *_: 7)
    return SimpleNamespace(name="main", workspace=SimpleNamespace(topology=None), run=run)


def test_sets_go_on_beyond_every_history(live: Any) -> None:
    assert numbers.told(counting.given(live, ("db1", "db2"), "")) == f"{A}:1-5000000"
    assert numbers.told(counting.given(live, (), f"{A}:1-5000000")) == f"{A}:1-7000000"


def test_a_sequence_goes_on_beyond_every_copy(live: Any) -> None:
    assert counting.beyond(live, ()) == 2_000_000
