"""Operators get in, each to do what the role allows; former ones, and certificates of others, do not."""

import shlex
from datetime import timedelta
from functools import partial
from zlib import crc32

import pytest
from stranger import CERTIFICATES_ALONE, Pass, knock

from cluster_cli.access.ssh_authority import new_authority

PEOPLE = "getent group cluster-operators | cut -d: -f4 | tr , '\\n'"
TRY = """
sudo -n /usr/local/sbin/cluster-observe status >/dev/null 2>&1; echo "observe $?"
sudo -n /usr/local/sbin/cluster-operate >/dev/null 2>&1; echo "operate $?"
sudo -n id >/dev/null 2>&1; echo "root $?"
"""
USAGE = 2  # what a helper says to nothing at all
RIGHTS = {
    "admin": f"observe 0 operate {USAGE} root 0",
    "operator": f"observe 0 operate {USAGE} root 1",
    "read-only": "observe 0 operate 1 root 1",
}


def someone_of_each_role(node):
    """role -> an operator who has it."""
    return {operator["role"]: operator["name"] for operator in node.vars["access_operators"]}


def rights(node):
    """The command that tries what one operator of each role may do, a line for each."""
    lines = (
        f"echo {role} $(runuser -u {shlex.quote(name)} -- sh -c {shlex.quote(TRY)})"
        for role, name in someone_of_each_role(node).items()
    )
    return "; ".join(lines) or "true"


COLLECT = {
    "rights": rights,
    "sudoers": "visudo -c",
    "expired": f'for name in $({PEOPLE}); do echo "$name $(getent shadow "$name" | cut -d: -f8)"; done',
    "passwords": f'for name in $({PEOPLE}); do echo "$name $(getent shadow "$name" | cut -d: -f2)"; done',
    "keys": "cd /etc/ssh/cluster_operators && stat -c '%n %U %a' *",
    "helpers": "stat -c '%U %a' /usr/local/sbin/cluster-observe /usr/local/sbin/cluster-operate",
    "revoked": "ssh-keygen -Qlf /etc/ssh/cluster_revoked_keys",
}


def login(node):
    """One operator in turn logs in, told by the node's name; None when there is nobody."""
    people = sorted(someone_of_each_role(node).values())
    name = people[crc32(node.name.encode()) % len(people)] if people else ""
    return knock(node, name, [Pass(f"operator-{name}")]) if people else None


def strangers(node, passes):
    """The first operator, with certificates that are wrong in some way; None when there is nobody."""
    names = [operator["name"] for operator in node.vars["access_operators"]]
    wrong = (
        [Pass(each.principal.format(*names), each.life, authority=each.authority) for each in passes]
        if names
        else []
    )
    return knock(node, names[0], wrong, CERTIFICATES_ALONE) if names else None


WRONG = {
    "that has expired or is of another authority": (
        Pass("operator-{}", life=timedelta(minutes=-1)),
        Pass("operator-{}", authority=new_authority()),
    ),
    "of another operator or of a node": (Pass("operator-somebody-else"), Pass("cluster-nodes")),
}
ASK = {"login": login, **{which: partial(strangers, passes=passes) for which, passes in WRONG.items()}}


def test_operators_get_in(asked):
    if asked["login"] is not None:
        assert asked["login"].said == "in\n", asked["login"].errors


def test_every_role_may_do_what_it_may(node, observed):
    found = dict(line.split(" ", 1) for line in observed["rights"].stdout.splitlines())
    assert found == {role: RIGHTS[role] for role in someone_of_each_role(node)}


@pytest.mark.parametrize("which", WRONG)
def test_a_wrong_certificate_is_refused(asked, which):
    if asked[which] is not None:
        assert asked[which].refused, asked[which].errors
        assert asked[which].offered == len(WRONG[which])


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
