"""A bucket as the control machine sees it: on the sheet, opened by restic, found by a cluster that was lost."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cluster_cli import ssh
from cluster_cli.backups import bundle, rebuild, s3, sheet, store
from cluster_cli.commands.up import command as up
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV, encrypt
from cluster_cli.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nQUJDRA==\n-----END CERTIFICATE-----\n"
TOPOLOGY = """
name: shop
nodes:
  db1: {address: 192.0.2.21}
  db2: {address: 192.0.2.22}
  bak1: {address: 192.0.2.31}
  bak2: {address: 192.0.2.32}
network: {subnet: 192.0.2.0/24}
databases:
  main: {mode: replication, nodes: [db1, db2]}
backup:
  nodes: [bak1, bak2]
  stores:
    bak2:
      s3:
        endpoint: https://store.example.com:9000
        bucket: backups
        region: here-1
        authority: store.pem
        access_key_id: store_key_id
        secret_access_key: store_key
"""
WHERE = "s3:https://store.example.com:9000/backups/shop/bak2"
ACCESS = s3.Access(WHERE, "AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+", "here-1", "path", PEM)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv(KEY_FILE_ENV, raising=False)
    for kind in ("config", "state", "runtime"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_{'DIR' if kind == 'runtime' else 'HOME'}", str(tmp_path / kind))
    for name in ("shop", "runtime"):
        (tmp_path / name).mkdir()
    (tmp_path / "shop/topology.yml").write_text(TOPOLOGY)
    (tmp_path / "shop/store.pem").write_bytes(f"Our store (Zürich)\n{PEM}".replace("\n", "\r\n").encode())
    secrets = Secrets.open(tmp_path / "shop/secrets.yml", "shop")
    secrets.ensure("store_key_id", lambda: ACCESS.key_id)
    secrets.ensure("store_key", lambda: ACCESS.secret)
    return Workspace.open(tmp_path / "shop")


def test_the_sheet_has_what_opens_a_bucket(workspace: Workspace) -> None:
    text = sheet.sheet(workspace)
    assert sheet.buckets(text, "sheet") == {"bak2": ACCESS}
    assert set(sheet.parsed(text, "sheet")) == {"bak1", "bak2", sheet.OWN}
    indented = "\n".join(f"  {line}" if line in PEM.split("\n") else line for line in text.split("\n"))
    assert sheet.buckets(indented, "sheet") == {"bak2": ACCESS}, "as somebody typed it"
    with pytest.raises(ClusterError, match="the secret access key is not what was printed"):
        sheet.buckets(text.replace(ACCESS.secret, f"l{ACCESS.secret[1:]}"), "sheet")


def test_a_sheet_without_buckets_says_nothing_of_them(workspace: Workspace) -> None:
    workspace.places.topology.write_text(TOPOLOGY[: TOPOLOGY.index("  stores:")])
    text = sheet.sheet(Workspace.open(workspace.places.topology))
    assert "AWS_SHARED_CREDENTIALS_FILE" not in text
    assert sheet.buckets(text, "sheet") == {}


def test_an_older_sheet_is_told_from_todays(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "fetch", lambda *_: SimpleNamespace())
    keys = sheet.keys(workspace)
    assert list(sheet.faults(workspace, keys, {"bak2": ACCESS})) == []
    assert list(sheet.faults(workspace, keys, {})) == ["the access key of bak2's bucket is not on the sheet"]
    another = s3.Access(WHERE, "AKIAEXAMPLE", "another", "here-1", "path", PEM)
    assert "is another one today" in next(sheet.faults(workspace, keys, {"bak2": another}))
    elsewhere = s3.typed("s3:https://s3.example.com/backups/shop/bak2", "a", "b")
    assert "in another place today" in next(sheet.faults(workspace, keys, {"bak2": elsewhere}))


def test_restic_reads_what_is_secret_from_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for restic shows what it was told: keys are in the file it was given, and nowhere else."""
    told = tmp_path / "told"
    (tmp_path / "restic").write_text(
        f'#!/bin/sh\nexec >{told}; echo "$@"; env; echo @@\n'
        'cat "$AWS_SHARED_CREDENTIALS_FILE"; echo @@\n'
        'cat /proc/self/fd/$(echo "$@" | sed "s|.*--cacert /proc/self/fd/\\([0-9]*\\).*|\\1|"); echo @@; cat\n'
    )
    (tmp_path / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    before = set(Path("/proc/self/fd").iterdir())
    assert store.restic(ACCESS, "the-key", "snapshots").returncode == 0
    assert set(Path("/proc/self/fd").iterdir()) == before
    seen, credentials, authority, stdin = told.read_text().split("@@\n")
    assert f"--repo {WHERE} -o s3.region=here-1 -o s3.bucket-lookup=path --cacert" in seen
    assert "AWS_PROFILE" not in seen
    for secret in (ACCESS.secret, ACCESS.key_id, "the-key"):
        assert secret not in seen
    assert credentials == s3.CREDENTIALS.format(ACCESS.key_id, ACCESS.secret)
    assert (authority, stdin) == (PEM, "the-key\n")


def ended(code: int, said: str = "", out: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.CompletedProcess([], code, out, said.encode())


@pytest.mark.parametrize(
    ("said", "what", "hint"),
    [
        (
            "Stat: The request signature we calculated does not match",
            "cannot be read",
            "compare the secret access",
        ),
        ("Stat: The Access Key Id you provided does not exist", "cannot be read", "compare the access key id"),
        ("Stat: The specified bucket does not exist.", "cannot be read", "compare the bucket"),
        (
            'Stat: Get "https://s": x509: certificate signed by unknown authority',
            "cannot be read",
            "the sheet as a",
        ),
        ("Stat: Get: dial tcp 192.0.2.1:443: connect: connection refused", "cannot be read", "is the store there"),
        ("Stat: Get: net/http: TLS handshake timeout", "cannot be read", "is the store there"),
        ("wrong password or no key found", "no key of the sheet opens", "is it a copy of"),
    ],
)
def test_a_bucket_that_does_not_open_is_told_from_a_wrong_key(
    monkeypatch: pytest.MonkeyPatch, said: str, what: str, hint: str
) -> None:
    words = f"Fatal: {said}\nIs there a repository at the following location?\n{WHERE}\n"
    monkeypatch.setattr(store, "restic", lambda *_: ended(1, words))
    with pytest.raises(ClusterError, match=what) as raised:
        store.read(ACCESS, {"bak2": "k", sheet.OWN: "r"})
    assert raised.value.why == said
    assert hint in raised.value.hint
    assert raised.value.where == WHERE


def test_a_store_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "restic").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(store, "LIST_SECONDS", 0.2)
    with pytest.raises(ClusterError, match="cannot be read") as raised:
        store.read(ACCESS, {"bak2": "k", sheet.OWN: "r"})
    assert raised.value.where == WHERE


@pytest.mark.parametrize(
    "where",
    [
        "s3:store.example.com/b",
        "s3:https://s:70000/b",
        "s3:http://store/b/p",
        "s3:https://store",
        "s3:https://s/b/",
    ],
)
def test_what_is_no_repository_in_a_bucket(where: str, tmp_path: Path) -> None:
    """It is told before anything is asked for."""
    words = [str(tmp_path / "new"), "--restore-from", where]
    done = CliRunner().invoke(up, words, input="", obj=SimpleNamespace(json=False, debug=False))
    assert isinstance(done.exception, ClusterError)
    assert done.exception.what == f"{where} is no store"


class Lost:
    """A cluster that is gone, and what is in its bucket; what the new nodes were told."""

    def __init__(self, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys = sheet.keys(workspace)
        packed = bundle.gather(workspace).packed()
        sealed = encrypt(bundle.squeezed(packed), self.keys[sheet.OWN].encode())
        kept = catalogue.Backup("cluster-new", "", "cluster", 200.0, "bak2", plain=bundle.digest(packed))
        self.rows = [{"id": kept.id, "tags": catalogue.tags(kept)}]
        self.sealed, self.sources, self.told = sealed, [], []  # type: ignore[var-annotated]
        self.answer, self.config = "", ended(0)
        monkeypatch.setattr(store, "restic", self.restic)
        monkeypatch.setattr(rebuild, "restic", self.restic)
        monkeypatch.setattr(rebuild.ssh, "run", self.run)
        for kind in ("CONFIG", "STATE"):
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / f"new-{kind}"))

    def restic(self, source: Any, key: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
        """What it says of a repository of bak2."""
        self.sources.append(source)
        if key != self.keys["bak2"]:
            return ended(1, "Fatal: wrong password or no key found\n")
        if words[0] == "cat":
            return self.config
        return ended(0, out=json.dumps(self.rows).encode() if words[0] == "snapshots" else self.sealed)

    def run(self, _host: Any, command: str, **_: Any) -> ssh.Answer:
        """Over SSH."""
        self.told.append(command)
        return ssh.Answer("bak2", 0, self.answer, "")


@pytest.fixture
def lost(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lost:
    return Lost(workspace, tmp_path, monkeypatch)


class Run:
    """A run nobody records."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, *_: str) -> Any:
        """One stage."""
        return pytest.MonkeyPatch.context()

    def emit(self, step: Any) -> None:
        """One step."""
        self.said.append(step.text)


def test_a_cluster_is_made_again_from_its_bucket(lost: Lost, tmp_path: Path) -> None:
    """The repository is where it belongs already; on a node that is new, what is in it waits to be restored."""
    found = rebuild.describe(tmp_path / "new", WHERE, lost.keys, ACCESS)
    assert PEM in (tmp_path / "new/store.pem").read_text()
    assert stat.S_IMODE((tmp_path / "new/secrets.yml").stat().st_mode) == 0o600
    assert found.store.node == "bak2"
    assert lost.sources == [ACCESS] * len(lost.sources)
    run = Run()
    rebuild.place(found, run, ["bak2"])  # type: ignore[arg-type]
    assert run.said == [f"the repository is in {WHERE}"]
    assert lost.sources[-1] == ACCESS, "with what the secrets say"
    known = tmp_path / "lib/repository"
    script = lost.told[-1].replace("/var/lib/cluster-backup", str(known.parent))
    known.parent.mkdir()
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == b""
    assert [each.name for each in (known.parent / "waiting").iterdir()] == ["main"]
    (known.parent / "waiting/main").unlink()
    known.touch()
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == b"known\n"
    assert list((known.parent / "waiting").iterdir()) == [], "a node that is in order goes on"
    lost.answer = "known\n"
    rebuild.place(found, run, ["bak2"])  # type: ignore[arg-type]
    assert run.said[-1] == f"the repository is in {WHERE} already"


def test_a_bucket_that_lost_it_too_is_not_written_from_here(lost: Lost, tmp_path: Path) -> None:
    found = rebuild.describe(tmp_path / "new", WHERE, lost.keys, ACCESS)
    lost.config = ended(1, "Fatal: unable to open config file: Stat: The specified key does not exist.\n")
    with pytest.raises(ClusterError, match="no repository of bak2 can be read") as raised:
        rebuild.place(found, Run(), ["bak2"])  # type: ignore[arg-type]
    assert "specified key does not exist" in raised.value.why
    assert lost.told == []


def test_a_bucket_is_not_poured_into_a_directory(lost: Lost, tmp_path: Path) -> None:
    found = rebuild.describe(tmp_path / "new", WHERE, lost.keys, ACCESS)
    text = (tmp_path / "new/topology.yml").read_text()
    (tmp_path / "new/topology.yml").write_text(text[: text.index("  stores:")])
    changed = rebuild.Rebuilt(Workspace.open(tmp_path / "new"), found.store)
    with pytest.raises(ClusterError, match="the repository is in a bucket, and bak2 is to have it in /srv"):
        rebuild.place(changed, Run(), ["bak2"])  # type: ignore[arg-type]


@pytest.mark.parametrize("saved", [True, False])
def test_keys_come_from_the_sheet_or_are_asked_for(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    seen: list[Any] = []

    def describe(_target: Path, _store: str, _keys: sheet.Keys, access: s3.Access) -> None:
        seen.append(access)
        raise ClusterError("that is all")

    monkeypatch.setattr(rebuild, "describe", describe)
    sheet.write(sheet.sheet(workspace), tmp_path / "sheet")
    words = [str(tmp_path / "new"), "--restore-from", WHERE]
    words += ["--recovery-sheet", str(tmp_path / "sheet")] if saved else []
    typed = "" if saved else f"k\nr\n{ACCESS.key_id}\n{ACCESS.secret}\n"
    done = CliRunner().invoke(up, words, input=typed, obj=SimpleNamespace(json=False, debug=False))
    assert seen == [ACCESS if saved else s3.typed(WHERE, ACCESS.key_id, ACCESS.secret)]
    assert ACCESS.secret not in done.output
