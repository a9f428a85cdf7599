"""The packet filter: who gets in, what a cold start needs, and every way to shut ourselves out."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from .command import CHECKOUT, Done, cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills
from .scan import EVERY_TCP_PORT, SOME_UDP_PORTS, Place, calls, declared

VIP = "10.89.65.100"
ADDRESSES = {"lb1": "10.89.65.11", "lb2": "10.89.65.12", "web1": "10.89.65.13"}
NODES = {name: Place(IPv4Address(address), name) for name, address in ADDRESSES.items()}
STRANGER = Place(IPv4Address("10.89.65.200"))
ROLLBACK = 5
SHOW = "nft -s -t list table inet cluster"
TOPOLOGY = f"""
name: e2e-firewall
provider: podman
network: {{subnet: 10.89.65.0/24}}
nodes: {{lb1: {{}}, lb2: {{}}, web1: {{}}}}
time: {{servers: [lb1]}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{{address: {VIP}, prefer: lb1}}]
    frontends:
      shop: {{bind: 80, backend: shop}}
      behind: {{bind: 8081, address: {VIP}, mode: tcp, backend: connections}}
    backends:
      shop: {{nodes: [web1], port: 80}}
      connections: {{nodes: [web1], port: 80, mode: tcp, sticky: source}}
web: {{shop: {{nodes: [web1]}}}}
firewall:
  open: [{{port: 9100, sources: [10.89.65.12/32], nodes: [web1]}}]
"""


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two balancers with a virtual IP, and a web server."""
    with running(tmp_path_factory.mktemp("firewall"), TOPOLOGY) as found:
        yield found


@pytest.fixture(autouse=True)
def as_it_was(wall: Stack) -> Iterator[None]:
    """Each test leaves the filter as the topology has it, and no unit failed."""
    was = {node: table(wall, node) for node in NODES}
    yield
    assert {node: table(wall, node) for node in NODES} == was
    for node in NODES:
        assert wall.on(node, "cat /run/cluster/firewall/armed 2>/dev/null || true") == ""
        assert "cluster-firewall" not in wall.on(node, "systemctl --failed --no-legend || true")


def converged(wall: Stack) -> Done:
    """The firewall stage, and that a second run has nothing to do."""
    done = cluster("up", wall.folder, "--only", "firewall", "-o", "json")
    assert done.code == 0, done
    again = cluster("up", wall.folder, "--only", "firewall", "--no-verify", "-o", "json")
    assert again.json["changed"] == 0, again
    return done


def table(wall: Stack, node: str) -> str:
    """The rules that run."""
    return re.sub(r"\{ ([0-9./-]+) \}", r"\1", wall.on(node, f"{SHOW} || true"))  # nft lists it either way


def holders(wall: Stack) -> list[str]:
    """Who holds the virtual IP, asked past SSH and the filter."""
    return [node for node in ("lb1", "lb2") if f"{VIP}/" in wall.on(node, "ip -4 -o address show")]


# Who gets in


@pytest.mark.parametrize(("source", "target"), [("web1", "lb1"), ("lb2", "web1")])
def test_a_scan_from_a_node_finds_what_is_declared_for_it(wall: Stack, source: str, target: str) -> None:
    place, address = NODES[source], ADDRESSES[target]
    for protocol, ports in (("tcp", EVERY_TCP_PORT), ("udp", SOME_UDP_PORTS)):
        wanted = declared(wall.workspace.topology, place, target, address, protocol)
        found = calls(wall, place, address, protocol, ports)
        found |= calls(wall, place, address, protocol, tuple(wanted - found))  # whom the load kept waiting
        assert found == wanted, f"{protocol} from {source} to {target}"


def test_a_stranger_finds_the_frontends_and_nothing_else(wall: Stack) -> None:
    assert calls(wall, STRANGER, ADDRESSES["web1"], "tcp", EVERY_TCP_PORT) == set()
    assert calls(wall, STRANGER, ADDRESSES["lb1"], "tcp", EVERY_TCP_PORT) == {80}
    assert calls(wall, STRANGER, VIP, "tcp", tuple(range(1, 9200))) == {80, 8081}
    assert calls(wall, STRANGER, ADDRESSES["lb1"], "udp", SOME_UDP_PORTS) == set()


def test_a_socket_nobody_declared_and_one_that_is_missing_are_named(wall: Stack) -> None:
    """The comparison of `ss` with the declaration, which every `up` makes, can fail."""
    serve = "python3 -m http.server --bind 127.0.0.1 --directory /mnt"
    wall.on("web1", f"systemd-run --quiet --unit=intruder {serve} 4444")
    wall.on("web1", "sed -i 's/listen 80;/listen 4445;/' /etc/nginx/nginx.conf && systemctl reload nginx")
    wait_for("both to listen", lambda: wall.on("web1", "ss -Hltn").count(":444") >= 2, 10)
    try:
        done = cluster("verify", wall.folder, "--role", "firewall", "-n", "web1")
        assert done.code == 5, done
        assert "tcp 127.0.0.1:4444 of python3" in done.err, done
        assert "tcp *:4445 of nginx" in done.err, done
        assert "web shop: nginx on tcp:*:80" in done.err, done
    finally:
        wall.on("web1", "systemctl stop intruder")
        wall.on("web1", "sed -i 's/listen 4445;/listen 80;/' /etc/nginx/nginx.conf && systemctl reload nginx")
    wait_for("nginx to listen again", lambda: ":80 " in wall.on("web1", "ss -Hltn"), 10)


def test_what_was_dropped_is_counted(wall: Stack) -> None:
    count = "nft list counter inet cluster dropped | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'"
    before = int(wall.on("web1", count))
    calls(wall, STRANGER, ADDRESSES["web1"], "tcp", (23, 3306))
    assert int(wall.on("web1", count)) >= before + 2


def test_ssh_from_one_source_has_a_limit(wall: Stack) -> None:
    """The sixtieth connection of a second waits; a minute later all is forgotten, and nobody else noticed."""
    knock = "import socket\nfor _ in range(70): socket.create_connection(('10.89.65.13', 22), 0.2).close()"
    assert wall.lab.exec("lb2", ["python3", "-c", knock]).returncode != 0
    assert "packets 0 " not in wall.on("web1", "nft list counter inet cluster too_often")
    assert cluster("exec", "-C", wall.folder, "-n", "web1", "true").code == 0
    wall.on("web1", "nft flush set inet cluster callers")


# A cold start: no connection tracking remembers what was let out before


def cold_start(wall: Stack) -> None:
    """Both balancers lose their power, and come back at the same time."""
    for node in ("lb1", "lb2"):
        wall.lab.kill(node)
    for node in ("lb1", "lb2"):
        wall.lab.start(node)


def test_vrrp_works_after_a_cold_start(wall: Stack) -> None:
    cold_start(wall)
    wait_for("a holder", lambda: holders(wall) == ["lb1"], 30)
    wall.settle()
    assert "packets 0 " not in wall.on("lb2", "nft list counter inet cluster vrrp")


@only_in_drills
def test_without_its_rule_a_cold_start_has_two_holders(wall: Stack) -> None:
    """So the test above can fail. Were answers let in first, two that both send would never notice."""
    for node in ("lb1", "lb2"):
        rule = '/l4proto 112 counter name "vrrp"/d'
        wall.on(node, f"sed -i '{rule}' /etc/cluster/firewall.nft && systemctl reload cluster-firewall")
    try:
        cold_start(wall)
        wait_for("two holders", lambda: holders(wall) == ["lb1", "lb2"], 60)
    except AssertionError:
        for node in ("lb1", "lb2"):
            told = "ip -4 -br address; nft list table inet cluster; journalctl -b -n 40 -u keepalived"
            print(wall.on(node, told))
        raise
    finally:
        converged(wall)
    wait_for("one holder", lambda: holders(wall) == ["lb1"], 30)
    wall.settle()


# What others do to it, and it to others


def test_changes_by_hand_are_seen_and_put_right(wall: Stack) -> None:
    wall.on("lb1", "nft flush ruleset")
    wall.on("lb2", "nft insert rule inet cluster input tcp dport 4444 accept")
    wall.on("web1", "systemctl stop cluster-firewall")
    planned = cluster("plan", wall.folder, "--only", "firewall", "-o", "json")
    assert planned.code == 3, planned
    assert {change["node"] for change in planned.json["changes"]} == set(NODES)
    assert "tcp dport 4444 accept" in planned.out
    assert converged(wall).json["changed"] == 3


def test_it_is_there_before_the_network_at_boot(wall: Stack) -> None:
    was = table(wall, "web1")
    wall.lab.kill("web1")
    wall.lab.start("web1")
    assert table(wall, "web1") == was
    order = wall.on("web1", "systemctl show -p Before,WantedBy cluster-firewall")
    assert "network-pre.target" in order
    assert "sysinit.target" in order
    stamps = "systemctl show -P ActiveEnterTimestampMonotonic {}"
    loaded, ssh = (int(wall.on("web1", stamps.format(unit))) for unit in ("cluster-firewall", "ssh"))
    assert 0 < loaded < ssh


def test_other_tables_are_left_alone_and_leave_ours_alone(wall: Stack) -> None:
    """A machine with rules of its own: Debian's unit flushes everything, and ours is back after it."""
    was = table(wall, "web1")
    chain = "chain in { type filter hook input priority 10; tcp dport 4444 drop; }"
    text = f"flush ruleset\\ntable inet own {{\\n{chain}\\n}}\\n"
    wall.on("web1", f"cp -p /etc/nftables.conf /etc/nftables.kept && printf '{text}' > /etc/nftables.conf")
    try:
        for verb in ("start", "reload", "restart"):
            wall.on("web1", f"systemctl {verb} nftables")
            wait_for(f"our table after {verb}", lambda: table(wall, "web1") == was, 10)
            assert "4444" in wall.on("web1", "nft list table inet own")
        wall.on("web1", "systemctl restart cluster-firewall")
        assert "4444" in wall.on("web1", "nft list table inet own")
        wall.on("web1", "nft delete table inet cluster")
        converged(wall)
        assert "4444" in wall.on("web1", "nft list table inet own")
    finally:
        wall.on("web1", "mv /etc/nftables.kept /etc/nftables.conf; nft delete table inet own")
        wall.on("web1", "systemctl disable nftables 2>/dev/null; systemctl stop nftables")
        wait_for("our table after stop", lambda: table(wall, "web1") == was, 10)


# Shutting ourselves out

HEAD = "table inet cluster\ndelete table inet cluster\n"
SHUT = HEAD + (
    "table inet cluster {\n chain input {\n  type filter hook input priority filter; policy drop;\n"
    '  iifname "lo" accept\n  ct state established,related accept\n }\n}\n'
)


@pytest.fixture
def shutting_out(wall: Stack, tmp_path: Path) -> list[str]:
    """plain Ansible with variables made by hand: they claim to let us in, and their text does not."""
    claim = {"name": "ssh", "who": "SSH", "protocol": "tcp", "port": 22, "addresses": [], "limited": False}
    args = {"content": SHUT, "rollback": ROLLBACK, "rules": [{**claim, "sources": ["0.0.0.0/0"]}]}
    tasks = [{"cluster.core.firewall": args}]
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "lb1, lb2", "gather_facts": False, "become": True, "tasks": tasks}]))
    return [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(wall.folder / "topology.yml"),
        str(play),
    ]


def ansible(words: list[str]) -> "subprocess.Popen[str]":
    """Start it as from a checkout."""
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        start_new_session=True,
    )


def test_rules_that_shut_us_out_are_taken_back(wall: Stack, shutting_out: list[str]) -> None:
    was = {node: table(wall, node) for node in ("lb1", "lb2")}
    running = ansible(shutting_out)
    said, _ = running.communicate(timeout=120)
    assert running.returncode != 0, said
    words = " ".join(said.split())
    assert "the new rules shut this control machine out (from 10.89.65.1 to 10.89.65.1" in words, said
    assert f"took them back after {ROLLBACK} s" in words, said
    assert "was not touched here, because it failed on lb" in words, said
    assert {node: table(wall, node) for node in was} == was


@only_in_drills
def test_a_killed_control_machine_leaves_the_old_rules(wall: Stack, shutting_out: list[str]) -> None:
    was = table(wall, "lb1")
    running = ansible([*shutting_out, "--limit", "lb1"])
    wait_for("the new rules", lambda: table(wall, "lb1") != was, 60, every=0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    wall.on("lb1", "systemctl daemon-reload")  # as an upgrade of a package would, in between
    back = wait_for("the old rules", lambda: table(wall, "lb1") == was, ROLLBACK + 10)
    print(f"the old rules were back {back:.1f} s after the control machine was killed")
    assert converged(wall).json["changed"] == 0


@only_in_drills
def test_up_goes_on_where_a_run_died_before_it_could_confirm(wall: Stack) -> None:
    """A timer is pending, and other rules run. The run goes on, and the timer does no harm any more.

    It would go off long after the run has come to the firewall.
    """
    good = table(wall, "web1")
    folder = "/run/cluster/firewall"
    wall.on("web1", "nft insert rule inet cluster input tcp dport 4444 accept")
    converged(wall)  # which leaves the way back on the node, as a run that died would
    wall.on(
        "web1",
        f"{{ echo '{HEAD}'; {SHOW}; }} > {folder}/before.nft; echo -n abandoned > {folder}/armed; "
        f"systemd-run --quiet --collect --unit=cluster-firewall-way-back-abandoned --on-active=60 "
        f"--timer-property=AccuracySec=100ms sh {folder}/go-back abandoned; "
        "nft insert rule inet cluster input tcp dport 4444 accept",
    )
    assert converged(wall).json["changed"] == 1
    gone = "systemctl list-units --all --no-legend 'cluster-firewall-way-back*'"
    wait_for("the timer to be gone", lambda: wall.on("web1", gone) == "", ROLLBACK + 10)
    assert table(wall, "web1") == good


def test_a_control_machine_nobody_let_in_is_refused_before_anything_is_touched(
    wall: Stack, tmp_path: Path
) -> None:
    """The same machines as somebody would have them already, with operators who are elsewhere."""
    key = wall.workspace.places.operator_key
    nodes = "".join(f"  {name}: {{address: {address}}}\n" for name, address in ADDRESSES.items())
    (tmp_path / "topology.yml").write_text(
        "name: e2e-firewall-outside\nnetwork: {subnet: 10.89.65.0/24}\n"
        f"ssh: {{user: admin, key: {key}}}\nfirewall: {{operators: [192.0.2.0/28]}}\nnodes:\n{nodes}"
    )
    was = {node: table(wall, node) for node in NODES}
    done = cluster("up", tmp_path, "--only", "firewall")
    assert done.code == 1, done
    assert "it would shut this control machine out: the node sees it come from 10.89.65.1 to port 22" in done.err
    assert "add to the topology: firewall: {operators: [10.89.65.1/32]}" in done.err
    assert {node: table(wall, node) for node in NODES} == was


def test_switched_off_it_is_gone(wall: Stack) -> None:
    path = wall.folder / "topology.yml"
    good = path.read_text()
    path.write_text(good.replace("firewall:\n", "firewall:\n  enabled: false\n"))
    try:
        done = cluster("up", wall.folder, "--only", "firewall", "-o", "json")
        assert done.code == 0, done
        assert table(wall, "web1") == ""
        assert "not-found" in wall.on("web1", "systemctl show -P LoadState cluster-firewall")
        assert cluster("up", wall.folder, "--only", "firewall", "-o", "json").json["changed"] == 0
    finally:
        path.write_text(good)
    assert converged(wall).json["changed"] == 3
