"""roles/base/files/node.py: what it makes of a node's own files, and the sentences it says."""

import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "roles/base/files/node.py"


@pytest.fixture(scope="module")
def node() -> ModuleType:
    spec = importlib.util.spec_from_file_location("base_node", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOSTS = [{"address": "10.0.0.1", "names": ["db1.lab", "db1"]}, {"address": "10.0.0.2", "names": ["db2"]}]
BLOCK = "# BEGIN cluster lab\n10.0.0.1\tdb1.lab db1\n10.0.0.2\tdb2\n# END cluster lab\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"127.0.0.1\tlocalhost\n{BLOCK}"),
        ("127.0.0.1 localhost\n127.0.1.1 db1.old db1\n", f"127.0.0.1 localhost\n127.0.1.1\tdb1.old\n{BLOCK}"),
        ("127.0.0.1 localhost\n10.9.9.9 db2\n# db2 moved\n", f"127.0.0.1 localhost\n# db2 moved\n{BLOCK}"),
        (
            "127.0.0.1 localhost\n10.7.7.7 printer # ours\n",
            f"127.0.0.1 localhost\n10.7.7.7 printer # ours\n{BLOCK}",
        ),
        (
            f"127.0.0.1 localhost\n{BLOCK.replace('db2', 'db9')}::1 ip6\n",
            f"127.0.0.1 localhost\n::1 ip6\n{BLOCK}",
        ),
    ],
)
def test_hosts_keeps_what_is_not_ours(node: ModuleType, before: str, after: str) -> None:
    assert node.merged_hosts(before, HOSTS, "db1", "lab") == after
    assert node.merged_hosts(after, HOSTS, "db1", "lab") == after


def test_our_repositories_are_known_by_their_files(node: ModuleType) -> None:
    assert node.repositories(["debian.sources", "cluster-mysql.sources", ".cluster-xcluster-a.sources"]) == [
        "mysql"
    ]


def test_keys_are_only_added(node: ModuleType) -> None:
    before = 'from="10.0.0.9" ssh-ed25519 AAAA1 old comment\nssh-rsa AAAA2 friend'
    keys = ["ssh-ed25519 AAAA1 new comment", "ssh-ed25519 AAAA3 me"]
    after = node.merged_keys(before, keys)
    assert after == before + "\nssh-ed25519 AAAA3 me\n"
    assert node.merged_keys(after, keys) == after


def test_a_rotated_key_of_the_operator_goes(node: ModuleType) -> None:
    before = "ssh-ed25519 AAAA1 operator of lab\nssh-ed25519 AAAA2 operator of other\nssh-ed25519 AAAA3 me\n"
    both = ["ssh-ed25519 AAAA1 operator of lab", "ssh-ed25519 AAAA4 operator of lab"]
    after = node.merged_keys(before, both)
    assert after == before + "ssh-ed25519 AAAA4 operator of lab\n"
    assert node.merged_keys(after, both[1:]) == after.replace(both[0] + "\n", "")


@pytest.mark.parametrize(
    ("off", "words"), [(0, ""), (299, ""), (-7530, "2 h 5 min behind"), (400, "0 h 6 min ahead")]
)
def test_a_wrong_clock_is_told(node: ModuleType, off: int, words: str) -> None:
    said = " ".join(node.clock_problems(time.time() - off, 300))
    assert words in said
    assert bool(said) == bool(words)


def test_a_full_disk_is_told(node: ModuleType) -> None:
    assert "The disk is nearly full: / has" in " ".join(node.disk_problems(10**9))
    assert list(node.disk_problems(0)) == []


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.arp_ignore", "net/ipv4/conf/eth0.1/arp_ignore"),
        ("net/ipv4/conf/eth0.1/arp_ignore", "net/ipv4/conf/eth0.1/arp_ignore"),
    ],
)
def test_sysctl_names(node: ModuleType, key: str, path: str) -> None:
    assert node.sysctl_path(key) == f"/proc/sys/{path}"


UNITS = "/etc/systemd/system"
WRITTEN = {
    f"{UNITS}/keepalived.service.d/40-sandbox.conf": "1",
    f"{UNITS}/haproxy.service.d/40-sandbox.conf": "2",
    f"{UNITS}/prometheus-node-exporter.service.d/40-sandbox.conf": "3",
    f"{UNITS}/cluster-backup.target": "4",
    f"{UNITS}/cluster-standby@.service": "5",
    f"{UNITS}/mariadb@orders.service.d/40-sandbox.conf": "6",
    f"{UNITS}/mariadb.service.d/40-sandbox.conf": "7",
}


@pytest.mark.parametrize(
    ("wanted", "ended"),
    [
        (["haproxy", "prometheus-node-exporter"], [
            "keepalived", "cluster-standby@orders", "mariadb@orders", "cluster-backup.target",
        ]),
        (["keepalived", "haproxy", "mariadb@orders", "cluster-standby@orders", "cluster-backup.target"],
         ["prometheus-node-exporter"]),
        ([], []),
    ],
)  # fmt: skip
def test_what_has_no_place_any_more_is_ended(
    node: ModuleType, monkeypatch: pytest.MonkeyPatch, wanted: list[str], ended: list[str]
) -> None:
    """Of what runs: neither who is wanted, nor who is not ours (nginx), nor the server of a database."""
    run = {
        *ended,
        "haproxy",
        "nginx",
        "mariadb",
        "prometheus",
        "mariadb@theirs",
    }

    def asked(*words: str) -> tuple[int, str, str]:
        if "list-units" in words:
            names = sorted(each for each in run if each.startswith(words[-1].removesuffix("*.service")))
            return 0, "".join(f"{name}.service loaded active running x\n" for name in names), ""
        if "is-enabled" in words:
            return 0, "alias\n", ""
        return (0 if words[-1] in run else 3), "", ""

    monkeypatch.setattr(node, "run", asked)
    monkeypatch.setattr(node, "read", lambda _: json.dumps(WRITTEN))
    assert node.leftovers(wanted) == ended
