"""Certificates: what ssh-keygen reads in them, and when one is renewed."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster_cli.access.ssh_authority import (
    ClusterAuthority,
    Terms,
    host_terms,
    new_authority,
    new_keypair,
    public_line,
    sign,
    still_good,
    user_terms,
)
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST = host_terms(["db1", "10.0.0.1"], days=90)
USER = user_terms(["cluster-nodes"], days=90, source_addresses=["10.0.0.1", "10.1.0.0/16"])


@pytest.fixture(scope="module")
def authority() -> str:
    return new_authority()


@pytest.fixture(scope="module")
def public() -> str:
    return new_keypair("root@db1")[1]


def keygen_reads(line: str, folder: Path) -> str:
    file = folder / "key-cert.pub"
    file.write_text(line + "\n")
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", file], capture_output=True, text=True, check=True, env={"TZ": "UTC"}
    )
    return " ".join(shown.stdout.split())


def test_openssh_reads_our_private_keys(tmp_path: Path) -> None:
    private, public = new_keypair("a comment")
    file = tmp_path / "key"
    file.write_text(private)
    file.chmod(0o600)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    assert derived.stdout.split()[:2] == public.split()[:2]
    assert public.endswith(" a comment")
    assert public_line(private, "") == " ".join(public.split()[:2])


def test_openssh_reads_a_host_certificate(authority: str, public: str, tmp_path: Path) -> None:
    shown = keygen_reads(sign(authority, public, HOST, "host db1", NOW), tmp_path)
    assert "Type: ssh-ed25519-cert-v01@openssh.com host certificate" in shown
    assert 'Key ID: "host db1"' in shown
    assert "Valid: from 2026-03-01T11:55:00 to 2026-05-30T12:00:00" in shown
    assert "Principals: 10.0.0.1 db1 Critical Options: (none) Extensions: (none)" in shown


def test_openssh_reads_a_user_certificate(authority: str, public: str, tmp_path: Path) -> None:
    shown = keygen_reads(sign(authority, public, USER, "admin of db1", NOW), tmp_path)
    assert "user certificate" in shown
    assert "Principals: cluster-nodes" in shown
    assert "Critical Options: source-address 10.0.0.1,10.1.0.0/16 Extensions: permit-pty" in shown


def test_openssh_trusts_the_signature(authority: str, public: str, tmp_path: Path) -> None:
    """ssh-keygen -L names the authority by the fingerprint of its public key."""
    authority_file = tmp_path / "authority.pub"
    authority_file.write_text(public_line(authority, "") + "\n")
    listed = subprocess.run(["ssh-keygen", "-lf", authority_file], capture_output=True, text=True, check=True)
    shown = keygen_reads(sign(authority, public, HOST, "host db1", NOW), tmp_path)
    assert f"Signing CA: ED25519 {listed.stdout.split()[1]}" in shown


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_keys_of_other_kinds_can_be_certified(authority: str, kind: str, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "other"], check=True)
    other = (tmp_path / "other.pub").read_text()
    certificate = sign(authority, other, HOST, "host db1", NOW)
    assert "host certificate" in keygen_reads(certificate, tmp_path)
    assert good(certificate, other, authority)


def good(certificate: str, public: str, authority: str, terms: Terms = HOST, now: datetime = NOW) -> bool:
    return still_good(certificate, public, public_line(authority, "some comment"), terms, now)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(minutes=-6), False),
        (timedelta(minutes=-4), True),
        (timedelta(0), True),
        (timedelta(days=59), True),
        (timedelta(days=61), False),
        (timedelta(days=91), False),
    ],
)
def test_it_is_renewed_in_the_last_third_of_its_life(
    authority: str, public: str, age: timedelta, expected: bool
) -> None:
    assert good(sign(authority, public, HOST, "host db1", NOW), public, authority, now=NOW + age) is expected


@pytest.mark.parametrize(
    "terms",
    [
        host_terms(["db1"], days=90),
        host_terms(["db1", "10.0.0.1", "db1.lab"], days=90),
        host_terms(["db1", "10.0.0.1"], days=30),
        user_terms(["db1", "10.0.0.1"], days=90),
        Terms("host", HOST.principals, HOST.life, source_addresses=frozenset({"10.0.0.1"})),
        Terms("host", HOST.principals, HOST.life, extensions=frozenset({"permit-pty"})),
    ],
)
def test_other_terms_want_a_new_one(authority: str, public: str, terms: Terms) -> None:
    assert not good(sign(authority, public, HOST, "host db1", NOW), public, authority, terms)
    assert good(sign(authority, public, terms, "host db1", NOW), public, authority, terms)


def test_another_key_or_authority_wants_a_new_one(authority: str, public: str) -> None:
    certificate = sign(authority, public, HOST, "host db1", NOW)
    assert not good(certificate, new_keypair("")[1], authority)
    assert not good(certificate, public, new_authority())


def test_a_forged_certificate_is_not_good(authority: str, public: str) -> None:
    kind, data, *rest = sign(authority, public, HOST, "host db1", NOW).split()
    forged = data[:-12] + ("A" if data[-12] != "A" else "B") + data[-11:]
    assert not good(" ".join([kind, forged, *rest]), public, authority)


@pytest.mark.parametrize("line", ["", "nonsense", "ssh-ed25519-cert-v01@openssh.com AAAA", "ssh-ed25519 !"])
def test_what_is_no_certificate_is_not_good(authority: str, public: str, line: str) -> None:
    assert not good(line, public, authority)
    assert not good(public, public, authority)


def test_what_is_no_key_is_refused(authority: str) -> None:
    with pytest.raises(ClusterError, match="not a public key"):
        sign(authority, "nonsense", HOST, "host db1", NOW)
    with pytest.raises(ClusterError, match="not an ed25519 private key"):
        public_line("nonsense", "")


def test_a_certificate_for_every_name_is_refused(authority: str, public: str) -> None:
    with pytest.raises(ClusterError, match="without a name"):
        sign(authority, public, host_terms([], days=90), "host db1", NOW)


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Secrets.open(tmp_path / "secrets.yml", "shop")


def test_the_authority_is_made_once_and_renews_when_due(secrets: Secrets, public: str) -> None:
    cluster = ClusterAuthority(secrets, "shop")
    first = cluster.certificate("", public, HOST, "host db1", NOW)
    assert ClusterAuthority(secrets, "shop").certificate(first, public, HOST, "host db1", NOW) == first
    later = cluster.certificate(first, public, HOST, "host db1", NOW + timedelta(days=70))
    assert later != first
    assert still_good(later, public, cluster.public("host"), HOST, NOW + timedelta(days=70))
    assert secrets.names() == ["ssh_host_authority"]


def test_hosts_and_users_have_different_authorities(secrets: Secrets) -> None:
    cluster = ClusterAuthority(secrets, "shop")
    private, publics = cluster.operator_key()
    assert cluster.public("host") != cluster.public("user")
    assert publics == [public_line(private, "operator of shop")]
    assert secrets.names() == ["operator_key", "ssh_host_authority", "ssh_user_authority"]


def test_both_keys_are_trusted_while_one_follows_the_other(secrets: Secrets, public: str) -> None:
    cluster = ClusterAuthority(secrets, "shop")
    before, certificate = cluster.public("host"), cluster.certificate("", public, HOST, "host db1")
    secrets.advance("ssh_host_authority", new_authority)
    assert cluster.publics("host")[0] == before
    assert len(cluster.publics("host")) == 2
    assert cluster.certificate(certificate, public, HOST, "host db1") == certificate
    secrets.advance("ssh_host_authority", new_authority)
    assert cluster.publics("host")[1] == before
    renewed = cluster.certificate(certificate, public, HOST, "host db1")
    assert renewed != certificate
    secrets.advance("ssh_host_authority", new_authority)
    assert before not in cluster.publics("host")
    assert cluster.certificate(renewed, public, HOST, "host db1") == renewed


def test_a_dry_run_makes_nothing(secrets: Secrets, public: str) -> None:
    assert ClusterAuthority(secrets, "shop", dry=True).certificate("", public, HOST, "host db1")
    assert not secrets.path.exists()
