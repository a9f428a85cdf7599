"""Secrets that cannot be read stop a run before it touches anything, with words on what to do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_cli.secrets.store import Secrets

CLUSTER = Path(sys.executable).parent / "cluster"
LAB = "name: shop\nprovider: podman\nnetwork: {subnet: 10.89.121.0/24}\nnodes: {a: {}}\n"
DAMAGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "wrong key": (lambda _, key: key.write_text("another\n"), "the secrets cannot be decrypted"),
    "missing key": (lambda _, key: key.unlink(), "the key of the secrets is missing"),
    "open key": (lambda _, key: key.chmod(0o644), "other users can read it"),
    "empty key": (lambda _, key: key.write_text(""), "it is empty"),
    "tampered": (
        lambda file, _: file.write_bytes(flipped(file.read_bytes())),
        "the file was changed or cut short",
    ),
    "cut short": (lambda file, _: file.write_bytes(file.read_bytes()[:300]), "the file was changed or cut short"),
    "not encrypted": (lambda file, _: file.write_text("db: x\n"), "the secrets are not encrypted"),
}


def flipped(sealed: bytes) -> bytes:
    """One bit changed in the middle."""
    return sealed[:500] + bytes([sealed[500] ^ 1]) + sealed[501:]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("PATH", str(CLUSTER.parent))  # no container engine: a run that went on would say so
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "topology.yml").write_text(LAB)
    Secrets.open(shop / "secrets.yml", "shop").ensure("operator_key", lambda: "the value of a secret")
    return shop


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CLUSTER), *map(str, words)], capture_output=True, text=True, env=dict(os.environ), check=False
    )


@pytest.mark.parametrize(
    ("verb", "damage"),
    [
        *(("up", damage) for damage in DAMAGES),
        *((verb, "wrong key") for verb in ("plan", "verify", "secrets list -C", "secrets rekey -C")),
        ("secrets rotate operator_key -C", "tampered"),
    ],
)
def test_a_run_without_its_secrets_stops_before_it_touches_anything(
    folder: Path, tmp_path: Path, verb: str, damage: str
) -> None:
    break_it, words = DAMAGES[damage]
    secrets, key = folder / "secrets.yml", tmp_path / "config" / "cluster" / "shop" / "vault-key"
    break_it(secrets, key)
    before = secrets.read_bytes()
    done = run(*verb.split(), folder)
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    assert "the value of a secret" not in done.stderr + done.stdout
    assert secrets.read_bytes() == before
    assert not list(tmp_path.rglob("operator_ed25519*"))
    assert not key.with_name("vault-key.new").exists()


def test_with_its_secrets_it_goes_on(folder: Path) -> None:
    done = run("up", folder)
    assert "podman" in done.stderr  # the next thing it wants is the engine


def test_they_are_listed_and_shown(folder: Path) -> None:
    listed = run("secrets", "-C", folder)
    assert listed.returncode == 0, listed.stderr
    assert "operator_key" in listed.stdout
    assert "the value of a secret" not in listed.stdout
    assert run("secrets", "show", "operator_key", "-C", folder).stdout == "the value of a secret\n"
    missing = run("secrets", "show", "nothing", "-C", folder)
    assert missing.returncode == 1
    assert "there is no secret called 'nothing'" in missing.stderr


def test_another_key_opens_the_same_secrets(folder: Path) -> None:
    before = (folder / "secrets.yml").read_bytes()
    done = run("secrets", "rekey", "-C", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "secrets.yml").read_bytes() != before
    assert run("secrets", "show", "operator_key", "-C", folder).stdout == "the value of a secret\n"
