"""Secrets kept with the program sops: through pipes, with its own keys, its own words when it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.places import Places
from cluster_cli.secrets.rekey import rekey
from cluster_cli.secrets.store import Secrets

# Takes what sops 3.9 takes (https://getsops.io/docs/), notes its arguments, and turns the letters round.
STAND_IN = """\
#!{python}
import json, pathlib, sys
given = sys.stdin.buffer.read()
with open({log!r}, "a") as log:
    log.write(json.dumps({{"argv": sys.argv[1:], "cwd": str(pathlib.Path.cwd())}}) + "\\n")
rest = [word for word in sys.argv[1:] if word not in ("yaml", {file!r})]
encrypting = rest == ["--encrypt", "--filename-override", "--input-type", "--output-type", "/dev/stdin"]
decrypting = rest == ["--decrypt", "--input-type", "--output-type", "/dev/stdin"]
if pathlib.Path({log!r} + ".locked").exists():
    sys.exit("Failed to get the data key required to decrypt the SOPS file.")
if not (encrypting or decrypting):
    sys.exit("flag provided but not defined")
sys.stdout.buffer.write(given[::-1])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty file, by which somebody says that sops keeps the secrets."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "secrets.sops.yml").touch()
    return folder / "secrets.sops.yml"


@pytest.fixture
def calls(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in in the path; returns where it notes its calls."""
    log = tmp_path / "calls"
    program = tmp_path / "bin" / "sops"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable, log=str(log), file=str(path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def test_its_file_beside_the_topology_turns_it_on(path: Path) -> None:
    assert Places(path.with_name("topology.yml"), "shop").secrets == path
    path.unlink()
    assert Places(path.with_name("topology.yml"), "shop").secrets == path.with_name("secrets.yml")


def test_secrets_come_back_and_pass_through_pipes_only(path: Path, calls: Path) -> None:
    secrets = Secrets.open(path, "shop")
    assert secrets.names() == []
    secrets.ensure("db", lambda: "the value")
    assert Secrets.open(path, "shop").get("db") == "the value"
    assert b"the value" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    rows = [json.loads(line) for line in calls.read_text().splitlines()]
    assert "the value" not in calls.read_text()
    assert {row["cwd"] for row in rows} == {str(path.parent)}  # where .sops.yaml is looked for
    assert {file.name for file in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}


def test_a_rotation_works_the_same(path: Path, calls: Path) -> None:
    assert not calls.exists()
    secrets = Secrets.open(path, "shop")
    secrets.ensure("db", lambda: "first")
    assert secrets.advance("db", lambda: "second").valid == {1: "first", 2: "second"}
    assert secrets.texts() == {"db": ("first", "second"), "vault_key": ()}


def refusal(path: Path) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        Secrets.open(path, "shop").names()
    assert caught.value.hint
    return caught.value


def test_its_own_words_are_told(path: Path, calls: Path) -> None:
    Secrets.open(path, "shop").ensure("db", lambda: "the value")
    Path(f"{calls}.locked").touch()
    assert "Failed to get the data key" in refusal(path).why


def test_a_missing_program_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("db: ENC[...]")
    monkeypatch.setenv("PATH", str(path.parent))
    assert "install sops" in refusal(path).hint


def test_two_files_are_one_too_many(path: Path) -> None:
    path.with_name("secrets.yml").touch()
    assert "there are two files of secrets" in refusal(path).what


def test_its_keys_are_its_own_business(path: Path, calls: Path) -> None:
    Secrets.open(path, "shop").ensure("db", lambda: "the value")
    assert calls.exists()
    with pytest.raises(ClusterError, match="kept with sops") as caught:
        rekey(Secrets.open(path, "shop"))
    assert "sops rotate" in caught.value.hint


@pytest.fixture
def real_sops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The real program with a PGP key of its own. Old ones (1.x, from PyPI) cannot be told the file's name."""
    program = shutil.which("sops")
    if not program or not shutil.which("gpg"):
        pytest.skip("needs sops and gpg; 3.9 or newer, or for a try: pip install sops 'ruamel.yaml<0.18'")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "test@example.com"]
    subprocess.run([*make, "default", "default", "never"], check=True, capture_output=True)
    listed = subprocess.run(["gpg", "-k", "--with-colons"], check=True, capture_output=True, text=True).stdout
    prints = next(line for line in listed.splitlines() if line.startswith("fpr")).split(":")[9]
    monkeypatch.setenv("SOPS_PGP_FP", prints)
    asked = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    version = asked.stdout + asked.stderr
    if " 1." in version:
        old = tmp_path / "old" / "sops"
        old.parent.mkdir()
        old.write_text(
            f'#!/bin/sh\n[ "$1" = --decrypt ] || {{ shift 3; set -- --encrypt "$@"; }}\nexec {program} "$@"\n'
        )
        old.chmod(0o755)
        monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    return version


def test_the_real_program_keeps_them(path: Path, real_sops: str) -> None:
    print(real_sops)
    values = {"key": "-----BEGIN\nline: two\n-----END\n", "number": "0123", "yes": "no", "text": "ü'\"{{ x }}"}
    secrets = Secrets.open(path, "shop")
    secrets.ensure_all({name: (lambda value=value: value) for name, value in values.items()})
    assert "ENC[AES256_GCM" in path.read_text()
    assert {name: Secrets.open(path, "shop").get(name) for name in values} == values
    secrets.advance("number", lambda: "4567")
    assert Secrets.open(path, "shop").entry("number").valid == {1: "0123", 2: "4567"}
    path.write_text(path.read_text().replace("data:", "data:A", 1))
    assert refusal(path).why
