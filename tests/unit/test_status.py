"""What commands on nodes print, and what `status` makes of it."""

from ipaddress import IPv4Address

from cluster_cli.collect import Outcome
from cluster_cli.inventory import render
from cluster_cli.render.connection import Access
from cluster_cli.status import answers
from cluster_cli.status.gather import describe
from cluster_cli.status.questions import questions
from cluster_cli.topology.load import parse

TEXT = """
name: shop
provider: podman
network: {subnet: 10.0.0.0/24}
nodes: {lb1: {}, lb2: {}, web1: {}}
time: {servers: [lb1]}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{address: 10.0.0.100, prefer: lb1}]
    frontends: {shop: {bind: 80, backend: shop}}
    backends: {shop: {nodes: [web1], port: 80}}
web: {shop: {nodes: [web1]}}
"""
STAT = "# pxname,svname,status,\nshop,FRONTEND,OPEN,\nshop,web1,{},\nshop,BACKEND,UP,\n"
TRACKING = "0A000001,10.0.0.1,11,1.5,{},0,0,0,0,0,0,0,0,{}"


def said(text: str, rc: int = 0) -> Outcome:
    return Outcome(rc, text, "")


def found(vip_on: tuple[str, ...] = ("lb1",), web: str = "UP") -> dict[str, dict[str, Outcome]]:
    """A well cluster's answers, but for what the arguments say."""
    nodes = {}
    for name in ("lb1", "lb2", "web1"):
        held = '[{"addr_info":[{"local":"10.0.0.100"}]}]' if name in vip_on else "[]"
        nodes[name] = {
            "system": said("0.5\n100.0\n 20%\n"),
            "units": said("ssh active\n"),
            "failed": said(""),
            "time": said(TRACKING.format("0.000012", "Normal")),
            "addresses": said(held),
            "backends": said(STAT.format(web)),
        }
    return nodes


def document(nodes: dict[str, dict[str, Outcome]]) -> dict:  # type: ignore[type-arg]
    topology = parse(TEXT)
    return describe(topology, render(topology, Access("/t/topology.yml", "", "", "", "")), nodes)


def test_a_well_cluster_is_healthy() -> None:
    status = document(found())
    assert status["healthy"], status["problems"]
    assert status["virtual_ips"]["10.0.0.100"]["holders"] == ["lb1"]
    server = status["load_balancers"]["edge"]["backends"]["shop"]["servers"]["web1"]
    assert server == {"up": True, "seen_by": {"lb1": True, "lb2": True}}
    assert status["time"]["web1"] == {"synchronised": True, "offset_seconds": 0.000012, "stratum": 11}


def test_no_holder_and_two_holders_are_problems() -> None:
    assert document(found(()))["problems"] == ["virtual IP 10.0.0.100 is held by no node"]
    (problem,) = document(found(("lb1", "lb2")))["problems"]
    assert "lb1 and lb2 at once (split brain)" in problem


def test_a_server_that_one_balancer_calls_down_is_down() -> None:
    nodes = found()
    nodes["lb2"]["backends"] = said(STAT.format("DOWN"))
    status = document(nodes)
    assert status["problems"] == ["edge: server web1 of backend shop is down"]
    assert status["load_balancers"]["edge"]["backends"]["shop"]["servers"]["web1"]["seen_by"]["lb1"] is True


def test_a_node_out_of_reach_is_a_row() -> None:
    nodes = found()
    nodes["web1"] = dict.fromkeys(nodes["web1"], Outcome(255, "", "ssh: no route to host"))
    status = document(nodes)
    assert status["nodes"]["web1"]["reachable"] is False
    assert status["problems"] == ["web1 does not answer (ssh: no route to host)"]


def test_a_clock_that_is_off_or_free_is_a_problem() -> None:
    nodes = found()
    nodes["lb2"]["time"] = said(TRACKING.format("0.5", "Normal"))
    nodes["web1"]["time"] = said(TRACKING.format("0.0", "Not synchronised"))
    assert document(nodes)["problems"] == [
        "lb2: the clock is +0.500 s off",
        "web1: the clock is not synchronised",
    ]


def test_nonsense_is_no_answer() -> None:
    assert answers.addresses(said("garbage")) == set()
    assert answers.tracking(said("506 Cannot talk to daemon", 1))["synchronised"] is False
    assert answers.haproxy_servers(said("")) == {}
    assert answers.probed_servers(said("garbage")) == {}


def test_nodes_are_asked_only_what_they_know() -> None:
    topology = parse(TEXT)
    inventory = render(topology, Access("/t/topology.yml", "", "", "", ""))
    assert set(questions(topology, inventory.host("web1"))) == {"system", "units", "failed", "time"}
    assert set(questions(topology, inventory.host("lb1"))) == {
        "system",
        "units",
        "failed",
        "time",
        "addresses",
        "backends",
    }
    assert inventory.host("lb1").address == str(IPv4Address("10.0.0.11"))


def test_a_drained_server_is_well() -> None:
    assert document(found(web="DRAIN"))["healthy"]
    assert not document(found(web="MAINT"))["healthy"]
