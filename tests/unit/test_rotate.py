"""Which secrets can be rotated, and where a rotation goes on."""

from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.secrets import known as known_secrets
from cluster_cli.secrets import rotate
from cluster_cli.secrets.known import BY_NAME, Known, always
from cluster_cli.secrets.store import Secrets
from cluster_cli.show.secrets import rotation_words, secrets_document
from cluster_cli.workspace import Workspace

TOPOLOGY = """\
name: shop
network: {subnet: 10.0.0.0/24}
nodes: {a: {address: 10.0.0.11}, b: {address: 10.0.0.12}}
time: {servers: [a]}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "topology.yml").write_text(TOPOLOGY)
    return Workspace.open(tmp_path)


@pytest.fixture
def secrets(workspace: Workspace) -> Secrets:
    found = Secrets.open(workspace.places.secrets, "shop")
    found.ensure_all({known.name: known.make for known in known_secrets.needed(workspace.topology)})
    return found


def refusal(workspace: Workspace, name: str) -> str:
    with pytest.raises(ClusterError) as caught:
        rotate.rotatable(workspace, name)
    assert caught.value.code == Exit.USAGE
    return str(caught.value)


def test_a_mistyped_name_gets_the_right_one(workspace: Workspace) -> None:
    assert 'did you mean "ntp_key"?' in refusal(workspace, "ntp_kye")


def test_what_nothing_uses_is_refused(workspace: Workspace) -> None:
    assert "nothing in this cluster uses stats_password" in refusal(workspace, "stats_password")


def test_what_cannot_be_rotated_says_why(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = Known(
        "root_key", "x", known_secrets.ntp_key, always, (), fixed="every node would have to be made anew"
    )
    monkeypatch.setitem(BY_NAME, "root_key", fixed)
    assert "every node would have to be made anew" in refusal(workspace, "root_key")


def test_it_begins_goes_on_where_it_was_and_ends(workspace: Workspace, secrets: Secrets) -> None:
    known = rotate.rotatable(workspace, "ntp_key")
    before = secrets.get("ntp_key")
    assert rotate.step_to_take(secrets, known) == "accept"
    assert rotate.step_to_take(secrets, known) == "accept"  # interrupted, and run again
    assert secrets.get("ntp_key") == before
    assert rotate.next_step(secrets, known) == "use"
    assert rotate.step_to_take(secrets, known) == "use"
    assert rotate.next_step(secrets, known) == "drop"
    assert rotate.step_to_take(secrets, known) == "drop"
    assert rotate.next_step(secrets, known) is None
    assert secrets.get("ntp_key") != before


def test_a_secret_that_is_not_there_is_told(workspace: Workspace) -> None:
    secrets = Secrets.open(workspace.places.secrets, "shop")
    with pytest.raises(ClusterError, match="no secret called 'ntp_key'"):
        rotate.step_to_take(secrets, rotate.rotatable(workspace, "ntp_key"))


def test_the_list_tells_everything_but_the_values(workspace: Workspace, secrets: Secrets) -> None:
    secrets.ensure("mine", lambda: "by hand, and long")
    secrets.advance("ntp_key", known_secrets.ntp_key)
    document = secrets_document(workspace.topology, secrets)
    rows = {row["name"]: row for row in document["secrets"]}
    assert rows["ntp_key"]["rotation"] == "accept"
    assert rotation_words(rows["ntp_key"]).startswith("under way: let the new value in")
    assert rows["mine"]["rotates"] is False
    assert rows["ssh_user_authority"]["stages"] == ["ssh_trust", "access"]
    values = [text for secret in secrets.entries().values() for text in secret.texts]
    assert not [value for value in values if value in str(document)]


def test_the_list_says_what_up_will_make(workspace: Workspace) -> None:
    document = secrets_document(workspace.topology, Secrets.open(workspace.places.secrets, "shop"))
    assert {row["there"] for row in document["secrets"]} == {False}
    assert not workspace.places.secrets.exists()
