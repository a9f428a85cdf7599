"""The time receipt and the estimate."""

import io
from typing import Any

import pytest
from rich.console import Console

from cluster_cli.history.timing import estimate, receipt_rows, receipt_table, spell, stage_seconds, task_seconds


def stage(name: str, seconds: float) -> dict[str, Any]:
    return {"t": 0, "type": "StageEnded", "stage": name, "seconds": seconds}


def task(name: str, seconds: float, role: str = "web") -> dict[str, Any]:
    return {"t": 0, "type": "TaskSummary", "stage": "web", "role": role, "task": name, "seconds": seconds}


def run(verb: str, code: int, seconds: float) -> list[dict[str, Any]]:
    ended = {"t": 9, "type": "RunEnded", "code": code, "seconds": seconds}
    return [{"t": 0, "type": "RunStarted", "verb": verb}, stage("web", seconds), ended]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0.0 s"), (38.24, "38.2 s"), (59.97, "1 min 00 s"), (187, "3 min 07 s"), (7500, "2 h 05 min")],
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert spell(seconds) == words


def test_stages_keep_their_order_and_tasks_are_sorted_and_added_up() -> None:
    records = [task("a", 1), task("b", 5), task("a", 7), stage("web", 13), stage("ntp", 2)]
    assert list(stage_seconds(records)) == ["web", "ntp"]
    assert task_seconds(records) == {("web", "web : a"): 8, ("web", "web : b"): 5}


def test_receipt_puts_the_longest_first_with_its_share() -> None:
    ended = {"type": "RunEnded", "seconds": 10}
    records = [stage("ntp", 2), task("a", 6), task("b", 1), stage("web", 8), ended]
    rows = [(row.kind, row.name, row.share) for row in receipt_rows(records, top=1)]
    assert rows == [("stage", "web", 0.8), ("stage", "ntp", 0.2), ("task", "web : a", 0.6)]


def test_receipt_of_a_run_that_never_ended_or_began() -> None:
    assert receipt_rows([stage("web", 4)])[0].share == 1.0
    assert receipt_rows([]) == []


def test_receipt_table_shows_stages_and_indented_tasks() -> None:
    out = io.StringIO()
    rows = receipt_rows([task("[a] b", 6, role=""), stage("web", 8)])
    Console(file=out, width=60).print(receipt_table(rows))
    assert "web" in out.getvalue()
    assert "  web  [a] b" in out.getvalue()
    assert "75%" in out.getvalue()


def test_estimate_is_the_newest_successful_up() -> None:
    runs = [run("verify", 0, 1), run("up", 4, 2), [], run("up", 0, 3), run("up", 0, 4)]
    assert estimate(runs) == {"web": 3}
    assert estimate([]) == {}
