"""What only people know is asked for before anything is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_cli.secrets.by_hand import missing, named
from cluster_cli.secrets.secret import Secret
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.load import parse

CLUSTER = Path(sys.executable).parent / "cluster"
TOPOLOGY = """
name: shop
provider: podman
network: {subnet: 10.89.121.0/24}
nodes: {a: {}}
monitoring:
  nodes: [a]
  receivers:
    pager: {webhook: {url_secret: pager_url, token: pager_token}}
    people: {email: {to: a@example.com, sender: b@example.com, server: mail.example.com, user: c, password: word}}
    chat: {webhook: {url: "https://chat.example.com"}}
logs:
  nodes: [a]
  ship:
    search: {elasticsearch: "https://search.example.com", user: c, password: search_password}
    loki: {loki: "https://loki.example.com", token: loki_token}
"""
WELL = {
    name: Secret(value=value)
    for name, value in {
        "pager_url": "https://pager.example.com/x",
        "pager_token": "t",
        "word": "w",
        "search_password": "s",
        "loki_token": "l",
    }.items()
}


def problems(**changed: str | None) -> list[str]:
    """What is told where these secrets are others, or are not there."""
    fresh = {name: Secret(value=value) for name, value in changed.items() if value is not None}
    known = {name: each for name, each in (WELL | fresh).items() if changed.get(name, "") is not None}
    return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in missing(parse(TOPOLOGY), known, "edit")]


def test_every_secret_a_receiver_names_is_known() -> None:
    assert [name for _, name in named(parse(TOPOLOGY))] == [*WELL]
    assert problems() == []


def test_what_is_missing_or_empty_is_told_where_it_is_named() -> None:
    assert problems(pager_token=None, word=" ", loki_token=None) == [
        "monitoring.receivers.pager.webhook.token: there is no secret pager_token",
        "monitoring.receivers.people.email.password: the secret word is empty",
        "logs.ship.loki.token: there is no secret loki_token",
    ]


BUCKET = """
name: shop
nodes: {a: {address: 192.0.2.1}, b: {address: 192.0.2.2}, bak: {address: 192.0.2.3}}
network: {subnet: 192.0.2.0/24}
databases: {main: {mode: replication, nodes: [a, b]}}
backup:
  nodes: [bak]
  store:
    s3: {endpoint: "https://s3.example.com", bucket: backups, access_key_id: s3_id, secret_access_key: s3_key}
"""


def test_what_opens_a_bucket_is_known_and_can_be_it() -> None:
    topology = parse(BUCKET)
    assert [name for _, name in named(topology)] == ["s3_id", "s3_key"]
    found = [str(each) for each in missing(topology, {"s3_key": Secret(value="with a space")}, "edit")]
    assert found == [
        "backup.store.s3.access_key_id: there is no secret s3_id (put it in: edit, a line `s3_id: ...`)",
        "backup.store.s3.secret_access_key: the secret s3_key is no access key: it has a space, a quote, or one "
        "of # ; % ` \\ (edit: as the store gave it, on one line)",
    ]
    for value in ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY=", "backup:bak2", "x-y_z.~@"):
        assert list(missing(topology, dict.fromkeys(("s3_id", "s3_key"), Secret(value=value)), "edit")) == []


def test_an_address_is_one_and_is_not_shown() -> None:
    assert problems(pager_url="tokens-are-here") == [
        "monitoring.receivers.pager.webhook.url_secret: the secret pager_url is no address"
    ]


@pytest.mark.parametrize("verb", ["validate", "plan", "up"])
@pytest.mark.parametrize(("text", "line", "name"), [(TOPOLOGY, 9, "pager_token"), (BUCKET, 9, "s3_id")])
def test_verbs_stop_before_they_touch_anything(
    verb: str, text: str, line: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.setenv("PATH", str(CLUSTER.parent))  # no container engine: a run that went on would say so
    (tmp_path / "topology.yml").write_text(text)
    secrets = Secrets.open(tmp_path / "secrets.yml", "shop")
    secrets.ensure("word", lambda: "w")
    words = [str(CLUSTER), verb, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 2, done.stderr
    assert f"topology.yml:{line}:" in done.stderr
    assert f"there is no secret {name} (put it in: {secrets.edit}, a line `{name}: ...`)" in done.stderr
    assert "podman" not in done.stderr


def test_the_command_that_is_told_edits_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("EDITOR", "sed -i '$ a pager_token: typed'")
    secrets = Secrets.open(tmp_path / "secrets.yml", "shop")
    secrets.ensure("word", lambda: "w")
    program, *words = secrets.edit.split()
    subprocess.run([CLUSTER.with_name(program), *words], check=True)
    assert {name: each.value for name, each in secrets.entries().items()} == {"pager_token": "typed", "word": "w"}
