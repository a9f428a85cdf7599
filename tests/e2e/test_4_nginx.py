"""The same tier with nginx as balancer, and an apache behind it: same topology words, same promises."""

from collections.abc import Iterator

import pytest

from .conftest import Stack, running
from .data_tier import only_in_drills
from .faults import kill_holder, kill_server, reload

VIP = "10.89.61.100"
TOPOLOGY = """
name: e2e-nginx
provider: podman
network: {subnet: 10.89.61.0/24}
nodes: {lb1: {}, lb2: {}, web1: {}, web2: {}}
load_balancers:
  edge:
    engine: nginx
    nodes: [lb1, lb2]
    virtual_ips: [{address: 10.89.61.100, prefer: lb1}]
    frontends: {shop: {bind: 80, backend: shop}}
    backends:
      shop: {nodes: [web1, web2], port: 8080, server_timeout: 1s}
web:
  shop: {nodes: [web1, web2], engine: apache, port: 8080}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two nginx balancers before two apache servers."""
    with running(tmp_path_factory.mktemp("nginx"), TOPOLOGY) as found:
        yield found


def test_reloads_cost_no_answer(nginx: Stack) -> None:
    load = reload(nginx, VIP, "nginx")
    assert load.good.total() > 200
    assert not load.bad


def test_killed_server_costs_no_answer(nginx: Stack) -> None:
    load = kill_server(nginx, VIP, "web2")
    assert load.good["web1"] > 50
    assert not load.bad


@only_in_drills
def test_virtual_ip_survives_its_holder(nginx: Stack) -> None:
    gap = kill_holder(nginx, VIP)
    print(f"holder killed: silent for {gap * 1000:.0f} ms")
    assert gap < 1.0
    nginx.settle()
