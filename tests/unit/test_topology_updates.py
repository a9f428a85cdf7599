"""The window of security updates: redundant nodes never at once, all of it inside the window."""

from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.topology.model import Topology
from cluster_cli.topology.updates import (
    DAY,
    SHORTEST,
    Slot,
    clock,
    minutes,
    redundant,
    slots,
    the_window_holds_every_turn,
    turns,
)

NAMES = [f"n{number}" for number in range(12)]
GROUPS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True), max_size=6)


def topology(groups: list[list[str]], **updates: Any) -> Topology:
    """A topology with one web service for each group."""
    return Topology.model_validate(
        {
            "name": "shop",
            "nodes": {name: {"address": f"10.0.0.{10 + number}"} for number, name in enumerate(NAMES)},
            "web": {f"w{number}": {"nodes": group, "port": 8000 + number} for number, group in enumerate(groups)},
            "hardening": {"updates": updates},
        }
    )


def overlap(one: Slot, other: Slot) -> bool:
    return one.begin < other.end and other.begin < one.end


@given(groups=GROUPS, span=st.integers(180, DAY))
def test_redundant_nodes_are_never_updated_at_once(groups: list[list[str]], span: int) -> None:
    made = topology(groups, span=f"{span}m")
    found = slots(made)
    assert found.keys() == made.nodes.keys()
    for group in redundant(made):
        assert [pair for pair in combinations(group, 2) if overlap(found[pair[0]], found[pair[1]])] == []


@given(groups=GROUPS, span=st.integers(15, DAY))
def test_every_slot_lies_in_the_window_and_ends_with_time_to_come_back(groups: list[list[str]], span: int) -> None:
    for slot in slots(topology(groups, span=f"{span}m")).values():
        assert 0 <= slot.begin < slot.end <= span
        if slot.length > 1:  # a window too short for its turns is refused
            assert 0 < slot.working < slot.length


@given(groups=GROUPS, span=st.integers(15, DAY))
def test_a_window_without_complaint_gives_everybody_enough_time(groups: list[list[str]], span: int) -> None:
    made = topology(groups, span=f"{span}m")
    fits = all(slot.length >= SHORTEST for slot in slots(made).values())
    assert fits is (list(the_window_holds_every_turn(made)) == [])


def test_nodes_that_share_nothing_take_turns_with_nobody() -> None:
    assert set(turns(topology([])).values()) == {0}


def test_the_order_of_the_file_decides() -> None:
    assert list(turns(topology([["n0", "n1", "n2"], ["n3", "n4"]])).values())[:5] == [0, 1, 2, 0, 1]


def test_balancers_backends_and_time_servers_are_redundant_too() -> None:
    made = Topology.model_validate(
        {
            "name": "shop",
            "nodes": {name: {"address": f"10.0.0.{10 + number}"} for number, name in enumerate(NAMES)},
            "time": {"servers": ["n0", "n4"]},
            "load_balancers": {
                "edge": {
                    "nodes": ["n0", "n1"],
                    "frontends": {"shop": {"bind": 80, "backend": "shop"}},
                    "backends": {"shop": {"nodes": ["n2", "n3"], "port": 80}},
                }
            },
        }
    )
    found = turns(made)
    assert all(found[one] != found[other] for one, other in (("n0", "n1"), ("n2", "n3"), ("n0", "n4")))


def test_the_clock_goes_on_after_midnight() -> None:
    made = topology([["n0", "n1"]], start="23:00", span="4h")
    assert minutes(made) == 240
    assert [clock(made, slot.begin) for slot in list(slots(made).values())[:2]] == ["23:00", "01:00"]


def test_a_window_that_is_too_short_is_told_with_the_length_that_is_not() -> None:
    problem = next(the_window_holds_every_turn(topology([["n0", "n1", "n2"]], span="30m")))
    assert "45" in problem.message
    assert problem.hint == "set `span: 45m` or more"


def test_nobody_minds_a_short_window_without_updates() -> None:
    assert list(the_window_holds_every_turn(topology([["n0", "n1"]], span="15m", enabled=False))) == []
