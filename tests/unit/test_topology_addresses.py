"""Addresses that are handed out."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from cluster_cli.topology.addresses import (
    addresses,
    addresses_for,
    addresses_on,
    lab_subnet,
    own_address,
    subnet_for,
    subnet_of,
    usable,
)
from cluster_cli.topology.load import parse

LAB = "name: shop\nprovider: podman\n"


def given(text: str) -> dict[str, str]:
    return {name: str(address) for name, address in addresses(parse(text)).items()}


def test_handed_out_in_the_order_of_the_file() -> None:
    text = LAB + "network: {subnet: 10.89.50.0/24}\nnodes: {b: {}, a: {}, c: {address: 10.89.50.12}, d: {}}\n"
    assert given(text) == {"b": "10.89.50.11", "a": "10.89.50.13", "c": "10.89.50.12", "d": "10.89.50.14"}


def test_a_new_node_at_the_end_moves_nobody() -> None:
    before = given(LAB + "nodes: {a: {}, b: {}}\n")
    assert given(LAB + "nodes: {a: {}, b: {}, c: {}}\n") | before == given(LAB + "nodes: {a: {}, b: {}, c: {}}\n")


def test_virtual_ips_are_not_handed_out() -> None:
    text = LAB + (
        "network: {subnet: 10.89.50.0/24}\nnodes: {a: {}, b: {}}\n"
        "load_balancers: {edge: {nodes: [a, b], virtual_ips: [{address: 10.89.50.11}],"
        " frontends: {w: {bind: 80, backend: w}}, backends: {w: {nodes: [a], port: 81}}}}\n"
    )
    assert given(text) == {"a": "10.89.50.12", "b": "10.89.50.13"}


def test_a_small_subnet_begins_after_the_gateway() -> None:
    assert given(LAB + "network: {subnet: 10.89.50.32/27}\nnodes: {a: {}}\n") == {"a": "10.89.50.34"}


def test_a_lab_without_a_subnet_gets_one_from_its_name() -> None:
    topology = parse(LAB + "nodes: {a: {}}\n")
    assert subnet_of(topology) == lab_subnet("shop") == IPv4Network("10.89.226.0/24")
    assert lab_subnet("shop") != lab_subnet("shop2")


def test_existing_machines_keep_theirs() -> None:
    text = (
        "name: shop\nnetwork: {subnet: 10.0.0.0/24}\nnodes: {a: {address: 10.0.0.5}, b: {address: 192.168.7.9}}\n"
    )
    assert given(text) == {"a": "10.0.0.5", "b": "192.168.7.9"}


@pytest.mark.parametrize(
    ("address", "subnet", "expected"),
    [
        ("10.0.0.0", "10.0.0.0/24", False),
        ("10.0.0.1", "10.0.0.0/24", True),
        ("10.0.0.255", "10.0.0.0/24", False),
        ("10.0.1.1", "10.0.0.0/24", False),
        ("10.0.0.0", "10.0.0.0/31", True),
    ],
)
def test_usable(address: str, subnet: str, expected: bool) -> None:
    assert usable(IPv4Address(address), IPv4Network(subnet)) is expected


APART = (
    LAB + "network: {subnet: 10.89.50.0/24}\n"
    "networks: {management: {subnet: 10.89.51.0/24}, service: {subnet: 10.89.52.0/24, nodes: [b]}}\n"
    "nodes: {a: {addresses: {management: 10.89.51.12}}, b: {}, c: {address: 10.89.50.30}}\n"
)


def test_separate_networks_hand_out_addresses_of_their_own() -> None:
    topology = parse(APART)
    on = {name: str(address) for name, address in addresses_on(topology, "management").items()}
    assert on == {"a": "10.89.51.12", "b": "10.89.51.11", "c": "10.89.51.13"}
    assert list(addresses_on(topology, "service")) == ["b"]
    assert addresses_on(topology, "storage") == {}


def test_who_is_not_on_a_network_is_reached_over_the_clusters() -> None:
    found = {name: str(address) for name, address in addresses_for(parse(APART), "service").items()}
    assert found == {"a": "10.89.50.11", "b": "10.89.52.11", "c": "10.89.50.30"}


def test_a_purpose_without_a_network_is_served_by_the_clusters() -> None:
    topology = parse(APART)
    assert addresses_for(topology, "storage") == addresses(topology)
    assert subnet_for(topology, "storage") == subnet_of(topology)
    assert str(own_address(topology, "b", "service")) == "10.89.52.11/24"
    assert own_address(topology, "a", "service") is None
