"""Operators get in, each to do what the role allows; former ones, and certificates of others, do not."""

import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster_cli.secrets import Secrets
from cluster_cli.ssh import argv
from cluster_cli.ssh_authority import ClusterAuthority, Terms, new_authority, new_keypair, sign

PEOPLE = "getent group cluster-operators | cut -d: -f4 | tr , '\\n'"
COLLECT = {
    "sudoers": "visudo -c",
    "expired": f'for name in $({PEOPLE}); do echo "$name $(getent shadow "$name" | cut -d: -f8)"; done',
    "passwords": f'for name in $({PEOPLE}); do echo "$name $(getent shadow "$name" | cut -d: -f2)"; done',
    "keys": "cd /etc/ssh/cluster_operators && stat -c '%n %U %a' *",
    "helpers": "stat -c '%U %a' /usr/local/sbin/cluster-observe /usr/local/sbin/cluster-operate",
    "revoked": "ssh-keygen -Qlf /etc/ssh/cluster_revoked_keys",
}
TRY = """
sudo -n /usr/local/sbin/cluster-observe status >/dev/null 2>&1; echo "observe $?"
sudo -n /usr/local/sbin/cluster-operate >/dev/null 2>&1; echo "operate $?"
sudo -n id >/dev/null 2>&1; echo "root $?"
"""
USAGE = 2  # what a helper says to nothing at all
RIGHTS = {
    "admin": f"observe 0\noperate {USAGE}\nroot 0\n",
    "operator": f"observe 0\noperate {USAGE}\nroot 1\n",
    "read-only": "observe 0\noperate 1\nroot 1\n",
}


def knock(node, name, *, authority="", principal="", life=timedelta(minutes=2)):
    """Log in as an operator with a fresh key and a certificate for it; what came of TRY."""
    private, public = new_keypair("verification")
    wanted = principal or f"operator-{name}"
    terms = Terms("user", frozenset({wanted}), life, extensions=frozenset({"permit-pty"}))
    cluster = node.vars["cluster_name"]
    ours = ClusterAuthority(Secrets.open(Path(node.vars["cluster_secrets"]), cluster), cluster)
    certificate = (
        sign(authority, public, terms, "verification", datetime.now(UTC))
        if authority
        else ours.certificate("", public, terms, "verification")
    )
    others = {key: value for key, value in node.vars.items() if key != "ansible_ssh_private_key_file"}
    stranger = type(node)(node.name, node.address, node.groups, others)
    with TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.touch(mode=0o600)
        key.write_text(private)
        Path(f"{key}-cert.pub").write_text(certificate + "\n")
        options = (
            *("ControlPath=none", "ControlMaster=no", "BatchMode=yes", "ConnectTimeout=10", "IdentityAgent=none"),
            *(f"IdentityFile={key}", f"CertificateFile={key}-cert.pub", "IdentitiesOnly=yes", f"User={name}"),
        )
        words = [*argv(stranger, *options), TRY]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def everybody(node):
    """One login for every role there is on the node."""
    names = {operator["role"]: operator["name"] for operator in node.vars["access_operators"]}
    return {role: knock(node, name) for role, name in names.items()}


def someone(node, **how):
    """The first operator, with a certificate that is wrong in some way; None when there is nobody."""
    names = [operator["name"] for operator in node.vars["access_operators"]]
    return knock(node, names[0], **how) if names else None


WRONG = {
    "of another authority": partial(someone, authority=new_authority()),
    "that has expired": partial(someone, life=timedelta(minutes=-1)),
    "of another operator": partial(someone, principal="operator-somebody-else"),
    "of a node": partial(someone, principal="cluster-nodes"),
}
ASK = {"everybody": everybody, **WRONG}


def test_every_role_gets_in_and_may_do_what_it_may(asked):
    for role, login in asked["everybody"].items():
        assert login.stdout == RIGHTS[role], f"{role}: {login.stdout}{login.stderr}"


@pytest.mark.parametrize("which", WRONG)
def test_a_wrong_certificate_is_refused(asked, which):
    if asked[which] is not None:
        assert asked[which].returncode == 255
        assert "Permission denied (publickey)" in asked[which].stderr


def test_former_operators_are_locked_and_present_ones_are_not(node, observed):
    wanted = {operator["name"] for operator in node.vars["access_operators"]}
    rows = (line.split(" ") for line in observed["expired"].stdout.splitlines())
    assert {name: bool(expiry) for name, expiry in rows if name} == {
        name: name not in wanted
        for name in {line.split(" ")[0] for line in observed["expired"].stdout.splitlines()}
    }


def test_nobody_has_a_password(observed):
    rows = [line.split(" ") for line in observed["passwords"].stdout.splitlines()]
    assert {password.strip("!") for _, password in rows} <= {"*", ""}


def test_keys_lie_where_only_root_writes(node, observed):
    rows = [line.split(" ") for line in observed["keys"].stdout.splitlines()]
    assert {name for name, _, _ in rows} == {operator["name"] for operator in node.vars["access_operators"]}
    assert {(owner, mode) for _, owner, mode in rows} <= {("root", "644")}


def test_the_helpers_are_roots(observed):
    assert set(observed["helpers"].stdout.splitlines()) == {"root 755"}


def test_the_rules_pass(observed):
    assert observed["sudoers"].rc == 0, observed["sudoers"].stderr


def test_what_is_revoked_is_listed(node, observed):
    listed = {line.split(": ", 1)[1] for line in observed["revoked"].stdout.splitlines() if ": " in line}
    assert observed["revoked"].rc == 0
    assert {entry for entry in node.vars["ssh_trust_revoked"] if not entry.startswith("SHA256:")} <= listed
