"""What clients see when things die: measured from outside."""

import statistics

from .client import get
from .command import cluster, wait_for
from .conftest import Stack
from .data_tier import DRILL
from .faults import kill_holder, kill_server, reload, silence

VIP = "10.89.60.100"
KILLS = 10 if DRILL else 3
FAILOVER_SECONDS = 1.0


def test_virtual_ip_survives_the_death_of_its_holder(stack: Stack) -> None:
    gaps = [kill_holder(stack, VIP) for _ in range(KILLS)]
    shown = ", ".join(f"{gap * 1000:.0f}" for gap in gaps)
    print(f"VIP outage over {KILLS} kills, ms: median {statistics.median(gaps) * 1000:.0f} ({shown})")
    assert statistics.median(gaps) < FAILOVER_SECONDS


def test_stopped_balancer_gives_the_virtual_ip_away(stack: Stack) -> None:
    stack.settle()
    holder = stack.holder(VIP)
    gap = silence(VIP, lambda: stack.on(holder, "systemctl stop haproxy"))
    stack.on(holder, "systemctl start haproxy")
    print(f"haproxy stopped: silent for {gap * 1000:.0f} ms")
    assert gap < FAILOVER_SECONDS


def test_split_brain_is_seen_and_heals(stack: Stack) -> None:
    stack.settle()
    other = "lb2" if stack.holder(VIP) == "lb1" else "lb1"
    drop = "nft add table inet cut; nft add chain inet cut in '{ type filter hook input priority -200; }'; "
    stack.on(other, drop + "nft add rule inet cut in ip protocol 112 drop")
    try:
        wait_for("both nodes to hold the address", lambda: len(holders(stack)) == 2, 15, every=0.3)
        status = cluster("status", stack.folder, "-o", "json")
        assert status.code == 1
        assert any("split brain" in problem for problem in status.json["problems"])
    finally:
        stack.on(other, "nft delete table inet cut")
    wait_for("one holder", lambda: len(holders(stack)) == 1, 15, every=0.3)
    assert get(VIP)[0] == 200


def holders(stack: Stack) -> list[str]:
    """Who holds the address now."""
    return list(stack.status()["virtual_ips"][VIP]["holders"])


def test_killed_web_server_costs_no_answer(stack: Stack) -> None:
    load = kill_server(stack, VIP, "web2")
    assert load.good["web1"] > 50
    assert not load.bad


def test_reloads_cost_no_answer(stack: Stack) -> None:
    load = reload(stack, VIP, "haproxy")
    assert load.good.total() > 200
    assert not load.bad


def test_a_killed_node_is_brought_back_by_up(stack: Stack) -> None:
    stack.lab.kill("lb1")
    status = cluster("status", stack.folder, "-o", "json")
    assert status.code == 1
    assert not status.json["nodes"]["lb1"]["reachable"]
    done = cluster("up", stack.folder, "-o", "json")
    assert done.code == 0, done
    stack.settle()
    assert stack.holder(VIP) == "lb1"
