"""The last runs: what nodes that watch are left, how they keep it, and what is shown of it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster_cli import contact, run, ssh
from cluster_cli.collect import Outcome
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Event, RunEnded, RunStarted, TaskEnded
from cluster_cli.history import chain, rundir
from cluster_cli.history.journal import Journal
from cluster_cli.history.last_runs import last_runs, leave, program, told
from cluster_cli.history.results import FAILED, SHOWN, WORDS, result, tone
from cluster_cli.inventory import Host
from cluster_cli.workspace import Workspace

TEXT = """
name: shop
provider: existing
network: {subnet: 192.0.2.0/24}
nodes: {web1: {address: 192.0.2.1}, mon1: {address: 192.0.2.2}, mon2: {address: 192.0.2.3}}
monitoring: {nodes: [mon1, mon2]}
"""


def past(state: Path, day: int, verb: str, code: int | None, **arguments: object) -> str:
    """A run of that day of May; without a code it never ended."""
    folder = rundir.create(state, verb, datetime(2026, 5, day, tzinfo=UTC))
    who = {"who": "eva@desk", "login": "eva"}
    chain.add(chain.of(state), "started", {"run": folder.name, **who, "args": arguments})
    events: list[Event] = [
        RunStarted(folder.name, "shop", verb, (), ()),
        TaskEnded("web", "web", "a", "web1", "changed", 1.0),
        *([] if code is None else [RunEnded(code, 12.5)]),
    ]
    with Journal(folder.journal) as journal:
        for event in events:
            journal(event)
    return folder.name


def kept(place: Path, rows: list[dict[str, Any]], reader: Path) -> list[dict[str, Any]]:
    """What a node has after it was left these."""
    script = program(rows, str(place), str(reader))
    subprocess.run([sys.executable, "-I", "-"], input=script, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(place.read_text()) if place.exists() else []
    return found


def test_a_row_has_what_is_shown_and_no_argument_but_the_database(tmp_path: Path) -> None:
    name = past(tmp_path, 4, "restore", 0, database="main", pattern="delete from accounts where mail = 'x'")
    chain.add(chain.of(tmp_path), "started", {"run": "20260505T000000Z-secrets-show-abcdef"})  # has no stages
    assert last_runs(tmp_path) == [
        {
            "run": name,
            "verb": "restore",
            "about": "main",
            "started": "2026-05-04T00:00:00+00:00",
            "seconds": 12.5,
            "code": 0,
            "result": "ok",
            "changed": 1,
            "who": "eva@desk",
        }
    ]


def test_a_run_that_was_killed_has_no_end(tmp_path: Path) -> None:
    past(tmp_path, 4, "up", None)
    (row,) = last_runs(tmp_path)
    assert (row["result"], row["seconds"], row["about"]) == ("no end", None, "")


@pytest.mark.parametrize("code", list(Exit))
def test_every_end_has_words_and_a_tone(code: Exit) -> None:
    assert result(int(code)) == WORDS.get(code, FAILED)
    good = code in (Exit.OK, Exit.CHANGES_PENDING)
    assert tone(result(code)) == ("ok" if good else "warn" if code == Exit.INTERRUPTED else "bad")


def test_a_node_keeps_the_newest_of_all_control_machines(tmp_path: Path) -> None:
    place, reader = tmp_path / "runs.json", tmp_path / "reader"
    rows = [{"run": f"202605{day:02d}T000000Z-up-000000", "n": 1} for day in range(1, 31)]
    assert kept(place, rows[:3], reader) == []  # nobody there would read it
    reader.touch()
    assert kept(place, rows[10:3:-1], reader) == rows[4:11]
    assert kept(place, rows[:2], reader) == [*rows[:2], *rows[4:11]]
    assert kept(place, [rows[0] | {"n": 2}], reader)[0]["n"] == 2
    assert kept(place, rows, reader) == rows[-SHOWN:]
    assert place.stat().st_mode & 0o777 == 0o600
    place.write_text('[{"run": "torn')
    assert kept(place, rows[:1], reader) == rows[:1]


def test_all_that_watch_are_believed() -> None:
    def says(*names: str) -> Outcome:
        return Outcome(0, json.dumps([{"run": name} for name in names]), "")

    answers = {"mon1": says("1", "2"), "mon2": says("2", "3"), "mon3": Outcome(255, "", "")}
    assert [row["run"] for row in told(answers)] == ["3", "2", "1"]
    assert told({"mon1": Outcome(0, '{"no": "list"}', ""), "mon2": Outcome(0, "[", "")}) == []


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "topology.yml").write_text(TEXT)
    found = Workspace.open(tmp_path)
    keys = dict.fromkeys(("web1", "mon1", "mon2"), ("ssh-ed25519 AAAA",))
    contact.pin_given_keys(found, keys)
    return found


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Takes what nodes are asked to run; mon2 does not answer."""
    asked: list[tuple[str, str]] = []

    def answer(host: Host, _command: str, *, stdin: str, **_: object) -> ssh.Answer:
        asked.append((host.name, stdin))
        return ssh.Answer(host.name, 255 * (host.name == "mon2"), "", "banner\nno route to host\n")

    monkeypatch.setattr(ssh, "run", answer)
    return asked


def test_only_those_that_watch_and_are_known_are_told(workspace: Workspace, nodes: list[tuple[str, str]]) -> None:
    assert leave(workspace) == {"mon2": "no route to host"}
    assert sorted(name for name, _ in nodes) == ["mon1", "mon2"]
    workspace.places.known_hosts.unlink()
    nodes.clear()
    assert leave(workspace) == {}
    assert nodes == []


def test_a_run_leaves_itself_and_fails_of_nothing_there(
    workspace: Workspace, nodes: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        with run.recorded(workspace, "verify", ["verify"], arguments={}, plain=True, unsealed=True):
            raise ClusterError("no", code=Exit.VERIFY_FAILED)

    with run.recorded(workspace, "up", ["web"], arguments={}, plain=True, unsealed=True) as found:
        found.code = Exit.UNREACHABLE
    assert "node unreachable" in dict(nodes)["mon1"]
    assert "mon2 was not told of this run: no route to host" in capsys.readouterr().err
    with pytest.raises(ClusterError, match="no"):
        fails()
    assert "verify failed" in dict(nodes)["mon1"]


def test_who_interrupts_waits_for_nobody(workspace: Workspace, nodes: list[tuple[str, str]]) -> None:
    def interrupted() -> None:
        with run.recorded(workspace, "up", ["web"], arguments={}, plain=True, unsealed=True):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert nodes == []


def test_what_goes_wrong_here_is_a_line_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> ssh.Answer:
        raise OSError("no ssh here")

    monkeypatch.setattr(ssh, "run", broken)
    with run.recorded(workspace, "up", [], arguments={}, plain=True, unsealed=True):
        pass
    assert "who watches was not told of this run: OSError: no ssh here" in capsys.readouterr().err
