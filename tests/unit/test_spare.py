"""A spare takes a place when that is known to be right, and a node that lost its place has no say any more."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from cluster_cli.backups import notes
from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.replication_plan import plan
from cluster_cli.databases import replace
from cluster_cli.databases.galera import state as galera
from cluster_cli.databases.live import Live
from cluster_cli.databases.operation import Wish, part, verb_of
from cluster_cli.databases.replication import state
from cluster_cli.databases.replication.look import Look
from cluster_cli.errors import ClusterError
from cluster_cli.ssh import Answer
from cluster_cli.topology.databases import Database
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
TEXT = """
name: shop
provider: existing
network: {subnet: 192.0.2.0/24}
nodes:
  db1: {address: 192.0.2.1}
  db2: {address: 192.0.2.2}
  db3: {address: 192.0.2.3}
  free1: {address: 192.0.2.8}
  free2: {address: 192.0.2.9}
databases:
  main: {mode: replication, nodes: [db1, db2, db3], spares: [free1, free2]}
"""
GONE, STOPPED = None, "stopped"


def says(**more: Any) -> str:
    """What a node of the database shows."""
    here = {"running": True, "position": "7-1-9", "history": "7-1-9", "received": "7-1-9"}
    return json.dumps(here | more) + "\n"


PRIMARY = says(read_only=False, master=True, clients=2)
REPLICA = says(follows="db1", io="Yes", sql="Yes")


@dataclass
class Said:
    """A database whose nodes say what a test wants. says: by node; reached: who reaches whose server."""

    says: dict[str, str | None]
    path: Path = Path("topology.yml")
    reached: tuple[tuple[str, str], ...] = ()
    free: tuple[str, ...] = ("free1", "free2")
    name: str = "main"
    told: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return parse(TEXT).databases["main"]

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.database.nodes

    @property
    def workspace(self) -> Any:
        return SimpleNamespace(topology=parse(TEXT), places=SimpleNamespace(topology=self.path))

    def address(self, node: str) -> str:
        return f"192.0.2.{node[-1]}"

    def run(self, node: str, command: str, **_: Any) -> Answer:
        if command == notes.QUESTION:
            return Answer(node, 0, "", "")
        if node in ("free1", "free2"):
            return Answer(node, 0 if node in self.free else 255, "", "")
        if "/dev/tcp" in command:
            whose = next(each for each in self.nodes if f"/{self.address(each)}/" in command)
            return Answer(node, 0 if (node, whose) in self.reached else 1, "", "")
        text = self.says[node]
        if text is GONE:
            return Answer(node, 255, "", "no route")
        return Answer(node, 0, "" if text == STOPPED else text, "")

    def on_all(self, nodes: Any, work: Any) -> dict[str, Any]:
        return {node: work(node) for node in nodes}

    def balance(self, *_: str) -> dict[str, str]:
        return {}

    def tell(self, _node: str, text: str) -> None:
        self.told.append(text)


def live(db1: str | None, db2: str | None, db3: str | None, **more: Any) -> Live:
    return cast("Live", Said({"db1": db1, "db2": db2, "db3": db3}, **more))


def refusal(shows: Live, node: str, by: str | None = None) -> str:
    with pytest.raises(ClusterError) as caught:
        replace.weigh(shows, node, by)
    return str(caught.value)


def test_the_first_spare_that_answers_takes_the_place_of_a_dead_node() -> None:
    found = replace.weigh(live(PRIMARY, GONE, REPLICA), "db2", None)
    assert found.details == {"spare": "free1"}
    assert found.evidence[:3] == ("db1: primary (takes writes)", "db2: does not answer", "db3: replica")
    assert "db2 holds no data of main any more" in found.stake
    assert replace.weigh(live(PRIMARY, GONE, REPLICA, free=("free2",)), "db2", None).details["spare"] == "free2"
    assert replace.weigh(live(PRIMARY, GONE, REPLICA), "db2", "free2").details["spare"] == "free2"


def test_so_it_is_where_the_writes_of_the_primary_wait_for_it() -> None:
    """It was the only one that acknowledged them."""
    waits = says(read_only=False, master=True, clients=1, stalled=3, stalled_seconds=3600)
    assert replace.weigh(live(waits, GONE, GONE), "db2", None).details == {"spare": "free1"}
    alone = says(read_only=False, master=True, clients=0)
    assert replace.weigh(live(alone, GONE, GONE), "db2", None).details == {"spare": "free1"}


def test_a_node_that_answers_may_be_given_up_too() -> None:
    assert replace.weigh(live(PRIMARY, REPLICA, REPLICA), "db2", None).node == "db2"
    assert "its server does not answer" in replace.weigh(live(PRIMARY, STOPPED, REPLICA), "db2", None).evidence[1]


def test_nobody_is_given_up_who_takes_writes_or_might() -> None:
    assert "cluster switchover main" in refusal(live(PRIMARY, REPLICA, REPLICA), "db1")
    alone = says(follows="db1", io="Connecting", sql="Yes")
    assert "cluster failover main" in refusal(live(GONE, alone, alone), "db1")
    assert "cluster failover main" in refusal(live(GONE, alone, alone), "db2")
    alive = live(PRIMARY, GONE, REPLICA, reached=(("db3", "db2"),))
    assert "its server answers db3" in refusal(alive, "db2")


def test_who_is_no_spare_takes_no_place() -> None:
    assert "db3 is no spare" in refusal(live(PRIMARY, GONE, REPLICA), "db2", "db3")
    assert "free2 cannot be reached" in refusal(live(PRIMARY, GONE, REPLICA, free=("free1",)), "db2", "free2")
    assert "free1 and free2 cannot be reached" in refusal(live(PRIMARY, GONE, REPLICA, free=()), "db2")
    assert "no node of database" in refusal(live(PRIMARY, GONE, REPLICA), "free1")


def test_it_is_written_down_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(TEXT)
    shows = live(PRIMARY, GONE, REPLICA, path=path)
    replace.carry_out(shows, replace.weigh(shows, "db2", None))
    database = parse(path.read_text()).databases["main"]
    assert (database.nodes, database.spares) == (("db1", "free1", "db3"), ("db2", "free2"))
    assert any(line.startswith("+  main:") and "free1, db3" in line for line in cast("Said", shows).told)


def test_the_verb_is_one_for_all_modes() -> None:
    for mode in ("galera", "replication"):
        database = Database.model_validate({"mode": mode, "nodes": ["db1", "db2", "db3"]})
        assert verb_of(part(database, Wish("replace", "main", {"node": "db2"})), "replace") is replace


# A node that lost its place.

FILES = ROOT / "roles/replication/files"
KNOWN = {"user": "cluster_replication", "addresses": {"db1": "192.0.2.1", "db2": "192.0.2.2"}}
DUMPS = {"User": "cluster_replication", "Command": "Binlog Dump"}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(FILES))
    monkeypatch.syspath_prepend(str(FILES / "mariadb"))
    module = importlib.import_module("steps")
    monkeypatch.setattr(module, "settings", lambda: KNOWN | {"followers": ["192.0.2.7"]})
    monkeypatch.setattr(module, "COME_BACK", 0.2)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    yield module
    for name in ("steps", "server", "engine", "telling"):
        sys.modules.pop(name, None)


class Server:
    """A primary with connections. back: whether those that are cut off come again."""

    def __init__(self, *rows: dict[str, Any], back: bool = False) -> None:
        self.connections, self.back, self.killed = list(rows), back, list[str]()

    def rows(self, _sql: str) -> list[dict[str, Any]]:
        return list(self.connections)

    def say(self, sql: str) -> None:
        self.killed.append(sql)
        if not self.back:
            self.connections = [row for row in self.connections if str(row["Id"]) != sql.split()[-1]]


ROWS = (
    DUMPS | {"Id": 1, "Host": "192.0.2.2:4000"},  # a node
    DUMPS | {"Id": 2, "Host": "192.0.2.7:4000"},  # it stands by, and acknowledges nothing
    DUMPS | {"Id": 3, "Host": "192.0.2.9:4000"},
    {"Id": 4, "Host": "192.0.2.9:4001", "User": "shop", "Command": "Sleep"},
    {"Id": 5, "Host": None, "User": "system user", "Command": "Daemon"},
)


def test_who_died_is_cut_off_for_good(steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(*ROWS)
    monkeypatch.setattr(steps, "Server", lambda: server)
    assert steps.cut() == {"cut": ["192.0.2.9"]}
    assert server.killed == ["KILL HARD 3"]


def test_who_comes_back_is_alive(steps: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "Server", lambda: Server(*ROWS, back=True))
    with pytest.raises(steps.RefusedError, match=r"192\.0\.2\.9 follows as a node of this database and is none"):
        steps.cut()


def test_status_tells_of_who_has_a_say_and_no_place() -> None:
    database = parse(TEXT).databases["main"]
    here = Look(running=True, read_only=False, master=True, clients=2, strangers=["192.0.2.9"])
    rows = {"db1": state.member(None) | here.__dict__ | {"state": "primary"}}
    row = state.describe(database, rows, None) | {"nodes": rows}
    assert any("192.0.2.9 is no node of it" in text for _, text in state.problems(database, row))
    member = {"state": "Synced", "primary": True, "members": 4, "waiting": 0, "position": "9", "read_only": False}
    group = Database.model_validate({"nodes": ["db1", "db2", "db3"]})
    nodes = dict.fromkeys(group.nodes, member)
    told = [text for _, text in galera.problems(group, galera.describe(group, nodes, "db1") | {"nodes": nodes})]
    assert any("4 nodes vote in it, and the topology has 3" in text for text in told)


def test_a_primary_with_strangers_goes_on() -> None:
    """They are cut off by a step of its own; they are no reason to change who takes writes."""
    here = Look(running=True, read_only=False, master=True, position="7-1-9", history="7-1-9", strangers=["x"])
    assert plan({"db1": here, "db2": Look(running=True, blank=True)}, ["db1", "db2"]).primary == "db1"


@pytest.mark.parametrize(
    ("look", "code", "ended"),
    [
        ({"running": True, "follows": "db1", "read_only": True}, 0, True),
        ({"running": True, "follows": "", "read_only": False, "master": True}, 1, False),
        ({"running": True, "follows": "", "read_only": True, "master": True}, 1, False),  # it is fenced
        ({"running": True, "follows": "", "read_only": True, "master": False}, 0, True),  # it was started again
        ({"running": False}, 0, True),
    ],
)
def test_a_server_that_takes_writes_is_not_ended(
    tmp_path: Path, look: dict[str, Any], code: int, ended: bool
) -> None:
    done, log = vacate(tmp_path, look, 'case "$*" in *mariadb) ;; *) exit 3;; esac')
    assert done.returncode == code, done.stderr
    assert ('["mariadb"]' in done.stdout) == ended
    assert ("disable --now mariadb" in log) == ended


def test_another_name_of_a_unit_is_not_ended_over_and_over(tmp_path: Path) -> None:
    """Debian's package of MariaDB has `mysql` for one: systemctl calls that `alias`, with exit code 0."""
    done, log = vacate(tmp_path, {}, 'case "$1" in is-enabled) echo alias;; *) exit 3;; esac')
    assert (done.returncode, done.stdout) == (0, "")
    assert "disable" not in log


def vacate(folder: Path, look: dict[str, Any], systemctl: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What the role's program does with two units, and what systemctl was told; that is a line of shell here."""
    program, tools, log = folder / "replication", folder / "bin", folder / "log"
    program.write_text(f"print('''{json.dumps(look)}''')")
    tools.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {log}\n{systemctl}\n')
    (tools / "systemctl").chmod(0o755)
    text = (ROOT / "roles/spare/files/vacate.py").read_text()
    text = text.replace("/usr/local/lib/cluster/replication", str(program))
    words = [sys.executable, "-c", text, json.dumps(["cluster-doorbell", "mariadb"])]
    path = {"PATH": f"{tools}:/usr/bin:/bin:{Path(sys.executable).parent}"}
    done = subprocess.run(words, capture_output=True, text=True, env=path, check=False)
    return done, log.read_text()
