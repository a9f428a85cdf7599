"""Where numbers go on after a restore: nothing that was ever given is given again."""

from cluster_cli.backups import numbers
from cluster_cli.databases.group_replication.gtid import GtidSet

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "99999999-2222-3333-4444-555555555555"


def test_a_full_million_at_least_one_million_beyond() -> None:
    assert [numbers.beyond(most) for most in (0, 1, 999_999, 1_000_000)] == [
        2_000_000, 2_000_000, 2_000_000, 3_000_000,
    ]  # fmt: skip


def test_sequences_are_those_of_the_domain() -> None:
    assert numbers.sequences("1-1-42, 7-1-9", 1) == [42]
    assert numbers.sequences("7-1-3,9-2-12", 9) == [12]
    assert numbers.sequences("put back to 1-1-42", 1) == []
    assert numbers.sequences("2026-11-27 14:03:27 UTC", 2026) == []


def test_all_that_anybody_gave_is_spent() -> None:
    """Also what lies between, and what a server gave that has not written for long."""
    known = (f"{A}:1-1200:1000001-1000007", f"{A}:1300,{B}:5", "")
    assert numbers.told(numbers.spent(known)) == f"{A}:1-3000000,{B}:1-2000000"


def test_tags_have_numbers_of_their_own() -> None:
    assert numbers.told(numbers.spent((f"{A}:1-3:load:1-9",))) == f"{A}:1-2000000,{A}:load:1-2000000"


def test_what_is_spent_twice_goes_on_behind() -> None:
    """An undo marks what comes after all that a restored history could have given."""
    spent = numbers.spent((f"{A}:1-1200",))
    again = numbers.spent((numbers.told(spent), f"{A}:2000001-2000009,{B}:1-4")) - spent
    assert numbers.told(again) == f"{A}:2000001-4000000,{B}:1-2000000"
    assert not (again - GtidSet.parse(f"{A}:2000001-4000000,{B}:1-2000000")).parts
