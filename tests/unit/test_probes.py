"""What those who watch look at: what clients see, and nothing that would hurt what is behind it."""

from cluster_cli.inventory import render
from cluster_cli.render.probes import Probe, own_requests, probes, seen_by
from cluster_cli.topology.load import parse
from tests.unit.test_contract import ACCESS

HEAD = "name: s\nnetwork: {subnet: 192.0.2.0/24}\nmonitoring: {nodes: [mon]}\n"
NODES = """
nodes:
  lb1: {address: 192.0.2.11}
  lb2: {address: 192.0.2.12}
  web1: {address: 192.0.2.21}
  mon: {address: 192.0.2.31}
"""
EDGE = """
load_balancers:
  edge: {{nodes: [lb1, lb2], frontends: {{{frontends}}}, backends: {{{backends}}}, virtual_ips: [{vips}]}}
"""
BACKENDS = {
    "shop": "{nodes: [web1], port: 8000, check: {path: /up, host: shop.example.com, expect: 204}}",
    "apart": "{nodes: [web1], port: 8000, check: {path: /up, port: 8001}}",
    "wire": "{nodes: [web1], port: 25, mode: tcp}",
    "asked": "{nodes: [web1], port: 26, mode: tcp, check: {type: http, port: 8001, path: /up}}",
}
VIPS = "{address: 192.0.2.100}, {address: 192.0.2.101}"


def edge(frontends: str, vips: str = VIPS) -> str:
    """A load balancer with these frontends, and the backends they name."""
    named = (f"{name}: {each}" for name, each in BACKENDS.items() if f"backend: {name}" in frontends)
    return EDGE.format(frontends=frontends, backends=", ".join(named), vips=vips)


def found(frontends: str, vips: str = VIPS) -> dict[str, Probe]:
    """The probes of a topology with these frontends, by name."""
    return {each.name: each for each in probes(parse(HEAD + NODES + edge(frontends, vips)))}


def test_a_frontend_is_looked_at_by_each_of_its_virtual_ips() -> None:
    known = found("shop: {bind: 80, backend: shop}, one: {bind: 81, backend: shop, address: 192.0.2.101}")
    assert list(known) == ["edge-shop-192.0.2.100", "edge-shop-192.0.2.101", "edge-one-192.0.2.101"]


def test_without_virtual_ips_clients_come_to_the_balancers() -> None:
    known = found("shop: {bind: 80, backend: shop}", "")
    assert [each.url for each in known.values()] == ["http://192.0.2.11:80/up", "http://192.0.2.12:80/up"]


def test_servers_are_asked_for_their_health_page_as_their_balancer_does() -> None:
    look = found("shop: {bind: 80, backend: shop}")["edge-shop-192.0.2.100"].how["http"]
    assert (look["valid_status_codes"], look["headers"]) == ([204], {"Host": "shop.example.com"})


def test_where_no_page_is_known_any_answer_will_do_that_is_no_servers_error() -> None:
    seen = found("shop: {bind: 80, backend: apart}")["edge-shop-192.0.2.100"]
    assert seen.url == "http://192.0.2.100:80/"
    assert {200, 404, 500} & set(seen.how["http"]["valid_status_codes"]) == {200, 404}


def test_a_redirect_is_not_followed() -> None:
    frontends = "plain: {bind: 80, redirect: secure}, secure: {bind: 443, backend: shop, tls: {}}"
    seen = found(frontends)["edge-plain-192.0.2.100"]
    assert (seen.how["http"]["valid_status_codes"], seen.how["http"]["follow_redirects"]) == ([308], False)
    assert "proxy" not in seen.labels


def test_a_certificate_of_the_cluster_is_verified_for_the_address_and_others_are_read() -> None:
    frontends = """own: {bind: 443, backend: shop, tls: {}}, wire: {bind: 465, mode: tcp, backend: wire, tls: {}},
      yours: {bind: 8443, backend: shop, tls: {certificate: a.pem, key: a.key}}"""
    known = found(frontends)
    for name, kind in (("own", "http"), ("wire", "tcp")):
        trust = known[f"edge-{name}-192.0.2.101"].how[kind]["tls_config"]
        assert trust == {"ca_file": "/etc/cluster/certificates/ca.pem", "server_name": "192.0.2.101"}
    assert known["edge-yours-192.0.2.101"].how["http"]["tls_config"] == {"insecure_skip_verify": True}
    assert all(each.over_tls for each in known.values())


def test_servers_that_are_not_checked_by_connections_get_none() -> None:
    frontends = "wire: {bind: 25, mode: tcp, backend: wire}, asked: {bind: 26, mode: tcp, backend: asked}"
    assert {each.frontend for each in found(frontends).values()} == {"wire"}
    text = HEAD + NODES + edge("") + "databases: {main: {nodes: [web1, mon], mode: replication, through: edge}}\n"
    assert list(probes(parse(text))) == []


def test_who_is_not_on_the_clients_network_does_not_look() -> None:
    text = (
        HEAD
        + """
networks: {service: {subnet: 198.51.100.0/24}}
nodes:
  lb1: {address: 192.0.2.11, addresses: {service: 198.51.100.11}}
  mon: {address: 192.0.2.31}
load_balancers:
  edge: {nodes: [lb1], frontends: {shop: {bind: 80, backend: shop}}, backends: {shop: {nodes: [lb1], port: 81}}}
"""
    )
    topology = parse(text)
    assert len(seen_by(topology, "lb1")) == 1
    assert seen_by(topology, "mon") == ()
    assert "blackbox_exporter" not in render(topology, ACCESS).host("mon").groups
    assert own_requests(topology) == 0


def test_their_own_requests_are_not_taken_for_those_of_clients() -> None:
    text = HEAD.replace("[mon]", "[mon, web1], interval: 10s") + NODES
    text += edge("shop: {bind: 80, backend: shop}, more: {bind: 81, backend: shop}")
    assert own_requests(parse(text)) == 1.5 * 8 / 10  # two frontends, two addresses, two that look
