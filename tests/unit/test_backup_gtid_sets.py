"""Positions of MySQL on a backup node: sets, as the verbs count them; copies whose end is known roughly."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.databases.group_replication.gtid import GtidSet

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import gtid
import gtid_sets
import retention

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "99999999-2222-3333-4444-555555555555"
KEYS = (A, B, f"{A}:tag")
SETS = st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 9), st.integers(0, 4)), max_size=6).map(
    lambda rows: ",".join(f"{key}:{first}-{first + more}" for key, first, more in rows)
)


def test_it_reads_what_a_server_says() -> None:
    said = f"{A.upper()}:1-3:5:tag:1-2,\n {B}:7-7:4-6"
    assert gtid_sets.told(gtid_sets.parsed(said)) == f"{A}:1-3:5,{A}:tag:1-2,{B}:4-7"
    assert gtid.only(said, 7) == f"{A}:1-3:5,{A}:tag:1-2,{B}:4-7", "it has no domains"
    assert gtid_sets.parsed("") == {}


@given(SETS, SETS)
def test_sets_are_counted_as_the_verbs_do(one: str, other: str) -> None:
    here, there = GtidSet.parse(one), GtidSet.parse(other)
    assert gtid_sets.covers(one, other) == (there <= here)
    assert GtidSet.parse(gtid_sets.union(one, other)) == here | there


@given(SETS, SETS, SETS)
def test_sets_are_sets(one: str, other: str, third: str) -> None:
    union = gtid_sets.union
    assert union(one, other) == union(other, one)
    assert union(union(one, other), third) == union(one, union(other, third))
    assert union(one, one) == union(one, "")
    assert gtid_sets.covers(union(one, other), one)
    assert gtid_sets.covers(one, other) == (union(one, other) == union(one, ""))
    if gtid_sets.covers(one, other) and gtid_sets.covers(other, third):
        assert gtid_sets.covers(one, third)


def test_either_form_is_compared() -> None:
    assert gtid.reaches(f"{A}:1-9", f"{A}:1-4:6")
    assert not gtid.reaches(f"{A}:1-9", f"{A}:1-4,{B}:1")
    assert not gtid.reaches("", f"{A}:1")
    assert gtid.reaches(f"{A}:1", "")
    assert gtid.knows(f"{A}:1-9,{B}:1-3", f"{B}:2")
    assert not gtid.knows(f"{A}:1-9", f"{B}:1"), "another primary wrote it, and this node lost it"
    assert gtid.further(f"{A}:1-3", f"{A}:5-7,{B}:1") == f"{A}:1-3:5-7,{B}:1"


def test_what_is_lost_is_told_from_what_is_late() -> None:
    goal, without, late = f"{A}:1-9", f"{A}:1-8,{B}:1", f"{A}:1-8"
    assert gtid.parted([without], [without, late], goal)
    assert not gtid.parted([late], [late], goal), "it may come yet"
    assert not gtid.parted([without], [without, goal], goal), "somebody has it, who is not fit now"
    assert not gtid.parted([], [without], goal)
    assert gtid.parted(["1-2-9"], ["1-2-9"], "1-1-9"), "MariaDB gave the number anew"
    assert not gtid.parted(["1-1-8"], ["1-1-8"], "1-1-9")


def copy(name: str, at: float, least: int, most: int) -> catalogue.Backup:
    return catalogue.Backup(
        name,
        "main",
        "full",
        at,
        "db2",
        engine="mysql",
        start=f"{A}:1-{least}",
        position=f"{A}:1-{most}",
        seconds=5,
    )


def logs(name: str, at: float, after: str, position: str) -> catalogue.Backup:
    return catalogue.Backup(
        name, "main", "binlogs", at, "db3", engine="mysql", start=f"{A}:{after}", position=f"{A}:{position}"
    )


FULL = copy("f1", 100.0, 90, 110)
LINE = [
    logs("b1", 101.0, "1-90", "1-100"),  # in the middle of what the copy may hold
    logs("b2", 160.0, "1-100", "1-150:152"),  # a group's nodes commit in an order of their own
    logs("b3", 220.0, "1-149", "1-200"),
    logs("b4", 280.0, "1-200", "1-250"),
]
LATER = copy("f2", 300.0, 260, 270)
ALL = [FULL, *LINE, LATER]


def ids(backups: list[catalogue.Backup]) -> list[str]:
    return [each.id for each in backups]


def test_what_the_copy_may_lack_is_replayed() -> None:
    assert ids(catalogue.line(ALL, "main", catalogue.begins(FULL))) == ["b1", "b2", "b3", "b4"]
    assert ids(catalogue.line(ALL, "main", catalogue.begins(FULL), f"{A}:1-120")) == ["b1", "b2"]
    holed = [each for each in ALL if each.id != "b1"]
    with pytest.raises(catalogue.BrokenError, match="b2 begins after"):
        catalogue.line(holed, "main", catalogue.begins(FULL))


def test_a_copy_that_may_hold_more_than_the_wish_is_not_taken() -> None:
    assert catalogue.copy_before(ALL, "main", position=f"{A}:1-269").id == "f1"
    assert catalogue.copy_before(ALL, "main", position=f"{A}:1-270").id == "f2"
    with pytest.raises(catalogue.BrokenError, match="no copy of main from before"):
        catalogue.copy_before(ALL, "main", position=f"{A}:1-109")


def test_fetching_goes_on_from_what_the_first_copy_surely_has() -> None:
    assert catalogue.reached([FULL], "main") == f"{A}:1-90"
    assert catalogue.reached(ALL, "main") == f"{A}:1-250"


def test_what_another_primary_wrote_is_on_the_way_too() -> None:
    after = replace(LINE[-1], id="b5", at=400.0, start=f"{A}:1-250", position=f"{A}:1-250,{B}:1-9")
    assert ids(catalogue.line([*ALL, after], "main", LATER.start)) == ["b5"]
    goal = f"{A}:1-250,{B}:1-3"
    assert ids(catalogue.line([*ALL, after], "main", f"{A}:1-200", goal)) == ["b4", "b5"]
    with pytest.raises(catalogue.BrokenError, match="not"):
        catalogue.line([*ALL, after], "main", f"{A}:1-200", f"{B}:10")


def test_what_leads_on_from_a_copy_stays() -> None:
    gone = retention.expendable(ALL, "main", {"f1"}, since=100.0)
    assert ids(gone) == ["f2"], "b1 ends within what the copy may hold, and is needed"
    assert set(ids(retention.expendable(ALL, "main", {"f2"}, since=500.0))) == {"f1", "b1", "b2", "b3", "b4"}
