"""The registry: what it says fits the stages and the roles."""

import re
from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.secrets.known import BY_NAME, KNOWN, Known, needed, value_of
from cluster_cli.secrets.store import Secrets
from cluster_cli.stages import STAGES
from cluster_cli.topology.load import parse

ROLES = Path(__file__).parents[2] / "roles"
PLAIN = "name: shop\nnetwork: {subnet: 10.0.0.0/24}\nnodes: {a: {address: 10.0.0.11}}\n"
LAB = PLAIN + "provider: podman\ntime: {servers: [a]}\n"


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_it_is_told_made_and_used(known: Known) -> None:
    assert known.what
    assert not known.what.endswith(".")
    assert len(known.make()) >= 40
    assert known.make() != known.make()
    assert set(known.stages) <= {stage.name for stage in STAGES}
    assert known.stages or known.fixed


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(KNOWN)


def test_a_topology_gets_what_it_has_use_for() -> None:
    names = {"ssh_host_authority", "ssh_user_authority"}
    assert {known.name for known in needed(parse(PLAIN))} >= names
    assert "ntp_key" not in {known.name for known in needed(parse(PLAIN))}
    assert {known.name for known in needed(parse(LAB))} >= names | {"operator_key", "ntp_key"}


def test_every_lookup_in_a_role_is_of_a_known_secret() -> None:
    texts = [path.read_text() for path in ROLES.rglob("*") if path.suffix in (".yml", ".j2")]
    asked = {name for text in texts for name in re.findall(r"'cluster\.core\.secret', '([^']+)'", text)}
    assert asked
    assert asked <= BY_NAME.keys()


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Secrets.open(tmp_path / "secrets.yml", "shop")


def test_a_known_one_is_made_at_first_need(secrets: Secrets) -> None:
    assert value_of(secrets, "ntp_key") == secrets.entry("ntp_key")


def test_a_dry_run_makes_nothing(secrets: Secrets) -> None:
    assert value_of(secrets, "ntp_key", dry=True).value
    assert not secrets.path.exists()


def test_an_unknown_one_is_refused_unless_it_is_there(secrets: Secrets) -> None:
    with pytest.raises(ClusterError, match="no secret called 'mine'"):
        value_of(secrets, "mine")
    secrets.ensure("mine", lambda: "by hand")
    assert value_of(secrets, "mine").value == "by hand"
