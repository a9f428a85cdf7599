"""Run directories: made private, found newest first, removed with care."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster_cli.history import rundir

NOW = datetime(2026, 5, 30, 12, 0, tzinfo=UTC)


def make(state: Path, *ages: int, verb: str = "up") -> list[rundir.RunDir]:
    """Runs of that age in days."""
    return [rundir.create(state, verb, NOW - timedelta(days=age)) for age in ages]


def test_a_run_directory_is_private_and_named_after_time_and_verb(tmp_path: Path) -> None:
    (run,) = make(tmp_path / "state", 0)
    assert run.name.startswith("20260530T120000Z-up-")
    assert len(run.name) == len("20260530T120000Z-up-") + 6
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert (run.verb, run.started) == ("up", NOW)


def test_runs_come_newest_first_and_strangers_are_left_out(tmp_path: Path) -> None:
    old, new = make(tmp_path, 3, 1)
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "20260530T120000Z-up-abcdef").write_text("a file")
    assert rundir.newest_first(tmp_path) == [new, old]
    assert rundir.newest_first(tmp_path / "nothing") == []


def test_latest_of_a_verb(tmp_path: Path) -> None:
    (up,) = make(tmp_path, 2)
    (verify,) = make(tmp_path, 1, verb="verify")
    assert rundir.latest(tmp_path) == verify
    assert rundir.latest(tmp_path, "up") == up
    assert rundir.latest(tmp_path, "down") is None


def test_young_and_newest_runs_are_never_outdated(tmp_path: Path) -> None:
    oldest, older, old, young = make(tmp_path, 40, 39, 38, 1)
    gone = rundir.outdated(tmp_path, days=30, keep=2, now=NOW)
    assert gone == [older, oldest]
    rundir.remove(gone)
    assert rundir.newest_first(tmp_path) == [young, old]


def test_prune_never_follows_links_out_of_the_state(tmp_path: Path) -> None:
    make(tmp_path, 1)
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "runs" / "20200101T000000Z-up-abcdef").symlink_to(outside)
    rundir.remove(rundir.outdated(tmp_path, days=1, keep=0, now=NOW))
    assert outside.is_dir()


def test_facts_of_a_run(tmp_path: Path) -> None:
    (run,) = make(tmp_path, 0)
    assert run.facts() == {}
    (run.path / "run.json").write_text('{"who": "eva"')
    assert run.facts() == {}
    (run.path / "run.json").write_text('{"who": "eva"}')
    assert run.facts() == {"who": "eva"}


def test_a_verb_cannot_climb_out(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a verb"):
        rundir.create(tmp_path, "../up")
