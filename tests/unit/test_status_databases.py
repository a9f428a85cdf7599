"""What a database guarantees, from what its nodes say."""

from cluster_cli.collect import Outcome
from cluster_cli.status.databases import group, problems
from cluster_cli.topology.databases import Database

MAIN = Database(nodes=("db1", "db2", "db3"))
GOOD = Outcome(
    0,
    "wsrep_local_state_comment\tSynced\nwsrep_cluster_status\tPrimary\nwsrep_cluster_size\t3\n"
    "wsrep_local_recv_queue\t0\nwsrep_last_committed\t42\n",
    "",
)
JOINING = Outcome(0, GOOD.stdout.replace("Synced", "Joiner"), "")
APART = Outcome(0, GOOD.stdout.replace("Primary", "non-Primary"), "")
SILENT = Outcome(1, "", "Can't connect")


def test_three_nodes_spare_one() -> None:
    found = group(MAIN, {"db1": GOOD, "db2": GOOD, "db3": GOOD})
    assert (found["writable"], found["may_fail"]) == (True, 1)
    assert found["guarantee"] == "every acknowledged write is on 3 nodes; 1 more may fail"
    assert found["nodes"]["db1"]["position"] == "42"


def test_two_nodes_spare_none() -> None:
    for third in (JOINING, APART, SILENT):
        found = group(MAIN, {"db1": GOOD, "db2": GOOD, "db3": third})
        assert (found["writable"], found["may_fail"]) == (True, 0)
        assert "if one more fails, writes stop" in found["guarantee"]
        told = list(problems({"main": found}, dict.fromkeys(MAIN.nodes, True)))
        assert len(told) == 1
        assert told[0].startswith("db3: takes no part in database main")


def test_without_a_majority_nobody_writes() -> None:
    found = group(MAIN, {"db1": APART, "db2": APART})
    assert not found["writable"]
    told = list(problems({"main": found}, {"db1": True, "db2": True, "db3": False}))
    assert told[0] == "database main: no node takes writes"
    assert [each.split(":")[0] for each in told[1:]] == ["db1", "db2"]
