"""A statement as a moment, and a table beside another: what is refused, and how things are named."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_cli.backups import one_table, searching
from cluster_cli.backups.restoring import Done, Wish
from cluster_cli.databases import sql
from cluster_cli.errors import ClusterError

ROW = {"at": "2026-11-28T04:31:14", "gtid": "9-7-1750", "before": "9-7-1749", "text": "DELETE FROM kept"}
WORKSPACE: Any = None


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What the backup node finds."""
    rows: list[dict[str, str]] = []
    answer = {"statements": rows, "fetches": 3, "mute": 0, "from": "2026-11-27T04:31:14"}
    monkeypatch.setattr(searching, "statements", lambda *_: answer)
    monkeypatch.setattr(searching, "where", lambda *_: SimpleNamespace(name="bak1"))
    monkeypatch.setattr(searching, "chosen", lambda *_: ("main",))
    return rows


def test_a_statement_is_a_moment(found: list[dict[str, str]]) -> None:
    found.append(ROW)
    wish = searching.narrowed(WORKSPACE, Wish("main"), "delete", None)
    assert isinstance(wish, Wish)
    assert wish.at == "9-7-1749"


def test_several_are_shown_and_none_is_chosen(
    found: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    found += [ROW, {**ROW, "gtid": "9-7-1700", "before": "9-7-1699"}]
    with pytest.raises(ClusterError, match="2 statements match"):
        searching.narrowed(WORKSPACE, Wish("main"), "delete", None)
    assert "9-7-1750  --at 9-7-1749" in capsys.readouterr().err
    assert isinstance(searching.narrowed(WORKSPACE, Wish("main", dry=True), "delete", None), Done)


@pytest.mark.parametrize(
    ("rows", "wish", "told"),
    [
        ([], Wish("main"), "no statement matches"),
        ([{**ROW, "before": ""}], Wish("main"), "nothing of what came before it was fetched"),
        ([ROW], Wish("main", at="1-1-1"), "the moment is named twice"),
    ],
)
def test_what_is_no_moment_is_refused(
    found: list[dict[str, str]], rows: list[dict[str, str]], wish: Wish, told: str
) -> None:
    found += rows
    with pytest.raises(ClusterError, match=told):
        searching.narrowed(WORKSPACE, wish, "delete", None)


def test_a_table_is_put_beside_under_a_name_that_is_free() -> None:
    now = datetime(2026, 11, 28, 4, 31, 14, tzinfo=UTC)
    assert one_table.named("orders", "restored", now) == "orders_restored_20261128043114"
    assert len(one_table.named("o" * 64, "restored", now)) == 64
    assert one_table.parts("shop.or.ders") == ("shop", "or.ders")
    for name in ("orders", ".orders", "shop."):
        with pytest.raises(ClusterError, match="names no table"):
            one_table.parts(name)
    assert sql.text("a'b\\") == "'a''b\\\\'"
    assert sql.quoted("a`b") == "`a``b`"
