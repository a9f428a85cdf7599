"""What status says of backups, from what backup nodes noted."""

import json
from pathlib import Path

import pytest

from cluster_cli.backups.nodes import Meant
from cluster_cli.backups.restoring import Wish, request
from cluster_cli.backups.sheet import COMMANDS
from cluster_cli.backups.state import described, problems, span
from cluster_cli.collect import Outcome
from cluster_cli.errors import ClusterError
from cluster_cli.show.backups import document, size, status_lines
from cluster_cli.topology.load import parse
from cluster_cli.topology.model import Topology

ROOT = Path(__file__).parents[2]
NOW = 1_000_000.0
REACHED = {"bak1": True, "bak2": True}


@pytest.fixture(scope="module")
def topology() -> Topology:
    return parse((ROOT / "tests/golden/inventories/backup.yml").read_text())


def said(**kinds: dict) -> Outcome:
    known = {"main": kinds, "cluster": {"own": good(90_000_000)}}
    return Outcome(0, json.dumps({"since": NOW - 400_000, "databases": known}), "")


def good(age: float, **more: object) -> dict:
    return {"good": {"at": NOW - age, "id": "x", "seconds": 2.0}, "bad": None, **more}


FRESH = said(copies=good(3600), binlogs=good(20), proof=good(7200))


def test_fresh_backups_are_no_problem(topology: Topology) -> None:
    found = described(topology, {"bak1": FRESH, "bak2": FRESH}, NOW)
    assert {name: list(nodes) for name, nodes in found.items()} == {
        "main": ["bak1", "bak2"],
        "books": ["bak3"],
        "cluster": ["bak1", "bak2", "bak3"],
    }
    assert found["main"]["bak1"]["proof"]["age_seconds"] == 7200
    assert list(problems(topology, found, REACHED)) == []


def test_a_database_that_opted_out_is_not_there() -> None:
    text = (ROOT / "tests/golden/inventories/backup.yml").read_text()
    topology = parse(text.replace("{nodes: [bak3]}", "{enabled: false}").replace(", bak3]", "]"))
    assert list(described(topology, {}, NOW)) == ["main", "cluster"]


def test_what_is_old_or_failed_is_told(topology: Topology) -> None:
    old = said(copies=good(3600), binlogs=good(2000), proof=good(260_000, bad={"at": NOW, "why": "rows differ"}))
    found = described(topology, {"bak1": FRESH, "bak2": old}, NOW)
    assert list(problems(topology, found, REACHED)) == [
        "bak2: what was written to main was last fetched 33 min ago",
        "bak2: the last proof of main failed: rows differ",
        "bak2: the last proven restore of main is 3 d old",
    ]
    assert list(problems(topology, found, {"bak1": True, "bak2": False})) == []


def test_what_never_was_is_missing_only_after_a_while(topology: Topology) -> None:
    young = Outcome(0, json.dumps({"since": NOW - 600, "databases": {}}), "")
    found = described(topology, {"bak1": young, "bak2": said()}, NOW)
    told = list(problems(topology, found, REACHED))
    assert [each for each in told if each.startswith("bak1")] == []
    assert "bak2: no restore of main was proven yet" in told


def test_files_have_an_age_of_their_own() -> None:
    files = parse((ROOT / "tests/golden/inventories/backup-files.yml").read_text())
    known = {"main": {kind: good(60) for kind in ("copies", "binlogs", "proof")}, "site": {"files": good(200_000)}}
    known["cluster"] = {"own": good(60)}
    known["mail"] = {"files": good(60, bad={"at": NOW, "why": "web1 does not answer"})}
    found = described(files, {"bak1": Outcome(0, json.dumps({"since": 0, "databases": known}), "")}, NOW)
    assert list(found["site"]["bak1"]) == ["files", "watched_seconds"]
    assert list(problems(files, found, REACHED)) == [
        "bak1: the last copy of site is 2 d old",
        "bak1: the last copy of mail failed: web1 does not answer",
    ]


def test_own_files_are_missing_but_never_too_old(topology: Topology) -> None:
    """They are kept when they change."""
    known = {"main": {kind: good(60) for kind in ("copies", "binlogs", "proof")}}
    without = Outcome(0, json.dumps({"since": NOW - 400_000, "databases": known}), "")
    found = described(topology, {"bak1": FRESH, "bak2": without}, NOW)
    assert found["cluster"]["bak1"]["own"]["age_seconds"] == 90_000_000
    assert list(problems(topology, found, REACHED)) == [
        "bak2: the cluster's own files were never kept: cluster backup run cluster"
    ]
    lines = [str(line) for line in status_lines({"cluster": found["cluster"]})]
    assert lines[0] == "the cluster's own files on bak1: last changed and kept 1042 d ago"
    assert lines[1] == "the cluster's own files on bak2: never kept"


@pytest.mark.parametrize("outcome", [Outcome(1, "", "no file"), Outcome(0, "nonsense", ""), Outcome(0, "[]", "")])
def test_a_node_that_knows_nothing(topology: Topology, outcome: Outcome) -> None:
    found = described(topology, {"bak1": outcome, "bak2": FRESH}, NOW)
    assert found["main"]["bak1"]["copies"]["age_seconds"] is None
    assert list(problems(topology, found, REACHED)) == []


def test_copies_of_a_proven_chain_are_proven() -> None:
    rows = [{"id": name, "database": "main", "kind": "full", "at": 0.0} for name in ("a", "b")]
    proof = {"main": {"proof": {"good": {"chain": ["a"]}, "bad": {"why": "later"}}}}
    found = document(
        "shop", {"bak1": {"backups": rows, "databases": proof}}, Meant(("main",)), {"main": ("bak1",)}
    )
    row = found["nodes"]["bak1"]["databases"]["main"]
    assert [each["proven"] for each in row["backups"]] == [True, False]
    assert row["proof"]["failed"] == "later"


def test_a_moment_is_a_time_or_a_position() -> None:
    assert request(Wish("main", "1-2-3,4-5-6"))["gtid"] == "1-2-3,4-5-6"
    assert request(Wish("main", "2026-11-27T14:03:27+02:00"))["at"] == "2026-11-27 12:03:27"
    assert request(Wish("main", backup="x")) == {"backup": "x", "gtid": "", "at": ""}
    with pytest.raises(ClusterError, match="no moment"):
        request(Wish("main", "yesterday"))


def test_words() -> None:
    assert [span(5), span(130), span(7300), span(200_000)] == ["5 s", "2 min", "2 h", "2 d"]
    assert [size(5), size(1500), size(2.5e9), size(3e12)] == ["5 B", "2 kB", "2 GB", "3.0 TB"]
    assert "mariabackup --prepare" in COMMANDS["mariadb"]
    assert "mysqlbinlog --exclude-gtids" in COMMANDS["mysql"]
