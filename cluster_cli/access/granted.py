"""The certificates operators were given: one JSON object a line in access.jsonl, beside the topology.

Nothing in it is secret. A line is written before the certificate is, so that none is out that is not listed.
"""

import json
import os
import secrets as csprng
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_ssh_public_identity

from cluster_cli.access.operator_key import authority_of
from cluster_cli.access.ssh_authority import operator_terms
from cluster_cli.contact import fingerprint
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.history.who import who
from cluster_cli.render.operators import principal
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.workspace import Workspace

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Grant:
    """One certificate. key: the fingerprint of the key it is for; since, until: ISO 8601, UTC."""

    id: str
    operator: str
    role: str
    key: str
    since: str
    until: str
    by: str

    def has_ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return datetime.fromisoformat(self.until) <= now

    def state(self, revoked: Sequence[str], now: datetime) -> str:
        """good, revoked or expired; an expired one needs no revocation any more."""
        if self.has_ended(now):
            return "expired"
        return "revoked" if self.id in revoked or self.key in revoked else "good"


def read(path: Path) -> list[Grant]:
    """All certificates given out, oldest first. Raises ClusterError when a line cannot be read."""
    if not path.is_file():
        return []
    return list(parsed(path))


def parsed(path: Path) -> Iterator[Grant]:
    """The lines of the file, one at a time."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield Grant(**json.loads(line))
        except (ValueError, TypeError):
            raise ClusterError(
                "the list of certificates given out cannot be read",
                where=f"{path}:{number}",
                hint="mend that line from an earlier copy of the file, or remove it if it is torn",
            ) from None


def grant(
    workspace: Workspace, name: str, key: Path, life: timedelta, now: datetime | None = None
) -> tuple[Grant, Path]:
    """Sign the public key in the file `key` for the operator `name`; returns record and certificate file.

    Raises ClusterError when there is no such operator, or the file holds no public key.
    """
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    operator = workspace.topology.access.operators.get(name)
    if operator is None:
        hint = did_you_mean(name, workspace.topology.access.operators)
        raise ClusterError(
            f'there is no operator "{name}"',
            where=f"{workspace.places.topology}: access.operators",
            hint=hint or f"name them there: access: {{operators: {{{name}: {{role: operator}}}}}}",
            code=Exit.USAGE,
        )
    public = public_key(key)
    made = Grant(
        id=f"{name}-{now.strftime(STAMP)}-{csprng.token_hex(3)}",
        operator=name,
        role=operator.role,
        key=fingerprint(public.split()[1]),
        since=now.isoformat(),
        until=(now + life).isoformat(),
        by=str(who()["who"]),
    )
    terms = operator_terms(principal(name), life, forwarding=operator.role == "admin")
    certificate = authority_of(workspace).certificate("", public, terms, made.id, now)
    append(workspace.places.granted, json.dumps(asdict(made)))
    target = key.with_name(f"{key.name.removesuffix('.pub')}-cert.pub")
    target.write_text(certificate + "\n")
    return made, target


def public_key(path: Path) -> str:
    """The public key line of a file; ClusterError when it is something else."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ClusterError(f"{path} cannot be read", why=why, code=Exit.USAGE) from None
    if "PRIVATE KEY" in text:
        what, hint = f"{path} is a private key: it stays with its owner", f"name the public one: --key {path}.pub"
        raise ClusterError(what, hint=hint, code=Exit.USAGE)
    try:
        load_ssh_public_identity(text.encode())
    except Exception as error:  # cryptography raises several kinds for what is no key
        hint = "ssh-keygen -t ed25519 makes a pair; the public half ends in .pub"
        raise ClusterError(f"{path} is no public SSH key", why=str(error), hint=hint, code=Exit.USAGE) from None
    return text


def append(path: Path, line: str) -> None:
    """Add a line that survives a power cut."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def to_revoke(workspace: Workspace, what: str, now: datetime | None = None) -> list[str]:
    """What to add to access.revoked for an id, an operator or a node; ClusterError when nobody knows it."""
    now = now or datetime.now(UTC)
    revoked, grants = workspace.topology.access.revoked, read(workspace.places.granted)
    if what in {row.id for row in grants}:
        found = [what]
    elif what in workspace.topology.nodes:
        found = of_node(workspace, what)
    elif what in workspace.topology.access.operators or what in {row.operator for row in grants}:
        found = [row.id for row in grants if row.operator == what and not row.has_ended(now)]
        if not found:
            raise ClusterError(
                f"{what} has no certificate that counts",
                hint=f"keys in the topology are another matter: remove {what} there, then: cluster up",
                code=Exit.USAGE,
            )
    else:
        known = [*workspace.topology.access.operators, *(row.id for row in grants), *workspace.topology.nodes]
        raise ClusterError(
            f'"{what}" is no certificate, operator or node',
            hint=f"{did_you_mean(what, known)}; cluster access shows all",
            code=Exit.USAGE,
        )
    return [entry for entry in found if entry not in revoked]


def of_node(workspace: Workspace, name: str) -> list[str]:
    """What a stolen node could prove itself with: its certificate, and the host keys pinned for it."""
    from cluster_cli.contact import fingerprints

    host = workspace.host(name)
    return [str(host.vars["ssh_trust_key_id"]), *fingerprints(workspace.places.known_hosts, host)]
