"""What differs between the engines on a backup node: the same names, how logs are read, what is refused."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from cluster_cli.backups import one_node, replacing, restoring
from cluster_cli.backups.restoring import Wish
from cluster_cli.errors import ClusterError
from cluster_cli.topology.load import parse
from cluster_cli.topology.makers import made_by, makers

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import repository
import settings

FILES = Path(__file__).parents[2] / "roles/backup/files"
GOLDEN = Path(__file__).parents[1] / "golden/inventories/backup.yml"
A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "99999999-2222-3333-4444-555555555555"


def engine(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"backup_{name}", FILES / name / "engine.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_whatever_the_program_uses_both_engines_have() -> None:
    used = {
        name for path in FILES.glob("*.py") for name in re.findall(r"\bengine\.([A-Za-z_]+)", path.read_text())
    }
    assert {"reading", "prepare", "INCREMENTAL"} <= used
    for name in ("mariadb", "mysql"):
        assert used <= engine(name).__dict__.keys()


def test_every_part_of_the_programs_comes_to_its_node() -> None:
    """Those of the engine under the same names; and how it gives, which role backup_files has, too."""
    known = yaml.safe_load((FILES.parent / "vars/main.yml").read_text())["__backup_program_files"]
    assert sorted(known) == sorted(["engine", "statements", *(path.stem for path in FILES.glob("*.py"))])
    role = FILES.parents[1] / "backup_source"
    found = yaml.safe_load((role / "vars/main.yml").read_text())
    for name, own in found["__backup_source_engines"].items():
        values = {**found, "__backup_source_engine": own, "backup_source_engine": name}
        parts = ast.literal_eval(jinja2.Template(found["__backup_source_parts"]).render(values))
        assert all((role / "files" / part["from"]).is_file() for part in parts)
        there = {Path(part["path"]).stem for part in parts if "backup-source" in part["path"]}
        exchanges = {part["from"] for part in parts if "exchanger" in part["path"]}
        assert exchanges == {"exchange.py", "daemon.py", f"{name}/exchanged.py"}
        shared = {path.stem for path in (role / "files").glob("*.py")} - {"main", "exchange", "daemon"}
        own = {path.stem for path in (role / "files" / name).glob("*.py")} - {"exchanged"}
        assert there == {"__main__", *shared, *own}


def test_whatever_exchanges_data_both_engines_have() -> None:
    files = FILES.parents[1] / "backup_source/files"
    text = (files / "exchange.py").read_text()
    used = set(re.findall(r"\bexchanged\.([A-Za-z_]+)", text)) - {"py"}
    assert {"begin", "spend", "BESIDE", "HELPERS"} <= used
    for name in ("mariadb", "mysql"):
        own = ast.parse((files / name / "exchanged.py").read_text()).body
        found = {each.name for each in own if isinstance(each, ast.FunctionDef)}
        found |= {
            name.id
            for each in own
            if isinstance(each, ast.Assign)
            for name in ast.walk(each.targets[0])
            if isinstance(name, ast.Name)
        }
        assert {*used, "OURS", "UNIT"} <= found


def test_logs_are_read_from_a_position() -> None:
    mariadb = engine("mariadb")
    words = mariadb.reading("9-1-5", "7-7-1,9-1-3", 9, "9-1-8", "", last=True)
    assert words[2:] == ["--do-domain-ids=9", "--start-position=9-1-5,7-7-1", "--stop-position=9-1-8"]
    assert "--stop-position=9-1-8" not in mariadb.reading("9-1-5", "", 9, "9-1-8", "", last=False)


def test_logs_are_read_by_what_is_in_them() -> None:
    """A group's nodes commit in an order of their own: what is beyond the wish may stand before its last part."""
    mysql = engine("mysql")
    words = mysql.reading(f"{A}:1-5", "", 0, f"{A}:1-8", "", last=False)
    assert words[2:] == [f"--exclude-gtids={A}:1-5", f"--include-gtids={A}:1-8"]
    stop = "2026-11-28 09:00:00"
    assert mysql.reading("", "", 0, "", stop, last=True)[2:] == [f"--stop-datetime={stop}"]


def test_the_server_tells_what_a_copy_holds() -> None:
    scratch = SimpleNamespace(rows=lambda _sql: [[f"{A}:1-5,"], [f"{B}:1"]])
    assert engine("mysql").holds(scratch, "") == f"{A}:1-5,{B}:1"
    assert engine("mariadb").holds(scratch, "9-1-5") == "9-1-5"


@pytest.mark.parametrize(
    "text", [f"{A}:1-5", f"{A}:1-5:7,\n{B}:1", f"{A.upper()}:1-3:tag:1-2", "9-7-1749", "9-7-1,8-1-2"]
)
def test_a_position_of_either_engine_is_a_moment(text: str) -> None:
    assert restoring.request(Wish("main", at=text)) == {"backup": "", "gtid": "".join(text.split()), "at": ""}


@pytest.mark.parametrize("text", [A, f"{A}:", f"{A}:1-", f"{A}1-5", f"{A}:1-5;x", "9-7"])
def test_what_is_no_position_is_no_moment(text: str) -> None:
    with pytest.raises(ClusterError, match="no moment"):
        restoring.request(Wish("main", at=text))


@pytest.fixture
def workspace() -> Any:
    topology = parse(GOLDEN.read_text(encoding="utf-8"))
    inventory = SimpleNamespace(host=lambda name: SimpleNamespace(name=name))
    return SimpleNamespace(topology=topology, inventory=inventory)


def test_each_engine_has_backup_nodes_of_its_own(workspace: Any) -> None:
    topology = workspace.topology
    assert makers(topology, "main") == ("bak1", "bak2")
    assert list(made_by(topology, "bak3")) == ["books"]
    assert restoring.where(workspace, Wish("books")).name == "bak3"
    with pytest.raises(ClusterError, match="bak1 makes no backups of books"):
        restoring.where(workspace, Wish("books", node="bak1"))


def test_a_running_database_of_either_engine_is_put_back(workspace: Any) -> None:
    for name in ("books", "main"):
        assert replacing.live_of(workspace, Wish(name)).name == name


def test_a_node_of_either_engine_is_put_back_alone(workspace: Any) -> None:
    topology = workspace.topology
    for name in ("books", "main"):
        node = topology.databases[name].nodes[-1]
        for database in (name, None):
            live, found = one_node.of_node(workspace, Wish(database, target=node))
            assert (live.name, found) == (name, node)
            assert {"weigh", "refuse_cut_off", "history", "carry_out", "start_again"} <= set(
                vars(one_node.mode_of(live))
            )
    with pytest.raises(ClusterError, match="no node of database main"):
        one_node.of_node(workspace, Wish("main", target=topology.databases["books"].nodes[0]))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("restic 0.14.0 compiled with go1.19.4 on linux/amd64", [["tag", "--no-lock"]]),
        ("restic 0.18.1 compiled with go1.24", [["unlock"], ["tag", "--retry-lock", "6h"]]),
    ],
)
def test_a_newer_restic_waits_for_others_when_it_changes_tags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, expected: list[list[str]]
) -> None:
    """It locks them out then, and is locked out by a copy that is made meanwhile."""
    monkeypatch.setattr(settings, "LOCKS", str(tmp_path))
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(repository.Repository, "run", lambda _, *words: said.append(words) or version)
    found = repository.Repository({"store": "s", "key": "k", "compression": "auto"})
    backup = catalogue.Backup("b", "main", "full", 1.0, "db1", engine="mysql", snapshot="s1")
    found.prove([])
    assert said == [], "restic would take none for all"
    for change, end in ((found.commit, "s1"), (lambda each: found.prove([each]), "proven s1")):
        change(backup)
        assert " ".join(said[-1]).endswith(end)
        rows = [words for words in said if words != ("version",)]
        assert [list(words[: len(wanted)]) for words, wanted in zip(rows, expected, strict=True)] == expected
        said.clear()
    assert repository.file_name(backup) == "main.full.tar"


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """What restores, with the engine beside it."""
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "engine", engine("mariadb"))
    yield importlib.import_module("look")
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_nothing_is_fetched_of_what_waits(
    look: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What runs is empty: no log of it comes after those of before."""
    fetched: list[str] = []
    kept = SimpleNamespace(
        snapshots=lambda: ([catalogue.Backup("b", "main", "full", 1.0, "db1", position="7-1-4")], [])
    )
    monkeypatch.setattr(look.binlogs, "fetch", lambda *_: fetched.append("logs"))
    monkeypatch.setattr(look, "FETCHES", 1)
    monkeypatch.setattr(look.adopt, "WAITING", str(tmp_path))
    look.fetched_as_far({}, {"name": "main"}, kept, {"gtid": "7-1-9"})
    assert fetched == ["logs"]
    (tmp_path / "main").touch()
    look.fetched_as_far({}, {"name": "main"}, kept, {"gtid": "7-1-9"})
    assert fetched == ["logs"]
