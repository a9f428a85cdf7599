"""Whether a node is given only what it misses: by the cache of the others, and by what they are."""

import re

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.databases.galera.reach import Cache, heard, least, refusal
from cluster_cli.databases.seat import Seat

GROUP, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
SAID = "wsrep_cluster_state_uuid\t{}\nwsrep_last_committed\t{}\nwsrep_local_cached_downto\t{}\n"


def cache(first: int, last: int, **more: object) -> Cache:
    return Cache(GROUP, first, last, **more)  # type: ignore[arg-type]


def test_a_node_tells_what_it_keeps() -> None:
    told = SAID.format(GROUP, 900, 4) + "fragments\t0\nhistory\t1-7-12\n"
    assert heard(Outcome(0, told, "")) == cache(4, 900, history="1-7-12")
    assert heard(Outcome(0, told.replace("fragments\t0", "fragments\t100"), "")) == cache(
        4, 900, fragments=True, history="1-7-12"
    )
    nothing = heard(Outcome(0, SAID.format(GROUP, 900, 18446744073709551615), ""))
    assert nothing == cache(0, 900)
    assert heard(Outcome(1, "", "cannot connect")) is None
    assert heard(None) is None


def test_room_is_spared_as_the_cache_goes_on() -> None:
    """Galera spares a part of what is cached: who is too near its end is given a whole copy."""
    assert least({"db1": cache(1, 50), "db2": cache(3, 51)}) == 1
    assert least({"db1": cache(1000, 65000)}) == 2000
    assert least({"db1": cache(1, 2_000_000_000)}) == 1 + (2 << 20)
    assert least({"db1": cache(0, 50)}) is None
    assert least({"db1": cache(0, 50), "db2": cache(7, 50)}) == 7


@pytest.mark.parametrize(
    ("seat", "caches", "told"),
    [
        (Seat("1-7-9", GROUP, 2000), [cache(1000, 65000)], ""),
        (Seat("1-7-9", GROUP, 1999), [cache(1000, 65000)], "at 1999, .* the others keep what came after 2000"),
        (Seat("1-7-9", "", 0), [cache(1000, 65000)], ""),  # known once it is restored
        (Seat("1-7-9", OTHER, 2000), [cache(1000, 65000)], f"of the group {OTHER}"),
        (
            Seat("1-7-9", GROUP, 65001),
            [cache(1000, 65000)],
            "changes up to 65001, and the others only up to 65000",
        ),
        (Seat("1-7-9", GROUP, 65000), [cache(0, 65000)], "the others keep nothing"),
        (Seat("1-7-9", "", 0), [cache(0, 65000)], "the others keep nothing"),
        (Seat("1-7-9", GROUP, 65000), [cache(1, 65000, fragments=True)], "db1 sends transactions in parts"),
        (Seat("1-7-9", GROUP, 65001), [cache(1, 65000), cache(1, 65001)], ""),
        (Seat("1-7-9", GROUP, 7), [Cache(GROUP, 1, 9), Cache(OTHER, 1, 9)], "the others are of"),
    ],
)
def test_who_could_not_go_on_is_refused(seat: Seat, caches: list[Cache], told: str) -> None:
    found = refusal(seat, {f"db{number}": each for number, each in enumerate(caches, 1)})
    assert re.search(told, found) if told else not found
