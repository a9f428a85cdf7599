"""Subnets that are taken, and what is said about it."""

from ipaddress import IPv4Network

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.lab.network import purpose_of, refuse_overlap, routes


def test_routes_without_the_default():
    text = '[{"dst":"default","dev":"eth0"},{"dst":"10.0.0.0/24","dev":"eth0"},{"dst":"10.9.9.9","dev":"tun0"}]'
    assert routes(text) == {
        "route 10.0.0.0/24 dev eth0": IPv4Network("10.0.0.0/24"),
        "route 10.9.9.9 dev tun0": IPv4Network("10.9.9.9/32"),
    }
    assert routes("") == {}


@pytest.mark.parametrize(
    ("lab", "bridge", "purpose"),
    [
        ("shop", "cluster-shop-ab12", "cluster"),
        ("shop", "cluster-shop-service-ab12", "service"),
        ("x-service", "cluster-x-service-ab12", "cluster"),
        ("x-service", "cluster-x-service-storage-ab12", "storage"),
    ],
)
def test_a_network_tells_its_purpose_by_its_name(lab, bridge, purpose):
    assert purpose_of(lab, bridge) == purpose


def test_an_overlap_names_who_has_it_and_what_to_do():
    with pytest.raises(ClusterError) as caught:
        refuse_overlap(IPv4Network("10.0.0.128/25"), {"network other of podman": IPv4Network("10.0.0.0/24")})
    assert caught.value.where == "network other of podman"
    assert "network.subnet" in caught.value.hint


def test_neighbours_are_no_overlap():
    refuse_overlap(IPv4Network("10.0.1.0/24"), {"x": IPv4Network("10.0.0.0/24")})
