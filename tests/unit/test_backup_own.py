"""The cluster's own files among the backups: the same files give the same bytes; a backup node reads none."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cluster_cli.backups import bundle, sheet
from cluster_cli.backups.own import opened
from cluster_cli.commands.backup import keys
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.secret import Secret
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV, encrypt
from cluster_cli.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import own
import record
import settings

TOPOLOGY = """
name: shop
nodes:
  db1: {address: 192.0.2.21}
  db2: {address: 192.0.2.22}
  web1: {address: 192.0.2.23}
  bak1: {address: 192.0.2.31}
network: {subnet: 192.0.2.0/24}
databases:
  main: {mode: replication, nodes: [db1, db2]}
web:
  shop: {nodes: [web1], site: pages}
  other: {nodes: [web1], port: 81, site: ../elsewhere}
backup: {nodes: [bak1]}
"""
KEY = "k" * 43


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for kind in ("config", "state", "runtime"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_{'DIR' if kind == 'runtime' else 'HOME'}", str(tmp_path / kind))
    monkeypatch.delenv(KEY_FILE_ENV, raising=False)
    for name in ("shop/pages/deep", "elsewhere", "runtime"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere/index.html").write_text("not ours")
    (tmp_path / "shop/pages/deep/index.html").write_bytes(b"\0hello")
    (tmp_path / "shop/topology.yml").write_text(TOPOLOGY)
    found = Workspace.open(tmp_path / "shop")
    Secrets.open(found.places.secrets, "shop").ensure_all({"ntp_key": lambda: "abc"})
    found.places.granted.write_text("{}\n")
    found.places.known_hosts.write_text("192.0.2.21 ssh-ed25519 AAAA\n")
    return found


def test_what_was_gathered_is_there_again(workspace: Workspace, tmp_path: Path) -> None:
    found = bundle.gather(workspace)
    assert sorted(found.files) == ["access.jsonl", "pages/deep/index.html", "topology.yml"]
    assert bundle.gather(workspace).packed() == found.packed()
    again = bundle.read(bundle.squeezed(found.packed()), "here")
    assert again == found
    folder = tmp_path / "new"
    (tmp_path / ".new.coming").mkdir()
    (tmp_path / ".new.coming/of-one-that-was-killed").touch()
    assert bundle.put_back(again, folder) == folder / "topology.yml"
    assert (folder / "pages/deep/index.html").read_bytes() == b"\0hello"
    assert not (folder / "of-one-that-was-killed").exists()
    before, after = (Secrets.open(each / "secrets.yml", "shop") for each in (tmp_path / "shop", folder))
    assert after.entries() == before.entries()
    assert b"abc" not in (folder / "secrets.yml").read_bytes()
    assert stat.S_IMODE((folder / "secrets.yml").stat().st_mode) == 0o600


def test_another_machine_can_read_what_it_puts_back(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bundle.gather(workspace)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    bundle.put_back(found, tmp_path / "new")
    assert Secrets.open(tmp_path / "new/secrets.yml", "shop").get("ntp_key") == "abc"


def test_nothing_is_put_where_something_is(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="something there already"):
        bundle.put_back(bundle.gather(workspace), tmp_path / "shop")


def test_an_archive_cannot_write_beside_its_folder(workspace: Workspace, tmp_path: Path) -> None:
    bad = replace(bundle.gather(workspace), files={"../out": b"", "topology.yml": b""})
    with pytest.raises(ClusterError, match="not lie in the folder"):
        bundle.put_back(bad, tmp_path / "new")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "new").exists()


def test_what_lies_elsewhere_is_told(workspace: Workspace, tmp_path: Path) -> None:
    told = bundle.outside(workspace.topology, workspace.places.topology)
    assert [Path(each).resolve() for each in told] == [tmp_path / "elsewhere"]


def test_too_much_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 10)
    with pytest.raises(ClusterError, match="too large"):
        bundle.gather(workspace)


def test_only_the_recovery_key_opens_it(workspace: Workspace) -> None:
    packed = bundle.gather(workspace).packed()
    sealed = encrypt(bundle.squeezed(packed), KEY.encode())
    assert opened(sealed, KEY, bundle.digest(packed), "here") == bundle.gather(workspace)
    with pytest.raises(ClusterError, match="does not open"):
        opened(sealed, "x" * 43, bundle.digest(packed), "here")
    with pytest.raises(ClusterError, match="does not open"):
        opened(sealed[:-200] + b"3" * 200, KEY, bundle.digest(packed), "here")
    with pytest.raises(ClusterError, match="not what was kept"):
        opened(sealed, KEY, "0" * 64, "here")


class Kept:
    """A repository as the program sees it."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.content: dict[str, bytes] = {}

    def snapshots(self) -> tuple[list[catalogue.Backup], list[Any]]:
        return catalogue.read(self.rows)

    def put(self, chunks: list[bytes], _name: str, tags: list[str]) -> dict[str, Any]:
        name = f"s{len(self.content)}"
        self.content[name] = b"".join(chunks)
        self.rows.append({"id": name, "tags": tags})
        return {"snapshot": name, "bytes": len(self.content[name]), "stored": 0, "digest": "d"}

    def commit(self, backup: catalogue.Backup) -> None:
        self.rows = [each for each in self.rows if each["id"] != backup.snapshot]
        self.rows.append({"id": backup.snapshot, "tags": catalogue.tags(backup)})

    def forget(self, snapshots: list[str]) -> None:
        self.rows = [each for each in self.rows if each["id"] not in snapshots]

    def taken(self, backup: catalogue.Backup) -> Any:
        return nullcontext(BytesIO(self.content[backup.snapshot]))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    for module, name in ((settings, "LOCKS"), (record, "STATE"), (record, "METRICS")):
        monkeypatch.setattr(module, name, str(tmp_path / name))
    return Kept()


def take(repository: Kept, monkeypatch: pytest.MonkeyPatch, digest: str, sealed: str) -> dict[str, Any]:
    monkeypatch.setattr(sys, "stdin", StringIO(json.dumps({"digest": digest, "sealed": sealed})))
    found: dict[str, Any] = own.take({"node": "bak1"}, repository)
    return found


def test_a_version_is_kept_once(repository: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "KEPT", 2)
    first = take(repository, monkeypatch, "a", "$ANSIBLE_VAULT;one")
    assert take(repository, monkeypatch, "a", "$ANSIBLE_VAULT;one, sealed again") == {**first, "new": False}
    assert own.give(repository)["sealed"] == "$ANSIBLE_VAULT;one"
    noted = record.state()["databases"]["cluster"]["own"]
    assert (noted["good"]["id"], noted["bad"]) == (first["id"], None)
    labels = 'database="cluster",kind="own"'
    assert f"cluster_backup_last_success_timestamp_seconds{{{labels}}}" in Path(record.METRICS).read_text()
    for letter in "bcd":
        assert take(repository, monkeypatch, letter, f"$ANSIBLE_VAULT;{letter}")["new"]
    backups, parts = repository.snapshots()
    assert [each.plain for each in backups] == ["c", "d"]
    assert parts == []
    assert own.give(repository, backups[0].id)["sealed"] == "$ANSIBLE_VAULT;c"
    assert catalogue.of(backups, "main") == [], "no database has them"
    with pytest.raises(settings.RefusedError, match="there is no"):
        own.give(repository, "cluster-of-another-time")


def test_what_is_not_sealed_is_not_kept(repository: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(settings.RefusedError, match="not sealed"):
        take(repository, monkeypatch, "a", "passwords")
    assert repository.rows == []


def test_the_sheet_has_the_keys_and_finds_a_letter_that_is_wrong(workspace: Workspace, tmp_path: Path) -> None:
    text = sheet.sheet(workspace)
    known = sheet.keys(workspace)
    assert sheet.parsed(text, "sheet") == known
    assert set(known) == {"bak1", sheet.OWN}
    assert "tr -d '\\n' < FILE" in text
    key = known["bak1"]
    wrong = ("A" if key[0] != "A" else "B") + key[1:]
    with pytest.raises(ClusterError, match="the key is not what was printed"):
        sheet.parsed(text.replace(key, wrong), "sheet")
    with pytest.raises(ClusterError, match="no recovery sheet"):
        sheet.parsed(text.replace("recovery key", ""), "sheet")
    sheet.write(text, tmp_path / "sheet")
    assert stat.S_IMODE((tmp_path / "sheet").stat().st_mode) == 0o600
    with pytest.raises(ClusterError, match="such a file already"):
        sheet.write(text, tmp_path / "sheet")


def test_an_older_sheet_is_told_from_todays(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "fetch", lambda *_: SimpleNamespace())
    known = sheet.keys(workspace)
    assert list(sheet.faults(workspace, known, {})) == []
    assert list(sheet.faults(workspace, {**known, "bak1": "old"}, {})) == [
        "the key of bak1's repository is another one today"
    ]
    assert list(sheet.faults(workspace, {sheet.OWN: known[sheet.OWN]}, {})) == [
        "the key of bak1's repository is not on the sheet"
    ]


def test_keys_go_to_no_pipe(workspace: Workspace, tmp_path: Path) -> None:
    words, session = ["--print", "-C", str(workspace.places.topology)], SimpleNamespace(json=False)
    refused = CliRunner().invoke(keys, words, obj=session)
    assert refused.exit_code == 2
    known = sheet.keys(workspace)
    assert not any(key in refused.output for key in known.values())
    done = CliRunner().invoke(keys, [*words, "--to", str(tmp_path / "sheet")], obj=session)
    assert done.exit_code == 0, done.output
    assert not any(key in done.output for key in known.values())
    assert sheet.parsed((tmp_path / "sheet").read_text(), "sheet") == known
    for kept in workspace.places.state.rglob("*"):
        if kept.is_file():
            assert not any(key.encode() in kept.read_bytes() for key in known.values()), kept


def test_a_secret_that_is_half_rotated_is_kept_so(workspace: Workspace, tmp_path: Path) -> None:
    secrets = Secrets.open(workspace.places.secrets, "shop")
    secrets.advance("ntp_key", lambda: "def")
    bundle.put_back(bundle.gather(workspace), tmp_path / "new")
    found = Secrets.open(tmp_path / "new/secrets.yml", "shop").entry("ntp_key")
    assert found == secrets.entry("ntp_key")
    assert isinstance(found, Secret)
    assert found.step == "accept"
