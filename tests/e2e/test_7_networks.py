"""Three networks that do not meet: operators, clients, and the nodes among each other."""

import socket
import time
from collections.abc import Iterator

import pytest

from .client import get
from .command import cluster, wait_for
from .conftest import Stack, running
from .faults import kill_holder, silence

VIP = "10.89.73.100"
LB1 = {"cluster": "10.89.71.11", "management": "10.89.72.11", "service": "10.89.73.11"}
TOPOLOGY = """
name: e2e-networks
provider: podman
network: {subnet: 10.89.71.0/24}
networks:
  management: {subnet: 10.89.72.0/24}
  service: {subnet: 10.89.73.0/24, nodes: [lb1, lb2]}
nodes: {lb1: {}, lb2: {}, web1: {}}
time: {servers: [lb1]}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{address: 10.89.73.100, prefer: lb1}]
    frontends: {shop: {bind: 80, backend: shop}}
    backends: {shop: {nodes: [web1], port: 8080}}
web: {shop: {nodes: [web1], port: 8080}}
"""


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two balancers before one web server."""
    with running(tmp_path_factory.mktemp("networks"), TOPOLOGY) as found:
        yield found


def answers(address: str, port: int, seconds: float = 2.0) -> bool:
    """Whether something accepts a connection from this machine, which stands in all three networks."""
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return True
    except OSError:
        return False


@pytest.mark.usefixtures("apart")
def test_ssh_answers_on_the_management_network_alone() -> None:
    assert {name: answers(address, 22) for name, address in LB1.items()} == {
        "cluster": False,
        "management": True,
        "service": False,
    }


def test_frontends_answer_on_the_service_network_alone(apart: Stack) -> None:
    apart.settle()
    assert {name: answers(address, 80) for name, address in LB1.items()} == {
        "cluster": False,
        "management": False,
        "service": True,
    }
    assert get(VIP)[0] == 200


@pytest.mark.usefixtures("apart")
def test_statistics_are_shown_on_the_management_network_alone() -> None:
    assert {name: answers(address, 8404) for name, address in LB1.items()} == {
        "cluster": False,
        "management": True,
        "service": False,
    }


def test_nodes_talk_over_the_cluster_network(apart: Stack) -> None:
    ssh = "runuser -u admin -- ssh -o BatchMode=yes -o ConnectTimeout=3"
    assert apart.on("lb1", f"{ssh} lb2 'echo $SSH_CONNECTION'").split()[:3:2] == ["10.89.71.11", "10.89.71.12"]
    assert apart.lab.exec("lb1", ["sh", "-c", f"{ssh} lb2-service true"]).returncode != 0
    assert apart.on("lb1", "getent hosts lb2").split()[0] == "10.89.71.12"
    assert apart.on("lb1", "getent hosts lb2-management").split()[0] == "10.89.72.12"
    assert "10.89.71.13:8080" in apart.on("lb1", "grep 'server web1' /etc/haproxy/haproxy.cfg")


def test_a_web_server_has_no_leg_among_the_clients(apart: Stack) -> None:
    assert "10.89.73." not in apart.on("web1", "ip -4 -o address")
    assert "via 10.89.71.1 " in apart.on("web1", "ip -4 route show default")


def test_a_second_up_changes_nothing_and_status_shows_every_address(apart: Stack) -> None:
    done = cluster("up", apart.folder, "-o", "json")
    assert done.code == 0, done
    assert done.json["changed"] == 0
    row = apart.status()["nodes"]["lb1"]
    assert row["address"] == LB1["management"]
    assert row["addresses"] == LB1


def test_virtual_ip_moves_on_the_service_network(apart: Stack) -> None:
    apart.settle()
    holder = apart.holder(VIP)
    assert "eth2" in apart.on(holder, f"ip -4 -o address show to {VIP}")
    gap = kill_holder(apart, VIP)
    print(f"holder killed: silent for {gap * 1000:.0f} ms")
    assert gap < 1.0
    apart.settle()  # it may be on its way back to the one it prefers
    other = apart.holder(VIP)
    assert "eth2" in apart.on(other, f"ip -4 -o address show to {VIP}")


def test_a_cut_service_cable_moves_it_and_leaves_the_way_in(apart: Stack) -> None:
    apart.settle()
    holder = apart.holder(VIP)
    try:
        gap = silence(VIP, lambda: apart.lab.link(holder, up=False, purpose="service"))
        print(f"service cable pulled: silent for {gap * 1000:.0f} ms")
        assert gap < 1.5
        wait_for("the other one", lambda: apart.status()["virtual_ips"][VIP]["holders"] != [holder], 20)
        assert apart.status()["nodes"][holder]["reachable"]
    finally:
        apart.lab.link(holder, up=True, purpose="service")
    began = time.monotonic()
    apart.settle()
    print(f"well again {time.monotonic() - began:.0f} s after the cable was back")


def test_down_leaves_no_network_behind(apart: Stack) -> None:
    engine, name = apart.lab.engine, apart.lab.name
    assert len(engine.networks(f"io.cluster.lab={name}")) == 3
    done = cluster("down", apart.folder, "--yes")
    assert done.code == 0, done
    assert engine.networks(f"io.cluster.lab={name}") == {}
