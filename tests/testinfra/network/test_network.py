"""Interfaces as the kernel and networkd have them, not as the files say."""

import json

import pytest

LINKS = """for link in $(ls /sys/class/net); do
    [ ! -d /sys/class/net/$link/bonding ] || echo "bond $link $(cut -d' ' -f1 /sys/class/net/$link/bonding/mode)"
    [ ! -e /sys/class/net/$link/master ] || echo "member $link $(basename $(readlink /sys/class/net/$link/master))"
done"""

COLLECT = {
    "networkd": "systemctl is-active systemd-networkd; systemctl is-enabled systemd-networkd",
    "states": "networkctl --no-legend --no-pager list | awk '{print $2, $5}'",
    "links": "ip -json -details link show",
    "addresses": "ip -json -4 address show",
    "routes": "ip -json -4 route show",
    "bonds": LINKS,
    "pending": "ls /var/lib/cluster/network/armed",
}


def rows(outcome):
    return json.loads(outcome.stdout or "[]")


def interfaces(node):
    return node.vars["network_interfaces"]


def test_networkd_runs_and_starts_at_boot(observed):
    assert observed["networkd"].stdout.split() == ["active", "enabled"]


def test_every_interface_is_set_up(node, observed):
    found = dict(line.split() for line in observed["states"].stdout.splitlines())
    assert {
        row["name"]: found.get(row["name"]) for row in interfaces(node) if found.get(row["name"]) != "configured"
    } == {}


def test_every_address_is_there(node, observed):
    found = {
        link["ifname"]: {f"{info['local']}/{info['prefixlen']}" for info in link["addr_info"]}
        for link in rows(observed["addresses"])
    }
    lacks = {row["name"]: set(row["addresses"]) - found.get(row["name"], set()) for row in interfaces(node)}
    assert {name: addresses for name, addresses in lacks.items() if addresses} == {}


def test_packets_are_as_large_as_asked(node, observed):
    found = {link["ifname"]: link["mtu"] for link in rows(observed["links"])}
    assert {
        row["name"]: found[row["name"]] for row in interfaces(node) if row["mtu"] not in (0, found[row["name"]])
    } == {}


def test_bonds_have_their_members_and_mode(node, observed):
    wanted = {f"bond {row['name']} {row['mode']}" for row in interfaces(node) if row["kind"] == "bond"}
    wanted |= {f"member {row['name']} {row['bond']}" for row in interfaces(node) if row["bond"]}
    if not wanted:
        pytest.skip("this node has no bond")
    assert wanted <= set(observed["bonds"].stdout.splitlines())


def test_vlans_have_their_id_and_link(node, observed):
    wanted = {(row["name"], row["link"], row["id"]) for row in interfaces(node) if row["kind"] == "vlan"}
    if not wanted:
        pytest.skip("this node has no VLAN")
    found = {
        (link["ifname"], link.get("link"), link["linkinfo"]["info_data"].get("id"))
        for link in rows(observed["links"])
        if link.get("linkinfo", {}).get("info_kind") == "vlan"
    }
    assert wanted <= found


def test_routes_lead_over_their_interface(node, observed):
    found = {(row["dst"], row.get("gateway"), row["dev"]) for row in rows(observed["routes"])}
    wanted = {
        ("default" if route["to"] == "0.0.0.0/0" else route["to"], route["via"], row["name"])
        for row in interfaces(node)
        for route in row["routes"]
    }
    assert wanted <= found


def test_no_change_waits_to_be_taken_back(observed):
    assert observed["pending"].rc != 0
