"""TLS as its clients meet it: renewals under load, an ACME service, and everything that has to be refused."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cluster_cli.certificates.acme_order import signing_request
from cluster_cli.certificates.authority import Authority, Scope, Terms, new_issuing, new_root, private_text, sign
from cluster_cli.certificates.certificate import to_text
from cluster_cli.certificates.cluster_authority import ISSUING
from cluster_cli.secrets.store import Secrets

from .client import Load, Secure
from .command import Done, cluster, wait_for
from .conftest import Stack, running

LB1, LB2, WEB = "10.89.122.11", "10.89.122.12", "10.89.122.13"
NAMES = {LB1: "www1.example.com", LB2: "www2.example.com"}
TOPOLOGY = f"""
name: e2e-tls
provider: podman
network: {{subnet: 10.89.122.0/25}}
nodes: {{lb1: {{}}, lb2: {{}}, web1: {{}}}}
system: {{packages: [pebble]}} # an ACME service for tests; it runs on web1
firewall: {{open: [{{port: 14000, nodes: [web1]}}]}}
certificates:
  acme: {{directory: "https://{WEB}:14000/dir", authority: acme-root.pem}}
load_balancers:
  edge:
    nodes: [lb1]
    frontends:
      plain: {{bind: 80, redirect: secure}}
      secure: {{bind: 443, backend: shop, tls: {{names: [shop.example.com]}}}}
      public: {{bind: 8443, backend: shop, tls: {{names: [www1.example.com]}}}}
    backends: {{shop: {{nodes: [web1], port: 80}}}}
  side:
    engine: nginx
    nodes: [lb2]
    frontends:
      plain: {{bind: 80, redirect: secure}}
      secure: {{bind: 443, backend: shop, tls: {{names: [shop.example.com]}}}}
      public: {{bind: 8443, backend: shop, tls: {{names: [www2.example.com]}}}}
    backends: {{shop: {{nodes: [web1], port: 80}}}}
web:
  shop: {{nodes: [web1]}}
"""
FOLDER = "/etc/cluster/certificates"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A haproxy and an nginx balancer, both with TLS, before one web server."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "acme-root.pem").write_text("none yet\n")
    with running(folder, TOPOLOGY) as found:
        yield found


def issuing(stack: Stack) -> Authority:
    """The issuing authority of the cluster, with its key."""
    places = stack.workspace.places
    return Authority.read(Secrets.open(places.secrets, places.name).get(ISSUING), ISSUING)


def trusting(text: str) -> ssl.SSLContext:
    """A client that trusts these certificates and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    return context


def ours(stack: Stack) -> ssl.SSLContext:
    """A client that trusts the cluster's root and nothing else."""
    return trusting(cluster("certs", "authority", "-C", stack.folder).out)


def serial(context: ssl.SSLContext, address: str, port: int, name: str) -> str:
    """The serial number of the certificate that is served; raises when the client does not believe it."""
    with (
        socket.create_connection((address, port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as connection,
    ):
        return str((connection.getpeercert() or {})["serialNumber"])


def up(stack: Stack) -> Done:
    """Only what certificates go through, to be quick."""
    return cluster("up", stack.folder, "--only", "certificates", "--only", "load_balancer", "-o", "json")


def plant(stack: Stack, node: str, name: str, chain: str, key: str = "") -> None:
    """Put another certificate in place by hand and have the balancer read it."""
    folder = f"{FOLDER}/{name}"
    texts = {"cert.pem": chain} | ({"key.pem": key} if key else {})
    for file, text in texts.items():
        stack.on(node, f"cat > {folder}/{file} <<'END'\n{text}END")
    stack.on(
        node, f"[ ! -e {folder}/combined.pem ] || cat {folder}/cert.pem {folder}/key.pem > {folder}/combined.pem"
    )
    stack.on(node, "systemctl reload haproxy 2>/dev/null || systemctl reload nginx")


def made(authority: Authority, *, begins: datetime, days: int = 90) -> tuple[str, str]:
    """A certificate for lb1 by any authority, with its key."""
    key = private_text(ec.generate_private_key(ec.SECP256R1()))
    names = frozenset({"lb1", "lb1.e2e-tls.internal", "shop.example.com"})
    terms = Terms(names, frozenset({LB1}), "server", timedelta(days=days))
    return sign(authority, signing_request(key, sorted(names)).decode(), terms, begins), key


@pytest.mark.parametrize(("node", "address"), [("lb1", LB1), ("lb2", LB2)])
def test_renewals_under_load_cost_no_answer(tls: Stack, node: str, address: str) -> None:
    context = ours(tls)
    before = serial(context, address, 443, "shop.example.com")
    with Load(address, clients=2, get=Secure(context, "shop.example.com").get) as load:
        for _ in range(2):
            done = cluster("certs", "renew", "-C", tls.folder, "-n", node, "--force", "-o", "json")
            assert done.code == 0, done
        load.run(1.0)
    print(f"2 renewals on {node} under load: {load.good.total()} answers, {len(load.bad)} failed {load.bad[:3]}")
    assert serial(context, address, 443, "shop.example.com") != before
    assert load.good.total() > 100
    assert not load.bad


def test_nothing_is_left_to_do_afterwards(tls: Stack) -> None:
    assert up(tls).json["changed"] == 0


@pytest.mark.usefixtures("tls")
def test_plain_http_is_sent_on() -> None:
    for address in (LB1, LB2):
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/x?y=1", headers={"Host": "shop.example.com"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (308, "https://shop.example.com/x?y=1")


def test_expired_certificate_is_noticed_and_renewed(tls: Stack) -> None:
    plant(tls, "lb1", "edge-secure", *made(issuing(tls), begins=datetime.now(UTC) - timedelta(days=91)))
    context = ours(tls)
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        serial(context, LB1, 443, "shop.example.com")
    told = [row for row in tls.status()["problems"] if "edge-secure" in row]
    assert told == [
        "lb1: certificate edge-secure: it has expired; next: cluster certs renew edge-secure --node lb1"
    ]
    assert cluster("certs", "-C", tls.folder).code == 1
    verified = cluster("verify", tls.folder, "--role", "certificates")
    assert verified.code == 5
    assert "it has expired" in verified.err
    assert cluster("certs", "renew", "-C", tls.folder).code == 0
    assert serial(context, LB1, 443, "shop.example.com")
    assert tls.status()["healthy"]


def test_certificate_of_another_authority_is_refused_and_replaced(tls: Stack) -> None:
    scope = Scope(frozenset({"lb1", "e2e-tls.internal", "shop.example.com"}), frozenset({"10.89.122.0/25"}))
    now = datetime.now(UTC)
    plant(
        tls, "lb1", "edge-secure", *made(new_issuing(new_root("e2e-tls", now), "e2e-tls", scope, now), begins=now)
    )
    context = ours(tls)
    with pytest.raises(ssl.SSLCertVerificationError):
        serial(context, LB1, 443, "shop.example.com")
    verified = cluster("verify", tls.folder, "--role", "certificates")
    assert "it is by another authority" in verified.err
    assert up(tls).code == 0
    assert serial(context, LB1, 443, "shop.example.com")


def test_key_that_does_not_match_is_replaced_under_a_running_service(tls: Stack) -> None:
    """Somebody wrote over the key: the service goes on with what it has read, the next run puts both right."""
    other = private_text(ec.generate_private_key(ec.SECP256R1()))
    tls.on("lb2", f"cat > {FOLDER}/side-secure/key.pem <<'END'\n{other}END")
    context = ours(tls)
    assert serial(context, LB2, 443, "shop.example.com")
    verified = cluster("verify", tls.folder, "--role", "certificates")
    assert "its key is another one" in verified.err
    assert up(tls).code == 0
    assert serial(context, LB2, 443, "shop.example.com")


def test_a_plan_says_until_when_and_makes_nothing(tls: Stack) -> None:
    tls.on("lb1", f"mv {FOLDER}/edge-secure/cert.pem /root/kept.pem")
    planned = cluster("plan", tls.folder, "--only", "certificates", "-o", "json")
    tls.on("lb1", f"mv /root/kept.pem {FOLDER}/edge-secure/cert.pem")
    assert planned.code == 3
    (change,) = planned.json["changes"]
    until = datetime.now(UTC) + timedelta(days=90)
    assert (
        f"would be issued for lb1, lb1.e2e-tls.internal, shop.example.com, {LB1} until {until:%Y-%m-%d}"
        in (change["diff"])
    )


def test_offline_root(tls: Stack, tmp_path: Path) -> None:
    """Without the root's key everything goes on but what needs it, and that says so."""
    (tmp_path / "pass").write_text("correct horse battery staple\n")
    words = ("-C", tls.folder, "--passphrase-file", tmp_path / "pass", tmp_path / "root.key")
    assert cluster("certs", "take-offline", *words).code == 0
    assert cluster("certs", "renew", "-C", tls.folder, "-n", "lb1", "--force").code == 0
    text = (tls.folder / "topology.yml").read_text()
    (tls.folder / "topology.yml").write_text(
        text.replace("[shop.example.com]", "[shop.example.com, new.example.org]")
    )
    refused = up(tls)
    assert refused.code == 1
    assert "it may not certify new.example.org" in refused.err
    assert "cluster certs bring-online" in refused.err
    assert cluster("certs", "bring-online", *words).code == 0
    assert up(tls).code == 0
    assert serial(ours(tls), LB1, 443, "new.example.org")


def test_own_certificate(tls: Stack) -> None:
    """One of the operator's own is checked before anything is touched, then served."""
    now = datetime.now(UTC)
    scope = Scope(frozenset({"example.com"}), frozenset({"10.89.122.0/25"}))
    outside = new_issuing(new_root("example", now), "example", scope, now)
    key, other = (private_text(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    terms = Terms(frozenset({"www1.example.com"}), frozenset(), "server", timedelta(days=90))
    (tls.folder / "www.pem").write_text(
        sign(outside, signing_request(key, ["www1.example.com"]).decode(), terms, now)
    )
    (tls.folder / "www.key").write_text(other)
    text = (tls.folder / "topology.yml").read_text()
    own = text.replace(
        "{names: [www1.example.com]}", "{names: [www1.example.com], certificate: www.pem, key: www.key}"
    )
    (tls.folder / "topology.yml").write_text(own)
    refused = cluster("validate", tls.folder)
    assert refused.code == 2
    assert "the key does not belong to the certificate" in refused.err
    assert cluster("up", tls.folder).code == 2
    (tls.folder / "www.key").write_text(key)
    assert cluster("validate", tls.folder).code == 0
    assert up(tls).code == 0
    assert serial(trusting(to_text([outside.root])), LB1, 8443, "www1.example.com")
    (tls.folder / "topology.yml").write_text(text)


def test_acme(tls: Stack) -> None:
    """Both engines answer the challenges of a real ACME service, and serve what it gives."""
    root = pebble(tls)
    text = (tls.folder / "topology.yml").read_text()
    asked = text.replace("[www1.example.com]", "[www1.example.com], acme: true")
    (tls.folder / "topology.yml").write_text(asked.replace("[www2.example.com]", "[www2.example.com], acme: true"))
    done = up(tls)
    assert done.code == 0, done
    context = trusting(root())
    first = {address: serial(context, address, 8443, NAMES[address]) for address in NAMES}
    assert up(tls).json["changed"] == 0
    assert cluster("certs", "renew", "-C", tls.folder, "--force", "edge-public").code == 0
    assert serial(context, LB1, 8443, NAMES[LB1]) != first[LB1]
    assert serial(context, LB2, 8443, NAMES[LB2]) == first[LB2]


def pebble(stack: Stack):  # noqa: ANN201
    """Run the ACME service on web1; returns a function that gives the root of what it issues."""
    now = datetime.now(UTC)
    scope = Scope(frozenset({"pebble"}), frozenset({"10.89.122.0/25"}))
    outside = new_issuing(new_root("acme", now), "acme", scope, now)
    key = private_text(ec.generate_private_key(ec.SECP256R1()))
    terms = Terms(frozenset({"pebble"}), frozenset({WEB}), "server", timedelta(days=90))
    chain = sign(outside, signing_request(key, ["pebble"]).decode(), terms, now)
    (stack.folder / "acme-root.pem").write_text(to_text([outside.root]))
    config = {
        "listenAddress": f"{WEB}:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/root/pebble.pem",
        "privateKey": "/root/pebble.key",
        "httpPort": 80,
        "tlsPort": 443,
    }
    for name, text in {
        "pebble.pem": chain,
        "pebble.key": key,
        "pebble.json": json.dumps({"pebble": config}) + "\n",
    }.items():
        stack.on("web1", f"cat > /root/{name} <<'END'\n{text}END")
    stack.on(
        "web1",
        "systemd-run --collect --unit=dns pebble-challtestsrv -defaultIPv6 '' -http01 '' -https01 '' "
        f"-tlsalpn01 '' -dns01 127.0.0.1:8053 -management 127.0.0.1:8055 -defaultIPv4 {LB1} && "
        "systemd-run --collect --unit=pebble -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0 "
        "pebble -config /root/pebble.json -dnsserver 127.0.0.1:8053",
    )
    ask = "python3 -c 'import urllib.request as u, ssl, sys; print(u.urlopen(%s).read().decode())'"
    row = json.dumps({"host": f"{NAMES[LB2]}.", "addresses": [LB2]})
    add = ask % f'"http://127.0.0.1:8055/add-a", data=b"""{row}"""'

    def works() -> bool:
        return stack.lab.exec("web1", ["sh", "-c", f"{add} && ss -ltn | grep -q :14000"]).returncode == 0

    wait_for("the ACME service", works, 20, every=0.5)
    return lambda: stack.on(
        "web1", ask % '"https://127.0.0.1:15000/roots/0", context=ssl._create_unverified_context()'
    )


def test_nothing_secret_is_left_on_the_way(tls: Stack) -> None:
    for node in ("lb1", "lb2"):
        assert tls.on(node, "find /run /tmp /etc/cluster -name '*.new' -o -name 'cluster-*.key'").strip() == ""
