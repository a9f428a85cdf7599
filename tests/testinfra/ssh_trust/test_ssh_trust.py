"""Nodes reach each other without a password or a question, and nobody else gets in that way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import stranger
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity
from stranger import Pass

# "Match localuser admin host db1,db1.lab,10.0.0.1,...": who goes where, in the client's settings on the node
USER = """user=$(awk '$1 == "Match" {print $3}' /etc/ssh/ssh_config.d/10-cluster.conf)
    home=$(getent passwd "$user" | cut -d: -f6)"""
GO = (
    "ssh -n -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null "
    "-o ControlPath=none -o ConnectTimeout=5 {} hostname 2>&1"
)


def neighbour(node):
    """The next node in the list: each is left and each is reached, without the handshakes of all with all."""
    names = [name for name in node.vars["ssh_trust_host_patterns"] if "." not in name]
    return names[(names.index(node.name) + 1) % len(names)]


def go_to_the_next(node):
    """The command that does."""
    return f'{USER}; runuser -u "$user" -- {GO.format(neighbour(node))}'


COLLECT = {
    "next": go_to_the_next,
    "pinned": f'{USER}; cat "$home/.ssh/known_hosts"',
    "host certificate": "cat /etc/ssh/ssh_host_ed25519_key-cert.pub",
    "user certificate": f'{USER}; cat "$home/.ssh/id_cluster-cert.pub"',
    "config": "/usr/sbin/sshd -t",
    "mode": "stat --format=%a /etc/ssh/sshd_config",
}


def test_it_reaches_the_next_node(node, observed):
    assert observed["next"].stdout.strip() == neighbour(node)


def test_its_host_certificate_names_it_by_all_its_names(node, observed):
    certificate = load_ssh_public_identity(observed["host certificate"].stdout.encode())
    assert {name.decode() for name in certificate.valid_principals} == set(node.vars["ssh_trust_principals"])


@pytest.mark.parametrize("which", ["host certificate", "user certificate"])
def test_its_certificates_have_a_third_of_their_life_left(node, observed, which):
    certificate = load_ssh_public_identity(observed[which].stdout.encode())
    life = timedelta(days=node.vars["ssh_trust_certificate_days"])
    ends = datetime.fromtimestamp(certificate.valid_before, UTC)
    assert ends - datetime.now(UTC) > life / 3 - timedelta(days=1), f"renewed by `cluster up`, ends {ends}"


def test_its_user_certificate_is_bound_to_its_addresses(node, observed):
    certificate = load_ssh_public_identity(observed["user certificate"].stdout.encode())
    allowed = certificate.critical_options[b"source-address"].decode().split(",")
    assert sorted(allowed) == sorted(node.vars["ssh_trust_source_addresses"])


def test_the_configuration_is_for_root_alone(observed):
    assert observed["mode"].stdout.strip() == "600"


def test_the_configuration_on_disk_passes(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


NODES = "cluster-nodes"  # the name the nodes' certificates carry


def trusting_only_the_authority(node, name):
    """Somebody with a good certificate who never saw the node's key, and trusts the authority on this name."""
    with TemporaryDirectory() as folder:
        trusted = Path(folder) / "known_hosts"
        trusted.write_text(f"@cert-authority * {stranger.authority_of(node).public('host')}\n")
        return knock(
            node,
            [Pass(NODES)],
            f"UserKnownHostsFile={trusted}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            f"HostKeyAlgorithms={stranger.CERTIFICATE}",
            f"HostKeyAlias={name}",
        )


def knock(node, passes, *options):
    """One fresh connection from the control machine, as the user the nodes use among each other."""
    return stranger.knock(node, node.vars["ssh_trust_user"], passes, *options)


def without_a_right(node):
    """Somebody whose certificates are for somewhere else and for somebody else, and who knows every other way."""
    ways = "publickey,password,keyboard-interactive,gssapi-with-mic,hostbased"
    passes = [Pass(NODES, source="192.0.2.1"), Pass("somebody")]
    passwords = (f"PreferredAuthentications={ways}", "BatchMode=no", "NumberOfPasswordPrompts=0")
    return knock(node, passes, *passwords, stranger.CERTIFICATES_ALONE)


ASK = {
    "own name": lambda node: trusting_only_the_authority(node, node.name),
    "another name": lambda node: trusting_only_the_authority(node, "somebody-else"),
    "no right": without_a_right,
}


def test_it_proves_itself_by_its_host_certificate(asked):
    assert asked["own name"].said == "in\n", asked["own name"].errors
    assert asked["another name"].code == 255
    assert "Host key verification failed" in asked["another name"].errors


def test_it_honours_what_a_certificate_says_and_takes_no_password(asked):
    assert asked["no right"].refused, asked["no right"].errors
    assert asked["no right"].offered == 2


def test_no_host_key_had_to_be_pinned_for_that(observed):
    assert observed["pinned"].stdout == ""
