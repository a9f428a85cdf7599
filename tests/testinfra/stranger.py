"""Somebody nobody knows, with fresh keys and certificates for them, who knocks at a node's SSH server."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cluster_cli.access.ssh_authority import ClusterAuthority, Terms, new_keypair, sign
from cluster_cli.secrets.store import Secrets
from cluster_cli.ssh import argv

CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com"
FRESH = ("ControlPath=none", "ControlMaster=no", "BatchMode=yes", "ConnectTimeout=10", "IdentityAgent=none")
# Offers certificates and no bare keys: the server takes three (MaxAuthTries). It judges them before it asks
# for a signature, so one that is accepted shows, though nobody gets in this way.
CERTIFICATES_ALONE = f"PubkeyAcceptedAlgorithms={CERTIFICATE}"
OFFERED, ACCEPTED = "Offering public key", "Server accepts key"  # in the words of ssh(1)


@dataclass(frozen=True)
class Pass:
    """A certificate to be made. principal: whom it names; source: where it counts; authority: not ours."""

    principal: str
    life: timedelta = timedelta(minutes=2)
    source: str = ""
    authority: str = ""


@dataclass(frozen=True)
class Login:
    """What came of it. offered, accepted: how many certificates the server was shown, and took for good."""

    code: int
    said: str
    errors: str
    offered: int
    accepted: int

    @property
    def refused(self) -> bool:
        """Whether it was shown something, took nothing, and takes nothing but keys."""
        return self.offered > 0 == self.accepted and "Permission denied (publickey)" in self.errors


def authority_of(node: Any) -> ClusterAuthority:
    """The SSH authorities of the node's cluster."""
    cluster = node.vars["cluster_name"]
    return ClusterAuthority(Secrets.open(Path(node.vars["cluster_secrets"]), cluster), cluster)


def knock(node: Any, user: str, passes: Sequence[Pass], *options: str, command: str = "echo in") -> Login:
    """Try to run a command as a user of the node over a connection of its own. options: of ssh, before ours."""
    others = {key: value for key, value in node.vars.items() if key != "ansible_ssh_private_key_file"}
    stranger = type(node)(node.name, node.address, node.groups, others)
    with TemporaryDirectory() as folder:
        files = [
            file for number, each in enumerate(passes) for file in make(node, each, Path(folder) / str(number))
        ]
        words = argv(
            stranger,
            *(*options, *FRESH, *files, "IdentitiesOnly=yes", f"User={user}", "LogLevel=DEBUG1"),
        )
        done = subprocess.run([*words, command], capture_output=True, text=True, timeout=60, check=False)
    offered, accepted = (len(re.findall(f"{words}: .*-CERT", done.stderr)) for words in (OFFERED, ACCEPTED))
    errors = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("debug1:"))
    return Login(done.returncode, done.stdout, errors, offered, accepted)


def make(node: Any, wanted: Pass, path: Path) -> tuple[str, str]:
    """A fresh key and its certificate, as options of ssh."""
    private, public = new_keypair("verification")
    addresses = frozenset({wanted.source} - {""})
    extensions = frozenset({"permit-pty"})
    terms = Terms("user", frozenset({wanted.principal}), wanted.life, addresses, extensions)
    certificate = (
        sign(wanted.authority, public, terms, "verification", datetime.now(UTC))
        if wanted.authority
        else authority_of(node).certificate("", public, terms, "verification")
    )
    path.touch(mode=0o600)
    path.write_text(private)
    Path(f"{path}-cert.pub").write_text(certificate + "\n")
    return f"IdentityFile={path}", f"CertificateFile={path}-cert.pub"
