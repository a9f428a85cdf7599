"""The journal: what is written, what is only counted, and what survives a kill."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_cli.events import (
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    TaskEnded,
    TaskStarted,
    TestEnded,
)
from cluster_cli.history.journal import DIFF_LIMIT, Journal, clip, read

STARTED = RunStarted("r1", "shop", "up", ("web",), ("web1", "web2"))


def ended(node: str, status: str, **more: object) -> TaskEnded:
    return TaskEnded("web", "web", "Install nginx", node, status, 1.0, **more)  # type: ignore[arg-type]


def journal_of(path: Path, *events: object) -> list[dict[str, object]]:
    """Write the events one second apart and read them back."""
    ticks = iter(range(1000))
    with Journal(path, lambda: float(next(ticks)), lambda: datetime(2026, 5, 4, tzinfo=UTC)) as journal:
        for event in events:
            journal(event)  # type: ignore[arg-type]
    return list(read(path))


def test_the_first_line_carries_the_absolute_start(tmp_path: Path) -> None:
    first = journal_of(tmp_path / "j", STARTED)[0]
    assert first["type"] == "RunStarted"
    assert first["started"] == "2026-05-04T00:00:00+00:00"
    assert first["nodes"] == ["web1", "web2"]


def test_quiet_results_are_counted_and_others_written(tmp_path: Path) -> None:
    task = TaskStarted("web", "web", "Install nginx")
    records = journal_of(
        tmp_path / "j",
        task,
        ended("web1", "ok"),
        ended("web2", "changed", message="installed", diff="+x"),
        StageEnded("web", 3.0, 1, 0, 0),
    )
    assert [r["type"] for r in records] == ["TaskStarted", "TaskEnded", "TaskSummary", "StageEnded"]
    assert records[1]["node"] == "web2"
    assert records[1]["diff"] == "+x"
    summary = records[2]
    assert (summary["ok"], summary["changed"], summary["seconds"]) == (1, 1, 2.0)


def test_the_next_task_closes_the_one_before(tmp_path: Path) -> None:
    first, second = TaskStarted("web", "web", "one"), TaskStarted("web", "web", "two")
    records = journal_of(tmp_path / "j", first, ended("web1", "ok"), second, RunEnded(1, 4.0))
    summaries = [(r["task"], r["seconds"]) for r in records if r["type"] == "TaskSummary"]
    assert summaries == [("one", 1.0), ("two", 0.0)]


def test_a_rescued_failure_says_so(tmp_path: Path) -> None:
    record = journal_of(tmp_path / "j", ended("web1", "failed", message="no", ignored=True))[0]
    assert record["ignored"] is True


def test_long_diffs_are_cut_with_a_note(tmp_path: Path) -> None:
    record = journal_of(tmp_path / "j", ended("web1", "changed", diff="x" * (DIFF_LIMIT + 7)))[0]
    assert str(record["diff"]).endswith("x\n[7 more characters left out]")
    assert clip("short", 10) == "short"


def test_passed_tests_are_all_written(tmp_path: Path) -> None:
    records = journal_of(tmp_path / "j", TestEnded("web", "web1", "test_answers", "passed", 0.1))
    assert records[0]["test"] == "test_answers"


def test_the_file_is_private_even_under_a_loose_umask(tmp_path: Path) -> None:
    journal_of(tmp_path / "j", STARTED)
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600


def test_every_line_is_on_disk_before_the_next_event(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal(STARTED)
        journal(StageStarted("web", "Web servers"))
        assert len((tmp_path / "j").read_text().splitlines()) == 2


@pytest.mark.parametrize("tail", ['{"t":1,"type":"Ste', "\x00\x00", "[]", '{"t":1}', "é"[:1]])
def test_a_torn_tail_is_left_out_and_never_glued_to_new_lines(tmp_path: Path, tail: str) -> None:
    path = tmp_path / "j"
    journal_of(path, STARTED)
    with path.open("a") as file:
        file.write(tail)
    assert [r["type"] for r in read(path)] == ["RunStarted"]
    assert [r["type"] for r in journal_of(path, RunEnded(0, 1.0))] == ["RunStarted", "RunEnded"]


def test_a_tail_torn_inside_a_character_is_read(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"t":0,"type":"Step","text":"x"}\n{"t":1,"text":"\xc3')
    assert [r["text"] for r in read(path)] == ["x"]


def test_no_file_means_no_records(tmp_path: Path) -> None:
    assert list(read(tmp_path / "missing")) == []


def test_lines_are_compact_json(tmp_path: Path) -> None:
    journal_of(tmp_path / "j", STARTED)
    line = (tmp_path / "j").read_text().splitlines()[0]
    assert ", " not in line
    assert json.loads(line)["t"] == 1.0


def test_an_unpaired_surrogate_does_not_stop_the_run(tmp_path: Path) -> None:
    assert len(journal_of(tmp_path / "j", ended("web1", "failed", message="bad \udcff byte"))) == 1
