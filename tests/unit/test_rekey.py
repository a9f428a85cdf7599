"""Another key for the secrets: whenever it is killed, they can be read, and the next call ends it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.secrets import rekey as module
from cluster_cli.secrets.rekey import rekey
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs afterwards."""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(KEY_FILE_ENV, raising=False)
    return tmp_path / "config"


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    found = Secrets.open(tmp_path / "shop" / "secrets.yml", "shop")
    found.ensure("db", lambda: "the value")
    return found


def key_of(config: Path) -> Path:
    return config / "cluster" / "shop" / "vault-key"


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_values_stay_and_the_old_key_opens_nothing(secrets: Secrets, config: Path) -> None:
    old, sealed = key_of(config).read_text(), secrets.path.read_bytes()
    assert rekey(secrets) == key_of(config)
    assert secrets.get("db") == "the value"
    assert key_of(config).read_text() != old
    assert leftovers(key_of(config).parent) == {"vault-key"}
    assert key_of(config).stat().st_mode & 0o777 == 0o600
    key_of(config).write_text(old)
    with pytest.raises(ClusterError, match="cannot be decrypted"):
        secrets.get("db")
    secrets.path.write_bytes(sealed)
    assert secrets.get("db") == "the value"


STEPS = ("replace", "encrypt", "decrypt", "take_over", "sync_directory", "opens")


def killings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kill before and after every call rekey makes, one call further each time."""
    real = {name: getattr(module, name) for name in STEPS}
    for last in range(20):
        calls = 0

        def count(name: str, last: int = last):  # type: ignore[no-untyped-def]
            def wrapped(*given):  # type: ignore[no-untyped-def]
                nonlocal calls
                for moment in ("before", "after"):
                    calls += 1
                    if calls > last:
                        raise Killed(name, moment)
                    if moment == "before":
                        answer = real[name](*given)
                return answer

            return wrapped

        for name in STEPS:
            monkeypatch.setattr(module, name, count(name))
        yield
        for name in STEPS:
            monkeypatch.setattr(module, name, real[name])


def test_a_kill_at_any_point_loses_nothing(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = 0
    for _ in killings(monkeypatch):
        try:
            rekey(secrets)
        except Killed:
            killed += 1
        monkeypatch.undo()
        monkeypatch.setenv("XDG_CONFIG_HOME", str(secrets.path.parents[1] / "config"))
        assert secrets.get("db") == "the value"
        secrets.ensure(f"made{killed}", lambda: "in between")
        assert secrets.get("db") == "the value"
    assert killed > 8
    rekey(secrets)
    assert secrets.get(f"made{killed}") == "in between"
    assert leftovers(key_of(secrets.path.parents[1] / "config").parent) == {"vault-key"}


def test_what_was_begun_is_ended(secrets: Secrets, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, "take_over", killed)
        with pytest.raises(Killed):
            rekey(secrets)
    sealed, after = secrets.path.read_bytes(), key_of(config).with_name("vault-key.new").read_text()
    rekey(secrets)
    assert secrets.path.read_bytes() == sealed
    assert key_of(config).read_text() == after


def test_a_named_key_file_is_replaced_where_it_is(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    key, link = secrets.path.parent / "key", secrets.path.parent / "link"
    key.write_text("my own key\n")
    link.symlink_to(key)
    monkeypatch.setenv(KEY_FILE_ENV, str(link))
    named = Secrets.open(secrets.path.with_name("other.yml"), "shop")
    named.ensure("db", lambda: "the value")
    assert rekey(named) == key
    assert link.is_symlink()
    assert key.read_text() != "my own key\n"
    assert Secrets.open(named.path, "shop").get("db") == "the value"


def refusal(secrets: Secrets) -> str:
    with pytest.raises(ClusterError) as caught:
        rekey(secrets)
    assert caught.value.hint
    return str(caught.value)


def test_a_helper_is_refused_with_the_other_way(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = secrets.path.parent / "helper"
    helper.write_text("#!/bin/sh\necho from-the-store\n")
    helper.chmod(0o755)
    monkeypatch.setenv(KEY_FILE_ENV, str(helper))
    before = secrets.path.read_bytes()
    assert "ansible-vault rekey" in refusal(Secrets.open(secrets.path, "shop"))
    assert secrets.path.read_bytes() == before


def test_no_secrets_and_a_wrong_key_are_told(secrets: Secrets, config: Path, tmp_path: Path) -> None:
    assert "there are no secrets yet" in refusal(Secrets.open(tmp_path / "none.yml", "shop"))
    key_of(config).write_text("another")
    assert "cannot be decrypted" in refusal(secrets)
    assert leftovers(key_of(config).parent) == {"vault-key"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_told(secrets: Secrets, config: Path) -> None:
    key_of(config).parent.chmod(0o500)
    assert "still opens the secrets" in refusal(secrets)
