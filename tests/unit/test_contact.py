"""First contact: what SSH's words mean, and what is pinned."""

from pathlib import Path

import pytest

from cluster_cli import contact
from cluster_cli.contact import Contact
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.ssh import Answer
from cluster_cli.workspace import Workspace

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmTDUwgdB2LJ9ZBqUxEQDpyZ9tc0sFiZ9dTbuvBGmKZ"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "topology.yml").write_text(
        "name: shop\nnetwork: {subnet: 10.0.0.0/24}\nnodes:\n"
        "  a: {address: 10.0.0.1}\n  b: {address: 10.0.0.2, ssh: {port: 2222}}\n"
    )
    return Workspace.open(tmp_path)


@pytest.mark.parametrize(
    ("err", "verdict"),
    [
        ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\nHost key verification failed.", "key-changed"),
        ("No ED25519 host key is known for a\nHost key verification failed.", "key-unknown"),
        ("admin@a: Permission denied (publickey).", "denied"),
        ("ssh: connect to host a port 22: No route to host", "unreachable"),
    ],
)
def test_ssh_failures_are_told_apart(err: str, verdict: str) -> None:
    assert contact.judge(Answer("a", 255, "", err)) == verdict


def test_what_a_node_lacks_is_named() -> None:
    assert contact.judge(Answer("a", 0, "cluster-contact\n", "")) == "ok"
    assert contact.judge(Answer("a", 0, "no-sudo\ncluster-contact\n", "")) == "no-sudo"
    assert contact.judge(Answer("a", 0, "no-python\nno-sudo\ncluster-contact\n", "")) == "no-python"


def test_keys_are_pinned_by_address_and_port_and_replaced(workspace: Workspace) -> None:
    known = workspace.places.known_hosts
    assert contact.pin_given_keys(workspace, {"a": (KEY,), "b": (KEY,)})
    assert [line.split()[0] for line in known.read_text().splitlines()] == ["10.0.0.1", "[10.0.0.2]:2222"]
    assert not contact.pin_given_keys(workspace, {"b": (KEY,)})
    other = KEY[:-1] + "Y"
    assert contact.pin_given_keys(workspace, {"b": (other,)})
    assert known.read_text().splitlines() == [f"10.0.0.1 {KEY}", f"[10.0.0.2]:2222 {other}"]


def test_the_authority_stands_beside_the_pinned_keys(workspace: Workspace) -> None:
    contact.pin_given_keys(workspace, {"a": (KEY,)})
    contact.trust_authority(workspace, [KEY])
    contact.trust_authority(workspace, [KEY])
    lines = workspace.places.known_hosts.read_text().splitlines()
    assert lines == [f"@cert-authority 10.0.0.1,[10.0.0.2]:2222 {KEY}", f"10.0.0.1 {KEY}"]
    assert contact.fingerprints(workspace.places.known_hosts, workspace.host("a")) == [
        contact.fingerprint(KEY.split()[1])
    ]


def test_a_changed_key_stops_everything_and_shows_both() -> None:
    rows = {
        "a": Contact("a", "key-changed", "", pinned="SHA256:old", offered="SHA256:new"),
        "b": Contact("b", "ok"),
    }
    with pytest.raises(ClusterError) as caught:
        contact.refuse_changed(rows)
    assert caught.value.code == Exit.UNREACHABLE
    assert "pinned SHA256:old, offered SHA256:new" in caught.value.where


def test_each_unusable_node_says_what_to_do() -> None:
    rows = {name: Contact(name, name, "why") for name in ("denied", "no-sudo", "no-python", "unreachable")}  # type: ignore[arg-type]
    errors = contact.unusable(rows)
    assert len(errors) == 4
    assert all(error.hint and error.code == Exit.UNREACHABLE for error in errors)
    assert "{{" not in "".join(error.hint for error in errors)
