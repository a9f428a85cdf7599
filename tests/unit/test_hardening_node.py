"""What the hardening role's script makes of a node's files, and of settings it may not touch."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "roles/hardening/files/node.py"
SU = """auth       sufficient pam_rootok.so
# Uncomment this to force users to be a member of group wheel
# auth       required   pam_wheel.so
@include common-auth
"""
OURS = "auth       required   pam_wheel.so use_uid group=sudo"


@pytest.fixture(scope="module")
def node() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hardening_node", SOURCE)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_login_defs_keeps_what_is_not_ours(node: ModuleType) -> None:
    text = "# UMASK is the default umask value for\nUMASK\t\t022\nPASS_MAX_DAYS\t99999\n"
    merged = node.merged_login_defs(text, {"UMASK": "027", "HOME_MODE": "0750"})
    assert merged == (
        "# UMASK is the default umask value for\nUMASK\t027\nPASS_MAX_DAYS\t99999\nHOME_MODE\t0750\n"
    )


def test_login_defs_is_merged_once(node: ModuleType) -> None:
    once = node.merged_login_defs("UMASK 022\n", {"UMASK": "027", "HOME_MODE": "0750"})
    assert node.merged_login_defs(once, {"UMASK": "027", "HOME_MODE": "0750"}) == once


@pytest.mark.parametrize("text", [SU, SU.replace("# auth       required   pam_wheel.so\n", "")])
def test_su_is_for_administrators_and_for_root_before_them(node: ModuleType, text: str) -> None:
    lines = node.merged_su(text).splitlines()
    assert (
        lines.index("auth       sufficient pam_rootok.so")
        < lines.index(OURS)
        < lines.index("@include common-auth")
    )


def test_su_is_merged_once(node: ModuleType) -> None:
    once = node.merged_su(SU)
    assert node.merged_su(once) == once


@pytest.mark.parametrize(("interfaces", "wanted"), [(("eth0", "eth0"), 1), (("eth0", "eth1"), 2)])
def test_reverse_paths_are_loose_where_there_are_several_networks(
    node: ModuleType, monkeypatch: pytest.MonkeyPatch, interfaces: tuple[str, ...], wanted: int
) -> None:
    shown = "".join(f"{number}: {name}    inet 10.0.{number}.1/24\n" for number, name in enumerate(interfaces))
    monkeypatch.setattr(node, "run", lambda *_: shown)
    assert node.loosened({"net.ipv4.conf.*.rp_filter": 1, "a": 1}) == {"net.ipv4.conf.*.rp_filter": wanted, "a": 1}


def test_a_file_after_ours_wins_and_one_before_does_not(
    node: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "90-cluster.conf").write_text(
        "# a comment = 1\nnet.ipv4.tcp_rfc1337 = 0\n-net/ipv4/ip_forward=1\n"
    )
    (tmp_path / "60-before.conf").write_text("net.ipv4.tcp_syncookies = 0\n")
    monkeypatch.setattr(node, "FOLDERS", (str(tmp_path),))
    found = node.overridden("/etc/sysctl.d/80-cluster-hardening.conf")
    assert found == {"net.ipv4.tcp_rfc1337", "net.ipv4.ip_forward"}
