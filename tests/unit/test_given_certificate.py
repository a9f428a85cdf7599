"""Certificates of the operator's own: what is wrong with one is told before anything is touched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster_cli.certificates.authority import Authority, Scope, Terms, new_issuing, new_root, sign
from cluster_cli.certificates.certificate import covers, describe, read_chain, to_text
from cluster_cli.certificates.given import Given, faults, own_certificate
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.vault import VaultKey, encrypt
from tests.unit.test_authority import KEY, private_text, request

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = Scope(frozenset({"example.com"}), frozenset({"10.0.0.0/24"}))
TERMS = Terms(frozenset({"www.example.com"}), frozenset({"10.0.0.1"}), "server", timedelta(days=90))
NAMES = ("www.example.com",)


@pytest.fixture(scope="module")
def issuing() -> Authority:
    return new_issuing(new_root("example", NOW), "example", SCOPE, NOW)


@pytest.fixture(scope="module")
def good(issuing: Authority) -> Given:
    return Given(sign(issuing, request(), TERMS, NOW), private_text(KEY))


def test_a_good_one_has_no_faults(good: Given) -> None:
    assert list(faults(good, (*NAMES, "10.0.0.1"), NOW)) == []


def test_each_fault_is_told(good: Given, issuing: Authority) -> None:
    leaf, above = read_chain(good.chain)
    other = Given(good.chain, issuing.key)
    assert list(faults(other, NAMES, NOW)) == ["the key does not belong to the certificate"]
    assert list(faults(good, NAMES, NOW + timedelta(days=91))) == ["the certificate expired on 2026-05-30"]
    assert list(faults(good, NAMES, NOW - timedelta(days=1))) == ["the certificate begins only on 2026-02-28"]
    assert list(faults(good, ("shop.example.com",), NOW)) == ["the certificate is not for shop.example.com"]
    crossed = Given(to_text([leaf, issuing.root, above]), good.key)
    assert "the chain is not in order" in next(iter(faults(crossed, NAMES, NOW)))


def test_files_are_read(good: Given, tmp_path: Path) -> None:
    certificate, key = tmp_path / "www.pem", tmp_path / "www.key"
    certificate.write_text(good.chain)
    key.write_text(good.key)
    assert own_certificate(certificate, key, "shop") == good


def test_an_encrypted_key_is_opened_with_the_key_of_the_secrets(
    good: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    certificate, key = tmp_path / "www.pem", tmp_path / "www.key"
    certificate.write_text(good.chain)
    key.write_bytes(encrypt(good.key.encode(), VaultKey.of("shop").existing_or_new()))
    assert own_certificate(certificate, key, "shop") == good


def test_what_is_no_certificate_or_key_is_refused(good: Given, tmp_path: Path) -> None:
    certificate, key = tmp_path / "www.pem", tmp_path / "www.key"
    certificate.write_text("nonsense")
    key.write_text(good.key)
    with pytest.raises(ClusterError, match="not a certificate"):
        own_certificate(certificate, key, "shop")
    certificate.write_text(good.chain)
    key.write_text("nonsense")
    with pytest.raises(ClusterError, match="not a private key"):
        own_certificate(certificate, key, "shop")


def test_names_with_a_star_cover_one_label(issuing: Authority) -> None:
    terms = Terms(frozenset({"*.example.com"}), frozenset(), "server", timedelta(days=90))
    said = describe(read_chain(sign(issuing, request(), terms, NOW))[0])
    assert covers(said, "www.example.com")
    assert not covers(said, "a.b.example.com")
    assert not covers(said, "example.com")
