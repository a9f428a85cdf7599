"""Addresses that are handed out."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from cluster_cli.topology.addresses import addresses, lab_subnet, subnet_of, usable
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
