"""The parts of the nodes' program that differ between engines: the same names, and MySQL's account."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "roles/replication/files"
KNOWN = {"user": "cluster_replication", "passwords": ["new", "old"], "node": "db1"}


def engine(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_engine", FOLDER / name / "engine.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mysql() -> ModuleType:
    return engine("mysql")


def test_whatever_the_steps_use_both_engines_have() -> None:
    used = {
        name
        for path in FOLDER.glob("*.py")
        for name in engine("mariadb").__dict__ | engine("mysql").__dict__
        if f"engine.{name}" in path.read_text()
    }
    assert {"strays", "account_statements", "point"} <= used
    for each in ("mariadb", "mysql"):
        assert used <= engine(each).__dict__.keys()


def test_both_engines_have_the_same_files() -> None:
    files = [{path.name for path in (FOLDER / each).glob("*.py")} for each in ("mariadb", "mysql")]
    assert files[0] == files[1]


class Server:
    """A server that keeps one account. lets: passwords it lets in, besides: whether it keeps two."""

    def __init__(self, *, there: bool = True, right_so: bool = True, besides: bool = True, may: str = "") -> None:
        self.there, self.right_so, self.besides = there, right_so, besides
        self.may = may or "REPLICATION SLAVE, BACKUP_ADMIN"

    def rows(self, sql: str, *_: Any) -> list[dict[str, Any]]:
        if sql.startswith("SHOW GRANTS"):
            return [{"grants": f"GRANT {self.may} ON *.* TO `cluster_replication`@`%`"}]
        return [{"right_so": self.right_so, "second": "x" if self.besides else None}] if self.there else []


def said(mysql: ModuleType, server: Server, lets: tuple[str, ...], known: dict[str, Any] = KNOWN) -> list[str]:
    """The statements, shortened, with the passwords in them."""
    mysql.lets_in = lambda _, password: password in lets  # type: ignore[attr-defined]
    rows = mysql.account_statements(server, known)
    return [f"{sql.split(' ')[0]} {' '.join(values[1:])} {sql.split(' ')[-1]}" for sql, *values in rows]


def test_an_account_that_is_right_is_left_alone(mysql: ModuleType) -> None:
    assert said(mysql, Server(), ("new", "old")) == []
    assert said(mysql, Server(besides=False), ("new",), KNOWN | {"passwords": ["new"]}) == []


def test_a_new_account_lets_in_both_passwords(mysql: ModuleType) -> None:
    found = said(mysql, Server(there=False), ())
    assert found[0].startswith("CREATE")
    assert found[1:4] == ["ALTER old %s", "ALTER  PASSWORD", "ALTER new PASSWORD"]
    assert found[-1].startswith("GRANT")


@pytest.mark.parametrize("lets", [("old",), ("another", "old"), ()])
def test_after_a_change_exactly_the_wanted_ones_come_in(mysql: ModuleType, lets: tuple[str, ...]) -> None:
    assert said(mysql, Server(), lets) == ["ALTER old %s", "ALTER  PASSWORD", "ALTER new PASSWORD"]


def test_a_second_password_nobody_wants_is_taken_away(mysql: ModuleType) -> None:
    found = said(mysql, Server(), ("new", "old"), KNOWN | {"passwords": ["new"]})
    assert found == ["ALTER new %s", "ALTER  PASSWORD"]


def test_an_account_that_may_more_is_put_right(mysql: ModuleType) -> None:
    found = said(mysql, Server(may="ALL PRIVILEGES"), ("new", "old"))
    assert [each.split(" ")[0] for each in found] == ["REVOKE", "GRANT"]
    assert said(mysql, Server(right_so=False), ("new", "old"))[0].endswith("UNLOCK")


def test_sets_come_without_breaks_and_spaces(mysql: ModuleType) -> None:
    assert mysql.plain("a:1-3,\nb:1, \nc:5") == "a:1-3,b:1,c:5"
    assert mysql.plain(None) == ""
