"""Secrets: made once, kept encrypted, and told plainly when they cannot be had."""

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from cluster_cli.errors import ClusterError
from cluster_cli.secrets.secret import password
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(KEY_FILE_ENV, raising=False)
    return tmp_path / "config"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "secrets.yml"


def key_of(config: Path) -> Path:
    return config / "cluster" / "shop" / "vault-key"


def never() -> str:
    raise AssertionError("asked for a secret that is there")


def test_a_secret_is_made_once(path: Path) -> None:
    first = Secrets.open(path, "shop").ensure("db", password)
    again = Secrets.open(path, "shop")
    assert again.ensure("db", never) == again.get("db") == first
    assert again.names() == ["db"]


def test_reading_makes_neither_file_nor_key(path: Path, config: Path) -> None:
    assert Secrets.open(path, "shop").names() == []
    assert not path.exists()
    assert not config.exists()


def test_file_and_key_are_for_their_owner_only(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_of(config).stat().st_mode) == 0o600
    assert stat.S_IMODE(key_of(config).parent.stat().st_mode) == 0o700


def test_values_of_all_shapes_come_back_and_ansible_reads_them(path: Path, config: Path) -> None:
    values = {
        "key": "-----BEGIN\nline: two\n-----END\n",
        "number": "0123",
        "yes": "no",
        "text": "ü'\"{{ x }}",
    }
    secrets = Secrets.open(path, "shop")
    for name, value in values.items():
        secrets.ensure(name, lambda value=value: value)
    assert {name: secrets.get(name) for name in secrets.names()} == values
    vault = VaultLib([("default", VaultSecret(key_of(config).read_bytes().strip()))])
    assert b"0123" in vault.decrypt(path.read_bytes())
    assert b"0123" not in path.read_bytes()


def test_no_value_shows_in_the_representation(path: Path) -> None:
    secrets = Secrets.open(path, "shop")
    value = secrets.ensure("db", password)
    assert value not in repr(secrets)
    assert "vault-key" not in repr(secrets)


def test_making_one_secret_may_need_another(path: Path) -> None:
    secrets = Secrets.open(path, "shop")
    assert secrets.ensure("outer", lambda: secrets.ensure("inner", lambda: "a") + "b") == "ab"
    assert secrets.names() == ["inner", "outer"]


def ensure_in_process(path: Path) -> tuple[str, str]:
    secrets = Secrets.open(path, "shop")
    return secrets.ensure("shared", password), secrets.ensure(f"own-{os.getpid()}", password)


def test_forks_that_ask_at_once_get_the_same(path: Path) -> None:
    with ProcessPoolExecutor(8) as pool:
        answers = list(pool.map(ensure_in_process, [path] * 24))
    assert len({shared for shared, own in answers}) == 1
    assert len(Secrets.open(path, "shop").names()) == 1 + len({own for shared, own in answers})
    leftovers = {file.name for file in path.parent.iterdir()}
    assert leftovers == {"secrets.yml", ".secrets.yml.lock"}


def test_a_leftover_key_is_used_again(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    key = key_of(config).read_text()
    path.unlink()
    Secrets.open(path, "shop").ensure("db", password)
    assert key_of(config).read_text() == key


def complaint(path: Path) -> str:
    with pytest.raises(ClusterError) as caught:
        Secrets.open(path, "shop").ensure("db", never)
    error = caught.value
    assert error.where
    assert error.why
    assert error.hint
    assert error.__context__ is None or error.__suppress_context__  # no text of the file in a traceback
    return str(error)


def test_a_missing_secret_is_named(path: Path) -> None:
    with pytest.raises(ClusterError, match="no secret called 'db'"):
        Secrets.open(path, "shop").get("db")


def test_a_missing_key_is_not_replaced(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    key_of(config).unlink()
    assert "the key of the secrets is missing" in complaint(path)
    with pytest.raises(ClusterError):
        Secrets.open(path, "shop").ensure("other", password)
    assert not key_of(config).exists()


def test_a_wrong_key_is_told(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    key_of(config).write_text("another")
    assert "cannot be decrypted" in complaint(path)


@pytest.mark.parametrize("kept", [0, 10, 40, 200, -1, -2])
def test_a_truncated_file_is_told(path: Path, kept: int) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    path.write_bytes(path.read_bytes().rstrip()[:kept])
    assert "next:" in complaint(path)


@pytest.mark.parametrize("at", [0, 30, 100, 400])
def test_a_tampered_file_is_told(path: Path, at: int) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert "next:" in complaint(path)


@pytest.mark.parametrize(
    "plain",
    ["db: geheim\n", "- geheim\n", "geheim: 7\n", "db: {value: geheim, stp: use}\n", "{geheim", "\udcff"],
)
def test_a_file_of_another_shape_is_told_without_its_text(path: Path, config: Path, plain: str) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    secret = VaultSecret(key_of(config).read_bytes().strip())
    content = plain.encode(errors="surrogateescape")
    path.write_bytes(content if plain.startswith("db") else VaultLib().encrypt(content, secret=secret))
    assert "geheim" not in complaint(path)


def test_a_key_others_can_read_is_refused(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    key_of(config).chmod(0o644)
    assert "chmod 600" in complaint(path)


def test_an_empty_key_is_refused(path: Path, config: Path) -> None:
    Secrets.open(path, "shop").ensure("db", password)
    key_of(config).write_text("\n")
    assert "it is empty" in complaint(path)


def test_a_directory_in_the_way_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    assert "cannot be read" in complaint(path)


def test_a_named_key_file_is_used(path: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = path.parent / "key"
    key.parent.mkdir()
    key.write_text("my key\n")
    monkeypatch.setenv(KEY_FILE_ENV, str(key))
    Secrets.open(path, "shop").ensure("db", password)
    assert not config.exists()
    assert VaultLib([("default", VaultSecret(b"my key"))]).decrypt(path.read_bytes())


def test_a_named_key_file_is_never_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_FILE_ENV, str(path.parent / "key"))
    with pytest.raises(ClusterError, match="key of the secrets is missing"):
        Secrets.open(path, "shop").ensure("db", password)


def helper(path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = path.parent / "helper"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv(KEY_FILE_ENV, str(program))


def test_a_helper_program_gives_the_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(path, "echo from-the-store", monkeypatch)
    Secrets.open(path, "shop").ensure("db", password)
    assert VaultLib([("default", VaultSecret(b"from-the-store"))]).decrypt(path.read_bytes())


def test_a_failing_helper_is_quoted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(path, "echo from-the-store", monkeypatch)
    Secrets.open(path, "shop").ensure("db", password)
    helper(path, "echo the store is sealed >&2; exit 3", monkeypatch)
    assert "the store is sealed" in complaint(path)


def test_a_rotation_is_kept_with_the_secret(path: Path) -> None:
    Secrets.open(path, "shop").ensure("db", lambda: "first")
    steps = [Secrets.open(path, "shop").advance("db", lambda: "second") for _ in range(4)]
    assert [secret.step for secret in steps] == ["accept", "use", "drop", None]
    assert Secrets.open(path, "shop").get("db") == "second"
    assert Secrets.open(path, "shop").entry("db").number == 2


def test_all_that_must_not_be_told(path: Path, config: Path) -> None:
    secrets = Secrets.open(path, "shop")
    secrets.ensure_all({"db": lambda: "first", "other": lambda: "another"})
    secrets.advance("db", lambda: "second")
    key = key_of(config).read_text().strip()
    assert secrets.texts() == {"db": ("first", "second"), "other": ("another",), "vault_key": (key,)}
