"""Nodes reach each other without a password or a question, and nobody else gets in that way."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity

from cluster_cli.secrets import Secrets
from cluster_cli.ssh import argv
from cluster_cli.ssh_authority import ClusterAuthority, Terms, new_keypair

# "Match localuser admin host db1,db1.lab,10.0.0.1,...": who goes where, in the client's settings on the node
MATCH = "awk '$1 == \"Match\" {print $%d}' /etc/ssh/ssh_config.d/10-cluster.conf"
USER = f'user=$({MATCH % 3}); home=$(getent passwd "$user" | cut -d: -f6)'
GO = (
    "ssh -n -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/dev/null "
    "-o ControlPath=none -o ConnectTimeout=5 {} hostname 2>&1"
)
COLLECT = {
    "matrix": f"""{USER}; {MATCH % 5} | tr , '\\n' |
        xargs -P 8 -I '{{}}' runuser -u "$user" -- sh -c 'echo "{{}} $({GO})"'""",
    "pinned": f'{USER}; cat "$home/.ssh/known_hosts"',
    "host certificate": "cat /etc/ssh/ssh_host_ed25519_key-cert.pub",
    "user certificate": f'{USER}; cat "$home/.ssh/id_cluster-cert.pub"',
    "config": "/usr/sbin/sshd -t",
}


def test_it_reaches_every_node_by_name_and_address(observed, inventory):
    found = {line.partition(" ")[0]: line.partition(" ")[2] for line in observed["matrix"].stdout.splitlines()}
    wanted = {}
    for other in inventory.group("ssh_trust"):
        wanted |= dict.fromkeys(other.vars["ssh_trust_principals"], other.vars["base_hostname"])
    assert found == wanted


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


def test_the_configuration_on_disk_passes(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def knock(node, *options):
    """One fresh connection from the control machine, as the user the nodes use among each other."""
    fresh = ("ControlPath=none", "ControlMaster=no", "BatchMode=yes", "ConnectTimeout=10")
    words = argv(node, *options, *fresh, f"User={node.vars['ssh_trust_user']}")
    return subprocess.run([*words, "echo in"], capture_output=True, text=True, timeout=30, check=False)


def test_passwords_are_refused(node):
    answer = knock(
        node,
        "PubkeyAuthentication=no",
        "PreferredAuthentications=password,keyboard-interactive,gssapi-with-mic,hostbased",
    )
    assert "Permission denied (publickey)" in answer.stderr


@pytest.fixture
def authority(node):
    cluster = node.vars["ssh_trust_cluster"]
    return ClusterAuthority(Secrets.open(Path(node.vars["ssh_trust_secrets"]), cluster), cluster)


@pytest.mark.parametrize("claim", ["own name", "another name"])
def test_it_proves_itself_by_its_host_certificate(node, authority, tmp_path, claim):
    trusted = tmp_path / "known_hosts"
    trusted.write_text(f"@cert-authority * {authority.public('host')}\n")
    name = node.vars["ssh_trust_principals"][0] if claim == "own name" else "somebody-else"
    answer = knock(
        node,
        f"UserKnownHostsFile={trusted}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com",
        f"HostKeyAlias={name}",
    )
    assert (answer.stdout == "in\n") is (claim == "own name"), answer.stderr


@pytest.mark.parametrize(
    ("principals", "sources", "let_in"),
    [
        ({"cluster-nodes"}, set(), True),
        ({"cluster-nodes"}, {"192.0.2.1"}, False),
        ({"somebody"}, set(), False),
    ],
    ids=["good", "from another address", "for another name"],
)
def test_it_honours_what_a_certificate_says(node, authority, tmp_path, principals, sources, let_in):
    private, public = new_keypair("verification")
    terms = Terms("user", frozenset(principals), timedelta(minutes=2), frozenset(sources))
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(private)
    (tmp_path / "key-cert.pub").write_text(authority.certificate("", public, terms, "verification") + "\n")
    words = (
        f"IdentityFile={key}",
        f"CertificateFile={key}-cert.pub",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
    )
    operator = node.vars.get("ansible_ssh_private_key_file")
    answer = knock(without_key(node, operator), *words)
    assert (answer.stdout == "in\n") is let_in, answer.stderr


def without_key(node, operator):
    """The node as somebody sees it who lacks the operator's key."""
    if operator is None:
        return node
    others = {name: value for name, value in node.vars.items() if name != "ansible_ssh_private_key_file"}
    return type(node)(node.name, node.address, node.groups, others)


def test_no_host_key_had_to_be_pinned_for_that(observed):
    assert observed["pinned"].stdout == ""
