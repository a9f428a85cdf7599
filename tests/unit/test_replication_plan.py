"""Who takes writes: whoever does; else the former primary, if all were seen and it has or can get everything."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.replication_plan import (
    ATTACH,
    COPY,
    REFUSE,
    STAY,
    plan,
    successor,
)
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.look import DIVERGED, Look

MEMBERS = ["db1", "db2", "db3"]
BLANK = Look(running=True, blank=True)


def at(sequence: int, server: int = 1) -> str:
    return f"7-{server}-{sequence}"


def primary(sequence: int = 9, **more: Any) -> Look:
    here = at(sequence)
    return Look(
        **{"running": True, "read_only": False, "master": True, "position": here, "history": here, "clients": 2}
        | more
    )


def ended(sequence: int = 9) -> Look:
    """A primary that was started again."""
    return primary(sequence, read_only=True, master=False, clients=0)


def replica(sequence: int = 9, of: str = "db1", **more: Any) -> Look:
    here = at(sequence)
    return Look(
        **{"running": True, "follows": of, "io": "Yes", "sql": "Yes", "position": here, "history": here}
        | {"received": here, "acknowledges": True}
        | more
    )


def test_new_nodes_begin_at_the_first_and_copy_it() -> None:
    found = plan(dict.fromkeys(MEMBERS, BLANK), MEMBERS)
    assert (found.primary, found.first, found.opens) == ("db1", True, True)
    assert {name: (step.kind, step.node) for name, step in found.steps.items()} == {
        "db2": (COPY, "db1"),
        "db3": (COPY, "db1"),
    }


def test_new_nodes_wait_for_all_of_them() -> None:
    assert "db3 did not answer" in plan({"db1": BLANK, "db2": BLANK}, MEMBERS).refused


def test_what_works_is_left_alone() -> None:
    found = plan({"db1": replica(of="db2"), "db2": primary(), "db3": replica(8, of="db2")}, MEMBERS)
    assert (found.primary, found.opens, found.fetch) == ("db2", False, "")
    assert {step.kind for step in found.steps.values()} == {STAY}


def test_an_emptied_node_is_given_a_copy_by_a_replica() -> None:
    found = plan({"db1": primary(), "db2": replica(), "db3": BLANK}, MEMBERS)
    assert (found.steps["db3"].kind, found.steps["db3"].node) == (COPY, "db2")


def test_the_primary_gives_where_nobody_else_can() -> None:
    found = plan({"db1": primary(clients=0), "db2": BLANK, "db3": replica(io="No")}, MEMBERS)
    assert found.steps["db2"].node == "db1"


def test_a_node_that_only_misses_something_follows() -> None:
    for look in (ended(5), replica(7, of="10.0.0.9"), replica(6, io="No"), replica(stale_password=True)):
        found = plan({"db1": primary(), "db2": look, "db3": replica()}, MEMBERS)
        assert found.steps["db2"].kind == ATTACH


def test_a_node_with_writes_of_its_own_is_not_touched() -> None:
    own = "7-1-7,7-2-8"
    found = plan({"db1": primary(), "db2": replace(ended(), position=at(8, 2), history=own)}, MEMBERS)
    assert found.steps["db2"].kind == REFUSE
    assert "7-2-8" in found.steps["db2"].why
    assert "cluster rejoin db2" in found.steps["db2"].why


def test_a_source_that_says_they_diverged_is_believed() -> None:
    found = plan({"db1": primary(), "db2": replica(io="No", errno=DIVERGED, error="diverged")}, MEMBERS)
    assert (found.steps["db2"].kind, found.primary) == (REFUSE, "db1")


def test_two_who_take_writes_are_told_and_nothing_is_done() -> None:
    found = plan({"db1": primary(12), "db2": primary(10), "db3": replica()}, MEMBERS)
    assert "db1 and db2 both take writes" in found.refused
    assert at(12) in found.refused
    assert at(10) in found.refused
    assert found.steps == {}


def test_a_primary_that_was_restarted_goes_on() -> None:
    found = plan({"db1": ended(), "db2": replica(9, io="Connecting"), "db3": replica(8)}, MEMBERS)
    assert (found.primary, found.opens, found.fetch, found.refused) == ("db1", True, "", "")


def test_a_primary_that_a_crash_set_back_fetches_its_tail_first() -> None:
    cut = {"io": "No", "errno": DIVERGED}
    found = plan({"db1": ended(9), "db2": replica(10, **cut), "db3": replica(12, **cut)}, MEMBERS)
    assert (found.primary, found.opens, found.fetch, found.refused) == ("db1", True, "db3", "")
    assert {step.kind for step in found.steps.values()} == {ATTACH}


def test_what_cannot_be_applied_cannot_be_fetched() -> None:
    stuck = replica(9, received=at(12), io="No", sql="No")
    assert "cluster failover" in plan({"db1": ended(9), "db2": stuck, "db3": replica(9)}, MEMBERS).refused


def test_nobody_goes_on_while_a_node_was_not_seen() -> None:
    found = plan({"db1": ended(), "db2": replica()}, MEMBERS)
    assert "db3 did not answer" in found.refused
    assert "cluster failover" in found.refused


def test_replicas_of_a_primary_that_lost_its_data_are_not_promoted_by_us() -> None:
    assert "cluster failover" in plan({"db1": BLANK, "db2": replica(), "db3": replica()}, MEMBERS).refused


def test_a_fenced_database_stays_closed_and_whole() -> None:
    found = plan({"db1": primary(read_only=True, fenced=True), "db2": replica(io="No", fenced=True)}, MEMBERS)
    assert (found.primary, found.opens, found.steps["db2"].kind) == ("db1", False, ATTACH)


def test_the_only_one_with_data_leads() -> None:
    found = plan({"db1": BLANK, "db2": ended(), "db3": BLANK}, MEMBERS)
    assert (found.primary, found.opens, found.first) == ("db2", True, False)


LOOKS = st.one_of(
    st.just(BLANK),
    st.builds(primary, st.integers(1, 9)),
    st.builds(ended, st.integers(1, 9)),
    st.builds(
        lambda own, more, of, io, sql: replica(own, of=of, io=io, sql=sql, received=at(own + more)),
        st.integers(1, 9),
        st.integers(0, 3),
        st.sampled_from([*MEMBERS, "10.0.0.9"]),
        st.sampled_from(["Yes", "No", "Connecting"]),
        st.sampled_from(["Yes", "No"]),
    ),
)


@given(st.dictionaries(st.sampled_from(MEMBERS), LOOKS, min_size=1))
def test_who_takes_writes_stays_and_who_takes_them_anew_has_all(looks: dict[str, Look]) -> None:
    found, now = plan(looks, MEMBERS), [name for name, look in looks.items() if look.writable]
    if len(now) == 1:
        assert (found.primary, found.opens) == (now[0], False)
    elif found.primary and not found.first:
        assert now == []
        assert set(looks) == set(MEMBERS)
        most = gtid.furthest(look.most for look in looks.values() if not look.blank)
        holder = looks[found.fetch or found.primary]
        assert gtid.distance(most, holder.most) == 0
        assert looks[found.primary].head
    else:
        assert bool(found.refused) != found.first


@given(st.dictionaries(st.sampled_from(MEMBERS), LOOKS, min_size=1))
def test_nobody_with_data_is_copied_over(looks: dict[str, Look]) -> None:
    for name, step in plan(looks, MEMBERS).steps.items():
        assert step.kind != COPY or looks[name].blank
        assert step.kind != COPY or step.node != name


def test_the_replica_that_is_nearest_takes_over() -> None:
    found = successor({"db1": primary(9), "db2": replica(7), "db3": replica(8)}, MEMBERS)
    assert (found.old, found.new) == ("db1", "db3")


def test_nobody_takes_over_while_a_replica_is_not_well() -> None:
    found = successor({"db1": primary(), "db2": replica(), "db3": replica(io="No")}, MEMBERS)
    assert (found.new, found.why) == ("", "db3 does not follow db1 without an error")
    assert "db3" in successor({"db1": primary(), "db2": replica()}, MEMBERS).why
    assert "apply" in successor({"db1": primary(5000), "db2": replica(1), "db3": replica(1)}, MEMBERS).why
    assert "not exactly one" in successor({"db1": primary(), "db2": primary(), "db3": replica()}, MEMBERS).why


UUID = "0b5ca31a-ea9f-11f1-b574-ba34a887460d"


def having(last: int, look: Look, more: str = "") -> Look:
    """The same node of MySQL, with these transactions."""
    has = f"{UUID}:1-{last}{more}"
    return replace(look, position=has, history=has, received=has if look.follows else "")


def test_a_primary_of_mysql_that_crashed_goes_on_with_what_nobody_acknowledged() -> None:
    looks = {"db1": having(12, ended()), "db2": having(11, replica()), "db3": having(9, replica())}
    found = plan(looks, MEMBERS)
    assert (found.primary, found.opens, found.fetch, found.refused) == ("db1", True, "", "")


def test_a_node_of_mysql_with_writes_of_its_own_is_not_touched() -> None:
    looks = {"db1": having(12, primary()), "db2": having(12, replica()), "db3": having(11, ended(), ":13")}
    found = plan(looks, MEMBERS)
    assert found.steps["db3"].kind == REFUSE
    assert f"{UUID}:13" in found.steps["db3"].why


def test_who_is_delayed_gives_no_copy_and_takes_no_writes() -> None:
    late = replica(2, delay=3600, received=at(9))
    assert plan({"db1": primary(), "db2": late, "db3": BLANK}, MEMBERS).steps["db3"].node == "db1"
    assert plan({"db1": primary(), "db2": late, "db3": replica()}, MEMBERS).steps["db2"].kind == STAY
    assert successor({"db1": primary(), "db2": late, "db3": replica(7)}, MEMBERS).new == "db3"
    assert successor({"db1": primary(), "db2": late}, MEMBERS[:2]).why == "db2 is delayed"


def test_a_tail_is_fetched_from_who_has_applied_it() -> None:
    late = replica(2, delay=3600, received=at(12))
    assert plan({"db1": ended(9), "db2": late, "db3": replica(12)}, MEMBERS).fetch == "db3"
    assert "cluster failover" in plan({"db1": ended(9), "db2": late, "db3": replica(9)}, MEMBERS).refused


def test_who_is_held_is_left_alone() -> None:
    held = replica(2, held=True, delay=3600, sql="No", received=at(9))
    assert plan({"db1": primary(), "db2": held, "db3": replica()}, MEMBERS).steps["db2"].kind == STAY
    elsewhere = plan({"db1": replica(of="db3"), "db2": held, "db3": primary()}, MEMBERS).steps["db2"]
    assert (elsewhere.kind, "cluster db release db2" in elsewhere.why) == (REFUSE, True)
