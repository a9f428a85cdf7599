"""An SSH certificate authority: keys, certificates, and whether a certificate will still do.

The formats are OpenSSH's (PROTOCOL.certkeys); the keys are ed25519.
"""

import secrets as csprng
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificate,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_identity,
    load_ssh_public_key,
)
from cryptography.hazmat.primitives.serialization.ssh import SSHCertPublicKeyTypes

from cluster_cli.errors import ClusterError
from cluster_cli.secrets.secret import Secret
from cluster_cli.secrets.store import Secrets

Kind = Literal["host", "user"]

CLOCK_SKEW = timedelta(minutes=5)
TYPES = {"host": SSHCertificateType.HOST, "user": SSHCertificateType.USER}
AUTHORITIES = {"host": "ssh_host_authority", "user": "ssh_user_authority"}
OPERATOR = "operator_key"


@dataclass(frozen=True)
class Terms:
    """What a certificate grants.

    principals: host names and addresses, or the names a user may log in under. source_addresses: where
    a user may come from (addresses or networks; empty: anywhere). extensions: what a session may do.
    """

    kind: Kind
    principals: frozenset[str]
    life: timedelta
    source_addresses: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()

    def critical_options(self) -> dict[bytes, bytes]:
        """The options a server must understand or refuse the certificate."""
        if not self.source_addresses:
            return {}
        return {b"source-address": ",".join(sorted(self.source_addresses)).encode()}

    def extension_options(self) -> dict[bytes, bytes]:
        """The options a server may ignore."""
        return {name.encode(): b"" for name in self.extensions}


def host_terms(principals: Iterable[str], days: int) -> Terms:
    """A host may call itself any of `principals` for `days`."""
    return Terms("host", frozenset(principals), timedelta(days=days))


def user_terms(principals: Iterable[str], days: int, source_addresses: Iterable[str] = ()) -> Terms:
    """A user may log in as `principals` for `days`, from `source_addresses`, and have a terminal."""
    return Terms(
        "user",
        frozenset(principals),
        timedelta(days=days),
        frozenset(source_addresses),
        frozenset({"permit-pty"}),
    )


def operator_terms(principal: str, life: timedelta, *, forwarding: bool) -> Terms:
    """A person may log in as `principal` for `life`, with a terminal; forwarding: and through a jump host."""
    extensions = {"permit-pty", *(["permit-port-forwarding"] if forwarding else [])}
    return Terms("user", frozenset({principal}), life, extensions=frozenset(extensions))


def new_authority() -> str:
    """A private key in OpenSSH's text form, unencrypted: it lives in the vault."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def new_keypair(comment: str) -> tuple[str, str]:
    """A private key (OpenSSH text) and its public line."""
    private = new_authority()
    return private, public_line(private, comment)


def public_line(private: str, comment: str) -> str:
    """The `ssh-ed25519 AAAA... comment` line of a private key."""
    public = _private(private).public_key()
    return f"{public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}".rstrip()


def sign(authority: str, public: str, terms: Terms, key_id: str, now: datetime) -> str:
    """A certificate line for the key in the line `public`, valid from five minutes before `now`.

    Raises ClusterError when `public` is not a public key.
    """
    if not terms.principals:  # such a certificate would be good for every name
        raise ClusterError("a certificate without a name is refused", where=key_id)
    builder = (
        SSHCertificateBuilder()
        .type(TYPES[terms.kind])
        .public_key(_public(public, key_id))
        .serial(csprng.randbits(63))
        .key_id(key_id.encode())
        .valid_principals([name.encode() for name in sorted(terms.principals)])
        .valid_after(int((now - CLOCK_SKEW).timestamp()))
        .valid_before(int((now + terms.life).timestamp()))
    )
    for name, value in sorted(terms.critical_options().items()):
        builder = builder.add_critical_option(name, value)
    for name, value in sorted(terms.extension_options().items()):
        builder = builder.add_extension(name, value)
    return f"{builder.sign(_private(authority)).public_bytes().decode()} {key_id}"


def still_good(
    certificate: str, public: str, authority_public: str, terms: Terms, now: datetime, key_id: str = ""
) -> bool:
    """Whether the certificate line is for this key, by this authority, on these terms, and fresh.

    key_id: the id it must have; any when empty.

    Fresh: begun, and not yet in the last third of its life.
    """
    try:
        parsed = load_ssh_public_identity(certificate.encode())
        if not isinstance(parsed, SSHCertificate):
            return False
        parsed.verify_cert_signature()
    except (ValueError, InvalidSignature):
        return False
    return (
        _same_key(parsed.public_key(), public)
        and _same_key(parsed.signature_key(), authority_public)
        and _says(parsed, terms)
        and key_id.encode() in (b"", parsed.key_id)
        and _fresh(parsed, terms, now)
    )


def _says(certificate: SSHCertificate, terms: Terms) -> bool:
    return (
        certificate.type == TYPES[terms.kind]
        and sorted(certificate.valid_principals) == sorted(name.encode() for name in terms.principals)
        and certificate.critical_options == terms.critical_options()
        and certificate.extensions == terms.extension_options()
    )


def _fresh(certificate: SSHCertificate, terms: Terms, now: datetime) -> bool:
    begins, ends = certificate.valid_after, certificate.valid_before
    as_long_as_wanted = abs(ends - begins - (terms.life + CLOCK_SKEW).total_seconds()) <= 1
    last_third = terms.life.total_seconds() / 3
    return as_long_as_wanted and begins <= now.timestamp() < ends - last_third


def _same_key(key: SSHCertPublicKeyTypes, line: str) -> bool:
    """Whether the `type base64` parts agree; the comment does not count."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[:2] == line.encode().split()[:2]


def _private(text: str) -> Ed25519PrivateKey:
    try:
        key = load_ssh_private_key(text.encode(), password=None)
    except ValueError:
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ClusterError("a key in the secrets is not an ed25519 private key in OpenSSH's form")


def _public(line: str, key_id: str) -> SSHCertPublicKeyTypes:
    try:
        key = load_ssh_public_key(line.encode())
    except ValueError as error:
        raise ClusterError("this is not a public key", where=key_id, why=str(error)) from None
    if isinstance(key, Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey):
        return key
    raise ClusterError("a key of this kind cannot be certified", where=key_id, hint="use an ed25519 key")


class ClusterAuthority:
    """The two authorities of a cluster (hosts, users) and the key its operator logs in with.

    dry: make nothing; what is missing is made up for the moment, so that a plan can be shown.
    """

    def __init__(self, secrets: Secrets, cluster: str, *, dry: bool = False) -> None:
        self._secrets, self._cluster, self._dry = secrets, cluster, dry

    def public(self, kind: Kind) -> str:
        """The public line of the authority for hosts or for users, the one that signs."""
        return self.publics(kind)[0]

    def publics(self, kind: Kind) -> list[str]:
        """The public lines of the authority to trust: two while it is rotated, the one that signs first."""
        return [public_line(key, f"{self._cluster} {kind} authority") for key in self._keys(AUTHORITIES[kind])]

    def operator_key(self) -> tuple[str, list[str]]:
        """The operator's private key (OpenSSH text), and the public lines to let in, its own first."""
        keys = self._keys(OPERATOR)
        return keys[0], [public_line(key, f"operator of {self._cluster}") for key in keys]

    def certificate(
        self, current: str, public: str, terms: Terms, key_id: str, now: datetime | None = None
    ) -> str:
        """The line `current` while it will still do, else a new certificate for the key `public`."""
        now = now or datetime.now(UTC)
        authority = self._keys(AUTHORITIES[terms.kind])[0]
        if still_good(current, public, public_line(authority, ""), terms, now, key_id):
            return current
        return sign(authority, public, terms, key_id, now)

    def _keys(self, name: str) -> list[str]:
        """The private keys that count, the one to use first."""
        if self._dry:
            found = self._secrets.entries().get(name) or Secret(value=new_authority())
        else:
            found = self._secrets.ensure_all({name: new_authority})[name]
        return list(found.valid.values())
