"""Who manages an interface, read from the files of ifupdown; nothing is run."""

from pathlib import Path

import pytest

from cluster_cli.collections.ansible_collections.cluster.core.plugins.module_utils import interfaces

FILE = """\
# The loopback
auto lo eno1
iface lo inet loopback

allow-hotplug eno2 eno3
iface eno1 inet static
    address 10.0.0.11/24
    up ip route add 10.9.0.0/16 via 10.0.0.1
iface eno1 inet6 auto

# the other one
iface eno2 inet dhcp
    hostname x
mapping eno1
    script /bin/true
iface eno3 inet manual
"""


def test_described_interfaces_are_found() -> None:
    assert interfaces.described_in(FILE) == {"eno1", "eno2", "eno3"}
    assert interfaces.described_in("iface eno1:0 inet static") == {"eno1"}


def test_what_is_not_taken_stays_word_for_word() -> None:
    assert interfaces.without(FILE, ["eno9"]) == FILE


def test_what_is_taken_goes_with_all_its_lines() -> None:
    assert interfaces.without(FILE, ["eno1", "eno2"]) == (
        "# The loopback\nauto lo\niface lo inet loopback\n\nallow-hotplug eno3\niface eno3 inet manual\n"
    )


def test_included_files_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "interfaces.d").mkdir()
    main, beside = tmp_path / "interfaces", tmp_path / "interfaces.d" / "eno1"
    main.write_text(f"source {tmp_path}/interfaces.d/*\nsource-directory interfaces.d\n")
    beside.write_text("iface eno1 inet dhcp\n")
    assert interfaces.ifupdown_files(str(main)) == [str(main), str(beside)]
    assert interfaces.ifupdown_files(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("network:\n  ethernets:\n    eno1:\n      dhcp4: true\n", {"eno1": "netplan"}),
        ("network:\n  renderer: networkd\n", {}),
    ],
)
def test_netplan_names_what_it_manages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: dict[str, str]
) -> None:
    (tmp_path / "50-cloud-init.yaml").write_text(text)
    monkeypatch.setattr(interfaces, "NETPLAN", str(tmp_path))
    assert interfaces.by_netplan(["eno1", "eno2"]) == found


def test_network_manager_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "run", lambda *_: "eno1:connected\neno2:unmanaged\nlo:unmanaged\n")
    assert interfaces.by_network_manager(["eno1", "eno2"]) == {"eno1": "NetworkManager"}
