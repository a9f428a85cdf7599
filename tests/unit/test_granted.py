"""Certificates for operators: given, listed, revoked."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from cluster_cli.access import granted
from cluster_cli.access.ssh_authority import new_keypair
from cluster_cli.errors import ClusterError
from cluster_cli.show.access import access_document
from cluster_cli.workspace import Workspace

NOW = datetime.now(UTC).replace(microsecond=0)
TOPOLOGY = """\
name: shop
network: {subnet: 10.0.0.0/24}
nodes:
  web1: {address: 10.0.0.11}
access:
  operators:
    alice: {role: admin}
    bob: {role: operator}
  revoked: [%s]
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "bob.pub"
    path.write_text(new_keypair("bob@laptop")[1] + "\n")
    return path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return opened(tmp_path)


def opened(folder: Path, revoked: str = "") -> Workspace:
    (folder / "topology.yml").write_text(TOPOLOGY % revoked)
    return Workspace.open(folder)


def test_a_certificate_says_who_for_how_long_and_what(workspace: Workspace, key: Path) -> None:
    made, path = granted.grant(workspace, "bob", key, timedelta(hours=8), NOW)
    assert path == key.with_name("bob-cert.pub")
    paper = load_ssh_public_identity(path.read_bytes())
    assert isinstance(paper, SSHCertificate)
    assert paper.key_id == made.id.encode()
    assert made.id.startswith(f"bob-{NOW.strftime('%Y%m%dT%H%M%SZ')}-")
    assert paper.valid_principals == [b"operator-bob"]
    assert paper.valid_before == int((NOW + timedelta(hours=8)).timestamp())
    assert set(paper.extensions) == {b"permit-pty"}
    assert paper.critical_options == {}


def test_only_an_admin_may_go_on_through_a_node(workspace: Workspace, key: Path) -> None:
    _, path = granted.grant(workspace, "alice", key, timedelta(hours=8), NOW)
    paper = load_ssh_public_identity(path.read_bytes())
    assert isinstance(paper, SSHCertificate)
    assert set(paper.extensions) == {b"permit-pty", b"permit-port-forwarding"}


def test_what_was_given_is_listed_with_its_state(workspace: Workspace, key: Path, tmp_path: Path) -> None:
    for life in (1, 8, 8):
        granted.grant(workspace, "bob", key, timedelta(hours=life), NOW)
    ids = [row.id for row in granted.read(workspace.places.granted)]
    later = opened(tmp_path, ids[1])
    rows = granted.read(later.places.granted)
    found = access_document(later.topology.access, rows, NOW + timedelta(hours=2))
    assert [row["state"] for row in found["certificates"]] == ["expired", "revoked", "good"]
    assert found["operators"]["bob"] == {"role": "operator", "keys": 0}
    assert json.loads(json.dumps(found)) == found


def test_nobody_unknown_gets_one(workspace: Workspace, key: Path) -> None:
    with pytest.raises(ClusterError, match='no operator "bobb"') as raised:
        granted.grant(workspace, "bobb", key, timedelta(hours=1))
    assert raised.value.hint == 'did you mean "bob"?'
    assert not workspace.places.granted.exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("hello", "no public SSH key"),
        ("", "no public SSH key"),
    ],
)
def test_what_is_no_public_key_is_refused(workspace: Workspace, key: Path, text: str, what: str) -> None:
    key.write_text(text)
    with pytest.raises(ClusterError, match=what):
        granted.grant(workspace, "bob", key, timedelta(hours=1))
    assert not workspace.places.granted.exists()


def test_revoked_is_an_id_a_person_or_a_node(workspace: Workspace, key: Path, tmp_path: Path) -> None:
    one, two = (granted.grant(workspace, "bob", key, timedelta(hours=8), NOW)[0].id for _ in range(2))
    assert granted.to_revoke(workspace, one) == [one]
    assert granted.to_revoke(workspace, "bob") == [one, two]
    assert granted.to_revoke(opened(tmp_path, one), "bob") == [two]
    assert granted.to_revoke(opened(tmp_path, f"{one}, {two}"), "bob") == []
    assert granted.to_revoke(workspace, "web1") == ["admin of web1"]


def test_a_revoked_node_gets_a_certificate_of_another_id(tmp_path: Path, workspace: Workspace) -> None:
    assert workspace.host("web1").vars["ssh_trust_key_id"] == "admin of web1"
    again = opened(tmp_path, "admin of web1")
    assert again.host("web1").vars["ssh_trust_key_id"] == "admin of web1, 2"


@pytest.mark.parametrize(("what", "hint"), [("alice", "remove alice there"), ("bobby", 'did you mean "bob"?')])
def test_nothing_to_revoke_is_told(workspace: Workspace, what: str, hint: str) -> None:
    with pytest.raises(ClusterError) as raised:
        granted.to_revoke(workspace, what)
    assert hint in raised.value.hint


def test_a_torn_line_names_itself(workspace: Workspace) -> None:
    workspace.places.granted.write_text('{"id": "bob-1"\n')
    with pytest.raises(ClusterError) as raised:
        granted.read(workspace.places.granted)
    assert raised.value.where.endswith("access.jsonl:1")
