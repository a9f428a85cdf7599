"""Which certificates a node has, what is told of them, and which an ACME service is asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from josepy.b64 import b64encode
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from cluster_cli.certificates.acme_account import new_key, thumbprint
from cluster_cli.certificates.acme_certificates import Wanted, due, wanted
from cluster_cli.certificates.acme_order import private_key
from cluster_cli.certificates.authority import Scope, Terms, new_issuing, new_root, sign
from cluster_cli.certificates.cluster_certificates import read_answer, row
from cluster_cli.certificates.given import Given, acme_secret
from cluster_cli.certificates.renew import marked
from cluster_cli.inventory import Inventory, render
from cluster_cli.render.balancing import balancer_vars
from cluster_cli.render.certificates import declared, scope
from cluster_cli.topology.load import parse
from tests.unit.test_authority import request
from tests.unit.test_contract import ACCESS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = """
name: shop
network: {subnet: 10.0.0.0/24}
nodes:
  lb1: {address: 10.0.0.11}
  web1: {address: 10.0.0.21}
certificates: {acme: {directory: "https://acme.example.com/dir"}}
load_balancers:
  edge:
    nodes: [lb1]
    frontends:
      plain: {bind: 80, redirect: secure}
      other: {bind: 81, redirect: far}
      secure: {bind: 443, backend: shop, tls: {names: [Www.example.com], acme: true}}
      far: {bind: 8443, backend: shop, tls: {}}
    backends: {shop: {nodes: [web1], port: 80}}
web: {shop: {nodes: [web1]}}
"""


def chain(names: set[str], days: int = 90) -> str:
    authority = new_issuing(new_root("shop", NOW), "shop", Scope(frozenset(names), frozenset()), NOW)
    return sign(authority, request(), Terms(frozenset(names), frozenset(), "server", days * DAY), NOW)


def test_a_node_without_tls_has_no_certificate() -> None:
    assert declared(parse(TEXT), "web1") == ()
    assert [each.name for each in declared(parse(TEXT), "lb1")] == ["edge-secure", "edge-far"]


def test_audit_has_one_on_every_node() -> None:
    topology = parse(TEXT + "audit: {collectors: [web1]}\n")
    (found,) = declared(topology, "web1")
    assert (found.name, found.usage) == ("audit", "both")


def test_scope_is_what_the_certificates_say() -> None:
    found = scope(parse(TEXT))
    assert found == {"names": ["lb1", "shop.internal", "www.example.com"], "networks": ["10.0.0.0/24"]}


def test_scope_does_not_grow_with_a_node_that_has_none() -> None:
    grown = TEXT.replace("nodes:\n", "nodes:\n  web2: {address: 10.0.0.22}\n", 1)
    assert scope(parse(grown)) == scope(parse(TEXT))


def test_frontends_know_where_to_send_clients_and_whom_to_answer() -> None:
    rows = {front["name"]: front for front in balancer_vars(parse(TEXT), "lb1")["haproxy"]["haproxy_frontends"]}
    assert (rows["plain"]["redirect_port"], rows["plain"]["acme"]) == (443, True)
    assert "acme" not in rows["other"]
    assert rows["secure"]["tls"]["hsts"] is True
    assert rows["far"]["tls"]["hsts"] is False  # a browser would look on port 443


@pytest.mark.parametrize(
    ("days", "warning"),
    [
        (0, ""),
        (75, ""),
        (77, "it ends in 13 days; next: cluster certs renew edge-secure --node lb1"),
        (91, "it has expired; next: cluster certs renew edge-secure --node lb1"),
    ],
)
def test_a_certificate_near_its_end_is_told(days: int, warning: str) -> None:
    assert row("lb1", "edge-secure", chain({"lb1"}), NOW + days * DAY)["warning"] == warning


def test_a_short_life_is_told_in_its_last_sixth() -> None:
    short = chain({"lb1"}, days=6)
    assert row("lb1", "x", short, NOW + 4 * DAY)["warning"] == ""
    assert "it ends in 0.9 days" in row("lb1", "x", short, NOW + 5.1 * DAY)["warning"]


def test_a_missing_certificate_is_told() -> None:
    found = row("lb1", "x", "", NOW)
    assert (found["expires"], found["warning"]) == (None, "there is none; next: cluster up --node lb1")


def test_what_a_node_answers_is_read() -> None:
    text = chain({"lb1"})
    assert read_answer(f"== edge-secure\n{text}== audit\n") == {"edge-secure": text, "audit": ""}


def test_forced_renewals_are_marked_and_nothing_else() -> None:
    before = render(parse(TEXT), ACCESS)
    after: Inventory = marked(before, (), ("edge-far",))
    rows = {row["name"]: row["renew"] for row in after.host("lb1").vars["certificates_wanted"]}
    assert rows == {"edge-secure": False, "edge-far": True}
    assert after.host("web1") == before.host("web1")
    assert marked(before, ("web1",), ()).host("lb1") == before.host("lb1")


def test_acme_asks_for_the_public_names() -> None:
    assert wanted(parse(TEXT)) == (Wanted("edge-secure", ("www.example.com",)),)
    assert acme_secret("edge-secure") == "acme_edge_secure"


def test_acme_is_asked_when_it_is_due() -> None:
    given = Given(chain({"www.example.com"}), "")
    assert due(None, ("www.example.com",), NOW)
    assert not due(given, ("www.example.com",), NOW + 59 * DAY)
    assert due(given, ("www.example.com",), NOW + 61 * DAY)
    assert due(given, ("www.example.com", "shop.example.com"), NOW)


def test_thumbprint_is_that_of_the_library() -> None:
    key = new_key()
    theirs = JWKEC(key=ComparableECKey(private_key(key)))
    assert thumbprint(key) == b64encode(theirs.thumbprint()).decode()
