"""Rules on operators: an account is a person's, and a key opens one."""

import re
from collections.abc import Iterator

from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem

# Accounts of Debian's base system (base-passwd) and of what the cluster installs.
# fmt: off
SYSTEM = {
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "gnats", "nobody", "sshd", "messagebus", "_apt",
    "_chrony", "_rpc", "haproxy", "keepalived_script", "syslog", "tcpdump", "dnsmasq", "polkitd",
    "postfix", "mysql", "redis", "prometheus", "uuidd",
}
# fmt: on
CERTIFICATE_ID = re.compile(r"[ -~]{1,200}")


def operators_are_people(topology: Topology) -> Iterator[Problem]:
    """The name of a system account, or of the account the cluster itself logs in with, is taken."""
    automation = {node.ssh.user or topology.ssh.user or DEFAULT_USER for node in topology.nodes.values()}
    for name in topology.access.operators:
        if name in automation:
            what = f'"{name}" is the account cluster itself logs in with (ssh.user)'
        elif name in SYSTEM or name.startswith("systemd-"):
            what = f'"{name}" is an account of the system'
        else:
            continue
        yield Problem(("access", "operators", name), what, "give the person another name, such as alice")


def a_key_is_one_persons(topology: Topology) -> Iterator[Problem]:
    """Two operators with one key could not be told apart."""
    owners: dict[str, str] = {}
    for name, operator in topology.access.operators.items():
        for i, key in enumerate(operator.keys):
            blob = key.split()[1]
            if blob in owners:
                what = (
                    "this key is there already" if owners[blob] == name else f"this is the key of {owners[blob]}"
                )
                yield Problem(("access", "operators", name, "keys", i), what, "every person has keys of their own")
            owners.setdefault(blob, name)


def revoked_entries_can_be_listed(topology: Topology) -> Iterator[Problem]:
    """An entry is one line, and a fingerprint is whole: ssh-keygen would refuse the list on every node."""
    seen: set[str] = set()
    for i, entry in enumerate(topology.access.revoked):
        if not CERTIFICATE_ID.fullmatch(entry):
            what = "this is no id of a certificate"
        elif entry.startswith("SHA256:") and not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", entry):
            what = "this is no whole fingerprint (SHA256: and 43 letters)"
        elif entry in seen:
            what = "this is listed twice"
        else:
            seen.add(entry)
            continue
        yield Problem(
            ("access", "revoked", i), what, "cluster access shows the ids; cluster access revoke adds one"
        )


RULES = (operators_are_people, a_key_is_one_persons, revoked_entries_can_be_listed)
