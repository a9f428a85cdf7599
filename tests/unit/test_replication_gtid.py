"""GTIDs of either engine: what contains what, and how far apart two are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.databases.replication import gtid, logs, positions

SERVERS = st.integers(1, 3)
LOGS = st.lists(SERVERS, max_size=12)  # the server that wrote each transaction of domain 1, in order


def history(log: list[int]) -> str:
    """gtid_binlog_state of a node with these transactions."""
    last = {server: number for number, server in enumerate(log, 1)}
    return ",".join(f"1-{server}-{number}" for server, number in last.items())


def position(log: list[int]) -> str:
    """gtid_binlog_pos of a node with these transactions."""
    return f"1-{log[-1]}-{len(log)}" if log else ""


@pytest.mark.parametrize("text", ["1-2", "1-2-x", "1-2-3-4", "nonsense"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a GTID"):
        positions.parse(text)


def test_positions_are_written_as_they_are_read() -> None:
    assert [str(each) for each in positions.parse("0-1-5, 1-2-7\n")] == ["0-1-5", "1-2-7"]
    assert positions.parse("") == ()


@given(LOGS, st.integers(0, 12))
def test_a_node_has_everything_before_where_it_is(log: list[int], count: int) -> None:
    assert gtid.contains(history(log), position(log[:count]))
    assert gtid.missing(history(log[:count]), history(log)) == ()


@given(LOGS, LOGS, SERVERS)
def test_what_only_one_node_wrote_is_not_contained(common: list[int], other: list[int], server: int) -> None:
    others = [each for each in other if each != server]
    mine = [*common, server]
    assert not gtid.contains(history([*common, *others]), position(mine))
    assert gtid.missing(history(mine), history([*common, *others])) == (f"1-{server}-{len(mine)}",)


def test_a_range_tells_its_ends() -> None:
    assert gtid.missing("1-11-8,1-12-12", "1-11-10,1-12-9") == ("1-12-10 to 1-12-12",)


@given(LOGS, st.integers(0, 12))
def test_the_distance_is_what_has_yet_to_come(log: list[int], count: int) -> None:
    assert gtid.distance(position(log), position(log[:count])) == len(log) - len(log[:count])
    assert gtid.distance(position(log[:count]), position(log)) == 0


@given(st.lists(st.integers(0, 50), min_size=1))
def test_the_furthest_is_behind_none(sequences: list[int]) -> None:
    found = [f"1-1-{each}" if each else "" for each in sequences]
    assert gtid.distance(gtid.furthest(found), "") == max(sequences)


FIRST, SECOND = "0b5ca31a-ea9f-11f1-b574-ba34a887460d", "0bbc6999-ea9f-11f1-abe1-fea3be504b05"
NUMBERS = st.sets(st.integers(1, 12))


def told(numbers: set[int], source: str = FIRST) -> str:
    """A set as a MySQL server tells it."""
    return ":".join([source, *(str(each) for each in sorted(numbers))]) if numbers else ""


@given(NUMBERS, NUMBERS)
def test_a_set_contains_what_is_in_it(one: set[int], other: set[int]) -> None:
    assert gtid.contains(told(one), told(other)) == (other <= one)
    assert gtid.distance(told(one), told(other)) == len(one - other)
    assert bool(gtid.missing(told(one), told(other))) == bool(one - other)


@given(NUMBERS, NUMBERS)
def test_what_was_applied_and_what_was_received_are_one_set(one: set[int], other: set[int]) -> None:
    both = gtid.joined((told(one), told(other)))
    assert gtid.distance(both, "") == len(one | other)
    assert gtid.contains(both, told(one))
    assert " " not in both


@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_the_furthest_has_all_or_there_is_none(found: list[set[int]]) -> None:
    texts, whole = [told(each) for each in found], set().union(*found)
    if whole in found:
        assert gtid.furthest(texts) == texts[found.index(whole)]
    else:
        with pytest.raises(gtid.ApartError):
            gtid.furthest(texts)
    assert bool(gtid.apart(dict(zip("abcd", texts, strict=False)))) == (whole not in found)


def test_what_only_one_has_is_told_by_who_numbered_it() -> None:
    one, other = f"{FIRST}:1-9,{SECOND}:1-3", f"{FIRST}:1-7"
    assert gtid.missing(one, other) == (f"{FIRST}:8-9", f"{SECOND}:1-3")
    assert gtid.apart({"db1": told({1, 2}), "db2": told({1, 3})}) == (
        f"db1 lacks {FIRST}:3",
        f"db2 lacks {FIRST}:2",
    )


@given(LOGS, st.integers(1, 12))
def test_a_past_is_known_up_to_a_position(log: list[int], count: int) -> None:
    """What is told of it was so, and it ends with the position; of who wrote no more since, all is told."""
    then = log[:count]
    known = positions.until(history(log), position(then))
    assert ",".join(known[-1:]) == position(then)
    assert gtid.contains(history(then), ",".join(known))
    silent = {server for server in then if server not in log[len(then) :]}
    assert {each.server for each in positions.parse(",".join(known))} >= silent


def test_domains_of_others_are_no_part_of_a_past() -> None:
    assert positions.until("9-1-4,1-1-7,1-2-9", "1-2-9") == ("1-1-7", "1-2-9")


@pytest.mark.parametrize(
    ("begins", "first", "leads"),
    [
        ("1-1-10", "", True),
        ("1-1-11", "", False),
        ("1-1-10,9-1-99", "", True),  # a domain that is not asked for
        ("", "1-2-11", True),
        ("", "1-2-12", False),
        ("", "", True),  # nothing is in it
    ],
)
def test_logs_lead_on_from_a_position_or_were_removed(begins: str, first: str, leads: bool) -> None:
    assert positions.leads_on(begins, first, "1-1-10") == leads


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#1 end_log_pos 285 CRC32 0xf0 \tGtid list []\n#2 CRC32 0x5a \tGTID 7-1-1 ddl\n", ("", "7-1-1")),
        ("#1 \tGtid list [7-1-753]\n# at 4\n#2 \tGTID 7-1-754 trans\n", ("7-1-753", "")),
        ("#1 \tGtid list [7-1-753,\n# 7-2-760]\n", ("7-1-753,7-2-760", "")),
        ("#1 \tGtid list []\n", ("", "")),
        ("ERROR: File not found\n", None),
        ("", None),
    ],
)
def test_where_a_binary_log_begins(text: str, found: tuple[str, str] | None) -> None:
    assert logs.begins(text) == found
