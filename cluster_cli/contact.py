"""First contact: is every node there, is it the one we know, may we work on it? Before anything is changed."""

import base64
import binascii
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.workspace import Workspace

Verdict = Literal["ok", "unreachable", "key-changed", "key-unknown", "denied", "no-sudo", "no-python"]
QUESTION = "command -v python3 >/dev/null || echo no-python; {sudo} || echo no-sudo; echo cluster-contact"

NOTES = "cluster-history"  # the tag of our lines in a node's journal
LEAVE_NOTE = f"logger -t {NOTES} -p authpriv.notice -- {{note}} || true"


@dataclass(frozen=True)
class Contact:
    """What came of calling one node.

    why: SSH's own words. pinned: the fingerprint we hold for the node, after
    this call. offered: the fingerprint a node with a changed key showed.
    first: whether the key was pinned just now.
    """

    node: str
    verdict: Verdict
    why: str = ""
    pinned: str = ""
    offered: str = ""
    first: bool = False


def pin_given_keys(workspace: Workspace, keys: Mapping[str, tuple[str, ...]]) -> bool:
    """Write host keys learnt on a trusted channel into our known_hosts; returns whether that changed it.

    keys: node name to lines such as "ssh-ed25519 AAAA...". Older keys of these
    nodes are replaced; those of other nodes and certificate authorities stay.
    """
    path = workspace.places.known_hosts
    old = path.read_text().splitlines() if path.exists() else []
    labels = {name: label(workspace.host(name)) for name in keys}
    kept = [line for line in old if line.split(" ")[0] not in set(labels.values())]
    new = kept + [f"{labels[name]} {key}" for name, lines in keys.items() for key in lines]
    if new == old:
        return False
    write(path, new)
    return True


def trust_authority(workspace: Workspace, public_keys: Sequence[str]) -> None:
    """Let the keys of the cluster's SSH host authority vouch for the nodes, beside the pinned keys."""
    path = workspace.places.known_hosts
    old = path.read_text().splitlines() if path.exists() else []
    patterns = ",".join(label(host) for host in workspace.inventory.hosts)
    lines = [f"@cert-authority {patterns} {key.strip()}" for key in public_keys]
    if lines != [row for row in old if row.startswith("@cert-authority ")]:
        write(path, [*lines, *(row for row in old if not row.startswith("@cert-authority "))])


def forget_authority(workspace: Workspace) -> None:
    """The nodes have no certificates any more; the pinned keys stay."""
    path = workspace.places.known_hosts
    old = path.read_text().splitlines() if path.exists() else []
    write(path, [row for row in old if not row.startswith("@cert-authority ")])


def write(path: Path, lines: list[str]) -> None:
    """Replace a file at once."""
    temporary = path.with_suffix(".new")
    temporary.write_text("\n".join(lines) + "\n")
    temporary.replace(path)


def label(host: Host) -> str:
    """How known_hosts names a node (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
    address, port = host.address, host.vars["ansible_port"]
    return address if port == 22 else f"[{address}]:{port}"


def call(workspace: Workspace, note: str = "") -> dict[str, Contact]:
    """Call every node side by side. A node seen for the first time has its host key pinned.

    note: a line for the nodes' own journals, which they write on the same occasion.
    """
    given = {
        host.name: (key,)
        for host in workspace.inventory.hosts
        if (key := workspace.topology.nodes[host.name].ssh.host_key)
    }
    pin_given_keys(workspace, given)
    ssh.close_all(workspace.inventory.hosts)
    return ssh.on_all(workspace.inventory.hosts, lambda host: call_one(workspace, host, note))


def call_one(workspace: Workspace, host: Host, note: str = "") -> Contact:
    """Call one node."""
    known_hosts = workspace.places.known_hosts
    first = not fingerprints(known_hosts, host)
    options = ("StrictHostKeyChecking=accept-new",) if first and not workspace.topology.is_lab else ()
    word = f"sh -c {ssh.quoted(LEAVE_NOTE.format(note=ssh.quoted(note)))}" if note else "true"
    sudo = f"sudo -n {word} 2>/dev/null" if host.vars["ansible_become"] else word
    answer = ssh.run(host, QUESTION.format(sudo=sudo), sudo=False, options=options, timeout=15)
    pinned = fingerprints(known_hosts, host)
    offered = re.search(r"SHA256:[A-Za-z0-9+/]+", answer.err)
    return Contact(
        host.name,
        judge(answer),
        words_of(answer),
        pinned=pinned[0] if pinned else "",
        offered=offered[0] if offered else "",
        first=first and bool(pinned),
    )


def judge(answer: ssh.Answer) -> Verdict:
    """What SSH's exit code and words mean."""
    if answer.rc == 0 and "cluster-contact" in answer.out:
        lacks: tuple[Verdict, ...] = ("no-python", "no-sudo")
        return next((lack for lack in lacks if lack in answer.out), "ok")
    return next((verdict for words, verdict in SIGNS if words in answer.err), "unreachable")


def words_of(answer: ssh.Answer) -> str:
    """SSH's own words on one line, without its banners."""
    lines = [line.strip() for line in answer.err.splitlines() if line.strip() and "@@@" not in line]
    return lines[-1] if lines else ""


def offered_key(host: Host) -> str:
    """The host key a node offers now, as "ssh-ed25519 AAAA...", without trusting it; empty when none."""
    with tempfile.TemporaryDirectory() as folder:
        unsure = Path(folder) / "known_hosts"
        options = (f"UserKnownHostsFile={unsure}", "StrictHostKeyChecking=accept-new", "ControlPath=none")
        ssh.run(host, "true", sudo=False, options=options, timeout=15)
        rows = unsure.read_text().split("\n") if unsure.exists() else []
    return " ".join(rows[0].split()[1:3]) if rows else ""


def fingerprints(known_hosts: Path, host: Host) -> list[str]:
    """The fingerprints pinned for a node, in OpenSSH's SHA256 form; authorities do not count."""
    if not known_hosts.exists():
        return []
    rows = (line.split() for line in known_hosts.read_text().splitlines())
    return [fingerprint(row[2]) for row in rows if len(row) >= 3 and row[0] == label(host)]


def fingerprint(key: str) -> str:
    """SHA256:... of a public key's base64 blob, as ssh-keygen(1) -l prints it."""
    try:
        digest = hashlib.sha256(base64.b64decode(key)).digest()
    except binascii.Error:
        return "unreadable"
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def refuse_changed(contacts: Mapping[str, Contact]) -> None:
    """Stop everything when a node shows another key than the pinned one: it may be another machine."""
    changed = [contact for contact in contacts.values() if contact.verdict in ("key-changed", "key-unknown")]
    if not changed:
        return
    rows = [f"{row.node}: pinned {row.pinned or 'none'}, offered {row.offered or 'unknown'}" for row in changed]
    raise ClusterError(
        "the host key changed" if len(changed) == 1 else f"{len(changed)} host keys changed",
        where="; ".join(rows),
        why="either the machine was reinstalled, or somebody answers in its place; nothing was touched",
        hint="compare the fingerprints on the machine's console "
        f"(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); if it is right: cluster trust {changed[0].node}",
        code=Exit.UNREACHABLE,
    )


def unusable(contacts: Mapping[str, Contact]) -> list[ClusterError]:
    """One error for each node that cannot be worked on, for other reasons than its key."""
    bad = [row for row in contacts.values() if row.verdict not in ("ok", "key-changed", "key-unknown")]
    return [
        ClusterError(
            f"{row.node}: {WHAT[row.verdict][0]}",
            why=row.why,
            hint=WHAT[row.verdict][1].format(node=row.node),
            code=Exit.UNREACHABLE,
        )
        for row in bad
    ]


SIGNS: tuple[tuple[str, Verdict], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "key-changed"),
    ("Host key verification failed", "key-unknown"),
    ("Permission denied", "denied"),
    ("Too many authentication failures", "denied"),
)
WHAT: dict[Verdict, tuple[str, str]] = {
    "unreachable": (
        "does not answer",
        "is it on, and is its address right? look at it, then run up again; the other nodes are done",
    ),
    "denied": (
        "refuses our key",
        "check ssh.user and ssh.key in the topology, and the user's authorized_keys on the node",
    ),
    "no-sudo": (
        "the user may not become root without a password",
        "give it passwordless sudo, or set `ssh: {{user: root, sudo: false}}`",
    ),
    "no-python": ("has no python3, which Ansible needs", "on the node: apt-get install python3"),
}
