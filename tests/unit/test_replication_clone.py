"""A copy is put in place of old data inside a mount point, and no interruption loses any of the old."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILES = Path(__file__).parents[2] / "roles/replication/files"
OWNER = SimpleNamespace(pw_uid=0, pw_gid=0)
OLD = {"ibdata1": "old", "mysql/user": "old", "shop/only_here.ibd": "old"}
NEW = {"ibdata1": "new", "mysql/user": "new", "shop/row.ibd": "new", "cluster-copy.json": "{}"}


class KilledError(BaseException):
    """The program ends here."""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program on a node whose data directory is a mount point with old data, and a copy that came in whole."""
    monkeypatch.syspath_prepend(str(FILES))
    monkeypatch.syspath_prepend(str(FILES / "mariadb"))
    module = importlib.import_module("clone")
    monkeypatch.setattr(module, "DATA", str(tmp_path))
    for name, place in {
        "ASIDE": "cluster-aside",
        "FOUND": "lost+found",
        "INCOMING": "cluster-aside/incoming",
    }.items():
        monkeypatch.setattr(module, name, str(tmp_path / place))
    monkeypatch.setattr(sys.modules["telling"], "ASIDE", str(tmp_path / "cluster-aside"))
    monkeypatch.setattr(module.os, "chown", lambda *_: None)
    (tmp_path / "lost+found").mkdir()
    written(tmp_path, OLD)
    written(tmp_path / "cluster-aside/incoming", NEW)
    yield module
    for name in ("clone", "steps", "server", "engine", "telling"):
        sys.modules.pop(name, None)


def written(folder: Path, files: dict[str, str]) -> None:
    """Have these files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def held(folder: Path, name: str) -> list[str]:
    """What the files of this name hold, wherever below the folder they are."""
    return [path.read_text() for path in folder.rglob(name)]


def in_place(folder: Path, files: dict[str, str]) -> bool:
    """Whether a server would find just these."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and "cluster-aside" not in path.parts
    } == files


def test_the_old_data_is_kept_and_the_copy_is_in_place(clone: ModuleType, tmp_path: Path) -> None:
    kept = Path(clone.exchange(useless=False, owner=OWNER))
    assert in_place(tmp_path, NEW)
    assert in_place(kept.rename(tmp_path.parent / "kept"), OLD)
    assert (tmp_path / "lost+found").is_dir()


def test_what_never_held_anything_is_not_kept(clone: ModuleType, tmp_path: Path) -> None:
    assert clone.exchange(useless=True, owner=OWNER) == ""
    assert in_place(tmp_path, NEW)
    assert list((tmp_path / "cluster-aside").iterdir()) == []


@pytest.mark.parametrize("steps", range(9))
def test_an_interruption_loses_nothing_and_starts_nothing(
    clone: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    with monkeypatch.context() as patched:
        killed_after(steps, clone, patched)
        with pytest.raises(KilledError):
            clone.exchange(useless=False, owner=OWNER)
    assert held(tmp_path, "only_here.ibd") == ["old"]
    whole = [in_place(tmp_path, OLD), in_place(tmp_path, NEW)]
    assert any(whole) or not (tmp_path / "mysql").is_dir(), "a server could start from a part"


def killed_after(steps: int, clone: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program end instead of renaming once more; at the latest where it is done with that."""
    left = iter(range(steps))
    rename = clone.os.rename

    def once(source: str, target: str) -> None:
        if next(left, None) is None:
            raise KilledError
        rename(source, target)

    def done(_: str) -> None:
        raise KilledError

    monkeypatch.setattr(clone.os, "rename", once)
    monkeypatch.setattr(clone.os, "rmdir", done)


@pytest.mark.parametrize("steps", range(9))
def test_the_next_attempt_keeps_what_the_interrupted_one_left(
    clone: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    with monkeypatch.context() as patched:
        killed_after(steps, clone, patched)
        with pytest.raises(KilledError):
            clone.exchange(useless=False, owner=OWNER)
    clone.shutil.rmtree(clone.INCOMING)
    written(tmp_path / "cluster-aside/incoming", NEW)
    monkeypatch.setattr(clone.time, "strftime", lambda _: "later")
    empty = not (tmp_path / "mysql").is_dir()
    clone.exchange(useless=empty or (tmp_path / "cluster-copy.json").exists(), owner=OWNER)
    assert in_place(tmp_path, NEW)
    assert sorted(held(tmp_path, "only_here.ibd") + held(tmp_path, "ibdata1")).count("old") == 2


def test_what_was_set_aside_does_not_count_as_data(clone: ModuleType, tmp_path: Path) -> None:
    assert clone.size(str(tmp_path)) == sum(map(len, OLD.values()))
