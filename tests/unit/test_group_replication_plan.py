"""Who may begin a MySQL group: nobody, unless all were seen and one has all that any has."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.group_replication_plan import (
    Look,
    Plan,
    plan,
    surplus,
    takers,
)

MEMBERS = ["db1", "db2", "db3"]
GROUP, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
NEW = Look("OFFLINE", new=True)


def ended(has: str) -> Look:
    return Look("OFFLINE", has=has)


def up_to(number: int) -> Look:
    return ended(f"{GROUP}:1-{number}")


def test_new_nodes_begin_a_group_at_any_of_them() -> None:
    assert plan(dict.fromkeys(MEMBERS, NEW), MEMBERS) == Plan(first="db1")


def test_where_a_group_lives_nobody_begins_another() -> None:
    assert plan({"db2": Look("ONLINE", live=True, has=f"{GROUP}:1-9"), "db3": up_to(12)}, MEMBERS) == Plan()


def test_a_group_goes_on_where_it_has_most() -> None:
    assert plan({"db1": up_to(7), "db2": up_to(12), "db3": up_to(12)}, MEMBERS).first == "db2"


def test_a_new_node_among_others_is_no_reason_to_wait() -> None:
    assert plan({"db1": NEW, "db2": up_to(3), "db3": up_to(1)}, MEMBERS).first == "db2"


def test_a_node_that_was_not_seen_may_have_more() -> None:
    found = plan({"db1": up_to(7), "db3": up_to(12)}, MEMBERS)
    assert found.first == ""
    assert "db2 did not answer" in found.refused
    assert f"db3 has {GROUP}:1-12" in found.refused
    assert "cluster recover" in found.refused


def test_sets_that_went_apart_are_not_for_us_to_choose() -> None:
    looks = {"db1": ended(f"{GROUP}:1-7, {OTHER}:1"), "db2": up_to(8), "db3": up_to(7)}
    found = plan(looks, MEMBERS)
    assert found.first == ""
    assert f"db1 lacks {GROUP}:8" in found.refused
    assert f"db2 lacks {OTHER}:1" in found.refused


def test_what_a_node_has_alone_keeps_it_out() -> None:
    alive = Look("ONLINE", live=True, has=f"{GROUP}:1-9")
    strange = ended(f"{GROUP}:1-4, {OTHER}:1-2")
    looks = {"db1": alive, "db2": strange, "db3": NEW}
    assert str(surplus(strange, looks)) == f"{OTHER}:1-2"
    assert not surplus(up_to(9), looks).parts
    assert not surplus(NEW, looks).parts


SETS = st.sets(st.integers(1, 6)).map(lambda found: ", ".join(f"{GROUP}:{number}" for number in sorted(found)))


@given(st.dictionaries(st.sampled_from(MEMBERS), SETS, min_size=1))
def test_whoever_begins_has_all_there_is(sets: dict[str, str]) -> None:
    looks = {name: ended(has) for name, has in sets.items()}
    found = plan(looks, MEMBERS)
    if found.first:
        assert set(sets) == set(MEMBERS)
        assert all(look.transactions <= looks[found.first].transactions for look in looks.values())
    else:
        apart = not any(all(b.transactions <= a.transactions for b in looks.values()) for a in looks.values())
        assert set(sets) != set(MEMBERS) or apart


def test_nodes_without_data_are_given_a_copy_in_order() -> None:
    """Where somebody has data; a new group has nothing to be copied."""
    looks = {"db1": NEW, "db2": up_to(3), "db3": NEW}
    assert takers(looks, Plan(first="db2"), MEMBERS) == ["db1", "db3"]
    assert takers({"db2": Look("ONLINE", live=True), "db3": NEW}, Plan(), MEMBERS) == ["db3"]
    assert takers(dict.fromkeys(MEMBERS, NEW), Plan(first="db1"), MEMBERS) == []
