"""What a server of MySQL is told when it begins, or goes on, on restored data, or on what it had before that."""

import importlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILES = Path(__file__).parents[2] / "roles/backup_source/files"
A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
SPENT = f"{A}:1-2000000"


class Server:
    """What it has, of SPENT; what it was told. exact: whether it has just what it was restored to."""

    def __init__(self, lacks: str = f"{A}:343-2000000", deaf: bool = False, exact: bool = True) -> None:
        self.lacks, self.deaf, self.exact, self.told = lacks, deaf, exact, list[str]()

    def sql(self, text: str) -> str:
        """Answer a statement."""
        if " AND GTID_SUBSET" in text:
            return "1" if self.exact else "0"
        if "GTID_SUBTRACT" in text:
            return self.lacks
        if "GTID_SUBSET" in text:
            return "0" if self.lacks else "1"
        if text.startswith("SET GLOBAL gtid_purged") and not self.deaf:
            self.lacks = ""
        self.told.append(text)
        return ""


@pytest.fixture
def mysql(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The engine's part, of a server that runs, with a set on its standard input."""
    monkeypatch.syspath_prepend(str(FILES))
    monkeypatch.syspath_prepend(str(FILES / "mysql"))
    module = importlib.import_module("exchanged")
    monkeypatch.setattr(module, "active", lambda _: "active")
    monkeypatch.setattr(module, "answers", lambda *_: "1")
    monkeypatch.setattr(module, "STAY", str(tmp_path / "stay"))
    monkeypatch.setattr(module.sys, "stdin", io.StringIO(f"{SPENT}\n"))
    yield module
    for name in ("exchanged", "daemon"):
        sys.modules.pop(name, None)


def told(mysql: ModuleType, monkeypatch: pytest.MonkeyPatch, step: str, server: Server) -> str:
    """All that a step says."""
    monkeypatch.setattr(mysql, "sql", server.sql)
    getattr(mysql, step)()
    return "\n".join(server.told)


def test_a_seed_opens_for_nobody_and_gives_no_number_again(
    mysql: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql, "HELPERS", (mysql.JOIN,))
    said = told(mysql, monkeypatch, "begin", Server())
    assert "disable_member_action" in said
    assert "REVOKE ALL PRIVILEGES" in said
    assert "RESET REPLICA" not in said, "a group keeps its channels"
    assert said.index("super_read_only = ON") < said.index(f"gtid_purged = '+{A}:343-2000000'")


def test_a_seed_follows_nobody(mysql: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its copy was made of a replica."""
    monkeypatch.setattr(mysql, "HELPERS", ())
    said = told(mysql, monkeypatch, "begin", Server())
    assert "RESET REPLICA ALL" in said
    assert "disable_member_action" not in said


def test_numbers_are_marked_once(mysql: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gtid_purged" not in told(mysql, monkeypatch, "spend", Server(lacks=""))


def test_a_server_that_does_not_mark_them_is_refused(mysql: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(mysql.RefusedError, match="and not all of"):
        told(mysql, monkeypatch, "spend", Server(deaf=True))


@pytest.fixture
def came(mysql: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The same where data came of which a seat is told on the standard input."""
    (tmp_path / "mysql.ibd").write_text("restored")
    monkeypatch.setattr(mysql, "SYSTEM", str(tmp_path / "mysql.ibd"))
    monkeypatch.setattr(mysql, "SETTLED", str(tmp_path / "cluster-settled.json"))
    seat = json.dumps({"history": [f"{A}:1-342"], "group": "", "seqno": 0})
    monkeypatch.setattr(mysql.sys, "stdin", io.StringIO(seat))
    return mysql


@pytest.mark.parametrize("helpers", [(), ("cluster-group-join",)])
def test_a_server_becomes_the_nodes_own_once(
    came: ModuleType, monkeypatch: pytest.MonkeyPatch, helpers: tuple[str, ...]
) -> None:
    """It forgets whom the copy's followed before anything else; a group's switches are the group's."""
    monkeypatch.setattr(came, "HELPERS", helpers)
    said = told(came, monkeypatch, "settle", Server())
    assert said.startswith("STOP REPLICA; RESET REPLICA ALL") == (not helpers)
    assert "REVOKE ALL PRIVILEGES" in said
    assert said.index("sql_log_bin = 0") < said.index("REVOKE ALL PRIVILEGES") < said.index("super_read_only = ON")
    assert "member_action" not in said
    came.sys.stdin.seek(0)
    again = Server(exact=False)  # it follows by now, and has more
    assert told(came, monkeypatch, "settle", again).count("REPLICA") == 0


def test_a_server_that_has_anything_else_is_refused(came: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(came, "HELPERS", ("cluster-group-join",))
    with pytest.raises(came.RefusedError, match=f"and was restored to {A}:1-342"):
        told(came, monkeypatch, "settle", Server(exact=False))
    assert not Path(came.SETTLED).exists()


def test_a_copy_of_another_node_is_noticed(
    came: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert came.as_it_came()
    told(came, monkeypatch, "settle", Server())
    assert came.as_it_came()
    copied = tmp_path / "copied"
    copied.write_text("copied")
    copied.rename(came.SYSTEM)
    assert not came.as_it_came()
