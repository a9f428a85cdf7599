"""Files of nodes: what comes back is exchanged with what is there, and no interruption loses either."""

import io
import json
import os
import sys
import tarfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import filesets
import record
import settings
from source import SourceError

ROLES = Path(__file__).parents[2] / "roles"


def load(name: str, path: str) -> ModuleType:
    """A program of a role, under a name no other has."""
    spec = spec_from_file_location(name, ROLES / path)
    assert spec
    assert spec.loader
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


exchange = load("files_exchange", "backup_files/files/exchange.py")
sys.path[:0] = [str(ROLES / "backup_files/files"), str(ROLES / "backup_source/files")]
giver = load("files_giver", "backup_files/files/main.py")


class KilledError(BaseException):
    """The program ends here."""


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(exchange, "STAGE", str(tmp_path / "stage"))
    for name in ("www", "conf"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page").write_text("live")
    return [str(tmp_path / name) for name in ("www", "conf")]


def came(paths: list[str], tmp_path: Path, text: str) -> None:
    """As `receive` leaves it."""
    for path in paths:
        place = Path(f"{tmp_path}/stage/web{path}")
        place.mkdir(parents=True)
        (place / "page").write_text(text)


def say(paths: list[str]) -> list[str]:
    return [(Path(path) / "page").read_text() for path in paths]


def test_files_go_back_and_forth(paths: list[str], tmp_path: Path) -> None:
    came(paths, tmp_path, "restored")
    assert exchange.put("web", paths)["aside"] == [f"{path}.before-restore" for path in paths]
    assert say(paths) == ["restored"] * 2
    exchange.undo("web", paths)
    assert say(paths) == ["live"] * 2
    assert say([f"{path}.restored-undone" for path in paths]) == ["restored"] * 2
    assert not any(exchange.forget("web", paths).values())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["conf", "stage", "www"]


def counted(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """Have the program end after so many changes."""
    things = {name: getattr(os, name) for name in ("rename", "makedirs", "unlink")}

    def limited(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*words: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError
            return real(*words, **more)

        return act

    for name, real in things.items():
        monkeypatch.setattr(os, name, limited(real))


@pytest.mark.parametrize("left", range(8))
@pytest.mark.parametrize("then", ["put", "undo"])
def test_an_interrupted_exchange_goes_on_or_back(paths: list[str], tmp_path: Path, left: int, then: str) -> None:
    came(paths, tmp_path, "restored")
    with pytest.MonkeyPatch.context() as patch:
        counted(patch, left)
        with suppress(KilledError):
            exchange.put("web", paths)
    getattr(exchange, then)("web", paths)
    assert say(paths) == (["restored"] * 2 if then == "put" else ["live"] * 2)
    assert not exchange.look("web", paths)["coming"]


def test_what_is_aside_is_not_written_over(paths: list[str], tmp_path: Path) -> None:
    came(paths, tmp_path, "restored")
    exchange.put("web", paths)
    with pytest.raises(exchange.RefusedError, match="kept aside"):
        exchange.receive("web", paths)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """As Prometheus leaves one."""
    place = tmp_path / "prometheus" / "metrics2"
    files = ("01A/meta.json", "01A/chunks/000001", "chunks_head/000002", "wal/00000003", "wal/00000004")
    for file in map(place.joinpath, (*files, "wal/checkpoint.00000002/00000000", "lock")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return place


def grown(place: Path) -> None:
    for file in ("chunks_head/000003", "wal/00000005", "queries.active"):
        (place / file).touch()


def compacted(place: Path) -> None:
    (place / "01B").mkdir()
    (place / "01B/meta.json").touch()


def test_what_prometheus_works_on_is_not_exchanged(database: Path) -> None:
    for path in (database, database.parent):
        with (database / "wal/00000004").open("w"):
            for step in (exchange.put, exchange.undo, exchange.receive):
                with pytest.raises(exchange.RefusedError, match="Prometheus works on .*metrics2: systemctl stop"):
                    step("web", [str(path)])
        assert (database / "wal").is_dir()
    assert exchange.undo("web", [str(database)])["aside"] == []


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (grown, True),
        (compacted, False),
        (lambda place: (place / "01A/meta.json").unlink(), False),
        (lambda place: (place / "chunks_head/000002").unlink(), False),
        (lambda place: (place / "wal/00000003").unlink(), False),
        (lambda place: (place / "wal/checkpoint.00000002").rename(place / "wal/checkpoint.00000003"), False),
    ],
)
def test_a_database_of_prometheus_is_whole_unless_it_was_compacted(
    database: Path, change: Callable[[Path], None], whole: bool
) -> None:
    for path in (database, database.parent):
        with giver.Tar([str(path)]) as tar:
            read = b"".join(tar.chunks())
            assert tar.whole()
            assert f"{database}/01A/meta.json"[1:].encode() in read
    with giver.Tar([str(database.parent)]) as tar:
        b"".join(tar.chunks())
        change(database)
        assert tar.whole() == whole


class Kept:
    """A repository as the program sees it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.content: dict[str, bytes] = {}
        self.stays: set[str] | None = None

    def snapshots(self) -> tuple[list[catalogue.Backup], list[Any]]:
        return catalogue.read(self.rows)

    def put(self, chunks: Any, name: str, tags: list[str]) -> dict[str, Any]:
        assert name == "web.files.tar"
        identity = f"s{len(self.content)}"
        self.rows.append({"id": identity, "tags": tags})
        self.content[identity] = b"".join(chunks)
        return {"snapshot": identity, "bytes": len(self.content[identity]), "stored": 1, "digest": "d"}

    def commit(self, backup: catalogue.Backup) -> None:
        self.forget([backup.snapshot])
        self.rows.append({"id": backup.snapshot, "tags": catalogue.tags(backup)})

    def forget(self, snapshots: list[str]) -> None:
        self.rows = [each for each in self.rows if each["id"] not in snapshots]

    def kept(self, _tags: list[str], _keep: Any) -> set[str]:
        return {row["id"] for row in self.rows} if self.stays is None else self.stays

    def prune(self) -> None:
        pass

    def taken(self, backup: catalogue.Backup) -> Any:
        return nullcontext(io.BytesIO(self.content[backup.snapshot]))


CHOSEN = {"name": "web", "nodes": [{"name": "web1", "address": "a"}, {"name": "web2", "address": "b"}]}
KNOWN = {"node": "bak1", "files_port": 9202, "port": 9201, "keep": {}}


def archive(text: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        info = tarfile.TarInfo("srv/www/page")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(settings, "LOCKS", str(tmp_path / "locks"))
    for name in ("STATE", "METRICS"):
        monkeypatch.setattr(record, name, str(tmp_path / name))
    return Kept()


def giving(monkeypatch: pytest.MonkeyPatch, given: dict[str, bytes | str], **later: bytes) -> None:
    """Nodes that give this, or break off with these words, and then give what they give later."""

    class Source:
        def __init__(self, known: dict[str, Any], node: dict[str, str]) -> None:
            assert known["port"] == 9202
            self.name = node["name"]

        def stream(self, _path: str, **words: str) -> Any:
            assert words == {"set": "web"}
            found = given[self.name]
            yield b"x" if isinstance(found, str) else found
            if isinstance(found, str):
                given[self.name] = later.get(self.name, found)
                raise SourceError(found)

    monkeypatch.setattr(filesets, "Source", Source)


def test_each_node_is_kept_by_itself(repository: Kept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    giving(monkeypatch, {"web1": archive("one"), "web2": archive("two")})
    said = filesets.fetch(KNOWN, CHOSEN, repository)
    whole, parts = repository.snapshots()
    assert [each.node for each in whole] == ["web1", "web2"]
    assert said["ids"] == [each.id for each in whole]
    assert parts == []
    assert filesets.verify(CHOSEN, repository) == {"files": {"web1": 1, "web2": 1}}
    out = io.BytesIO()
    filesets.give(repository, "web", "web2", out)
    assert out.getvalue() == archive("two")
    assert json.loads((tmp_path / "STATE").read_text())["databases"]["web"]["files"]["good"]["bytes"]
    assert 'kind="files"' in (tmp_path / "METRICS").read_text()


def test_what_broke_off_never_counts(repository: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    giving(monkeypatch, {"web1": "what web1 gave broke off", "web2": archive("two")})
    with pytest.raises(settings.RefusedError, match="web1 gave broke off"):
        filesets.fetch(KNOWN, CHOSEN, repository)
    assert [each.node for each in repository.snapshots()[0]] == ["web2"]
    giving(monkeypatch, {"web1": archive("one"), "web2": archive("two")})
    filesets.fetch(KNOWN, CHOSEN, repository)
    whole, parts = repository.snapshots()
    assert [each.node for each in whole] == ["web2", "web1", "web2"]
    assert parts == []
    repository.stays = {whole[1].snapshot, whole[2].snapshot}
    assert filesets.tidy(KNOWN, CHOSEN, repository) == [whole[0].id]


def test_what_broke_off_once_is_asked_for_again(repository: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    giving(monkeypatch, {"web1": "it was compacted", "web2": archive("two")}, web1=archive("one"))
    filesets.fetch(KNOWN, CHOSEN, repository)
    whole, parts = repository.snapshots()
    assert [each.node for each in whole] == ["web1", "web2"]
    assert parts == []


def test_a_tar_that_is_none_is_told(repository: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    giving(monkeypatch, {"web1": archive("one"), "web2": b"no tar" * 200})
    filesets.fetch(KNOWN, CHOSEN, repository)
    with pytest.raises(settings.RefusedError, match="cannot be unpacked"):
        filesets.verify(CHOSEN, repository)
