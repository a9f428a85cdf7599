"""What a node of a database gives to backup nodes: which binary logs, in which stream."""

import importlib.util
import io
import json
import re
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

FILES = Path(__file__).parents[2] / "roles/backup_source/files"


@pytest.fixture
def binlogs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with its own neighbours and not those of the same names elsewhere."""
    for name in ("server", "binlogs"):
        spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return sys.modules["binlogs"]


@pytest.mark.usefixtures("binlogs")
def test_a_copy_that_cannot_begin_does_not_keep_others_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The data files are away, as while they are exchanged; then they are back."""
    spec = importlib.util.spec_from_file_location("copies_of_source", FILES / "copies.py")
    assert spec
    assert spec.loader
    copies = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copies)
    monkeypatch.setattr(copies, "RUN", str(tmp_path))
    monkeypatch.setattr(copies, "BACKUP", ["true"])

    def away() -> str:
        raise copies.RefusedError("the data files cannot be seen", 503)

    monkeypatch.setattr(copies, "lineage", away)
    for _ in range(2):
        with pytest.raises(copies.RefusedError, match="cannot be seen"):
            copies.Copy("r1", 0, 0).__enter__()
    monkeypatch.setattr(copies, "lineage", lambda: "x")
    with copies.Copy("r2", 0, 0), pytest.raises(copies.RefusedError, match="giving a copy already"):
        copies.Copy("r3", 0, 0).__enter__()


class FakeServer:
    """A server with binary logs: {name: (position at its beginning, [GTIDs in it])}."""

    def __init__(self, position: str, logs: dict[str, tuple[str, list[str]]]) -> None:
        self.position, self.logs, self.said = position, logs, []

    def __call__(self, _seconds: float) -> "FakeServer":
        return self

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None: ...

    def value(self, sql: str, *values: str) -> str:
        return self.position if "gtid_binlog_pos" in sql.lower() and not values else self.logs[values[0]][0]

    def rows(self, sql: str) -> list[tuple]:
        self.said.append(sql)
        if found := re.search(r"EVENTS IN '(.*)' LIMIT", sql):
            return [(0, 0, "Gtid", 0, 0, f"BEGIN GTID {each}") for each in self.logs[found[1]][1]]
        return [(name, 100) for name in self.logs] if "SHOW" in sql else []


LOGS = {
    "b1": ("", ["9-9-1", "1-1-1"]),
    "b2": ("9-9-1,1-1-50", ["1-1-51"]),
    "b3": ("9-9-1,1-1-80", ["1-1-81"]),
    "b4": ("9-9-1,1-1-99", []),
}


def names(found: list[tuple[str, str]]) -> list[str]:
    return [name for name, _ in found]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("1-1-90", ["b3", "b4"]),
        ("1-1-80", ["b3", "b4"]),
        ("1-1-79", ["b2", "b3", "b4"]),
        ("1-1-1", ["b1", "b2", "b3", "b4"]),
    ],
)
def test_logs_from_what_comes_next(
    binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch, after: str, expected: list[str]
) -> None:
    server = FakeServer("9-9-1,1-1-99", LOGS)
    monkeypatch.setattr(binlogs, "Server", server)
    assert names(binlogs.after(after)) == expected
    assert server.said[0] == "FLUSH LOCAL BINARY LOGS"


def test_nothing_was_written(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer("9-9-7,1-1-99", LOGS)
    monkeypatch.setattr(binlogs, "Server", server)
    assert binlogs.after("1-2-99") is None, "what the node wrote by itself does not count"
    assert server.said == [], "an idle server's logs are left alone"


def test_what_was_removed_is_told(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a node that was given a copy: its first log says to begin with nothing, and begins far on."""
    late = {"b1": ("", ["1-1-60"]), "b2": ("1-1-80", [])}
    for logs in ({name: LOGS[name] for name in ("b3", "b4")}, late):
        monkeypatch.setattr(binlogs, "Server", FakeServer("1-1-99", logs))
        with pytest.raises(Exception, match="not in the binary logs any more") as raised:
            binlogs.after("1-1-55")
        assert raised.value.code == 410


def test_the_stream_is_a_tar(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binlogs, "DATA", str(tmp_path))
    (tmp_path / "b1").write_bytes(b"x" * 1000)
    (tmp_path / "b2").write_bytes(b"y" * 512)
    whole = b"".join(binlogs.packed([("b1", "1-1-5"), ("b2", "1-1-7"), ("b3", "1-1-9")]))
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
        assert tar.getnames() == ["about.json", "b1", "b2"]
        about = json.load(tar.extractfile("about.json"))  # type: ignore[arg-type]
        assert (about["start"], about["position"]) == ("1-1-5", "1-1-9")
        assert tar.extractfile("b1").read() == b"x" * 1000  # type: ignore[union-attr]
