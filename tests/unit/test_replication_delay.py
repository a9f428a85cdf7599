"""What a node is told so that it applies later what it receives, and at once when it has to."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILES = Path(__file__).parents[2] / "roles/replication/files"
MODULES = ("wake", "steps", "server", "engine", "telling")
Load = Callable[[str, str], ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """A module of the nodes' program, of one engine."""

    def loaded(engine: str, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(FILES))
        monkeypatch.syspath_prepend(str(FILES / engine))
        return importlib.import_module(name)

    yield loaded
    for name in MODULES:
        sys.modules.pop(name, None)


class Server:
    """A replica. said: statements it was told; at: where it is; comes: up to where it receives, time by time."""

    def __init__(
        self, delay: int = 0, at: str = "7-1-2", received: str = "7-1-9", comes: tuple[str, ...] = ()
    ) -> None:
        self.now = {"host": "192.0.2.1", "port": 3306, "by_gtid": True, "io": "No", "sql": "No", "delay": delay}
        self.now |= {"io_error": "", "sql_error": "", "received": received}
        self.at, self.said, self.comes = at, list[str](), list(comes)

    def source(self) -> dict[str, Any]:
        if self.comes:
            self.now["received"] = self.comes.pop(0)
        return dict(self.now)

    def say(self, *statements: str) -> None:
        self.said += statements
        for sql in statements:
            if sql.startswith(("START", "STOP")):
                word = "Yes" if sql.startswith("START") else "No"
                self.now |= {
                    key: word for key in ("io", "sql") if f"{key.upper()}_THREAD" in sql or "_" not in sql
                }

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        self.said.append(sql.replace("%s", "{}").format(*values))
        return []

    def value(self, _sql: str, *_: Any) -> str:
        return self.at


def test_a_delay_of_mysql_changes_while_it_receives(load: Load) -> None:
    server, engine = Server(), load("mysql", "engine")
    engine.delay(server, 3600)
    assert server.said == [
        "START REPLICA IO_THREAD",  # the relay log is kept
        "STOP REPLICA SQL_THREAD",
        "CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 3600",
    ]


def test_mysql_hurries_without_fetching_or_forgetting(load: Load) -> None:
    server, engine = Server(delay=3600), load("mysql", "engine")
    running = []
    server.rows = lambda sql, *_: running.append((sql.split()[4], server.now["io"], server.now["sql"]))  # type: ignore
    engine.hurry(server)
    assert running == [("SOURCE_PORT", "No", "Yes"), ("SOURCE_DELAY", "Yes", "No")]  # never both stopped
    assert (server.now["io"], server.now["sql"]) == ("Yes", "Yes")


def test_mariadb_hurries_past_its_delay_before_it_forgets(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    server, engine = Server(delay=3600), load("mariadb", "engine")
    monkeypatch.setattr(engine, "relay_logs", lambda: ["relay.000001"])
    monkeypatch.setattr(
        engine, "replayed", lambda start, files: server.said.append(f"{files} after {start}") or ""
    )
    assert engine.hurry(server) == ""
    assert server.said[:2] == ["STOP SLAVE", "['relay.000001'] after 7-1-2"]
    assert not any(sql.startswith(("START", "CHANGE")) for sql in server.said)


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_only_who_is_delayed_hurries(load: Load, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    steps, told = load(engine, "steps"), list[str]()
    monkeypatch.setattr(steps.engine, "hurry", lambda _: told.append("hurried") or "")
    for delay, has, hurried in ((3600, [False, True], 1), (3600, [True, True], 0), (0, [True], 0)):
        told.clear()
        monkeypatch.setattr(steps.engine, "has", lambda *_, has=has: has.pop(0))
        steps.drain(Server(delay=delay), "7-1-9")
        assert len(told) == hurried


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_the_delay_is_as_wished_and_then_nothing_is_done(
    load: Load, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    steps = load(engine, "steps")
    server = Server()
    monkeypatch.setattr(steps, "Server", lambda: server)
    monkeypatch.setattr(steps, "settings", lambda: {"delay": 3600})
    monkeypatch.setattr(steps.engine, "wait", lambda *_: server.said.append("waited") or True)
    steps.delay()
    assert server.said[0] == "waited"  # what is there is applied first
    assert any("DELAY = 3600" in sql.upper() for sql in server.said)
    assert server.said[-1] == steps.engine.START
    server.now["delay"] = 3600
    server.said.clear()
    steps.delay()
    assert server.said == []


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_who_is_to_stay_behind_is_healthy_behind(load: Load, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    steps = load(engine, "steps")
    monkeypatch.setattr(steps.engine, "wait", lambda *_: False)
    for delay in (3600, 0):
        server = Server(delay=delay)
        server.now |= {"io": "Yes", "sql": "Yes"}
        monkeypatch.setattr(steps, "Server", lambda server=server: server)
        if delay:
            assert steps.healthy() == {}
        else:
            with pytest.raises(steps.RefusedError):
                steps.healthy()


@pytest.fixture
def wake(load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """MariaDB's, with a relay log of one file."""
    module = load("mariadb", "wake")
    (tmp_path / "relay.000001").write_text("received")
    monkeypatch.setattr(module, "KEPT", str(tmp_path / "kept"))
    monkeypatch.setattr(module, "STUCK_SECONDS", 0.3)
    monkeypatch.setattr(module.engine, "relay_logs", lambda: [str(path) for path in tmp_path.glob("relay.*")])
    monkeypatch.setattr(module, "at_the_source", lambda _: "7-1-9")
    return module


def started(wake: ModuleType, monkeypatch: pytest.MonkeyPatch, server: Server) -> list[tuple[str, str]]:
    """What a server that has been started replays: (from where on, what the file holds)."""
    read: list[tuple[str, str]] = []
    monkeypatch.setattr(wake.steps, "answered", lambda _: server)
    monkeypatch.setattr(
        wake.engine,
        "replayed",
        lambda start, files: read.extend((start, Path(each).read_text()) for each in files) or "",
    )
    wake.wake()
    return read


def test_a_delayed_node_stays_late_over_a_restart(wake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(delay=3600, comes=("", "7-1-2", "7-1-5", "7-1-9"))
    assert started(wake, monkeypatch, server) == []
    assert server.said == ["START SLAVE"]
    assert not Path(wake.KEPT).exists()


def test_what_the_source_does_not_give_again_is_applied(wake: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(delay=3600, received="7-1-4")

    def purged(*_: str) -> None:
        for path in Path(wake.KEPT).parent.glob("relay.*"):
            path.unlink()
        Server.say(server, *_)

    monkeypatch.setattr(server, "say", purged)
    assert started(wake, monkeypatch, server) == [("7-1-2", "received")]  # it outlived the server's own
    assert server.said == ["START SLAVE", "STOP SLAVE", "START SLAVE"]
    assert not Path(wake.KEPT).exists()


@pytest.mark.parametrize("delay", [3600, 0])
def test_without_a_source_what_was_received_is_applied(
    wake: ModuleType, monkeypatch: pytest.MonkeyPatch, delay: int
) -> None:
    monkeypatch.setattr(wake, "at_the_source", lambda _: None)
    assert started(wake, monkeypatch, Server(delay=delay)) == [("7-1-2", "received")]


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_who_is_held_applies_nothing_whatever_comes(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str
) -> None:
    steps, server = load(engine, "steps"), Server(delay=3600)
    server.now |= {"io": "Yes", "sql": "Yes"}
    for module in (steps, sys.modules["server"], load(engine, "wake")):
        monkeypatch.setattr(module, "HELD", str(tmp_path / "folder/held"))
    monkeypatch.setattr(steps, "Server", lambda: server)
    monkeypatch.setattr(steps, "answered", lambda _: server)
    for module in (steps, sys.modules["server"]):
        monkeypatch.setattr(module, "settings", lambda: {"delay": 60, "node": "db3"})
    monkeypatch.setattr(steps.engine, "has", lambda *_: False)
    steps.hold_applying()
    assert (server.now["io"], server.now["sql"]) == ("Yes", "No")
    steps.delay()
    for refused in (lambda: steps.follow("db2"), lambda: steps.drain(server, "7-1-9")):
        with pytest.raises(steps.RefusedError, match="cluster db release db3"):
            refused()
    assert steps.healthy() == {}
    steps.receive_no_more()
    sys.modules["wake"].wake()
    assert (server.now["io"], server.now["sql"]) == ("No", "No")
    steps.release()
    assert (server.now["io"], server.now["sql"]) == ("Yes", "Yes")
    assert not (tmp_path / "folder/held").exists()
