"""The TLS authority: what openssl makes of its certificates, and when one is renewed."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cluster_cli.certificates.authority import (
    ISSUING_LIFE,
    Authority,
    Scope,
    Terms,
    new_issuing,
    new_root,
    private_text,
    sign,
    why_renew,
    why_renew_issuing,
)
from cluster_cli.certificates.certificate import describe, read_chain, to_text
from cluster_cli.errors import ClusterError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SCOPE = Scope(frozenset({"shop.internal", "lb1"}), frozenset({"10.0.0.0/24"}))
TERMS = Terms(frozenset({"lb1", "lb1.shop.internal"}), frozenset({"10.0.0.11"}), "server", 90 * DAY)
KEY = ec.generate_private_key(ec.SECP256R1())


def request(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """A signing request as a node makes it. It asks for a name that nobody gives it."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("evil.example.com")]), critical=False
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def public(key: ec.EllipticCurvePrivateKey = KEY) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def root() -> Authority:
    return new_root("shop", NOW)


@pytest.fixture(scope="module")
def issuing(root: Authority) -> Authority:
    return new_issuing(root, "shop", SCOPE, NOW)


@pytest.fixture(scope="module")
def chain(issuing: Authority) -> str:
    return sign(issuing, request(), TERMS, NOW)


def openssl_verifies(chain: str, root: Authority, folder: Path, *words: str, at: datetime = NOW) -> str:
    (folder / "root.pem").write_text(to_text([root.root]))
    (folder / "chain.pem").write_text(chain)
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", str(int(at.timestamp())), "-CAfile", folder / "root.pem"]
        + ["-untrusted", folder / "chain.pem", *words, folder / "chain.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_openssl_believes_the_chain(chain: str, root: Authority, tmp_path: Path) -> None:
    words = ("-purpose", "sslserver", "-verify_hostname", "lb1.shop.internal")
    assert openssl_verifies(chain, root, tmp_path, *words).endswith("OK\n")
    assert openssl_verifies(chain, root, tmp_path, "-verify_ip", "10.0.0.11").endswith("OK\n")


def test_openssl_refuses_other_names_times_and_purposes(chain: str, root: Authority, tmp_path: Path) -> None:
    refused = "error"
    assert refused in openssl_verifies(chain, root, tmp_path, "-verify_hostname", "evil.example.com")
    assert refused in openssl_verifies(chain, root, tmp_path, "-purpose", "sslclient")
    assert refused in openssl_verifies(chain, root, tmp_path, at=NOW + 91 * DAY)


def test_openssl_refuses_another_root(chain: str, tmp_path: Path) -> None:
    assert "error" in openssl_verifies(chain, new_root("shop", NOW), tmp_path)


@pytest.mark.parametrize("names", [{"evil.example.com"}, {"lb2"}, {"shop.internal.example.com"}])
def test_openssl_refuses_what_the_issuing_authority_may_not_certify(
    issuing: Authority, root: Authority, names: set[str], tmp_path: Path
) -> None:
    outside = sign(issuing, request(), Terms(frozenset(names), frozenset(), "server", 90 * DAY), NOW)
    assert "permitted subtree violation" in openssl_verifies(outside, root, tmp_path)


def test_openssl_refuses_addresses_outside(issuing: Authority, root: Authority, tmp_path: Path) -> None:
    outside = sign(issuing, request(), Terms(frozenset(), frozenset({"10.0.1.1"}), "server", 90 * DAY), NOW)
    assert "permitted subtree violation" in openssl_verifies(outside, root, tmp_path)


def test_an_issuing_authority_makes_no_other(issuing: Authority, root: Authority, tmp_path: Path) -> None:
    lower = new_issuing(issuing, "lower", SCOPE, NOW)
    below = sign(lower, request(), TERMS, NOW) + to_text([issuing.certificate])
    assert "path length constraint exceeded" in openssl_verifies(below, root, tmp_path)


def test_certificate_says_what_was_asked_of_us_and_not_of_it(chain: str, issuing: Authority) -> None:
    certificate, above = read_chain(chain)
    said = describe(certificate)
    assert (said.names, said.addresses, said.usage) == (TERMS.names, TERMS.addresses, "server")
    assert (said.begins, said.ends) == (NOW - timedelta(minutes=5), NOW + 90 * DAY)
    assert above == issuing.certificate
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign


def test_serials_differ(issuing: Authority) -> None:
    assert len({read_chain(sign(issuing, request(), TERMS, NOW))[0].serial_number for _ in range(5)}) == 5


def test_a_request_not_signed_by_its_key_is_refused(issuing: Authority) -> None:
    lines = request().splitlines()
    lines[-2] = lines[-2][:-8] + "AAAAAAA="
    with pytest.raises(ClusterError):
        sign(issuing, "\n".join(lines), TERMS, NOW)


def test_authority_is_read_as_it_was_written(issuing: Authority) -> None:
    assert Authority.read(issuing.text(), "test") == issuing


def test_authority_with_the_key_of_another_is_refused(issuing: Authority) -> None:
    other = private_text(ec.generate_private_key(ec.SECP256R1())) + to_text(issuing.chain)
    with pytest.raises(ClusterError, match="do not belong together"):
        Authority.read(other, "test")


def test_a_fresh_certificate_is_kept(chain: str, issuing: Authority) -> None:
    assert why_renew(chain, public(), issuing, TERMS, NOW) == ""
    assert why_renew(chain, public(), issuing, TERMS, NOW + 59 * DAY) == ""


@pytest.mark.parametrize(
    ("changed", "days", "why"),
    [
        ({}, 61, "it is in the last third of its life"),
        ({}, 91, "it has expired"),
        ({"names": frozenset({"lb1"})}, 0, "its names or its usage changed"),
        ({"addresses": frozenset()}, 0, "its names or its usage changed"),
        ({"usage": "both"}, 0, "its names or its usage changed"),
        ({"life": 30 * DAY}, 0, "its life changed"),
    ],
)
def test_renewed(chain: str, issuing: Authority, changed: dict[str, object], days: int, why: str) -> None:
    terms = Terms(**{**vars(TERMS), **changed})
    assert why_renew(chain, public(), issuing, terms, NOW + days * DAY) == why


def test_renewed_for_another_key_or_authority(chain: str, root: Authority, issuing: Authority) -> None:
    other_key = ec.generate_private_key(ec.SECP256R1())
    assert why_renew(chain, public(other_key), issuing, TERMS, NOW) == "its key is another one"
    assert why_renew(chain, "", issuing, TERMS, NOW) == "its key is another one"
    other = new_issuing(root, "shop", SCOPE, NOW)
    assert why_renew(chain, public(), other, TERMS, NOW) == "it is by another authority"
    leaf = to_text(read_chain(chain)[:1])
    assert why_renew(leaf, public(), issuing, TERMS, NOW) == "it is by another authority"
    assert why_renew("", public(), issuing, TERMS, NOW) == "there is none"
    assert why_renew("nonsense", public(), issuing, TERMS, NOW) == "it cannot be read"


def test_no_certificate_outlives_its_authority_and_that_is_no_reason_to_renew_it(issuing: Authority) -> None:
    late = NOW + ISSUING_LIFE - 30 * DAY
    chain = sign(issuing, request(), TERMS, late)
    assert describe(read_chain(chain)[0]).ends == issuing.certificate.not_valid_after_utc
    assert why_renew(chain, public(), issuing, TERMS, late + 25 * DAY) == ""


def test_issuing_authority_is_kept_and_renewed(root: Authority, issuing: Authority) -> None:
    def why(scope: Scope = SCOPE, above: x509.Certificate | None = root.certificate, days: int = 0) -> str:
        return why_renew_issuing(issuing, above, scope, NOW + days * DAY)

    assert why() == why(above=None) == why(days=400) == ""
    assert why(Scope(frozenset({"web.shop.internal"}), frozenset({"10.0.0.5/32"}))) == ""
    assert why(days=500) == "it is in the last third of its life"
    assert why(days=731) == "it has expired"
    assert why(Scope(frozenset({"lb9"}), frozenset({"10.1.0.0/24"}))) == "it may not certify 10.1.0.0/24, lb9"
    assert why(above=new_root("shop", NOW).certificate) == "it is below another root"


def test_a_client_with_only_our_root_refuses_the_server_of_another(tmp_path: Path) -> None:
    """A real handshake, in memory."""
    now = datetime.now(UTC)
    ours, theirs = new_root("shop", now), new_root("shop", now)
    for authority, believed in ((ours, True), (theirs, False)):
        (tmp_path / "server.pem").write_text(
            sign(new_issuing(authority, "shop", SCOPE, now), request(), TERMS, now) + private_text(KEY)
        )
        assert handshake(tmp_path / "server.pem", to_text([ours.root])) is believed


def handshake(server_file: Path, trusted: str) -> bool:
    """Whether a client that trusts these certificates believes the server."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(server_file)
    client.load_verify_locations(cadata=trusted)
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(wires[0], wires[1], server_hostname="lb1"),
        server.wrap_bio(wires[1], wires[0], server_side=True),
    )
    done = [False, False]
    for turn in range(12):
        try:
            ends[turn % 2].do_handshake()
            done[turn % 2] = True
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError:
            return False
    return all(done)
