"""What the roles are told, with literals."""

import pytest

from cluster_cli.inventory import Inventory, render
from cluster_cli.packages import PACKAGES
from cluster_cli.render.connection import Access
from cluster_cli.topology.load import parse

ACCESS = Access(
    topology="/c/topology.yml",
    secrets="/c/secrets.yml",
    known_hosts="/s/known_hosts",
    sockets="/run/s",
    lab_key="/s/key",
    admin_keys=("ssh-ed25519 AAAA operator",),
)
EVERY_NODE = ("base", "ssh_trust", "firewall", "hardening")
LAB = "name: shop\nprovider: podman\nnetwork: {subnet: 10.89.50.0/24}\n"
NODES = "nodes: {lb1: {}, lb2: {}, lb3: {}, web1: {}, web2: {weight: 3}}\n"
EDGE = """
load_balancers:
  edge:
    nodes: [lb1, lb2, lb3]
    virtual_ips:
      - {address: 10.89.50.100, prefer: lb2}
      - {address: 10.89.50.101, router_id: 7}
    frontends:
      web: {bind: 80, backend: web}
      tls: {bind: 443, backend: tls, mode: tcp, address: 10.89.50.100}
    backends:
      web: {nodes: [web1, web2], port: 80, sticky: cookie, check: {interval: 200ms}}
      tls: {nodes: [web1], port: 443, mode: tcp}
"""


def rendered(text: str) -> Inventory:
    return render(parse(text), ACCESS)


def priorities(text: str) -> dict[str, list[int]]:
    return {
        host.name: [instance["priority"] for instance in host.vars["keepalived_instances"]]
        for host in rendered(text).group("keepalived")
    }


def test_priorities_are_all_different_and_the_preferred_node_is_first() -> None:
    assert priorities(LAB + NODES + EDGE) == {"lb1": [52, 150], "lb2": [150, 101], "lb3": [101, 52]}


def test_keepalived() -> None:
    found = rendered(LAB + NODES + EDGE).host("lb1").vars
    assert found["keepalived_address"] == "10.89.50.11"
    first, second = found["keepalived_instances"]
    assert (first["name"], first["router_id"], first["virtual_address"]) == ("edge-vip1", 100, "10.89.50.100/24")
    assert (second["name"], second["router_id"], second["virtual_address"]) == ("edge-vip2", 7, "10.89.50.101/24")
    assert first["peers"] == second["peers"] == ["10.89.50.12", "10.89.50.13"]
    assert found["keepalived_advert_ms"] == 100
    assert found["keepalived_preempt"] is found["keepalived_unicast"] is True
    assert found["keepalived_service"] == "haproxy"
    assert found["keepalived_check_url"] == "http://127.0.0.1:8404/healthz"


def test_balancer() -> None:
    found = rendered(LAB + NODES + EDGE).host("lb3").vars
    assert found["haproxy_frontends"] == [
        {"name": "web", "mode": "http", "binds": ["*:80"], "backend": "web"},
        {"name": "tls", "mode": "tcp", "binds": ["10.89.50.100:443"], "backend": "tls"},
    ]
    web, tls = found["haproxy_backends"]
    assert [(s["name"], s["address"], s["weight"]) for s in web["servers"]] == [
        ("web1", "10.89.50.14", 1),
        ("web2", "10.89.50.15", 3),
    ]
    assert (web["sticky"], web["check"]["type"], web["check"]["fast_interval_ms"]) == ("cookie", "http", 50)
    assert (tls["sticky"], tls["check"]["type"], tls["check"]["fast_interval_ms"]) == ("none", "tcp", 200)
    assert found["haproxy_stats"] == {
        "address": "10.89.50.13",
        "port": 8404,
        "allow": ["10.89.50.1/32", "10.89.50.11/32", "10.89.50.12/30"],  # this machine and the nodes
    }


@pytest.mark.parametrize(
    ("extra", "node", "packages"),
    [
        ("", "web1", []),
        ("time: {servers: [lb1]}\n", "web1", ["chrony"]),
        ("web: {www: {nodes: [web1]}}\n", "web1", ["nginx-light"]),
        ("web: {www: {nodes: [web1], engine: apache}}\n", "web1", ["apache2"]),
        ("system: {packages: [tcpdump]}\n", "lb1", ["tcpdump"]),
        (EDGE, "lb1", ["haproxy", "keepalived", "socat"]),
        (EDGE.replace("  edge:", "  edge:\n    engine: nginx").replace("{interval: 200ms}", "{}"), "lb1", None),
    ],
)
def test_packages(extra: str, node: str, packages: list[str] | None) -> None:
    everywhere = {*PACKAGES["ssh_trust"], *PACKAGES["firewall"], *PACKAGES["hardening"]}
    found = [
        name for name in rendered(LAB + NODES + extra).host(node).vars["base_packages"] if name not in everywhere
    ]
    assert found == (["keepalived", "libnginx-mod-stream", "nginx-light"] if packages is None else packages)


def test_time_with_two_servers() -> None:
    inventory = rendered(LAB + NODES + "time: {servers: [lb1, lb2], upstream: [ntp.example.com]}\n")
    server, client = inventory.host("lb1").vars, inventory.host("web1").vars
    assert (server["ntp_role"], client["ntp_role"]) == ("server", "client")
    assert server["ntp_peers"] == [{"name": "lb2", "address": "10.89.50.12"}]
    assert (server["ntp_servers"], server["ntp_upstream"]) == ([], ["ntp.example.com"])
    assert server["ntp_allow"] == ["10.89.50.0/24"]
    assert [found["name"] for found in client["ntp_servers"]] == ["lb1", "lb2"]
    assert (client["ntp_peers"], client["ntp_upstream"], client["ntp_allow"]) == ([], [], [])


def test_groups_follow_the_stages() -> None:
    inventory = rendered(LAB + NODES + EDGE + "web: {www: {nodes: [web1, web2]}}\n")
    assert inventory.host("lb1").groups == (*EVERY_NODE, "haproxy", "keepalived")
    assert inventory.host("web1").groups == (*EVERY_NODE, "web")
    assert inventory.groups()["web"] == ["web1", "web2"]


def test_existing_machines_are_reached_as_the_topology_says() -> None:
    found = rendered(
        "name: shop\nnetwork: {subnet: 10.0.0.0/24}\nssh: {user: deploy, jump: ops@bastion, key: keys/id}\n"
        "nodes: {a: {address: 10.0.0.1}, b: {address: 10.9.9.9, ssh: {user: root, sudo: false, port: 2222}}}\n"
    )
    a, b = found.host("a").vars, found.host("b").vars
    assert (a["ansible_user"], a["ansible_become"], a["ansible_port"]) == ("deploy", True, 22)
    assert (b["ansible_user"], b["ansible_become"], b["ansible_port"]) == ("root", False, 2222)
    assert a["ansible_ssh_private_key_file"] == b["ansible_ssh_private_key_file"] == "/c/keys/id"
    assert "-o ProxyJump=ops@bastion" in a["ansible_ssh_common_args"]
    assert "StrictHostKeyChecking=yes" in a["ansible_ssh_common_args"]


def test_a_site_is_a_folder_beside_the_topology() -> None:
    found = rendered(LAB + NODES + "web: {www: {nodes: [web1], site: pages}}\n").host("web1").vars
    assert [site["site"] for site in found["web_sites"]] == ["/c/pages"]


APART = (
    "name: shop\nprovider: podman\nnetwork: {subnet: 10.89.50.0/24}\nnetworks:\n"
    "  management: {subnet: 10.89.51.0/24}\n  service: {subnet: 10.89.52.0/24, nodes: [lb1, lb2, lb3]}\n"
)


def apart() -> Inventory:
    return rendered(APART + NODES + EDGE.replace("10.89.50.", "10.89.52.") + "time: {servers: [lb1]}\n")


def test_each_network_has_its_purpose() -> None:
    found = apart().host("lb1").vars
    assert found["ansible_host"] == found["haproxy_stats"]["address"] == "10.89.51.11"
    assert {"10.89.51.1/32", "10.89.51.11/32"} <= set(found["haproxy_stats"]["allow"])
    assert found["keepalived_address"] == "10.89.52.11"
    assert found["keepalived_instances"][0]["virtual_address"] == "10.89.52.100/24"
    assert found["keepalived_instances"][0]["peers"] == ["10.89.52.12", "10.89.52.13"]
    assert found["haproxy_frontends"][0]["binds"] == ["10.89.52.11:80", "10.89.52.100:80", "10.89.52.101:80"]
    assert found["haproxy_frontends"][1]["binds"] == ["10.89.52.100:443"]
    assert found["haproxy_backends"][0]["servers"][0]["address"] == "10.89.50.14"
    assert found["ntp_address"] == "10.89.50.11"
    assert found["base_sysctl"]["net.ipv4.ip_nonlocal_bind"] == 1


def test_a_node_is_known_by_all_its_addresses_and_by_its_name_on_the_clusters_network() -> None:
    found = apart().host("lb1").vars
    names = {row["names"][-1]: row["address"] for row in found["base_hosts"]}
    assert (names["lb1"], names["lb1-management"], names["lb1-service"]) == (
        *("10.89.50.11", "10.89.51.11", "10.89.52.11"),
    )
    assert "web1-service" not in names
    assert set(found["ssh_trust_principals"]) >= {"lb1", "10.89.50.11", "10.89.51.11"}
    assert found["ssh_trust_source_addresses"] == ["10.89.50.11"]


def test_without_separate_networks_one_address_serves_all_purposes() -> None:
    found = rendered(LAB + NODES + EDGE).host("lb1")
    assert found.address == found.vars["keepalived_address"] == found.vars["haproxy_stats"]["address"]
    assert found.vars["haproxy_frontends"][0]["binds"] == ["*:80"]


def may_run(text: str, node: str) -> set[str]:
    return {"keepalived", "haproxy", "nginx", "apache2"} & set(rendered(text).host(node).vars["base_units"])


def test_what_may_go_on_where_a_node_lost_its_place() -> None:
    """Balancers where there are none at all, and another engine, since all nodes would lose it at once."""
    web = "web: {shop: {nodes: [web1]}}\n"
    assert may_run(LAB + NODES + EDGE + web, "lb1") == {"keepalived", "haproxy", "nginx"}
    assert may_run(LAB + NODES + EDGE + web, "web1") == {"nginx", "apache2"}
    assert may_run(LAB + NODES + EDGE + web, "web2") == set()
    assert may_run(LAB + NODES + web, "lb1") == {"keepalived", "haproxy", "nginx"}
    assert may_run(LAB + NODES + EDGE, "web2") == {"nginx", "apache2"}
    assert "cluster-backup.target" not in rendered(LAB + NODES).host("lb1").vars["base_units"]
