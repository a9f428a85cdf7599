"""Who may begin a Galera group: nobody, unless all were seen and none has more."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.galera_plan import (
    Look,
    Plan,
    plan,
)

MEMBERS = ["db1", "db2", "db3"]
GROUP = "11111111-2222-3333-4444-555555555555"
NEW = Look(running=False)


def ended(seqno: int, group: str = GROUP) -> Look:
    return Look(running=False, group=group, seqno=seqno)


def test_new_nodes_begin_a_group_at_any_of_them() -> None:
    assert plan(dict.fromkeys(MEMBERS, NEW), MEMBERS) == Plan(first="db1")


def test_where_a_group_lives_nobody_begins_another() -> None:
    alive = Look(running=True, status="Primary", group=GROUP)
    assert plan({"db2": alive, "db3": ended(9)}, MEMBERS) == Plan()


def test_a_group_goes_on_where_it_has_most() -> None:
    assert plan({"db1": ended(7), "db2": ended(12), "db3": ended(12)}, MEMBERS).first == "db2"


def test_a_new_node_among_others_is_no_reason_to_wait() -> None:
    assert plan({"db1": NEW, "db2": ended(3), "db3": ended(1)}, MEMBERS).first == "db2"


def test_a_node_that_was_not_seen_may_have_more() -> None:
    found = plan({"db1": ended(7), "db3": ended(12)}, MEMBERS)
    assert found.first == ""
    assert "db2 did not answer" in found.refused
    assert f"db3 is at {GROUP}:12" in found.refused


def test_a_new_group_waits_for_all_of_its_nodes_too() -> None:
    assert "db3 did not answer" in plan({"db1": NEW, "db2": NEW}, MEMBERS).refused


def test_data_of_two_groups_is_not_for_us_to_choose() -> None:
    other = "99999999-2222-3333-4444-555555555555"
    assert "different groups" in plan({"db1": ended(7), "db2": ended(8, other), "db3": ended(7)}, MEMBERS).refused


@given(st.dictionaries(st.sampled_from(MEMBERS), st.integers(-1, 50), min_size=1))
def test_whoever_begins_has_all_there_is(seqnos: dict[str, int]) -> None:
    found = plan({name: ended(seqno) for name, seqno in seqnos.items()}, MEMBERS)
    if found.first:
        assert set(seqnos) == set(MEMBERS)
        assert seqnos[found.first] == max(seqnos.values())
    else:
        assert set(seqnos) != set(MEMBERS)
