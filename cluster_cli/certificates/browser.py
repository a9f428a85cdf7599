"""A certificate with which a person's browser opens the pages of nodes that watch: pure."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from cluster_cli.certificates.authority import (
    Authority,
    draft,
    ends,
    issued_by,
    name,
    signer,
    sorted_purposes,
    uses,
)


def bundle(issuing: Authority, cluster: str, who: str, passphrase: str, now: datetime, life: timedelta) -> bytes:
    """A new key, its certificate and those above it, encrypted, as browsers read them (PKCS #12, RFC 7292).

    It proves who asks and nothing else: it names no host, so nobody can be a server with it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name(f"browser of {who}", cluster)
    builder = draft(subject, issuing.certificate.subject, key.public_key(), now, ends(issuing, now, life))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(uses("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(sorted_purposes("client")), critical=True)
    builder = builder.add_extension(issued_by(issuing.certificate), critical=False)
    certificate = builder.sign(signer(issuing), SHA256())
    words = f"{cluster}: browser of {who}".encode()
    encryption = BestAvailableEncryption(passphrase.encode())
    return serialize_key_and_certificates(words, key, certificate, issuing.chain, encryption)
