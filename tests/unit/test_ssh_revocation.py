"""The list of revoked certificates, as OpenSSH itself reads it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster_cli.access.ssh_authority import new_authority, new_keypair, operator_terms, public_line, sign
from cluster_cli.access.ssh_revocation import revocation_list
from cluster_cli.errors import ClusterError

USERS, HOSTS, OTHERS = new_authority(), new_authority(), new_authority()
BOTH = [public_line(USERS, "users"), public_line(HOSTS, "hosts")]


def is_revoked(folder: Path, made: bytes, line: str) -> bool:
    (folder / "list").write_bytes(made)
    (folder / "key.pub").write_text(line + "\n")
    words = ["ssh-keygen", "-Qf", str(folder / "list"), str(folder / "key.pub")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 1


def certificate(authority: str, key_id: str) -> tuple[str, str]:
    _, public = new_keypair("somebody")
    terms = operator_terms("operator-bob", timedelta(hours=1), forwarding=False)
    return sign(authority, public, terms, key_id, datetime.now(UTC)), public


def test_an_id_counts_under_our_authorities_alone(tmp_path: Path) -> None:
    made = revocation_list(["bob-1", "admin of web1"], BOTH)
    for authority, revoked in ((USERS, True), (HOSTS, True), (OTHERS, False)):
        assert is_revoked(tmp_path, made, certificate(authority, "bob-1")[0]) is revoked
    assert is_revoked(tmp_path, made, certificate(USERS, "admin of web1")[0])
    assert not is_revoked(tmp_path, made, certificate(USERS, "bob-2")[0])


def test_a_key_counts_no_more_with_a_certificate_or_without(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    paper, public = certificate(USERS, "bob-1")
    (tmp_path / "bare.pub").write_text(public)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "bare.pub"], capture_output=True, text=True, check=True
    )
    made = revocation_list([shown.stdout.split()[1]], BOTH)
    assert is_revoked(tmp_path, made, public)
    assert is_revoked(tmp_path, made, paper)


def test_an_empty_list_revokes_nobody(tmp_path: Path) -> None:
    assert not is_revoked(tmp_path, revocation_list([], BOTH), certificate(USERS, "bob-1")[0])


def test_the_same_entries_make_the_same_list() -> None:
    assert revocation_list(["a", "b"], BOTH) == revocation_list(["b", "a"], BOTH)
    assert revocation_list(["a"], BOTH) != revocation_list(["b"], BOTH)


def test_a_broken_entry_is_told() -> None:
    with pytest.raises(ClusterError, match="cannot be made"):
        revocation_list(["SHA256:short"], BOTH)
