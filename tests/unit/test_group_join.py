"""When a MySQL server goes back to its group by itself."""

import importlib.util
import socket
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PATH = Path(__file__).parents[2] / "roles/group_replication/files/group_join.py"
GOOD = ((1, "ONLINE", "PRIMARY"), (0, "ONLINE", "SECONDARY"))
OUT = ((1, "OFFLINE", ""),)


@pytest.fixture
def join() -> ModuleType:
    spec = importlib.util.spec_from_file_location("group_join", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Server:
    """A server that answers by what a question has in it, and notes what it is told to do."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.told = answers, list[str]()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, sql: str) -> Any:
        if sql.startswith(("START", "STOP", "SET")):
            self.told.append(sql)
        return next((answer for part, answer in self.answers.items() if part in sql), ())


def server(rows: Any, **more: Any) -> Server:
    account = {"slave_master_info": (("cluster_replication", "word"),), "bootstrap": ((0,),), "offline": ((0,),)}
    return Server({"replication_group_members": rows} | account | more)


@pytest.mark.parametrize(
    ("mine", "group", "told"),
    [
        (server(OUT), "", ["START GROUP_REPLICATION"]),
        (server(((1, "ERROR", ""),)), "", ["STOP GROUP_REPLICATION", "START GROUP_REPLICATION"]),
        (server(OUT), "db2 is OFFLINE", []),  # it never begins a group
        (server(OUT, bootstrap=((1,),)), "", []),  # somebody else is about to
        (server(OUT, slave_master_info=()), "", []),
        (server(((1, "RECOVERING", ""),)), "", []),
        (server(GOOD), "", []),
        (server(GOOD, offline=((1,),)), "", ["SET GLOBAL offline_mode = OFF"]),
    ],
)
def test_it_joins_what_lives(
    join: ModuleType, monkeypatch: pytest.MonkeyPatch, mine: Server, group: str, told: list[str]
) -> None:
    monkeypatch.setattr(join, "here", lambda *_: mine)
    monkeypatch.setattr(join, "none_lives", lambda *_: group)
    join.attend(["192.0.2.2"], "ca.pem", join.Commits())
    assert mine.told == told


def test_a_group_lives_where_a_majority_is_in_reach(join: ModuleType) -> None:
    assert join.lives(GOOD)
    assert not join.lives(((1, "ONLINE", "PRIMARY"), (0, "UNREACHABLE", ""), (0, "UNREACHABLE", "")))
    assert not join.lives(((1, "ONLINE", "SECONDARY"), (0, "ONLINE", "SECONDARY")))
    assert not join.lives(((1, "RECOVERING", "SECONDARY"), (0, "ONLINE", "PRIMARY")))
    assert not join.lives(OUT)


def test_commits_are_stuck_where_the_same_one_waits_on(join: ModuleType) -> None:
    commits = join.Commits()
    assert not commits.stuck({7: 0, 8: 0}, 100.0)
    assert not commits.stuck({8: 10, 9: 3}, 109.9)
    assert not commits.stuck({9: 8}, 115.0)  # 8 was done
    assert not commits.stuck({8: 1, 9: 13}, 119.8)  # and waits anew
    assert commits.stuck({8: 1, 9: 13}, 119.9)


WAITS = (7, "shop", "lb1", "shop", "Query", 12, "Waiting for Binlog Group Commit ticket", "COMMIT")


@pytest.mark.parametrize(
    ("group", "others", "told", "said"),
    [
        (GOOD, "db2 is OFFLINE", ["STOP GROUP_REPLICATION"], "left the group, to come back: 1 commits waited"),
        (GOOD[:1], "", ["STOP GROUP_REPLICATION"], "left the group, to come back: 1 commits waited"),
        (
            GOOD[:1],
            "db2 is OFFLINE",
            [
                "STOP GROUP_REPLICATION",
                "SET GLOBAL offline_mode = ON",
                "SET GLOBAL group_replication_bootstrap_group = ON",
                "START GROUP_REPLICATION",
                "SET GLOBAL group_replication_bootstrap_group = OFF",
                "SET GLOBAL offline_mode = OFF",
            ],
            "began its group again: 1 commits waited",
        ),
    ],
)
def test_who_is_stuck_leaves_its_group(
    join: ModuleType, monkeypatch: pytest.MonkeyPatch, group: Any, others: str, told: list[str], said: str
) -> None:
    monkeypatch.setattr(join, "none_lives", lambda *_: others)
    mine, moments = server(group, PROCESSLIST=(WAITS,)), iter((100.0, 110.0))
    monkeypatch.setattr(join, "here", lambda *_: mine)
    monkeypatch.setattr(join.time, "monotonic", lambda: next(moments))
    commits = join.Commits()
    assert not join.attend(["192.0.2.2"], "ca.pem", commits)
    assert join.attend(["192.0.2.2"], "ca.pem", commits).startswith(said)
    assert mine.told == told


def test_a_busy_session_is_not_stuck(join: ModuleType) -> None:
    commits = join.Commits()
    assert not any(commits.stuck({7: moment % 3}, float(moment)) for moment in range(60))


def test_a_server_that_greets_and_lets_nobody_in_is_ended(join: ModuleType) -> None:
    door, away = join.Door(), join.pymysql.OperationalError(2003, "no such file")
    looks = [
        (join.Shut("timed out"), 0.0),
        (join.Shut("timed out"), 19.0),
        (away, 20.0),
        (join.Shut("timed out"), 21.0),
    ]
    assert [door.shut(error, now) for error, now in looks] == [False] * 4
    assert door.shut(join.Shut("timed out"), 41.0)


def test_who_stands_still_greets_nobody(join: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join, "SOCKET", str(tmp_path / "socket"))
    assert not join.greets()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(join.SOCKET)
        server.listen()
        threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True).start()
        assert join.greets()
