"""What a database with a primary guarantees, from what its nodes say."""

import json
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.replication import state
from cluster_cli.databases.replication.look import Look, read, shown
from cluster_cli.show.status import database_node
from cluster_cli.topology.databases import Database

MAIN = Database(mode="replication", nodes=("db1", "db2", "db3"))
PRIMARY = {
    "running": True,
    "read_only": False,
    "master": True,
    "clients": 2,
    "position": "7-1-9",
    "history": "7-1-9",
}
REPLICA = {
    "running": True, "follows": "db1", "io": "Yes", "sql": "Yes", "position": "7-1-8", "history": "7-1-8",
    "received": "7-1-9", "lag": 0.0, "acknowledges": True,
}  # fmt: skip
SILENT = Outcome(255, "", "no route")


def said(**row: Any) -> Outcome:
    """What a node prints, with what comes after it."""
    return Outcome(0, json.dumps(row) + "\nfenced\n", "")


def described(db1: Outcome, db2: Outcome, db3: Outcome) -> dict[str, Any]:
    nodes = {name: state.member(outcome) for name, outcome in zip(MAIN.nodes, (db1, db2, db3), strict=True)}
    return {"nodes": nodes} | state.describe(MAIN, nodes, None)


def test_a_primary_with_two_replicas_spares_one() -> None:
    found = described(said(**PRIMARY), said(**REPLICA), said(**REPLICA))
    assert (found["primary"], found["writable"], found["may_fail"], found["acknowledging"]) == ("db1", True, 1, 2)
    assert "one of 2 replicas" in found["guarantee"]
    assert found["replicas"]["db2"] == {
        "running": True, "lag_seconds": 0.0, "behind": 1, "position": "7-1-8", "received": "7-1-9",
        "acknowledges": True, "delay_seconds": 0, "why": "",
    }  # fmt: skip
    assert list(state.problems(MAIN, found)) == []


def test_without_a_replica_writes_wait_and_that_is_told() -> None:
    found = described(said(**PRIMARY | {"clients": 0}), SILENT, said(**REPLICA | {"io": "No", "error": "1236"}))
    assert not found["writable"]
    told = dict(state.problems(MAIN, found))
    assert "writes wait" in told[""]
    assert "1236" in told["db3"]
    assert "does not run" in told["db2"]


def test_a_primary_that_does_not_wait_is_told() -> None:
    found = described(said(**PRIMARY | {"master": False}), said(**REPLICA), said(**REPLICA))
    assert not found["writable"]
    assert "lost with this node" in dict(state.problems(MAIN, found))[""]


def test_two_who_take_writes_are_told_with_where_they_are() -> None:
    found = described(said(**PRIMARY), said(**PRIMARY | {"position": "7-2-10"}), said(**REPLICA))
    assert found["primary"] is None
    assert "db1 (at 7-1-9) and db2 (at 7-2-10) both take writes" in dict(state.problems(MAIN, found))[""]


def test_a_node_that_says_nonsense_is_as_one_that_is_silent() -> None:
    for outcome in (None, SILENT, Outcome(0, "", ""), Outcome(0, "[1]\n", ""), Outcome(0, "oops\n", "")):
        assert state.member(outcome)["state"] is None


def test_parts_have_words() -> None:
    words = {
        "primary": Look(**PRIMARY), "replica": Look(**REPLICA), "cut off": Look(**REPLICA | {"io": "Connecting"}),
        "empty": Look(running=True, blank=True), "alone": Look(running=True, position="7-1-3"),
    }  # fmt: skip
    assert {word: state.part(look) for word, look in words.items()} == {word: word for word in words}


def test_evidence_tells_what_is_not_applied() -> None:
    assert shown("db2", Look(**REPLICA)) == "db2 follows db1, is at 7-1-8, received up to 7-1-9"
    assert shown("db1", Look(**PRIMARY)) == "db1 takes writes, is at 7-1-9"
    assert shown("db3", None) == "db3 did not answer"


def test_what_a_newer_program_adds_does_not_matter() -> None:
    assert read(json.dumps(REPLICA | {"novelty": 1})) == Look(**REPLICA)


LATE = Database(mode="replication", nodes=("db1", "db2", "db3"), delayed={"db3": "1h"})  # type: ignore[dict-item]


def test_a_delayed_node_is_well_when_it_is_as_late_as_wished() -> None:
    late = REPLICA | {"position": "7-1-2", "lag": 3600.0, "delay": 3600}
    found = described(said(**PRIMARY), said(**REPLICA), said(**late))
    assert list(state.problems(LATE, found)) == []
    assert (found["may_fail"], found["replicas"]["db3"]["delay_seconds"]) == (1, 3600)
    assert database_node({**found, "fenced": False}, "db3") == "db3 replica (delayed by 1h)"
    assert "delayed by 1h, is at 7-1-2, received up to 7-1-9" in shown("db3", Look(**late))


def test_a_delay_that_is_not_as_wished_is_told() -> None:
    found = described(said(**PRIMARY), said(**REPLICA | {"delay": 5400}), said(**REPLICA))
    told = dict(state.problems(LATE, found))
    assert "is delayed by 90m, but is to be not delayed" in told["db2"]
    assert "is not delayed, but is to be delayed by 1h" in told["db3"]


def test_a_held_node_is_told_with_what_lets_it_go_on() -> None:
    held = REPLICA | {"delay": 3600, "held": True, "sql": "No"}
    found = described(said(**PRIMARY), said(**REPLICA), said(**held))
    assert found["nodes"]["db3"]["state"] == "held"
    assert dict(state.problems(LATE, found)) == {"db3": "applies nothing until `cluster db release db3`"}
