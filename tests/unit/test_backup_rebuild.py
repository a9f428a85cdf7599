"""A cluster from a repository and a sheet: what is read, what is put where, and what is left alone."""

import json
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cluster_cli import ssh
from cluster_cli.backups import bundle, notes, rebuild, sheet, store
from cluster_cli.backups.notes import Note
from cluster_cli.backups.restoring import Done, Wish
from cluster_cli.commands.up import command as up
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV, encrypt
from cluster_cli.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import adopt
import catalogue

TOPOLOGY = """
name: shop
nodes:
  db1: {address: 192.0.2.21}
  db2: {address: 192.0.2.22}
  bak1: {address: 192.0.2.31}
  my1: {address: 192.0.2.41}
  my2: {address: 192.0.2.42}
  my3: {address: 192.0.2.43}
  bak2: {address: 192.0.2.32}
  bak3: {address: 192.0.2.33}
network: {subnet: 192.0.2.0/24}
databases:
  main: {mode: replication, nodes: [db1, db2], backup: {nodes: [bak1, bak2]}}
  books: {engine: mysql, mode: group_replication, nodes: [my1, my2, my3], backup: {nodes: [bak3]}}
backup:
  nodes: [bak1, bak2, bak3]
  files: {site: {nodes: [db1], paths: [/srv/site]}}
"""


@pytest.fixture
def lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sheet.Keys:
    """A cluster that is gone: a sheet's keys, and a repository of bak2 that restic would open."""
    monkeypatch.delenv(KEY_FILE_ENV, raising=False)
    for machine in ("old", "new"):
        (tmp_path / machine / "run").mkdir(parents=True)
    move(tmp_path / "old", monkeypatch)
    (tmp_path / "old/shop").mkdir()
    (tmp_path / "old/shop/topology.yml").write_text(TOPOLOGY)
    workspace = Workspace.open(tmp_path / "old/shop")
    workspace.places.known_hosts.write_text("192.0.2.21 ssh-ed25519 AAAA\n")
    keys = sheet.keys(workspace)
    packed = bundle.gather(workspace).packed()
    sealed = encrypt(bundle.squeezed(packed), keys[sheet.OWN].encode())
    versions = [
        catalogue.Backup("cluster-new", "", "cluster", 200.0, "bak2", plain=bundle.digest(packed)),
        catalogue.Backup("cluster-old", "", "cluster", 100.0, "bak2", plain="0"),
    ]
    rows = [{"id": each.id, "tags": catalogue.tags(each)} for each in versions]
    rows.append({"id": "half", "tags": catalogue.begun("", "cluster", "r")})

    def restic(_folder: Path, key: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
        if key != keys["bak2"]:
            return subprocess.CompletedProcess([], 1, b"", b"Fatal: wrong password or no key found\n")
        return subprocess.CompletedProcess(
            [], 0, json.dumps(rows).encode() if words[0] == "snapshots" else {"cluster-new": sealed}[words[1]], b""
        )

    monkeypatch.setattr(store, "restic", restic)
    for part in store.PARTS:
        (tmp_path / "store" / part).mkdir(parents=True)
    move(tmp_path / "new", monkeypatch)
    return keys


def move(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be on this machine."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(machine / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(machine / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(machine / "run"))


def test_a_new_machine_has_what_the_old_one_had(lost: sheet.Keys, tmp_path: Path) -> None:
    found = rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), lost)
    assert found.store.node == "bak2"
    assert (tmp_path / "new/shop/topology.yml").read_text() == TOPOLOGY
    assert found.workspace.places.known_hosts.read_text() == "192.0.2.21 ssh-ed25519 AAAA\n"
    assert not (tmp_path / "new/shop/known_hosts").exists()
    old, new = (tmp_path / machine / "config/cluster/shop/vault-key" for machine in ("old", "new"))
    assert old.read_text().strip() == new.read_text().strip()
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert sheet.keys(found.workspace) == lost
    before = (tmp_path / "new/shop/secrets.yml").read_bytes()
    again = rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), lost)
    assert again.store.node == "bak2"
    assert (tmp_path / "new/shop/secrets.yml").read_bytes() == before


def test_typed_keys_are_enough(lost: sheet.Keys, tmp_path: Path) -> None:
    keys = sheet.typed(lost["bak2"], lost[sheet.OWN])
    assert rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), keys).store.node == "bak2"


def test_wrong_keys_make_nothing(lost: sheet.Keys, tmp_path: Path) -> None:
    for keys, told in (
        (sheet.typed("wrong", lost[sheet.OWN]), "no key of the sheet opens"),
        (sheet.typed(lost["bak2"], "wrong"), "recovery key does not open"),
    ):
        with pytest.raises(ClusterError, match=told):
            rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), keys)
    assert not (tmp_path / "new/shop").exists()


def test_another_cluster_in_the_folder_is_left_alone(lost: sheet.Keys, tmp_path: Path) -> None:
    (tmp_path / "new/shop").mkdir()
    (tmp_path / "new/shop/topology.yml").write_text(TOPOLOGY)
    Secrets.open(tmp_path / "new/shop/secrets.yml", "shop").ensure("backup_repository.bak2", lambda: "another")
    with pytest.raises(ClusterError, match="no backup node of this cluster"):
        rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), lost)


def test_a_folder_that_is_no_repository(lost: sheet.Keys, tmp_path: Path) -> None:
    (tmp_path / "store/data").rmdir()
    with pytest.raises(ClusterError, match="there is no repository") as caught:
        rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), lost)
    assert "data" in caught.value.why
    with pytest.raises(ClusterError, match="is no store"):
        store.fetched("sftp:host", tmp_path / "beside")


def shell(text: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["sh", "-c", text], input=stdin, capture_output=True, check=False)


@pytest.mark.parametrize("moved", range(6))
def test_a_repository_comes_whole_or_not_at_all(tmp_path: Path, moved: int) -> None:
    """What moves it into its place may end anywhere; `config` makes it one, and is last."""
    for part in store.PARTS[1:]:
        (tmp_path / "copy" / part).mkdir(parents=True)
    (tmp_path / "copy/config").write_text("c")
    tar = shell(f"tar -c -C {tmp_path}/copy {' '.join(store.PARTS)}").stdout
    target, waiting = tmp_path / "srv/store", tmp_path / "lib/waiting"
    take, put = rebuild.TAKE.format(target), rebuild.PUT.format(target, waiting, "main site")
    assert shell(take, tar[:700]).returncode != 0
    assert shell(rebuild.THERE.format(target)).stdout.split() == [b".coming"]
    assert shell(take, tar).returncode == 0
    for part in ("snapshots", "keys", "index", "data", "config")[:moved]:
        (target / ".coming" / part).rename(target / part)
    said = shell(rebuild.THERE.format(target)).stdout.split()
    assert said[0] == (b"there" if moved == 5 else b"whole")
    if moved < 5:
        assert shell(put).returncode == 0
        assert sorted(each.name for each in target.iterdir()) == sorted([*store.PARTS, "locks"])
        assert sorted(each.name for each in waiting.iterdir()) == ["main", "site"]


@pytest.mark.parametrize("count", range(7))
def test_a_repository_that_was_brought_becomes_the_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Killed anywhere, it goes on: by the owner of `config` it is known whether that is done."""
    owners: dict[str, int] = {}
    asked: list[str] = []

    def chown(path: str, uid: int, _gid: int, **_: Any) -> None:
        asked.append(path)
        if len(asked) > count:
            raise KeyboardInterrupt
        owners[path] = uid

    store = tmp_path / "store"
    (store / "data/00").mkdir(parents=True)
    for name in ("config", "data/00/pack", "data/01"):
        (store / name).write_text("")
    monkeypatch.setattr(adopt, "WAITING", str(tmp_path / "none"))
    monkeypatch.setattr(adopt.pwd, "getpwnam", lambda _: SimpleNamespace(pw_uid=4242, pw_gid=4242))
    monkeypatch.setattr(adopt.os, "chown", chown)
    everything = {str(store), *(str(each) for each in store.rglob("*"))}
    try:
        adopt.take_over({"store": str(store)}, "mysql")
    except KeyboardInterrupt:
        assert str(store / "config") not in owners or set(owners) >= everything - {str(store)}
    else:
        assert set(owners) == everything


def test_what_waits_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adopt, "WAITING", str(tmp_path))
    adopt.refuse_waiting("main")
    (tmp_path / "main").touch()
    with pytest.raises(adopt.BusyError, match="waits to be restored"):
        adopt.refuse_waiting("main")
    adopt.restored("main")
    adopt.restored("main")
    adopt.refuse_waiting("main")


UUID, OTHER = "6f1b6f9a-8f0c-5f6f-9a53-0a4a52f0c0de", "6f1b6f9a-8f0c-5f6f-9a53-0a4a52f0c0df"


def row(name: str, kind: str, at: float, number: int, **more: Any) -> dict[str, Any]:
    known = {"id": name, "database": "main", "kind": kind, "at": at, "position": f"7-1-{number}"}
    return {"history": "", "proven": False, **known, **more}


FULL, NEXT = row("f", "full", 1, 10, proven=True), row("i", "incremental", 3, 30)
LOG, LAST = row("b1", "binlogs", 2, 20), row("b2", "binlogs", 4, 40)


def test_the_newest_proven_copy_comes_first_where_as_much_comes_back() -> None:
    assert rebuild.ways([FULL, LOG, NEXT, LAST], "main") == [("f", "7-1-40"), ("i", "7-1-40")]
    assert rebuild.ways([FULL, LOG, NEXT], "main") == [("i", "7-1-30"), ("f", "7-1-20")]
    assert rebuild.ways([FULL], "main") == [("f", "7-1-10")]
    assert rebuild.ways([FULL], "other") == []
    empty = row("e", "full", 1, 0, position="")
    assert rebuild.ways([empty], "main") == [("e", "")], "nothing was written yet"


def test_of_mysql_that_leads_furthest_which_has_most() -> None:
    copies = [row("f", "full", 1, 0, position=f"{UUID}:1-9"), row("l", "full", 2, 0, position=f"{UUID}:1-12")]
    assert rebuild.ways(copies, "main") == [("l", f"{UUID}:1-12"), ("f", f"{UUID}:1-9")]
    log = row("b", "binlogs", 3, 0, position=f"{UUID}:1-12:14, {OTHER}:1-3")
    assert rebuild.ways([*copies, log], "main")[0] == ("l", f"{UUID}:1-12:14, {OTHER}:1-3")


def test_only_the_newest_history_counts() -> None:
    mark = row("m", "restored", 5, 0, position="put back to 12:00")
    after = row("f2", "full", 6, 2_000_010, history="m")
    assert rebuild.ways([FULL, LOG, NEXT, LAST, mark, after], "main") == [("f2", "7-1-2000010")]
    assert rebuild.ways([FULL, LOG, mark], "main") == []


@dataclass
class Nodes:
    """What the nodes of a rebuilt cluster say, and what they were told."""

    tables: int = 0
    note: Note | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""  # the copy from which no way leads
    wishes: list[Wish] = field(default_factory=list)
    files: list[tuple[str, bool]] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)

    def run(self, _host: Any, command: str, **_: Any) -> ssh.Answer:
        """Over SSH."""
        self.freed.append(command)
        return ssh.Answer("bak2", 0, "", "")

    def planned(self, _host: Any, _name: str, asked: dict[str, str]) -> dict[str, Any]:
        """The backup node's word on a wish."""
        if asked["backup"] == self.refuses:
            raise ClusterError("binlogs are missing")
        return {}

    def replace_data(self, _workspace: Any, wish: Wish, **_: Any) -> Done:
        """The restore."""
        self.wishes.append(wish)
        return Done("main", "bak2", False, {"to": wish.at or "where it was to go"})


@pytest.fixture
def nodes(lost: sheet.Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Nodes, rebuild.Rebuilt]:
    found = rebuild.describe(tmp_path / "new/shop", str(tmp_path / "store"), lost)
    told = Nodes()
    monkeypatch.setattr(rebuild, "listed", lambda hosts: {hosts[0].name: {"backups": told.rows}})
    monkeypatch.setattr(rebuild, "looks", lambda _live: {})
    monkeypatch.setattr(rebuild, "noted", lambda _looks: told.note)
    monkeypatch.setattr(rebuild.ssh, "run", told.run)
    monkeypatch.setattr(rebuild, "planned", told.planned)
    monkeypatch.setattr(rebuild.replacing, "replace_data", told.replace_data)
    monkeypatch.setattr(rebuild.replacing, "seed_of", lambda _live: "db1")
    monkeypatch.setattr(rebuild.Live, "ask", lambda *_: [[str(told.tables)]])
    monkeypatch.setattr(
        rebuild.filesets,
        "restore_in_place",
        lambda _workspace, name, _wish, yes, absent: told.files.append((name, yes and absent)),
    )
    return told, found


FREED, FILES_FREED = (f"rm -f /var/lib/cluster-backup/waiting/{name}" for name in ("main", "site"))
BOOKS = "is not in this repository, but in that of bak3"


def test_an_empty_database_goes_to_the_last_fetch(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    told.rows = [FULL, LOG, NEXT, LAST]
    found = {"main": "is as it was at 7-1-40", "books": BOOKS, "site": "were never backed up"}
    assert rebuild.restore(rebuilt, plain=True) == found
    assert told.wishes == [Wish("main", "7-1-40", "f", "bak2", plain=True)]
    assert told.freed == [FILES_FREED], "the database waits until the mark of its new history"


def test_where_a_way_is_broken_another_one_is_gone(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    told.rows, told.refuses = [FULL, LOG, NEXT, LAST], "f"
    rebuild.restore(rebuilt, plain=True)
    assert [wish.backup for wish in told.wishes] == ["i"]
    told.rows = [FULL]
    with pytest.raises(ClusterError, match="binlogs are missing"):
        rebuild.restore(rebuilt, plain=True)


def test_one_that_does_not_come_back_keeps_no_other_from_it(
    nodes: tuple[Nodes, rebuild.Rebuilt], capsys: pytest.CaptureFixture[str]
) -> None:
    told, rebuilt = nodes
    told.rows, told.refuses = [FULL, {"kind": "files", "files": "site", "database": "", "id": "s"}], "f"
    with pytest.raises(ClusterError, match="binlogs are missing"):
        rebuild.restore(rebuilt, plain=True)
    assert told.files == [("site", True)]
    assert told.freed == [FILES_FREED], "the database goes on waiting"
    said = capsys.readouterr().err
    assert "main is not back: binlogs are missing" in said
    assert "site are back where nothing was" in said


def test_a_repository_brings_its_own_databases(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    other = rebuild.replace(rebuilt, store=rebuild.replace(rebuilt.store, node="bak3"))
    assert rebuild.databases(rebuilt) == ("main",)
    assert rebuild.databases(other) == ("books",)
    told.rows = [row("b", "full", 1, 0, position=f"{UUID}:1-7") | {"database": "books"}]
    found = rebuild.restore(other, plain=True)
    assert found["main"] == "is not in this repository, but in that of bak1, bak2"
    assert [(wish.database, wish.backup, wish.at) for wish in told.wishes] == [("books", "b", f"{UUID}:1-7")]


def test_a_database_with_tables_is_left_alone(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    told.rows, told.tables = [FULL], 3
    assert "left as it is" in rebuild.restore(rebuilt, plain=True)["main"]
    assert told.wishes == []
    assert told.freed == [FREED, FILES_FREED]


def test_a_restore_that_ended_is_not_begun_again(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    told.rows, told.note = [FULL], Note("main", notes.RESTORED, "db1", "bak2", "7-1-10")
    assert "left as it is" in rebuild.restore(rebuilt, plain=True)["main"]
    assert told.wishes == []


def test_a_database_nobody_backed_up_stays_empty(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    assert "never backed up" in rebuild.restore(rebuilt, plain=True)["main"]
    assert told.wishes == []
    assert told.freed == [FREED, FILES_FREED]


def test_what_was_interrupted_goes_on(nodes: tuple[Nodes, rebuild.Rebuilt]) -> None:
    told, rebuilt = nodes
    told.note, told.tables = Note("main", notes.JOINING, "db1", "bak2", "7-1-40"), 3
    assert rebuild.go_on(rebuilt, plain=True)["main"] == "is as it was at where it was to go"
    assert told.wishes == [Wish(name, node="bak2", plain=True) for name in ("main", "books")]
    told.note = None
    assert rebuild.go_on(rebuilt, plain=True) == {}


def test_typed_keys_are_not_shown(lost: sheet.Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[sheet.Keys] = []

    def describe(_target: Path, _store: str, keys: sheet.Keys, _access: None) -> None:
        seen.append(keys)
        raise ClusterError("that is all")

    monkeypatch.setattr(rebuild, "describe", describe)
    words = [str(tmp_path / "new/shop"), "--restore-from", str(tmp_path / "store")]
    typed = f"{lost['bak2']}\n{lost[sheet.OWN]}\n"
    done = CliRunner().invoke(up, words, input=typed, obj=SimpleNamespace(json=False, debug=False))
    assert seen == [sheet.typed(lost["bak2"], lost[sheet.OWN])]
    assert not any(key in done.output for key in lost.values())
