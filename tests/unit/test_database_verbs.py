"""What verbs on databases decide, by what nodes and balancers say."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.databases.galera import recover, switchover
from cluster_cli.databases.live import Live
from cluster_cli.databases.operation import Wish, named, verb_of
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.ssh import Answer
from cluster_cli.status.answers import table_server
from cluster_cli.topology.databases import Database
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
TOPOLOGY = parse((ROOT / "tests/golden/inventories/databases.yml").read_text())
GROUP = "11111111-2222-3333-4444-555555555555"
TABLE = "# table: main-write, type: integer, size:1, used:1\n0x1: key=1 use=0 exp=0 server_id={} server_key=-\n"


def synced(waiting: int = 0) -> str:
    """What a good node says."""
    rows = {"local_state_comment": "Synced", "cluster_status": "Primary", "cluster_size": 3}
    rows |= {"local_recv_queue": waiting, "last_committed": 9}
    return "".join(f"wsrep_{name}\t{value}\n" for name, value in rows.items()) + "read_only\t0\n"


@dataclass
class Said:
    """A database whose nodes and balancers say what a test wants. says: by node, None for no answer."""

    says: dict[str, str | None]
    table: str = TABLE.format(1)
    stat: str = ""
    name: str = "main"
    database: Database = field(default_factory=lambda: TOPOLOGY.databases["main"])
    nodes: tuple[str, ...] = ("db1", "db2", "db3")

    def run(self, node: str, _command: str, **_: Any) -> Answer:
        text = self.says[node]
        return Answer(node, 0 if text is not None else 255, text or "", "")

    def on_all(self, nodes: list[str], work: Any) -> dict[str, Any]:
        return {node: work(node) for node in nodes}

    def balance(self, *commands: str) -> dict[str, str]:
        return {"lb1": self.stat if "stat" in commands[0] else self.table}


def live(**more: Any) -> Live:
    return cast("Live", Said(**more))


def position(seqno: int) -> str:
    """What a stopped node says."""
    return f'{{"running": false, "status": "", "group": "{GROUP}", "seqno": {seqno}}}'


def test_the_one_with_the_shortest_queue_takes_the_writes() -> None:
    plan = switchover.weigh(live(says={"db1": synced(), "db2": synced(5), "db3": synced()}), None)
    assert (plan.node, plan.details) == ("db3", {"from": "db1"})
    assert plan.stake == ""
    assert plan.evidence[1] == "db2: Synced, at 9, 5 waiting"


@pytest.mark.parametrize(
    ("to", "what"),
    [
        ("db1", "takes the writes already"),
        ("db2", "cannot take writes now"),
        ("db9", "is no node of database main"),
    ],
)
def test_who_cannot_take_the_writes_is_told_why(to: str, what: str) -> None:
    with pytest.raises(ClusterError, match=what):
        switchover.weigh(live(says={"db1": synced(), "db2": None, "db3": synced()}), to)


def test_a_group_goes_on_where_it_has_most() -> None:
    plan = recover.weigh(live(says={"db1": position(5), "db2": position(9), "db3": position(7)}), ())
    assert (plan.node, plan.stake) == ("db2", "")


def test_a_node_that_was_not_seen_may_have_more() -> None:
    says = {"db1": position(5), "db2": None, "db3": position(7)}
    with pytest.raises(ClusterError, match="db2 did not answer") as caught:
        recover.weigh(live(says=says), ())
    assert "db3 is at" in caught.value.why
    assert "--without db2" in caught.value.hint
    plan = recover.weigh(live(says=says), ("db2",))
    assert plan.node == "db3"
    assert "given up for good" in plan.stake


def test_nobody_is_lost_whom_the_balancers_reach() -> None:
    stat = "# pxname,svname,status\nmain-write,db2,UP\n"
    says = {"db1": position(5), "db2": None, "db3": position(7)}
    with pytest.raises(ClusterError, match="db2 is not lost"):
        recover.weigh(live(says=says, stat=stat), ("db2",))


def test_where_a_group_lives_nothing_is_recovered() -> None:
    alive = f'{{"running": true, "status": "Primary", "group": "{GROUP}", "seqno": -1}}'
    with pytest.raises(ClusterError, match="the group lives"):
        recover.weigh(live(says={"db1": alive, "db2": None, "db3": None}), ("db2", "db3"))


def test_a_table_names_its_server_by_number() -> None:
    servers = ("db1", "db2", "db3")
    assert table_server(Outcome(0, TABLE.format(2), ""), "main-write", servers) == "db2"
    assert table_server(Outcome(0, TABLE.format(9), ""), "main-write", servers) is None
    assert table_server(Outcome(0, "", ""), "main-write", servers) is None
    assert table_server(Outcome(0, TABLE.format(2), ""), "other", servers) is None


def test_what_an_engine_does_by_itself_is_said() -> None:
    with pytest.raises(ClusterError, match="mode galera has no failover") as caught:
        verb_of("galera", "failover")
    assert caught.value.code == Exit.USAGE


@dataclass
class Opened:
    """A workspace with a topology, and no more."""

    topology: Any = TOPOLOGY


@pytest.mark.parametrize(
    ("database", "options", "found"),
    [("main", {}, "main"), (None, {}, "main"), (None, {"node": "db2"}, "main")],
)
def test_the_database_that_is_meant(database: str | None, options: dict[str, Any], found: str) -> None:
    assert named(cast("Any", Opened()), Wish("switchover", database, options)) == found


@pytest.mark.parametrize(("database", "options"), [("mian", {}), (None, {"node": "lb1"})])
def test_a_database_that_is_not_there(database: str | None, options: dict[str, Any]) -> None:
    with pytest.raises(ClusterError) as caught:
        named(cast("Any", Opened()), Wish("switchover", database, options))
    assert caught.value.code == Exit.USAGE
