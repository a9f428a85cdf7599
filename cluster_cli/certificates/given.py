"""Certificates that do not come from the cluster's authority: the operator's own, and those of an ACME service."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from cluster_cli.certificates.certificate import covers, describe, is_key_of, is_signed_by, public_of, read_chain
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import Vault, VaultKey

VAULTED = b"$ANSIBLE_VAULT"


@dataclass(frozen=True)
class Given:
    """A certificate with its chain and its key, as PEM."""

    chain: str
    key: str = field(repr=False)

    @property
    def public(self) -> str:
        """The public half of the key."""
        return public_of(self.key)


def own_certificate(certificate: Path, key: Path, cluster: str) -> Given:
    """The operator's own. Raises ClusterError when a file cannot be read or is not what it should be."""
    try:
        chain, private = certificate.read_text(encoding="utf-8"), key.read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise ClusterError("a certificate of your own cannot be read", where=str(certificate), why=why) from None
    if private.startswith(VAULTED):
        private = Vault(VaultKey.of(cluster)).opened(private, key)
    read_chain(chain, str(certificate))
    text = private.decode(errors="replace")
    public_of(text, str(key))
    return Given(ended(chain), ended(text))


def acme_certificate(secrets: Secrets, name: str) -> Given | None:
    """What an ACME service gave for this certificate; None when it was not asked yet."""
    found = secrets.entries().get(acme_secret(name))
    if found is None:
        return None
    key, begin, chain = found.value.partition("-----BEGIN CERTIFICATE-----")
    return Given(begin + chain, key)


def acme_secret(name: str) -> str:
    """The name of the secret an ACME certificate is kept as, with its key."""
    return f"acme_{name.replace('-', '_')}"


def faults(given: Given, names: tuple[str, ...], now: datetime) -> Iterator[str]:
    """What is wrong with a given certificate, each as a plain sentence. names: those clients use."""
    certificate, *above = read_chain(given.chain)
    said = describe(certificate)
    if not is_key_of(given.public, certificate):
        yield "the key does not belong to the certificate"
    if now >= said.ends:
        yield f"the certificate expired on {said.ends:%Y-%m-%d}"
    if now < said.begins:
        yield f"the certificate begins only on {said.begins:%Y-%m-%d}"
    if lost := [name for name in names if not covers(said, name)]:
        yield f"the certificate is not for {', '.join(lost)}"
    if not in_order(certificate, *above):
        yield "the chain is not in order: each certificate has to be followed by the one that signed it"


def in_order(*chain: x509.Certificate) -> bool:
    """Whether each is signed by the next (RFC 8446 section 4.4.2)."""
    return all(is_signed_by(lower, upper) for lower, upper in zip(chain, chain[1:], strict=False))


def ended(text: str) -> str:
    """The text with one line end at its end."""
    return text.rstrip("\n") + "\n"
