"""Data of a node is exchanged and had back; no interruption loses any of it, in a mount point or not."""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

FILES = Path(__file__).parents[2] / "roles/backup_source/files"
OLD = {"ibdata1": "old", "mysql/user": "old", "shop/only_here.ibd": "old", "grastate.dat": "old"}
NEW = {"ibdata1": "new", "mysql/user": "new", "shop/row.ibd": "new"}


class KilledError(BaseException):
    """The program ends here."""


@pytest.fixture(params=["mariadb", "mysql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The server of the database."""
    return str(request.param)


@pytest.fixture(params=["a folder", "a mount point"])
def exchange(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> Iterator[ModuleType]:
    """The program on a node with old data, to which restored data came whole."""
    monkeypatch.syspath_prepend(str(FILES))
    monkeypatch.syspath_prepend(str(FILES / engine))
    module = importlib.import_module("exchange")
    data = tmp_path / "mysql"
    monkeypatch.setattr(module, "DATA", str(data))
    monkeypatch.setattr(module, "ASIDE", str(data / module.exchanged.BESIDE))
    monkeypatch.setattr(module, "NOTE", str(tmp_path / "restore.json"))
    monkeypatch.setattr(module, "MOUNTED", request.param == "a mount point")
    monkeypatch.setattr(module, "active", lambda: "inactive")
    monkeypatch.setattr(module, "systemctl", lambda *_: None)
    monkeypatch.setattr(module, "version", lambda: "10.11.1")
    monkeypatch.setattr(module.pwd, "getpwnam", lambda _: module.pwd.getpwuid(module.os.getuid()))
    written(data, OLD)
    if module.MOUNTED:
        (data / "lost+found").mkdir()
    yield module
    for name in ("exchange", "exchanged", "daemon"):
        sys.modules.pop(name, None)


def written(folder: Path, files: dict[str, str]) -> None:
    """Have these files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def came(module: ModuleType) -> None:
    """Restored data came in whole."""
    written(Path(module.place("incoming")), {**NEW, module.WHOLE: "{}"})


def in_place(module: ModuleType) -> dict[str, str]:
    """What a server would find."""
    return files(Path(module.DATA), module)


def aside(module: ModuleType, name: str) -> dict[str, str]:
    """What is set aside under a name."""
    return files(Path(module.place(name)), module)


def files(folder: Path, module: ModuleType) -> dict[str, str]:
    """What lies below a folder, but for what was set aside in it."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != module.WHOLE
        and module.exchanged.BESIDE not in path.relative_to(folder).parts
    }


def killed_everywhere(monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str) -> Iterator[int]:
    """Have a step end at its first rename, at its second, ...; what is there then is up to who asks."""
    for point in count():
        left, real = [point], module.os.rename

        def rename(source: str, target: str, left: list[int] = left, real: object = real) -> None:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            real(source, target)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(module.os, "rename", rename)
            try:
                getattr(module, step)()
            except KilledError:
                yield point
                continue
        return


def test_data_is_exchanged_and_had_back(exchange: ModuleType) -> None:
    came(exchange)
    assert exchange.put()["aside"] == exchange.place("before")
    assert in_place(exchange) == NEW
    assert aside(exchange, "before") == OLD
    exchange.put()  # again: nothing more happens
    assert (in_place(exchange), aside(exchange, "before")) == (NEW, OLD)
    exchange.back()
    assert (in_place(exchange), aside(exchange, "undone")) == (OLD, NEW)
    exchange.back()
    assert (in_place(exchange), aside(exchange, "undone")) == (OLD, NEW)
    exchange.forget()
    assert in_place(exchange) == OLD
    assert not Path(exchange.place("undone")).exists()


def test_a_node_to_which_nothing_came_is_emptied(exchange: ModuleType) -> None:
    exchange.put()
    assert in_place(exchange) == {}
    written(Path(exchange.DATA), NEW)  # what it copied from another one
    exchange.back()
    assert (in_place(exchange), aside(exchange, "undone")) == (OLD, NEW)


def test_a_node_whose_data_is_lost_is_given_what_came(exchange: ModuleType) -> None:
    """Where there was nothing, that is what is had back."""
    if exchange.MOUNTED:
        for path in Path(exchange.DATA).iterdir():
            if path.name not in exchange.OURS:
                exchange.shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        exchange.shutil.rmtree(exchange.DATA)
    came(exchange)
    assert exchange.look()["before"] is False
    exchange.put()
    assert in_place(exchange) == NEW
    assert exchange.look()["before"] is True
    assert exchange.look()["own"] is True
    exchange.back()
    assert (in_place(exchange), aside(exchange, "undone")) == ({}, NEW)


@pytest.mark.parametrize("group", ["", "e17933a0-eb61-11f1-88da-abb6e7012816"])
def test_what_came_says_where_it_stands(
    exchange: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, group: str, engine: str
) -> None:
    """By the files a server of the engine, and of a group, looks for; nothing of it before all came."""
    said = tmp_path / "seat"
    said.write_text(json.dumps({"history": ["9-1-4", "9-7-15"], "group": group, "seqno": 18}))

    def seat() -> None:
        with said.open() as stdin:
            monkeypatch.setattr(exchange.sys, "stdin", stdin)
            exchange.seat()

    with pytest.raises(exchange.RefusedError, match="nothing came"):
        seat()
    came(exchange)
    seat()
    if engine == "mysql":  # its data says it
        assert files(Path(exchange.place("incoming")), exchange) == NEW
        return
    exchange.put()
    found = in_place(exchange)
    assert found["binlog.state"] == "9-1-4\n9-7-15\n"
    if not group:
        assert "grastate.dat" not in found
        return
    rows = dict(line.split(":") for line in found["grastate.dat"].splitlines() if ":" in line)
    assert {name: value.strip() for name, value in rows.items()} == {
        "version": "2.1", "uuid": group, "seqno": "18", "safe_to_bootstrap": "0",
    }  # fmt: skip


def test_what_cannot_be_read_weighs_nothing(exchange: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken disk, or a file that a server removed meanwhile."""

    def broken(_path: str) -> None:
        raise OSError(5, "Input/output error")

    assert exchange.size(exchange.DATA) > 0
    monkeypatch.setattr(exchange.os, "lstat", broken)
    assert exchange.size(exchange.DATA) == 0


def test_a_step_that_is_killed_anywhere_is_done_again(
    exchange: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kill goes on from where the one before it left things: the last of them is a run to the end."""
    came(exchange)
    points = list(killed_everywhere(monkeypatch, exchange, "put"))
    assert (in_place(exchange), aside(exchange, "before")) == (NEW, OLD)
    more = list(killed_everywhere(monkeypatch, exchange, "back"))
    assert (in_place(exchange), aside(exchange, "undone")) == (OLD, NEW)
    assert points
    assert more


@pytest.mark.parametrize("point", range(9))
def test_an_exchange_that_was_killed_is_taken_back(
    exchange: ModuleType, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    """However far it was, all the old data is in place again, and nothing of it was ever overwritten."""
    came(exchange)
    left, real = [point], exchange.os.rename

    def rename(source: str, target: str) -> None:
        if left[0] == 0:
            raise KilledError
        left[0] -= 1
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(exchange.os, "rename", rename)
        with contextlib.suppress(KilledError):
            exchange.put()
    exchange.back()
    assert in_place(exchange) == OLD


def test_data_of_a_running_server_is_not_touched(exchange: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "active", lambda: "active")
    came(exchange)
    for step in (exchange.put, exchange.back):
        with pytest.raises(exchange.RefusedError, match="its server is active"):
            step()
    assert in_place(exchange) == OLD


def test_what_came_by_half_does_not_count(exchange: ModuleType) -> None:
    written(Path(exchange.place("incoming")), NEW)
    with pytest.raises(exchange.RefusedError, match=r"9 bytes came, 10 were given"):
        exchange.received("10")
    assert not exchange.os.path.exists(exchange.os.path.join(exchange.place("incoming"), exchange.WHOLE))


def test_a_disk_that_is_too_small_is_told_first(exchange: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = exchange.shutil.disk_usage(exchange.DATA)
    monkeypatch.setattr(exchange.shutil, "disk_usage", lambda _: usage._replace(free=300 << 20))
    exchange.room(str(40 << 20))
    with pytest.raises(exchange.RefusedError, match="57 MB are missing for the restored data beside that"):
        exchange.room(str(100 << 20))


def test_a_note_is_kept_whole(exchange: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exchange.noted() is None
    monkeypatch.setattr(exchange.sys, "stdin", (Path(exchange.NOTE).parent / "said").open("w+"))
    exchange.sys.stdin.write(json.dumps({"phase": "restoring"}))
    exchange.sys.stdin.seek(0)
    exchange.note()
    assert exchange.noted() == {"phase": "restoring"}
