"""A browser's certificate: who it is, how long, and that nobody can be a server with it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from cluster_cli.certificates.authority import Scope, new_issuing, new_root
from cluster_cli.certificates.browser import bundle
from cluster_cli.certificates.certificate import common_name, describe, is_signed_by

NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = new_root("shop", NOW)
ISSUING = new_issuing(ROOT, "shop", Scope(frozenset({"shop.internal"}), frozenset({"10.0.0.0/24"})), NOW)
FOUND = bundle(ISSUING, "shop", "anna@desk", "correct horse", NOW, timedelta(days=7))


def certificate() -> tuple[x509.Certificate, list[x509.Certificate]]:
    _, found, above = load_key_and_certificates(FOUND, b"correct horse")
    assert found
    return found, above


def test_it_says_who_and_ends() -> None:
    found, above = certificate()
    assert common_name(found.subject) == "browser of anna@desk"
    assert describe(found).usage == "client"
    assert describe(found).ends == NOW + timedelta(days=7)
    assert is_signed_by(found, above[0])
    assert above[-1] == ROOT.certificate


def test_it_needs_the_passphrase() -> None:
    with pytest.raises(ValueError, match="password"):
        load_key_and_certificates(FOUND, b"another")


def test_it_is_no_server() -> None:
    found, above = certificate()
    said = describe(found)
    assert (said.names, said.addresses) == (frozenset(), frozenset())
    verifier = PolicyBuilder().store(Store([ROOT.certificate])).build_server_verifier(x509.DNSName("lb1"))
    with pytest.raises(VerificationError):
        verifier.verify(found, above[:-1])
