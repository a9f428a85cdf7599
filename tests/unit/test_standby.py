"""Whom a standby follows, what it is told, and what it says of itself."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.databases.standby import state
from cluster_cli.show.status import standby_node
from cluster_cli.topology.databases import Database

ROLES = Path(__file__).parents[2] / "roles"
MODULES = ("copying", "following", "looking", "server", "settings", "source", "gtid", "gtid_sets")
PLACES = {"db1": "192.0.2.1", "db2": "192.0.2.2", "db3": "192.0.2.3"}
FINE = {"fit": True, "primary": False, "clients": 3, "position": "7-1-9", "history": "7-1-9"}
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Load]:
    """A module of the nodes' program, whose places are a folder of the test's."""

    def loaded(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(ROLES / "backup/files"))
        monkeypatch.syspath_prepend(str(ROLES / "standby/files"))
        for each in MODULES:
            sys.modules.pop(each, None)
        places = importlib.import_module("settings")
        monkeypatch.setattr(places, "HOME", str(tmp_path))
        monkeypatch.setattr(places, "RUN", str(tmp_path))
        return importlib.import_module(name)

    yield loaded
    for name in MODULES:
        sys.modules.pop(name, None)


@dataclass(frozen=True)
class Node:
    """A node of the database, as it is asked."""

    name: str

    @property
    def address(self) -> str:
        return PLACES[self.name]


def found(**rows: dict[str, Any]) -> dict[Node, dict[str, Any]]:
    return {Node(name): FINE | row for name, row in rows.items()}


def chosen(
    load: Load, follows: str, seen: dict[Node, dict[str, Any]], shunned: str = "", at: str = "7-1-5"
) -> str:
    following = load("following")
    memory = following.Memory(lambda: 100.0)
    if shunned:
        memory.shun(PLACES[shunned])
    row = {"host": PLACES[follows]} if follows else None
    best = following.chosen(row, seen, at, memory)
    return best.name if best else ""


PRIMARY = {"primary": True, "clients": 9}
BOTH = found(db1=PRIMARY, db2={})


@pytest.mark.parametrize(
    ("follows", "seen", "shunned", "best"),
    [
        ("", BOTH, "", "db2"),  # a replica rather than the primary
        ("db1", BOTH, "", "db2"),  # also where it follows the primary, as it had to
        ("db1", found(db1=PRIMARY), "", "db1"),  # while there is nobody else
        ("db2", found(db1=PRIMARY, db2={}, db3={"clients": 0}), "", "db2"),  # it does not change without need
        ("db2", found(db1=PRIMARY, db2={"fit": False}, db3={}), "", "db3"),
        ("db2", found(db1=PRIMARY, db2={}, db3={}), "db2", "db3"),  # that one said that it cannot go on from there
        ("db2", found(db2={}), "db2", "db2"),  # nobody else is left
        ("db1", found(db1=PRIMARY, db2={"reaches_back": False}), "", "db1"),  # its logs begin with its copy
        ("", found(db1=PRIMARY | {"reaches_back": True}, db2={"reaches_back": False}), "", "db1"),
        ("db2", found(db2={"reaches_back": False}), "", "db2"),
        ("db2", found(db1={"position": "7-1-4"}), "", ""),  # who has less than this one would stop it
        ("db2", found(db1={"history": "7-2-9"}), "", ""),  # so would another past
    ],
)
def test_whom_it_follows(
    load: Load, follows: str, seen: dict[Node, dict[str, Any]], shunned: str, best: str
) -> None:
    assert chosen(load, follows, seen, shunned) == best


def test_a_silent_source_is_left_after_a_while(load: Load) -> None:
    following, clock = load("following"), [0.0]
    memory = following.Memory(lambda: clock[0])
    assert not memory.silent()
    clock[0] = following.SILENT_SECONDS + 1
    assert memory.silent()
    memory.shun(PLACES["db1"])
    assert memory.shuns(PLACES["db1"])
    assert not memory.silent()  # the next one has its time, too
    clock[0] += following.SHUN_SECONDS + 1
    assert not memory.shuns(PLACES["db1"])


RUNS = {"io": "Yes", "sql": "Yes", "delay": 60, "io_error": "", "sql_error": ""}
LATER = "CHANGE MASTER TO master_delay = 60"


@pytest.mark.parametrize(
    ("row", "held", "said"),
    [
        (None, False, []),
        (RUNS, False, []),
        (RUNS | {"delay": 0}, False, ["STOP SLAVE", LATER, "START SLAVE"]),
        (RUNS | {"delay": 0, "sql": "No"}, True, []),  # somebody has it go on by hand
        (RUNS | {"io": "No", "sql": "No"}, False, ["START SLAVE"]),  # it was started
        (RUNS | {"io": "No", "sql": "No"}, True, ["START SLAVE IO_THREAD"]),
        (RUNS | {"io": "Connecting"}, False, []),  # it tries by itself
        (RUNS | {"sql": "No"}, True, []),
        (RUNS | {"sql": "No", "sql_error": "no such row"}, False, []),  # that is for a person
    ],
)
def test_what_it_is_told(load: Load, row: dict[str, Any] | None, held: bool, said: list[str]) -> None:
    assert load("following").statements(row, 60, held) == said


class Server:
    """The server on a copy. said: what it was told."""

    def __init__(self, position: str, row: dict[str, Any] | None = None) -> None:
        self.name, self._position, self.row, self.said = "main", position, row, list[str]()

    def position(self) -> str:
        return self._position

    def source(self) -> dict[str, Any] | None:
        return self.row

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        self.said.append(sql.replace("%s", "{}").format(*values))
        return []


def test_a_copy_begins_where_it_stands_and_leaves_out_what_nodes_wrote_by_themselves(
    load: Load, tmp_path: Path
) -> None:
    following = load("following")
    (tmp_path / "main/data").mkdir(parents=True)
    mark = tmp_path / "main/data/cluster-copy.json"
    mark.write_text(json.dumps({"position": "7-1-4,91-3-2"}))
    source = SimpleNamespace(name="db2", address="192.0.2.2", ask=lambda _: {"position": "92-2-5,7-1-9"})
    wanted = {"port": 3306, "passwords": ["one"], "delay": 60, "domain": 7}
    server = Server("7-1-1")  # of a time before
    following.point(server, {"user": "cluster_replication", "authority": "ca.pem"}, wanted, source)
    assert server.said[0] == "SET GLOBAL gtid_slave_pos = 7-1-4,92-2-5"
    assert "master_host = 192.0.2.2" in server.said[1]
    assert "master_delay = 60" in server.said[1]
    assert "do_domain_ids = (7)" in server.said[1]
    assert not mark.exists()
    again = Server("7-1-6,92-2-5", RUNS)
    following.point(again, {"user": "cluster_replication", "authority": "ca.pem"}, wanted, source)
    assert again.said[:2] == ["STOP SLAVE", "SET GLOBAL gtid_slave_pos = 7-1-6,92-2-5"]


class Streams:
    """A node that gives a copy. chunks: what comes; made: what it says of it afterwards."""

    name, address = "db2", "192.0.2.2"

    def __init__(self, chunks: list[bytes], **made: Any) -> None:
        self.given, self.made = chunks, {"whole": True, "position": "7-1-9", **made}

    def stream(self, _path: str, **_: Any) -> Iterator[bytes]:
        return iter(self.given)

    def ask(self, _path: str, **_: Any) -> dict[str, Any]:
        return {"bytes": sum(map(len, self.given)), **self.made}


def unpack(monkeypatch: pytest.MonkeyPatch, copying: ModuleType, program: str) -> None:
    """Have a program in place of mbstream."""
    popen = copying.subprocess.Popen
    monkeypatch.setattr(copying.subprocess, "Popen", lambda _, **more: popen(["sh", "-c", program], **more))


@pytest.mark.parametrize(
    ("source", "program", "why"),
    [
        (Streams([b"x"], whole=False, why="killed"), "cat >/dev/null", "gave no whole copy: killed"),
        (Streams([b"x"], bytes=9), "cat >/dev/null", "gave no whole copy: bytes are missing"),
        (Streams([b"x"], position=""), "cat >/dev/null", "gave no whole copy"),
        (Streams([b"x"]), "cat >/dev/null; echo no >&2; exit 1", "gave no whole copy: no"),
        (Streams([b"x" * 65536] * 64), "echo no room >&2; exit 1", "could not be written here: no room"),
    ],
)
def test_a_copy_that_is_not_whole_is_none(
    load: Load, monkeypatch: pytest.MonkeyPatch, source: Streams, program: str, why: str
) -> None:
    copying = load("copying")
    unpack(monkeypatch, copying, program)
    with pytest.raises(copying.RefusedError, match=why):
        copying.filled(source, "/nowhere", "main")


def test_a_copy_replaces_what_was_there_and_keeps_it(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copying, told = load("copying"), list[tuple[str, ...]]()
    monkeypatch.setattr(copying, "systemctl", lambda *words: told.append(words) or "")
    (tmp_path / "main/incoming").mkdir(parents=True)
    assert copying.swap("main", str(tmp_path / "main/incoming")) == ""
    assert told == []  # the role starts what was not there
    (tmp_path / "main/data/old").touch()
    (tmp_path / "main/incoming").mkdir()
    aside = Path(copying.swap("main", str(tmp_path / "main/incoming")))
    assert (aside / "old").exists()
    assert list((tmp_path / "main/data").iterdir()) == []
    assert [words[0] for words in told] == ["stop", "start"]


def test_only_what_is_wanted_goes_on(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    copying, told = load("copying"), list[tuple[str, ...]]()
    listed = "mariadb@main.service loaded active running\ncluster-standby@old.service loaded active running\n"
    monkeypatch.setattr(copying, "settings", lambda: {"databases": [{"name": "main"}]})
    monkeypatch.setattr(copying, "systemctl", lambda *words: told.append(words) or listed)
    assert copying.end_others() == ["cluster-standby@old.service"]
    assert told[-1] == ("disable", "--now", "cluster-standby@old.service")


LATE = Database.model_validate({"nodes": ["db1", "db2", "db3"], "standby": {"late1": "1h"}})
SAID = {"running": True, "held": False, "io": "Yes", "sql": "Yes", "follows": "db2", "delay": 3600, "lag": 3600.0}


@pytest.mark.parametrize(
    ("said", "told", "shown"),
    [
        (SAID, "", "late1 stands by (late by 1h)"),
        (None, "its standby does not run (it does not answer)", "late1 DOWN"),
        ({"running": False, "why": "gone"}, "its standby does not run (gone)", "late1 DOWN"),
        (
            SAID | {"held": True, "sql": "No"},
            "applies nothing until `cluster db release late1 main`",
            "late1 held",
        ),
        (SAID | {"io": "No", "why": "1236"}, "its standby does not follow (1236)", "late1 cut off"),
        (SAID | {"delay": 0}, "its standby is not late, but is to be late by 1h", "late1 stands by"),
        (SAID | {"lag": 4000.0}, "its standby is 4000 s behind, but is to be late by 1h", "late1 stands by"),
    ],
)
def test_what_is_not_well_with_it(said: dict[str, Any] | None, told: str, shown: str) -> None:
    row = state.member(said)
    problems = [text for _, text in state.problems("main", LATE, {"late1": row})]
    assert len(problems) == bool(told)
    assert told in "".join(problems)
    assert standby_node("late1", row).startswith(shown)


def test_what_cannot_be_read_says_nothing() -> None:
    assert state.rows(None) == {}
    assert state.rows(Outcome(1, "", "no such file")) == {}
    assert state.rows(Outcome(0, "nonsense", "")) == {}
    assert state.rows(Outcome(0, json.dumps({"main": SAID}), "")) == {"main": SAID}


def test_prometheus_is_told(load: Load, tmp_path: Path) -> None:
    looking = load("looking")
    (tmp_path / "main").mkdir()
    looking.tell(SAID, "main")
    text = (tmp_path / "main/standby.prom").read_text()
    assert 'cluster_standby_follows{database="main"} 1\n' in text
    assert 'cluster_standby_lag_seconds{database="main"} 3600\n' in text
    looking.tell({"running": False}, "main")
    assert (tmp_path / "main/standby.prom").read_text() == 'cluster_standby_follows{database="main"} 0\n'
