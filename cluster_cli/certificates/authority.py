"""An authority for TLS certificates: a root, one that issues below it, and whether a certificate will still do.

The formats are those of X.509 (RFC 5280); the keys are ECDSA (P-384 for the root, P-256 below).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from cluster_cli.certificates.certificate import (
    PURPOSES,
    Contents,
    describe,
    is_key_of,
    is_signed_by,
    public_of,
    read_chain,
    to_text,
)
from cluster_cli.errors import ClusterError

CLOCK_SKEW = timedelta(minutes=5)
ROOT_LIFE = timedelta(days=3652)
ISSUING_LIFE = timedelta(days=730)
SECOND = timedelta(seconds=1)
LONGEST_COMMON_NAME = 64  # RFC 5280 appendix A.1, ub-common-name
USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Terms:
    """What a certificate is for. usage: server, client or both."""

    names: frozenset[str]
    addresses: frozenset[str]
    usage: str
    life: timedelta


@dataclass(frozen=True)
class Scope:
    """What an issuing authority may certify. names: DNS names with all below them; networks: in CIDR form."""

    names: frozenset[str]
    networks: frozenset[str]


@dataclass(frozen=True)
class Authority:
    """A key that signs, and its certificate with those above it, the root last. key: empty while it is offline."""

    key: str = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @classmethod
    def read(cls, text: str, where: str) -> "Authority":
        """From the text it is kept as. Raises ClusterError when the key is not the certificate's."""
        begin = text.find("-----BEGIN CERTIFICATE-----")
        found = cls(text[:begin], read_chain(text[begin:] if begin >= 0 else "", where))
        if not is_key_of(public_of(found.key, where), found.certificate):
            raise ClusterError("the key of an authority and its certificate do not belong together", where=where)
        return found

    @property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return self.chain[0]

    @property
    def root(self) -> x509.Certificate:
        """The certificate clients trust."""
        return self.chain[-1]

    def text(self) -> str:
        """As it is kept: the key, then the chain."""
        return self.key + to_text(self.chain)


def new_root(cluster: str, now: datetime) -> Authority:
    """A root for the cluster. It carries no name constraints, since it has to outlive the names of today."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = name(f"{cluster} root authority", cluster)
    builder = draft(subject, subject, key.public_key(), now, now + ROOT_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    builder = builder.add_extension(uses("key_cert_sign", "crl_sign"), critical=True)
    return Authority(private_text(key), (builder.sign(key, SHA384()),))


def new_issuing(root: Authority, cluster: str, scope: Scope, now: datetime) -> Authority:
    """An authority below the root that may certify what is in scope, nothing else (RFC 5280 section 4.2.1.10)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name(f"{cluster} issuing authority {now:%Y-%m-%d %H:%M}", cluster)
    ends = min(now + ISSUING_LIFE, root.certificate.not_valid_after_utc)
    builder = draft(subject, root.certificate.subject, key.public_key(), now, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(uses("key_cert_sign", "crl_sign"), critical=True)
    builder = builder.add_extension(issued_by(root.certificate), critical=False)
    builder = builder.add_extension(constraints(scope), critical=True)
    certificate = builder.sign(signer(root), SHA384())
    return Authority(private_text(key), (certificate, *root.chain))


def sign(issuing: Authority, request: str, terms: Terms, now: datetime) -> str:
    """A certificate for the key in a signing request (PEM), with the issuing authority's after it.

    Only the key is taken from the request: what is certified are the terms.
    Raises ClusterError when the request is none, or was not signed by its own key.
    """
    try:
        asked = x509.load_pem_x509_csr(request.encode())
    except ValueError as error:
        raise ClusterError("this is not a certificate signing request", why=str(error)) from None
    if not asked.is_signature_valid:
        raise ClusterError("a certificate signing request was not signed by its own key")
    key = asked.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ClusterError("a key of this kind is not certified", hint="use an ECDSA key")
    common = next(iter([*sorted(terms.names), *sorted(terms.addresses)]))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:LONGEST_COMMON_NAME])])
    builder = draft(subject, issuing.certificate.subject, key, now, ends(issuing, now, terms.life))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(uses("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(sorted_purposes(terms.usage)), critical=False)
    builder = builder.add_extension(alternative_names(terms), critical=False)
    builder = builder.add_extension(issued_by(issuing.certificate), critical=False)
    return to_text((builder.sign(signer(issuing), SHA256()), issuing.certificate))


def ends(issuing: Authority, now: datetime, life: timedelta) -> datetime:
    """When a certificate that is made now ends: no later than its authority."""
    return min(now + life, issuing.certificate.not_valid_after_utc)


def why_renew(chain: str, public: str, issuing: Authority, terms: Terms, now: datetime) -> str:
    """Why a certificate (PEM, with its chain) will not do any more, in few words; empty when it will.

    public: the key on the node, as PEM.
    """
    if not chain.strip():
        return "there is none"
    try:
        certificate, *above = read_chain(chain)
    except ClusterError:
        return "it cannot be read"
    said = describe(certificate)
    if not is_key_of(public, certificate):
        return "its key is another one"
    if above != [issuing.certificate] or not is_signed_by(certificate, issuing.certificate):
        return "it is by another authority"
    if (said.names, said.addresses, said.usage) != (terms.names, terms.addresses, terms.usage):
        return "its names or its usage changed"
    return why_not_fresh(said, ends(issuing, said.begins + CLOCK_SKEW, terms.life), issuing, terms, now)


def why_not_fresh(said: Contents, wanted_end: datetime, issuing: Authority, terms: Terms, now: datetime) -> str:
    """Why its time is over, or another one than is wanted; empty when it is in the first two thirds of its life.

    One that a new one could not outlive is kept: its authority ends with it.
    """
    if abs(said.ends - wanted_end) > SECOND:
        return "its life changed"
    if now >= said.ends:
        return "it has expired"
    if now >= said.renewed_from() and said.ends < ends(issuing, now, terms.life) - SECOND:
        return "it is in the last third of its life"
    return ""


def why_renew_issuing(issuing: Authority, root: x509.Certificate | None, scope: Scope, now: datetime) -> str:
    """Why an issuing authority will not do any more; empty when it will. root: None while it is not at hand."""
    said = describe(issuing.certificate)
    if root is not None and issuing.root != root:
        return "it is below another root"
    if not is_signed_by(issuing.certificate, issuing.root):
        return "its root did not sign it"
    if now >= said.ends:
        return "it has expired"
    if missing := outside(issuing.certificate, scope):
        return f"it may not certify {', '.join(missing)}"
    return "it is in the last third of its life" if now >= said.renewed_from() else ""


def outside(certificate: x509.Certificate, scope: Scope) -> list[str]:
    """What an authority may not certify of the scope, by its name constraints."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return []
    permitted = found.permitted_subtrees or []
    names = [part.value for part in permitted if isinstance(part, x509.DNSName)]
    networks = [ip_network(part.value) for part in permitted if isinstance(part, x509.IPAddress)]
    lost = [name for name in scope.names if not any(name == top or name.endswith(f".{top}") for top in names)]
    lost += [text for text in scope.networks if not any(within(text, network) for network in networks)]
    return sorted(lost)


def within(network: str, other: object) -> bool:
    """Whether a network lies in another one."""
    return ip_network(network).subnet_of(other)  # type: ignore[arg-type]


def constraints(scope: Scope) -> x509.NameConstraints:
    """The scope as an extension. A kind that is not mentioned would be free, so nothing of it is permitted."""
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(scope.names)]
    permitted += [x509.IPAddress(ip_network(text)) for text in sorted(scope.networks)]
    everywhere: list[x509.GeneralName] = [] if scope.networks else [x509.IPAddress(ip_network("0.0.0.0/0"))]
    excluded = [*everywhere, x509.IPAddress(ip_network("::/0"))]
    return x509.NameConstraints(permitted, excluded)


def draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends: datetime
) -> x509.CertificateBuilder:
    """A certificate with a random serial, valid from five minutes before `now`."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def issued_by(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Which key of an authority signed it."""
    known = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def alternative_names(terms: Terms) -> x509.SubjectAlternativeName:
    """The names and addresses a certificate is for."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(terms.names)]
    return x509.SubjectAlternativeName(
        [*names, *(x509.IPAddress(ip_address(address)) for address in sorted(terms.addresses))]
    )


def sorted_purposes(usage: str) -> list[x509.ObjectIdentifier]:
    """The extended key usages in a stable order."""
    return sorted(PURPOSES[usage], key=lambda purpose: purpose.dotted_string)


def uses(*granted: str) -> x509.KeyUsage:
    """A key usage that grants these and no other."""
    return x509.KeyUsage(**{use: use in granted for use in USES})


def name(common: str, organisation: str) -> x509.Name:
    """A distinguished name."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:LONGEST_COMMON_NAME]),
        ]
    )


def private_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key as PEM, unencrypted: it lives in the vault."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signer(authority: Authority) -> ec.EllipticCurvePrivateKey:
    """The authority's key. Raises ClusterError when it cannot be used."""
    key = load_pem_private_key(authority.key.encode(), password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise ClusterError("the key of an authority is not an ECDSA key")
