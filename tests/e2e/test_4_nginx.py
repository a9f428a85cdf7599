"""The same tier with nginx as balancer, and an apache behind it: same topology words, same promises."""

import time
from collections.abc import Iterator

import pytest

from .client import Load, Poller
from .command import cluster, wait_for
from .conftest import Stack, bring_up

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
    folder = tmp_path_factory.mktemp("nginx")
    done = bring_up(folder, TOPOLOGY)
    try:
        assert done.code == 0, done
        yield Stack(folder, done)
    finally:
        cluster("down", folder, "--yes")


def test_reloads_cost_no_answer(nginx: Stack) -> None:
    nginx.settle()
    holder = nginx.holder(VIP)
    with Load(VIP) as load:
        for _ in range(4):
            load.run(0.7)
            nginx.on(holder, "systemctl reload nginx")
        load.run(1.0)
    print(f"4 reloads under load: {load.good.total()} answers, {len(load.bad)} failed")
    assert load.good.total() > 200
    assert not load.bad


def test_killed_server_costs_no_answer(nginx: Stack) -> None:
    nginx.settle()
    with Load(VIP) as load:
        load.run(1.0)
        nginx.lab.kill("web2")
        load.run(4.0)
    nginx.lab.start("web2")
    print(f"web2 killed under load: {load.good.total()} answers, {len(load.bad)} failed {load.bad[:3]}")
    assert load.good["web1"] > 50
    assert len(load.bad) <= load.clients, load.bad[:10]


def test_virtual_ip_survives_its_holder(nginx: Stack) -> None:
    nginx.settle()
    holder = nginx.holder(VIP)
    with Poller(VIP) as poller:
        wait_for("a first answer", lambda: poller.good, 5)
        cut = time.monotonic()
        nginx.lab.kill(holder)
        wait_for("the virtual IP to answer again", lambda: poller.answered_since(cut + 0.5), 10)
    print(f"holder killed: silent for {poller.gap(cut) * 1000:.0f} ms")
    assert poller.gap(cut) < 1.0
    nginx.lab.start(holder)
    nginx.settle()
