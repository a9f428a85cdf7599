"""Rows of past runs, from real run directories."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_cli.events import Event, RunEnded, RunStarted, TaskEnded, TestEnded
from cluster_cli.history import chain, rundir
from cluster_cli.history.chain import Head
from cluster_cli.history.journal import Journal
from cluster_cli.history.past import heads, rows

DONE: list[Event] = [
    RunStarted("r", "shop", "up", ("web",), ("web1",)),
    TaskEnded("web", "web", "a", "web1", "changed", 1.0),
    TaskEnded("web", "web", "b", "web1", "failed", 1.0, "no"),
    TaskEnded("web", "web", "c", "web1", "failed", 1.0, "rescued", ignored=True),
    TaskEnded("web", "web", "d", "web2", "unreachable", 1.0),
    TestEnded("web", "web1", "test_a", "passed", 0.1),
    TestEnded("web", "web1", "test_b", "failed", 0.1),
    RunEnded(1, 12.0),
]


def past(state: Path, day: int, events: list[Event], facts: str = "") -> None:
    run = rundir.create(state, "up", datetime(2026, 5, day, tzinfo=UTC))
    with Journal(run.journal) as journal:
        for event in events:
            journal(event)
    if facts:
        (run.path / "run.json").write_text(facts)


def test_a_row_tells_the_run(tmp_path: Path) -> None:
    past(tmp_path, 4, DONE, '{"who": "eva", "host": "desk", "topology_sha256": "ab"}')
    (row,) = rows(tmp_path)
    assert json.loads(json.dumps(row)) == row
    assert row["run"].startswith("20260504T000000Z-up-")
    assert row | {"run": ""} == {
        "run": "",
        "verb": "up",
        "started": "2026-05-04T00:00:00+00:00",
        "seconds": 12.0,
        "code": 1,
        "changed": 1,
        "failed": 1,
        "unreachable": 1,
        "verify_passed": 1,
        "verify_failed": 1,
        "who": "eva@desk",
        "login": "",
        "from_address": "",
        "terminal": "",
        "topology_sha256": "ab",
        "recorded": False,
        "kept": True,
    }


def test_the_history_tells_who_and_from_where_and_outlives_the_directory(tmp_path: Path) -> None:
    name = "20260504T000000Z-trust-abcdef"
    who = {"who": "root@desk", "login": "eva", "from": "192.0.2.7", "terminal": "/dev/pts/3"}
    chain.add(chain.of(tmp_path), "started", {"run": name, **who, "topology_sha256": "ab"})
    chain.add(chain.of(tmp_path), "ended", {"run": name, "code": 4, "seconds": 2.5})
    (row,) = rows(tmp_path)
    told = ("verb", "code", "seconds", "who", "login", "from_address", "terminal", "recorded", "kept")
    found = [row[key] for key in told]
    assert found == ["trust", 4, 2.5, "root@desk", "eva", "192.0.2.7", "/dev/pts/3", True, False]


def test_what_nodes_were_told_is_read_from_their_journals() -> None:
    text = "chain=ab n=12 sha256=cd\nnonsense\nchain=ab n=x sha256=cd\n"
    assert list(heads(text)) == [Head("ab", 12, "cd")]


def test_newest_first_and_limited(tmp_path: Path) -> None:
    for day in (1, 3, 2):
        past(tmp_path, day, DONE)
    assert [row["started"][8:10] for row in rows(tmp_path)] == ["03", "02", "01"]
    assert len(rows(tmp_path, limit=1)) == 1


def test_a_killed_run_has_no_code(tmp_path: Path) -> None:
    past(tmp_path, 1, DONE[:2], '{"who": "eva"')
    (row,) = rows(tmp_path)
    assert (row["code"], row["seconds"], row["changed"], row["who"]) == (None, None, 1, "")


def test_a_run_directory_without_a_journal_is_still_a_row(tmp_path: Path) -> None:
    rundir.create(tmp_path, "verify")
    assert rows(tmp_path)[0]["verb"] == "verify"
    assert rows(tmp_path / "nothing") == []


def test_a_verb_of_two_words_is_refused_and_read_where_it_stands_already(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a verb"):
        rundir.new_name("db shell")
    chain.add(chain.of(tmp_path), "started", {"run": "20260504T000000Z-db shell-abcdef", "who": "eva@desk"})
    past(tmp_path, 5, DONE)
    assert [row["verb"] for row in rows(tmp_path)] == ["up", "db shell"]
