"""Nodes reach each other without a password or a question, and nobody else gets in that way."""

import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

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
# Only the next node in the list, by each of its names, and the one after it by its short name: every node is left
# and every node is reached, and the handshakes of a large cluster do not take minutes.
SOME = """awk -v me="$(hostname)" '{line[NR] = $0} $0 == me {at = NR} END {for (i = 1; i <= 4; i++)
    print line[(at + 1 + i) % NR + 1]}' | sort -u"""
COLLECT = {
    "matrix": f"""{USER}; {MATCH % 5} | tr , '\\n' | {SOME} |
        xargs -P 8 -I '{{}}' runuser -u "$user" -- sh -c 'echo "{{}} $({GO})"'""",
    "pinned": f'{USER}; cat "$home/.ssh/known_hosts"',
    "host certificate": "cat /etc/ssh/ssh_host_ed25519_key-cert.pub",
    "user certificate": f'{USER}; cat "$home/.ssh/id_cluster-cert.pub"',
    "config": "/usr/sbin/sshd -t",
    "mode": "stat --format=%a /etc/ssh/sshd_config",
}


def test_it_reaches_the_next_nodes(node, observed, inventory):
    found = {line.partition(" ")[0]: line.partition(" ")[2] for line in observed["matrix"].stdout.splitlines()}
    others = list(inventory.group("ssh_trust"))
    after, next_but_one = (others[(others.index(node) + step) % len(others)] for step in (1, 2))
    wanted = {other.name: other.name for other in (after, next_but_one)}
    elsewhere = set(after.addresses.values()) - {after.addresses["cluster"]}  # nodes meet on the cluster's network
    wanted |= dict.fromkeys(set(after.vars["ssh_trust_principals"]) - elsewhere, after.name)
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


def test_the_configuration_is_for_root_alone(observed):
    assert observed["mode"].stdout.strip() == "600"


def test_the_configuration_on_disk_passes(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def knock(node, *options):
    """One fresh connection from the control machine, as the user the nodes use among each other."""
    fresh = ("ControlPath=none", "ControlMaster=no", "BatchMode=yes", "ConnectTimeout=10")
    words = argv(node, *options, *fresh, f"User={node.vars['ssh_trust_user']}")
    return subprocess.run([*words, "echo in"], capture_output=True, text=True, timeout=30, check=False)


def authority_of(node):
    cluster = node.vars["cluster_name"]
    return ClusterAuthority(Secrets.open(Path(node.vars["cluster_secrets"]), cluster), cluster)


def without_a_key(node):
    """Somebody who has no key, but knows every other way."""
    ways = "password,keyboard-interactive,gssapi-with-mic,hostbased"
    return knock(node, "PubkeyAuthentication=no", f"PreferredAuthentications={ways}")


def trusting_only_the_authority(node, own_name):
    """Somebody who never saw the node's key, and takes the word of the cluster's authority for this name."""
    with TemporaryDirectory() as folder:
        trusted = Path(folder) / "known_hosts"
        trusted.write_text(f"@cert-authority * {authority_of(node).public('host')}\n")
        return knock(
            node,
            f"UserKnownHostsFile={trusted}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com",
            f"HostKeyAlias={node.name if own_name else 'somebody-else'}",
        )


def with_a_certificate(node, principal="cluster-nodes", source=""):
    """Somebody with a fresh key, and a certificate of the cluster's authority that lives for two minutes."""
    private, public = new_keypair("verification")
    terms = Terms("user", frozenset({principal}), timedelta(minutes=2), frozenset({source} - {""}))
    others = {name: value for name, value in node.vars.items() if name != "ansible_ssh_private_key_file"}
    stranger = type(node)(node.name, node.address, node.groups, others)
    with TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.touch(mode=0o600)
        key.write_text(private)
        Path(f"{key}-cert.pub").write_text(
            authority_of(node).certificate("", public, terms, "verification") + "\n"
        )
        files = (f"IdentityFile={key}", f"CertificateFile={key}-cert.pub")
        return knock(stranger, *files, "IdentitiesOnly=yes", "IdentityAgent=none")


ASK = {
    "no key": without_a_key,
    "own name": partial(trusting_only_the_authority, own_name=True),
    "another name": partial(trusting_only_the_authority, own_name=False),
    "good": with_a_certificate,
    "from another address": partial(with_a_certificate, source="192.0.2.1"),
    "for another principal": partial(with_a_certificate, principal="somebody"),
}


def test_passwords_are_refused(asked):
    assert "Permission denied (publickey)" in asked["no key"].stderr


@pytest.mark.parametrize("claim", ["own name", "another name"])
def test_it_proves_itself_by_its_host_certificate(asked, claim):
    assert (asked[claim].stdout == "in\n") is (claim == "own name"), asked[claim].stderr


@pytest.mark.parametrize("which", ["good", "from another address", "for another principal"])
def test_it_honours_what_a_certificate_says(asked, which):
    assert (asked[which].stdout == "in\n") is (which == "good"), asked[which].stderr


def test_no_host_key_had_to_be_pinned_for_that(observed):
    assert observed["pinned"].stdout == ""
