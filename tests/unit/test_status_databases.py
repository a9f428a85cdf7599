"""What a database guarantees, from what its nodes say."""

from pathlib import Path

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.databases.modes import described, problems, question
from cluster_cli.show.status import database_node
from cluster_cli.topology.load import parse
from cluster_cli.topology.model import Topology

ROOT = Path(__file__).parents[2]
GOOD = Outcome(
    0,
    "wsrep_local_state_comment\tSynced\nwsrep_cluster_status\tPrimary\nwsrep_cluster_size\t3\n"
    "wsrep_local_recv_queue\t0\nwsrep_last_committed\t42\nread_only\t0\n",
    "",
)
JOINING = Outcome(0, GOOD.stdout.replace("Synced", "Joiner"), "")
APART = Outcome(0, GOOD.stdout.replace("Primary", "non-Primary"), "")
SILENT = Outcome(1, "", "Can't connect")
ALL = {"db1": True, "db2": True, "db3": True}


@pytest.fixture(scope="module")
def topology() -> Topology:
    return parse((ROOT / "tests/golden/inventories/databases.yml").read_text())


def of_two(outcome: Outcome) -> Outcome:
    """The same, in a group of two members."""
    return Outcome(0, outcome.stdout.replace("size\t3", "size\t2"), "")


def test_three_nodes_spare_one(topology: Topology) -> None:
    found = described(topology, "main", {"db1": GOOD, "db2": GOOD, "db3": GOOD}, "db2")
    assert (found["writable"], found["may_fail"], found["primary"]) == (True, 1, "db2")
    assert found["guarantee"] == "every acknowledged write is on 3 nodes; 1 more may fail"
    assert found["addresses"] == {"write": "192.0.2.100:3306", "read": "192.0.2.100:3307"}
    assert found["replicas"] == dict.fromkeys(("db1", "db3"), {"running": True, "behind": 0})
    assert found["quorum"] == {"votes": 3, "present": 3, "has": True}
    assert found["nodes"]["db1"]["position"] == "42"


@pytest.mark.parametrize("third", [JOINING, APART, SILENT])
def test_two_nodes_spare_none(topology: Topology, third: Outcome) -> None:
    two = of_two(GOOD)
    found = described(topology, "main", {"db1": two, "db2": two, "db3": third}, "db1")
    assert (found["writable"], found["may_fail"]) == (True, 0)
    assert "if one more fails, writes stop" in found["guarantee"]
    told = list(problems(topology, {"main": found}, ALL))
    assert len(told) == 1
    assert told[0].startswith("db3: takes no part")


def test_one_that_was_ended_for_want_of_room_is_told(topology: Topology) -> None:
    two, away = of_two(GOOD), Outcome(0, "no_room\n", "Can't connect")
    found = described(topology, "main", {"db1": two, "db2": two, "db3": away}, "db1")
    (told,) = problems(topology, {"main": found}, ALL)
    assert told.startswith("db3: its disk is full")


def test_without_a_majority_nobody_writes(topology: Topology) -> None:
    found = described(topology, "main", {"db1": APART, "db2": APART}, "db1")
    assert not found["writable"]
    assert found["primary"] is None
    told = list(problems(topology, {"main": found}, ALL | {"db3": False}))
    assert told[0] == "database main: no node takes writes"
    assert [each.split(":")[0] for each in told[1:]] == ["db1", "db2"]


def test_a_fence_is_told_first(topology: Topology) -> None:
    fenced = Outcome(0, GOOD.stdout.replace("read_only\t0", "read_only\t1") + "fenced\n", "")
    found = described(topology, "main", dict.fromkeys(ALL, fenced), "db1")
    assert found["fenced"]
    assert not found["writable"]
    told = list(problems(topology, {"main": found}, ALL))
    assert told == ["database main is fenced: it takes no writes until `cluster db unfence main`"]


@pytest.mark.parametrize(("fenced", "word"), [(False, "db1 Synced (takes writes)"), (True, "db1 Synced (fenced)")])
def test_nobody_is_said_to_take_the_writes_of_a_fenced_database(fenced: bool, word: str) -> None:
    row = {"fenced": fenced, "primary": "db1", "nodes": {"db1": {"state": "Synced"}}, "replicas": {}}
    assert database_node(row, "db1") == word


def test_nodes_are_asked_whether_they_are_fenced(topology: Topology) -> None:
    assert "99-fenced.cnf" in question(topology.databases["main"])
