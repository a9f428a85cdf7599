"""Sets of GTIDs, as MySQL writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.databases.group_replication.gtid import GtidSet, union

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "99999999-2222-3333-4444-555555555555"
numbers = st.sets(st.integers(1, 12))
SETS = st.builds(
    lambda a, b: GtidSet.parse(",".join(f"{key}:{n}" for key, found in ((A, a), (B, b)) for n in found)),
    numbers,
    numbers,
)


def flat(found: GtidSet) -> set[tuple[str, int]]:
    return {(key, n) for key, rows in found.parts.items() for first, last in rows for n in range(first, last + 1)}


def test_it_reads_what_a_server_says() -> None:
    found = GtidSet.parse(f"{A.upper()}:1-3:11:4-5,\n{B}:7")
    assert str(found) == f"{A}:1-5:11, {B}:7"
    assert len(found) == 7
    assert found.of(A.upper())
    assert not GtidSet.parse("").parts


def test_a_tag_numbers_by_itself() -> None:
    found = GtidSet.parse(f"{A}:1-3:tag:1-2")
    assert found.parts == {A: ((1, 3),), f"{A}:tag": ((1, 2),)}
    assert not found <= GtidSet.parse(f"{A}:1-9")
    assert found.of(A)


@pytest.mark.parametrize("text", ["nonsense", f"{A}", "1-3", f"{A[:-1]}:1"])
def test_nonsense_is_no_set(text: str) -> None:
    with pytest.raises(ValueError, match="no set of GTIDs"):
        GtidSet.parse(text)


@given(SETS, SETS)
def test_it_counts_as_sets_do(one: GtidSet, other: GtidSet) -> None:
    assert flat(one | other) == flat(one) | flat(other)
    assert flat(one - other) == flat(one) - flat(other)
    assert (one <= other) == (flat(one) <= flat(other))
    assert len(one) == len(flat(one))
    assert GtidSet.parse(str(one)) == one


@given(st.lists(SETS, max_size=4))
def test_a_union_has_all(sets: list[GtidSet]) -> None:
    assert all(each <= union(sets) for each in sets)
