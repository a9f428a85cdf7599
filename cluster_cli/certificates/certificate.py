"""TLS certificates as they are read: whom they are for, until when, and whether one proves another."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster_cli.errors import ClusterError
from cluster_cli.topology.fields import is_address

PURPOSES = {
    "server": frozenset({ExtendedKeyUsageOID.SERVER_AUTH}),
    "client": frozenset({ExtendedKeyUsageOID.CLIENT_AUTH}),
    "both": frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}),
}


@dataclass(frozen=True)
class Contents:
    """What a certificate says. usage: server, client, both, or empty. issuer: the name of its authority."""

    names: frozenset[str]
    addresses: frozenset[str]
    usage: str
    issuer: str
    serial: str
    begins: datetime
    ends: datetime

    @property
    def life(self) -> timedelta:
        """From its first to its last moment."""
        return self.ends - self.begins

    def renewed_from(self) -> datetime:
        """When its last third begins."""
        return self.ends - self.life / 3

    def days_left(self, now: datetime) -> float:
        """Days until it ends, negative when it has."""
        return round((self.ends - now) / timedelta(days=1), 1)


def read_chain(text: str, where: str = "") -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM text, as they stand there. Raises ClusterError when there is none."""
    try:
        found = tuple(x509.load_pem_x509_certificates(text.encode()))
    except ValueError:
        found = ()
    if not found:
        raise ClusterError("this is not a certificate in PEM form", where=where)
    return found


def describe(certificate: x509.Certificate) -> Contents:
    """What a certificate says."""
    said = alternative_names(certificate)
    return Contents(
        names=frozenset(said.get_values_for_type(x509.DNSName)),
        addresses=frozenset(map(str, said.get_values_for_type(x509.IPAddress))),
        usage=usage_of(certificate),
        issuer=common_name(certificate.issuer),
        serial=f"{certificate.serial_number:x}",
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
    )


def alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    """The names and addresses it is for (RFC 5280 section 4.2.1.6); none where it does not say."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def usage_of(certificate: x509.Certificate) -> str:
    """server, client or both, by its extended key usage; empty when it says another thing, or nothing."""
    try:
        said = frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return ""
    return next((usage for usage, purposes in PURPOSES.items() if purposes == said), "")


def common_name(name: x509.Name) -> str:
    """The common name, or all of the name where there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed it, and the names agree."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def public_text(certificate: x509.Certificate) -> str:
    """Its public key as PEM."""
    public = certificate.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def is_key_of(public: str, certificate: x509.Certificate) -> bool:
    """Whether a public key (PEM) is the certificate's."""
    try:
        key = load_pem_public_key(public.encode())
    except ValueError:
        return False
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() == public_text(certificate)


def public_of(private: str, where: str = "") -> str:
    """The public key (PEM) of a private key (PEM, no passphrase). Raises ClusterError when it is none."""
    try:
        key = load_pem_private_key(private.encode(), password=None)
    except (ValueError, TypeError):
        raise ClusterError("this is not a private key in PEM form without a passphrase", where=where) from None
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 fingerprint, as browsers show it."""
    return certificate.fingerprint(SHA256()).hex(":").upper()


def to_text(certificates: Iterable[x509.Certificate]) -> str:
    """Certificates as one PEM text."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def split(names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Names clients may use, as (DNS names, addresses)."""
    addresses = frozenset(name for name in names if is_address(name))
    return frozenset(names) - addresses, addresses


def covers(certificate: Contents, name: str) -> bool:
    """Whether a client that asks for this name or address may believe it (RFC 9525 section 6.3)."""
    if is_address(name):
        return name in certificate.addresses
    known = {known.lower() for known in certificate.names}
    return name.lower() in known or f"*.{name.lower().partition('.')[2]}" in known


def now() -> datetime:
    """This moment, in whole seconds as certificates count."""
    return datetime.now(UTC).replace(microsecond=0)
