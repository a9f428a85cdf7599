"""What a MySQL group guarantees, and what verbs on it decide, from what its nodes say."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.databases.group_replication import fence, recover, rejoin, switchover
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import described, problems
from cluster_cli.errors import ClusterError
from cluster_cli.ssh import Answer
from cluster_cli.topology.databases import Database
from cluster_cli.topology.load import parse

TOPOLOGY = parse((Path(__file__).parents[2] / "tests/golden/inventories/mysql-group.yml").read_text())
GROUP, OTHER = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
UUIDS = {name: f"{GROUP[:-1]}{number}" for number, name in enumerate(("db1", "db2", "db3"), 1)}
ALL = dict.fromkeys(UUIDS, True)


def says(node: str, states: dict[str, str], has: str = f"{GROUP}:1-9", **more: Any) -> str:
    """What a node says. states: of all members by its own word, as STATE or STATE/ROLE."""
    rows = [("uuid", UUIDS[node]), ("read_only", more.get("read_only", 0)), ("offline", more.get("offline", 0))]
    for name, state in states.items():
        word, _, role = state.partition("/")
        rows.append(("member", f"{UUIDS[name]} {word} {role or 'SECONDARY'} 192.0.2.1"))
    rows += [("has", has), ("has", ""), ("waiting", more.get("waiting", 0)), ("lag", more.get("lag", "0.0000"))]
    return "".join(f"{name}\t{value}\n" for name, value in rows)


GOOD = {"db1": "ONLINE/PRIMARY", "db2": "ONLINE", "db3": "ONLINE"}


def alone(node: str, has: str = f"{GROUP}:1-9") -> str:
    """A node that is in no group."""
    return says(node, {node: "OFFLINE/-"}, has, read_only=1)


def whole() -> dict[str, str]:
    """A group of three in which all is well."""
    return {node: says(node, GOOD, read_only=int(node != "db1")) for node in UUIDS}


def seen(answers: dict[str, str]) -> dict[str, Any]:
    """The database as status describes it."""
    return described(TOPOLOGY, "main", {node: Outcome(0, text, "") for node, text in answers.items()})


def test_three_nodes_spare_one() -> None:
    found = seen(whole())
    assert (found["primary"], found["writable"], found["may_fail"]) == ("db1", True, 1)
    assert found["replicas"]["db2"] == {"running": True, "lag_seconds": 0.0, "behind": 0}
    assert found["guarantee"].endswith("1 more may fail")
    assert list(problems(TOPOLOGY, {"main": found}, ALL)) == []


def test_two_nodes_spare_none() -> None:
    two = {"db1": "ONLINE/PRIMARY", "db2": "ONLINE"}
    found = seen({"db1": says("db1", two), "db2": says("db2", two, read_only=1), "db3": alone("db3")})
    assert (found["writable"], found["may_fail"], found["quorum"]["present"]) == (True, 0, 2)
    assert list(problems(TOPOLOGY, {"main": found}, ALL)) == ["db3: takes no part (OFFLINE) in database main"]


def test_a_minority_does_not_count_although_it_says_so() -> None:
    cut = {"db1": "ONLINE/PRIMARY", "db2": "UNREACHABLE", "db3": "UNREACHABLE"}
    found = seen({"db1": says("db1", cut)})
    assert (found["primary"], found["writable"], found["quorum"]["has"]) == (None, False, False)
    assert found["guarantee"].startswith("no node takes writes")


def test_how_far_behind_a_node_is_is_told() -> None:
    answers = whole() | {"db2": says("db2", GOOD, f"{GROUP}:1-4", read_only=1, lag="3.5000")}
    assert seen(answers)["replicas"]["db2"] == {"running": True, "lag_seconds": 3.5, "behind": 5}


@dataclass
class Said:
    """A database whose nodes say what a test wants; None for no answer. stat: what its balancers show."""

    says: dict[str, str | None]
    stat: str = ""
    name: str = "main"
    database: Database = field(default_factory=lambda: TOPOLOGY.databases["main"])
    nodes: tuple[str, ...] = tuple(UUIDS)

    def run(self, node: str, _command: str, **_: Any) -> Answer:
        text = self.says[node]
        return Answer(node, 0 if text is not None else 255, text or "", "")

    def on_all(self, nodes: list[str], work: Any) -> dict[str, Any]:
        return {node: work(node) for node in nodes}

    def balance(self, *_: str) -> dict[str, str]:
        return {"lb1": self.stat}


def live(answers: dict[str, str | None], stat: str = "") -> Live:
    return cast("Live", Said(answers, stat))


def test_the_quietest_other_node_takes_over() -> None:
    plan = switchover.weigh(live(whole() | {"db2": says("db2", GOOD, waiting=40)}), None)
    assert (plan.node, plan.details) == ("db3", {"from": "db1", "uuid": UUIDS["db3"]})


@pytest.mark.parametrize(("to", "why"), [("db1", "already"), ("db9", "is no node"), ("db3", "cannot take writes")])
def test_who_cannot_take_over_is_refused(to: str, why: str) -> None:
    with pytest.raises(ClusterError, match=why):
        switchover.weigh(live(whole() | {"db3": alone("db3")}), to)


def test_after_a_total_outage_who_has_most_begins() -> None:
    lost = {"db1": alone("db1", f"{GROUP}:1-7"), "db2": alone("db2"), "db3": alone("db3", "")}
    plan = recover.weigh(live(lost), ())
    assert (plan.node, plan.stake) == ("db2", "")
    assert any("lacks 2 that others have" in line for line in plan.evidence)


def test_a_silent_node_stops_it_until_it_is_given_up() -> None:
    lost = {"db1": alone("db1"), "db2": None, "db3": alone("db3")}
    with pytest.raises(ClusterError, match="db2 did not answer"):
        recover.weigh(live(lost), ())
    assert "db2 alone has" in recover.weigh(live(lost), ("db2",)).stake


def test_nobody_is_lost_whom_the_balancers_reach() -> None:
    stat = "# pxname,svname,status\nmain-write,db2,UP\n"
    with pytest.raises(ClusterError, match="db2 is not lost"):
        recover.weigh(live({"db1": alone("db1"), "db2": None, "db3": alone("db3")}, stat), ("db2",))


def test_sets_that_went_apart_are_for_the_operator_to_choose() -> None:
    lost = {"db1": alone("db1", f"{GROUP}:1-9, {OTHER}:1"), "db2": alone("db2", f"{GROUP}:1-10"), "db3": None}
    with pytest.raises(ClusterError, match="no node has all there is"):
        recover.weigh(live(lost), ("db3",))
    plan = recover.weigh(live(lost), ("db3", "db1"))
    assert plan.node == "db2"
    assert f"1 transactions that only db1 has ({OTHER}:1)" in plan.stake


def test_a_living_group_is_not_begun_again() -> None:
    with pytest.raises(ClusterError, match="the group lives"):
        recover.weigh(live(whole()), ())


def test_who_only_misses_something_follows_again() -> None:
    plan = rejoin.weigh(live(whole() | {"db3": alone("db3", f"{GROUP}:1-4")}), "db3", clone=False)
    assert (plan.stake, plan.details) == ("", {})


def test_who_has_writes_of_its_own_is_given_a_copy() -> None:
    plan = rejoin.weigh(live(whole() | {"db3": alone("db3", f"{GROUP}:1-4, {OTHER}:1-2")}), "db3", clone=False)
    assert plan.details == {"donor": "db2"}
    assert f"2 transactions that the group has not ({OTHER}:1-2)" in plan.stake


def test_a_fence_must_be_heard_by_all() -> None:
    assert fence.weigh(live(whole())).node == "db1"
    with pytest.raises(ClusterError, match="db3 would not hear of it"):
        fence.weigh(live(whole() | {"db3": None}))
