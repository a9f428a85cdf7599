"""Who may use which port of which node: from the topology to the rules of the firewall."""

from ipaddress import IPv4Network

import pytest

from cluster_cli.render.firewall import firewall_vars, rules
from cluster_cli.topology.listeners import LOOPBACK, listeners
from cluster_cli.topology.load import parse

LAB = "name: shop\nprovider: podman\nnetwork: {subnet: 10.89.50.0/24}\n"
EXISTING = "name: shop\nnetwork: {subnet: 10.0.0.0/24}\n"
PAIR = """
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{address: 10.89.50.100}]
    frontends: {shop: {bind: 80, backend: shop, address: 10.89.50.100}}
    backends: {shop: {nodes: [web1], port: 80}}
web: {shop: {nodes: [web1]}}
"""
NODES = "nodes: {lb1: {}, lb2: {}, web1: {}}\n"


def sources(text: str, node: str, rule: str) -> list[str]:
    """Who a rule of a node lets in."""
    found = {each["name"]: each for each in rules(parse(text), node)}
    assert rule in found, sorted(found)
    return list(found[rule]["sources"])


def test_a_lab_lets_in_its_host_and_its_nodes() -> None:
    assert sources(LAB + NODES, "web1", "tcp_22") == ["10.89.50.1/32", "10.89.50.11/32", "10.89.50.12/31"]


def test_machines_let_in_the_network_or_the_operators_that_are_named() -> None:
    nodes = "nodes: {a: {address: 10.0.0.5}}\n"
    assert sources(EXISTING + nodes, "a", "tcp_22") == ["10.0.0.0/24"]
    named = f"{EXISTING}{nodes}firewall: {{operators: [192.0.2.0/28]}}\n"
    assert sources(named, "a", "tcp_22") == ["10.0.0.5/32", "192.0.2.0/28"]


def test_ssh_alone_has_a_limit() -> None:
    found = {each["name"]: each["limited"] for each in rules(parse(LAB + NODES + PAIR), "lb1")}
    assert {name for name, limited in found.items() if limited} == {"tcp_22"}


def test_a_web_server_behind_balancers_is_for_them_and_for_operators() -> None:
    assert sources(LAB + NODES + PAIR, "web1", "tcp_80") == ["10.89.50.1/32", "10.89.50.11/32", "10.89.50.12/32"]


def test_a_web_server_with_nothing_in_front_is_for_everybody() -> None:
    assert sources(f"{LAB}{NODES}web: {{shop: {{nodes: [web1]}}}}\n", "web1", "tcp_80") == ["0.0.0.0/0"]


def test_a_site_may_ask_the_site_it_passes_requests_to() -> None:
    text = f"{LAB}{NODES}firewall: {{clients: [198.51.100.0/24]}}\nweb:\n"
    text += (
        "  shop: {nodes: [lb1], upstream: 'http://web1.shop.internal:8080'}\n  app: {nodes: [web1], port: 8080}\n"
    )
    assert "10.89.50.11/32" in sources(text, "web1", "tcp_8080")


@pytest.mark.parametrize("url", ["http://web1:99999", "http://web1:0", "http://[", "http://elsewhere"])
def test_a_site_that_passes_requests_elsewhere_opens_nothing(url: str) -> None:
    text = f"{LAB}{NODES}web: {{shop: {{nodes: [lb1], upstream: '{url}'}}}}\n"
    assert [each["name"] for each in rules(parse(text), "web1")] == ["tcp_22"]


def test_a_backend_that_is_not_ours_is_open_to_its_balancers() -> None:
    text = (LAB + NODES + PAIR).replace("web: {shop: {nodes: [web1]}}\n", "")
    assert sources(text, "web1", "tcp_80") == ["10.89.50.11/32", "10.89.50.12/32"]
    assert not any(each.ours for each in listeners(parse(text)) if each.node == "web1" and each.port == 80)


def test_a_frontend_of_a_virtual_ip_is_open_there_alone() -> None:
    found = {each["name"]: each["addresses"] for each in rules(parse(LAB + NODES + PAIR), "lb2")}
    assert found["tcp_80_10.89.50.100"] == ["10.89.50.100"]
    assert "tcp_80" not in found


def test_vrrp_comes_from_the_peers_alone_in_both_modes() -> None:
    found = {each["name"]: each for each in rules(parse(LAB + NODES + PAIR), "lb2")}
    assert found["vrrp"]["sources"] == ["10.89.50.11/32"]
    assert found["vrrp"]["addresses"] == ["10.89.50.12", "224.0.0.18"]
    assert "vrrp" not in {each["name"] for each in rules(parse(LAB + NODES + PAIR), "web1")}


def test_what_listens_on_the_loopback_needs_no_rule() -> None:
    text = LAB + NODES + PAIR.replace("port: 80}}", "port: 80, sticky: source}}")
    local = {each.port for each in listeners(parse(text)) if each.node == "lb1" and each.address == LOOPBACK}
    assert local == {8404, 10024}
    assert not {each["port"] for each in rules(parse(text), "lb1")} & {10024}


def test_what_is_opened_adds_up() -> None:
    text = f"{LAB}{NODES}firewall:\n  open:\n    - {{port: 53, protocol: udp}}\n"
    text += "    - {port: 9000, sources: [10.0.0.0/9, 10.128.0.0/9], nodes: [web1]}\n"
    assert sources(text, "web1", "tcp_9000") == ["10.0.0.0/8"]
    assert sources(text, "lb1", "udp_53") == [str(IPv4Network("0.0.0.0/0"))]
    assert "tcp_9000" not in {each["name"] for each in rules(parse(text), "lb1")}


def test_off_means_no_rules() -> None:
    topology = parse(f"{LAB}{NODES}firewall: {{enabled: false}}\n")
    assert firewall_vars(topology, "web1")["firewall_rules"] == []
    assert firewall_vars(topology, "web1")["firewall_enabled"] is False
