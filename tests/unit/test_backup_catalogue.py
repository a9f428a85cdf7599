"""What a repository of backups holds: chains, gaps, and what may go."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import gtid
import retention

FULL = catalogue.Backup("f1", "main", "full", 100.0, "db2", lineage="x", to_lsn=10, position="1-1-100", seconds=5)
FIRST = catalogue.Backup(
    "i1", "main", "incremental", 200.0, "db2", base="f1", lineage="x", from_lsn=10, to_lsn=20, position="1-1-200"
)
SECOND = replace(FIRST, id="i2", at=300.0, base="i1", from_lsn=20, to_lsn=30, position="1-2-300")
LOGS = [
    catalogue.Backup(f"b{n}", "main", "binlogs", 100.0 + n, "db3", start=f"1-1-{n - 60}", position=f"1-1-{n}")
    for n in (150, 200, 250, 300, 350)
]
ALL = sorted([FULL, FIRST, SECOND, *LOGS], key=lambda each: each.at)


def snapshot(backup: catalogue.Backup, name: str) -> dict:
    return {"id": name, "tags": catalogue.tags(backup)}


def ids(backups: list[catalogue.Backup]) -> list[str]:
    return [each.id for each in backups]


def test_what_is_written_is_read_again() -> None:
    whole, parts = catalogue.read([snapshot(FIRST, "s1"), {"id": "s2", "tags": ["part", "database:main"]}])
    assert whole == [replace(FIRST, snapshot="s1")]
    assert [name for name, _ in parts] == ["s2"]
    assert not any("," in tag for tag in catalogue.tags(FIRST))


def test_a_snapshot_without_its_last_word_is_no_backup() -> None:
    tags = catalogue.begun("main", "full", "r1")
    whole, parts = catalogue.read([{"id": "s1", "tags": tags}, {"id": "s2"}])
    assert whole == []
    assert catalogue.left_over(parts, "main", ("full", "incremental")) == ["s1"]
    assert catalogue.left_over(parts, "main", ("binlogs",)) == []
    assert catalogue.left_over(parts, "other", ("full",)) == []


def test_a_chain_begins_with_a_full_copy() -> None:
    assert ids(catalogue.chain(ALL, SECOND)) == ["f1", "i1", "i2"]
    assert ids(catalogue.chain(ALL, FULL)) == ["f1"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ([FULL, SECOND], "builds on i1, which is not in the repository"),
        ([FULL, replace(FIRST, to_lsn=19), SECOND], "does not begin where i1 ends"),
        ([FULL, replace(FIRST, lineage="y"), SECOND], "does not begin where"),
    ],
    ids=["missing", "another end", "other data files"],
)
def test_a_broken_chain_is_named(broken: list[catalogue.Backup], told: str) -> None:
    with pytest.raises(catalogue.BrokenError, match=told):
        catalogue.chain(broken, SECOND)


def test_binlogs_lead_from_a_copy_to_a_goal() -> None:
    assert ids(catalogue.line(ALL, "main", "1-1-200")) == ["b250", "b300", "b350"]
    assert ids(catalogue.line(ALL, "main", "1-1-200", "1-1-240")) == ["b250"]
    assert catalogue.line(ALL, "main", "1-1-200", "1-9-200") == []


def test_missing_binlogs_are_named() -> None:
    holed = [each for each in ALL if each.id != "b250"]
    with pytest.raises(catalogue.BrokenError, match=r"b300 begins after 1-1-240, but 1-1-200 comes before"):
        catalogue.line(holed, "main", "1-1-200", "1-1-300")
    with pytest.raises(catalogue.BrokenError, match="they reach 1-1-350, not 1-1-351"):
        catalogue.line(ALL, "main", "1-1-200", "1-1-351")


def test_a_hole_before_the_copy_does_not_matter() -> None:
    assert ids(catalogue.line([each for each in ALL if each.id != "b150"], "main", "1-1-300")) == ["b350"]


def test_the_last_copy_before_a_wish() -> None:
    assert catalogue.copy_before(ALL, "main", moment=250.0).id == "i1"
    assert catalogue.copy_before(ALL, "main", moment=105.0).id == "f1"
    assert catalogue.copy_before(ALL, "main", position="1-7-299").id == "i1"
    with pytest.raises(catalogue.BrokenError, match="no copy of main from before"):
        catalogue.copy_before(ALL, "main", moment=104.0)
    with pytest.raises(catalogue.BrokenError, match="no copy of other"):
        catalogue.copy_before(ALL, "other")


def test_where_fetching_goes_on() -> None:
    assert catalogue.reached(ALL, "main") == "1-1-350"
    assert catalogue.reached([*ALL[:-1], replace(FIRST, at=900.0, position="1-1-900")], "main") == "1-1-300"
    assert catalogue.reached([FULL, FIRST], "main") == "1-1-100"
    assert catalogue.reached(LOGS, "main") == ""


def test_copies_go_with_the_one_they_build_on() -> None:
    later = replace(FULL, id="f2", at=400.0, position="1-2-400")
    gone = retention.expendable([*ALL, later], "main", {"f2"}, since=500.0)
    assert set(ids(gone)) == {"f1", "i1", "i2", "b150", "b200", "b250", "b300", "b350"}
    assert retention.expendable([*ALL, later], "main", {"f1", "f2"}, since=150.0) == []


def test_binlogs_stay_as_far_back_as_any_moment_is_to_be_restored() -> None:
    gone = retention.expendable(ALL, "main", {"f1"}, since=250.0)
    assert ids(gone) == ["b150", "b200"]


def test_another_database_is_left_alone() -> None:
    other = replace(FULL, id="f9", database="other")
    later = replace(FULL, id="f2", at=400.0, position="1-2-400")
    gone = retention.expendable([*ALL, other, later], "main", {"f2"}, since=500.0)
    assert "f9" not in ids(gone)
    assert {"f1", "i1", "i2"} <= set(ids(gone))


def test_the_copy_any_moment_is_restored_from_stays_whatever_the_policy_keeps() -> None:
    """Two full copies of one day: the policy keeps the last one, and the first leads to what lies between."""
    later = replace(FULL, id="f2", at=400.0, position="1-2-400")
    gone = retention.expendable([*ALL, later], "main", {"f2"}, since=150.0)
    assert gone == []


MARK = catalogue.Backup("m1", "main", "restored", 500.0, "db1", until=490.0)
FRESH = replace(FULL, id="f2", at=600.0, position="1-2-140", history="m1")
AFTER = [replace(LOGS[0], id=f"c{n}", at=600.0 + n, start=f"1-2-{n - 60}", position=f"1-2-{n}", history="m1")
         for n in (200, 260)]  # fmt: skip
BOTH = [*ALL, MARK, FRESH, *AFTER]


def test_nothing_leads_from_one_history_to_another() -> None:
    """The same numbers were given twice: only the history tells them apart."""
    assert ids(catalogue.line(BOTH, "main", "1-1-100", name="")) == ["b150", "b200", "b250", "b300", "b350"]
    assert ids(catalogue.line(BOTH, "main", "1-2-140")) == ["c200", "c260"]
    assert catalogue.reached(BOTH, "main") == "1-2-260"
    assert catalogue.reached([*ALL, MARK], "main") == ""
    assert catalogue.newest([*ALL, MARK], "main") is None


def test_a_moment_is_in_the_history_that_went_on_then() -> None:
    assert catalogue.copy_before(BOTH, "main", moment=450.0).id == "i2"
    assert catalogue.copy_before(BOTH, "main", moment=700.0).id == "f2"
    assert catalogue.copy_before(BOTH, "main").id == "f2"
    with pytest.raises(catalogue.BrokenError, match=r"from before .* and none since it was restored \(m1\)"):
        catalogue.copy_before(BOTH, "main", moment=550.0)


def test_a_position_is_of_the_newest_history_that_has_it() -> None:
    assert catalogue.copy_before(BOTH, "main", position="1-2-250").id == "f2"
    assert catalogue.copy_before(BOTH, "main", position="1-1-340").id == "i2"
    assert catalogue.copy_before(BOTH, "main", position="1-1-120").id == "f1"


def test_a_history_is_kept_as_far_back_as_any_moment_is_to_be_restored() -> None:
    assert retention.expendable(BOTH, "main", {"f2"}, since=150.0) == []
    assert set(ids(retention.expendable(BOTH, "main", {"f2"}, since=900.0))) == set(ids(ALL))


def test_a_moment_needs_nothing_that_was_fetched_after_it() -> None:
    """b300 is missing, and what lies before it can be restored all the same."""
    holed = [each for each in ALL if each.id != "b300"]
    assert ids(catalogue.line(holed, "main", "1-1-100", moment=320.0)) == ["b150", "b200", "b250"]
    assert ids(catalogue.line(holed, "main", "1-1-100", moment=349.0)) == ["b150", "b200", "b250"]
    with pytest.raises(catalogue.BrokenError, match="b350 begins after 1-1-290"):
        catalogue.line(holed, "main", "1-1-100", moment=351.0)


def test_positions() -> None:
    assert gtid.reaches("1-1-5,2-1-7", "2-9-7")
    assert not gtid.reaches("1-1-5", "1-1-5,2-1-1")
    assert gtid.reaches("", "")
    assert gtid.knows("1-1-90,1-2-100", "1-2-95")
    assert not gtid.knows("1-1-90,1-2-100", "1-1-95")
    assert gtid.further("1-1-5,3-1-1", "1-2-4,2-1-7") == "1-1-5,2-1-7,3-1-1"


def test_what_nodes_wrote_by_themselves_is_left_out() -> None:
    assert gtid.only("7-7-1,1-1-5, 1-2-6", 1) == "1-1-5,1-2-6"
    assert gtid.only("7-7-1", 1) == ""
