"""The authority among the secrets: made once, renewed at need, and without its root while that is offline."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cluster_cli.certificates import offline_root
from cluster_cli.certificates.authority import ISSUING_LIFE, Authority, Scope
from cluster_cli.certificates.cluster_authority import ISSUING, ROOT, TlsAuthority
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets

NOW = datetime.now(UTC).replace(microsecond=0)
SCOPE = Scope(frozenset({"shop.internal"}), frozenset({"10.0.0.0/24"}))
WIDER = Scope(frozenset({"shop.internal", "lb1"}), frozenset({"10.0.0.0/24"}))
PASSPHRASE = "correct horse battery"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TlsAuthority:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return TlsAuthority(Secrets.open(tmp_path / "secrets.yml", "shop"), "shop", SCOPE)


@pytest.fixture
def away(authority: TlsAuthority, tmp_path: Path) -> Path:
    """The file the root's key was taken to."""
    authority.issuing()
    offline_root.take(authority, tmp_path / "root.key", PASSPHRASE)
    return tmp_path / "root.key"


def test_it_is_made_once(authority: TlsAuthority) -> None:
    assert authority.issuing() == authority.issuing()
    assert authority.secrets.names() == [ISSUING, ROOT]
    assert b"PRIVATE KEY" not in authority.secrets.path.read_bytes()


def test_many_at_once_get_the_same(authority: TlsAuthority) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len({found.text() for found in pool.map(lambda _: authority.issuing(), range(4))}) == 1


def test_a_plan_makes_nothing(authority: TlsAuthority) -> None:
    assert replace(authority, dry=True).issuing().key
    assert not authority.secrets.path.exists()


def test_it_is_renewed_below_the_same_root(authority: TlsAuthority) -> None:
    first = authority.issuing()
    later = authority.issuing(NOW + ISSUING_LIFE * 0.7)
    wider = replace(authority, scope=WIDER).issuing()
    assert len({first.key, later.key, wider.key}) == 3
    assert first.root == later.root == wider.root


def test_taken_offline_it_still_issues(authority: TlsAuthority, away: Path) -> None:
    assert authority.secrets.names() == [ISSUING]
    assert authority.is_offline()
    assert authority.issuing().key
    assert authority.issuing(NOW + ISSUING_LIFE * 0.7).key
    assert away.read_bytes().startswith(b"$ANSIBLE_VAULT")
    assert away.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    ("scope", "days", "why"), [(WIDER, 0, "it may not certify lb1"), (SCOPE, 731, "it has expired")]
)
def test_offline_it_says_when_it_is_needed(authority: TlsAuthority, scope: Scope, days: int, why: str) -> None:
    with pytest.raises(ClusterError, match="offline") as raised:
        replace(authority, scope=scope).issuing(NOW + timedelta(days=days))
    assert "cluster certs bring-online" in raised.value.hint
    assert raised.value.why.endswith(why)


def test_brought_online_again_it_renews_below_the_same_root(authority: TlsAuthority, away: Path) -> None:
    root = authority.issuing().root
    offline_root.bring(authority, away, PASSPHRASE)
    assert not authority.is_offline()
    assert replace(authority, scope=WIDER).issuing().root == root


def test_a_wrong_passphrase_is_refused(authority: TlsAuthority, away: Path) -> None:
    with pytest.raises(ClusterError, match="cannot be read"):
        offline_root.bring(authority, away, "another passphrase")
    assert authority.is_offline()


@pytest.mark.usefixtures("away")
def test_the_root_of_another_cluster_is_refused(authority: TlsAuthority, tmp_path: Path) -> None:
    other = TlsAuthority(Secrets.open(tmp_path / "other.yml", "other"), "other", SCOPE)
    other.issuing()
    offline_root.take(other, tmp_path / "other.key", PASSPHRASE)
    with pytest.raises(ClusterError, match="another cluster"):
        offline_root.bring(authority, tmp_path / "other.key", PASSPHRASE)
    assert authority.is_offline()


def test_a_file_is_not_overwritten(away: Path) -> None:
    with pytest.raises(ClusterError, match="already"):
        offline_root.refuse_to_overwrite(away)


def test_the_text_that_is_kept_has_key_and_chain(authority: TlsAuthority) -> None:
    authority.issuing()
    kept = Authority.read(authority.secrets.get(ISSUING), ISSUING)
    assert len(kept.chain) == 2
