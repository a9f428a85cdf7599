"""roles/access/files: what the helpers take, and what they refuse before anything is run."""

import importlib.util
import json
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

FILES = Path(__file__).parents[2] / "roles/access/files"
TABLE = (
    "# pxname,svname,scur,status,weight,check_status,lastchg\n"
    "shop,FRONTEND,1,OPEN,,,\nshop,web1,1,UP,1,L7OK,3\nshop,web2,0,UP,1,L7OK,3\nshop,BACKEND,1,UP,2,,3\n"
)


def load(name: str) -> ModuleType:
    loader = SourceFileLoader(name, str(FILES / f"{name}.py"))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def ran() -> list[list[str]]:
    return []


@pytest.fixture
def observe(tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("cluster_observe")
    services = tmp_path / "services.json"
    rows = [{"name": "haproxy", "check": ["haproxy", "-c"]}, {"name": "chrony", "check": []}]
    services.write_text(json.dumps({"services": rows}))

    def run(*words: str) -> int:
        ran.append(list(words))
        return int(words[0] == "broken")

    def ask(command: str) -> str:
        ran.append([command])
        return TABLE if command == "show stat" else "\n"

    monkeypatch.setattr(module, "SERVICES", str(services))
    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "ask_haproxy", ask)
    return module


@pytest.fixture
def operate(observe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    module = load("cluster_operate")
    monkeypatch.setattr(module, "look", lambda: observe)
    monkeypatch.setattr(module, "note", lambda *_: None)
    return module


REFUSED = [
    ["status", "ssh"],
    ["status", "haproxy; sh"],
    ["status", "--help"],
    ["status", "../haproxy"],
    ["status", "haproxy", "chrony"],
    ["logs", "haproxy", "-f"],
    ["logs", "haproxy", "0"],
    ["logs", "haproxy", "99999999"],
    ["logs", "haproxy", "10", "--since=now"],
    ["logs"],
    ["restart", "haproxy"],
    ["sh"],
    [],
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_looking_refuses(observe: ModuleType, ran: list[list[str]], words: list[str]) -> None:
    assert observe.main(words) == 2
    assert ran == []


def test_looking_runs_what_it_says(observe: ModuleType, ran: list[list[str]]) -> None:
    assert observe.main(["logs", "haproxy", "7"]) == 0
    assert observe.main(["status"]) == 0
    assert ran == [
        ["journalctl", "--no-pager", "-o", "short-iso", "-n", "7", "-u", "haproxy"],
        ["systemctl", "--no-pager", "--all", "--plain", "list-units", "chrony.service", "haproxy.service"],
    ]


def test_backends_are_shown(observe: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert observe.main(["backends"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["shop/web1", "shop/web2"]


@pytest.mark.parametrize(
    "words",
    [
        ["restart"],
        ["restart", "ssh"],
        ["restart", "haproxy", "chrony"],
        ["stop", "haproxy"],
        ["restart", "haproxy.service"],
        ["drain", "shop"],
        ["drain", "shop/web9"],
        ["drain", "shop/web1; shutdown"],
        ["status", "haproxy"],
        [],
    ],
    ids=" ".join,
)
def test_operating_refuses(operate: ModuleType, ran: list[list[str]], words: list[str]) -> None:
    assert operate.main(words) == 2
    assert ran in ([], [["show stat"]])


def test_operating_checks_first(operate: ModuleType, ran: list[list[str]]) -> None:
    assert operate.main(["reload", "haproxy"]) == 0
    assert ran == [["haproxy", "-c"], ["systemctl", "--no-ask-password", "reload", "haproxy.service"]]


def test_a_broken_configuration_keeps_the_service(
    operate: ModuleType, observe: ModuleType, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "known", lambda: {"haproxy": ["broken"]})
    assert operate.main(["restart", "haproxy"]) == 2
    assert ran == [["broken"]]


def test_draining_tells_haproxy(operate: ModuleType, ran: list[list[str]]) -> None:
    assert operate.main(["drain", "shop/web1"]) == 0
    assert ran[-1] == ["set server shop/web1 state drain"]
