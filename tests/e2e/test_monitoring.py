"""A fault fires an alert, which reaches its receiver; the fault goes, and the receiver is told that it is over.

`make test` puts in those that take seconds, at once; `make drill` the others.
"""

import base64
import json
import os
import re
import signal
import ssl
import time
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from . import alert_cases, health_cases
from .alerts_heard import PATIENCE, Receiver, firing, over, provoke, stand
from .command import cluster, start, wait_for
from .conftest import Stack, running
from .dashboards import Asked, ask_all, counted
from .data_tier import only_in_drills
from .monitoring_costs import NODE_MEGABYTES, costs, of_node
from .status_page import Browser, Shown, differences

NETWORK, DRAWN = "10.89.84", "10.89.96"
VIP = f"{NETWORK}.100"
TOPOLOGY = f"""
name: e2e-monitoring
provider: podman
network: {{subnet: {NETWORK}.0/24}}
nodes:
  lb1: {{}}
  lb2: {{}}
  web1: {{}}
  mon1: {{}}
time: {{servers: [mon1]}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips:
      - {{address: {VIP}, prefer: lb1}}
    frontends:
      shop: {{bind: 80, backend: shop}}
      secure: {{bind: 443, backend: shop, tls: {{}}}}
      plain: {{bind: 81, redirect: secure}}
    backends: {{shop: {{nodes: [web1], port: 80}}}}
web:
  shop: {{nodes: [web1]}}
backup:
  nodes: [lb2]
  files: {{history: {{nodes: [mon1], paths: [/var/lib/prometheus/metrics2]}}}}
monitoring:
  nodes: [mon1]
  interval: 2s
  patience: 4s
  receivers:
    here: {{webhook: {{url: "http://{NETWORK}.1:PORT/hook", token: hook_token}}}}
"""
DATABASE = """
databases:
  main:
    mode: replication
    nodes: [lb1, web1]
    settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}
    backup: {enabled: false}
"""


EVERYTHING = f"""
name: e2e-dashboards
provider: podman
network: {{subnet: {DRAWN}.0/24}}
nodes:
  lb1: {{}}
  lb2: {{}}
  web1: {{}}
  mon1: {{}}
  db1: {{}}
  db2: {{}}
  my1: {{release: sid}}
  my2: {{release: sid}}
  my3: {{release: sid}}
time: {{servers: [mon1]}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips:
      - {{address: {DRAWN}.100, prefer: lb1}}
    frontends: {{secure: {{bind: 443, backend: shop, tls: {{}}}}}}
    backends: {{shop: {{nodes: [web1], port: 80}}}}
  inner:
    engine: nginx
    nodes: [db2]
    frontends: {{api: {{bind: 8080, backend: api}}}}
    backends: {{api: {{nodes: [web1], port: 80}}}}
web:
  shop: {{nodes: [web1]}}
databases:
  main: {{mode: galera, nodes: [db1, db2], arbiter: mon1, settings: {{innodb_buffer_pool_size: 64M}}}}
  orders: {{mode: replication, nodes: [lb1, web1], settings: {{innodb_buffer_pool_size: 64M}}}}
  books:
    engine: mysql
    mode: group_replication
    nodes: [my1, my2, my3]
    settings: {{innodb_buffer_pool_size: 64M}}
    backup: {{enabled: false}}
backup: {{nodes: [mon1]}}
logs: {{nodes: [mon1]}}
monitoring: {{nodes: [mon1], interval: 2s, patience: 4s}}
"""
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnobody gets as far as that\n-----END PGP PUBLIC KEY BLOCK-----\n"
NOWHERE = f"""
system:
  repositories:
    nowhere: {{uri: "http://{NETWORK}.1:9", suite: stable, signed_by: nowhere.asc}}
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with found.listening():
        yield found


@pytest.fixture(scope="module")
def lab(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stand(receiver, tmp_path_factory.mktemp("monitoring"), TOPOLOGY) as found:
        yield found


@pytest.fixture(scope="module")
def browser(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(lab, tmp_path_factory.mktemp("browser"))


def agree(stack: Stack, browser: Browser) -> Shown:
    """Wait until the status page says what `cluster status` says; returns what is on it."""
    found: list[Shown] = []

    def same() -> bool:
        found.append(browser.shown())
        left[:] = differences(found[-1], stack.status())
        return not left

    left: list[str] = []
    try:
        took = wait_for("the page to agree with status", same, PATIENCE, every=1)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left}; problems on it: {found[-1].problems}") from None
    print(f"the page is {found[-1].state} and agrees after {took:.1f} s")
    return found[-1]


def test_every_rule_does_what_its_case_says(lab: Stack, tmp_path: Path) -> None:
    alert_cases.write(tmp_path)
    health_cases.write(tmp_path, alert_cases.topology())
    for path in sorted(tmp_path.iterdir()):
        text = base64.b64encode(zlib.compress(path.read_bytes(), 9)).decode()
        unpack = f'import base64, zlib; print(zlib.decompress(base64.b64decode("{text}")).decode())'
        lab.on("mon1", f"mkdir -p /root/rules && python3 -c '{unpack}' > /root/rules/{path.name}")
    said = lab.on("mon1", "cd /root/rules && { promtool test rules tests-*.yml 2>&1 || echo FAILED; }", 300)
    assert "FAILED" not in said, said[-4000:]
    assert said.count("SUCCESS") == len(list(tmp_path.glob("tests-*.yml")))


def test_nothing_fires_where_nothing_is_wrong(lab: Stack) -> None:
    wait_for("quiet", lambda: not {key for key in firing(lab) if key[0] not in SHARED}, PATIENCE, every=1)


def test_the_page_says_what_status_says(lab: Stack, browser: Browser) -> None:
    shown = agree(lab, browser)
    assert set(shown.nodes) == {"lb1", "lb2", "web1", "mon1"}
    assert (shown.state in ("ok", "warn")) == (not shown.problems and lab.status()["healthy"])


def test_the_page_shows_the_last_runs(lab: Stack, browser: Browser) -> None:
    """`up` is among them; a run that ends is the first, as soon as metrics know it, and says who had it."""
    up = newest(lab, "up")
    assert (up, "ok") in agree(lab, browser).runs
    for words, verb, result in (
        (("verify", lab.folder, "--role", "ntp"), "verify", "ok"),
        (("up", lab.folder, "--only", "ntp", "--no-verify"), "up", "ok"),
    ):
        assert cluster(*words).code == 0
        shown = agree(lab, browser)
        assert shown.runs[0] == (newest(lab, verb), result)
    row = lab.status()["runs"][0]
    assert f"<td>{row['who']}</td>" in browser.get()
    assert row["seconds"] > 0


def newest(stack: Stack, verb: str) -> str:
    """The newest run of a verb, by the history."""
    rows = cluster("history", stack.folder, "-o", "json").json["runs"]
    return next(str(row["run"]) for row in rows if row["verb"] == verb)


def test_the_page_comes_at_once_and_to_nobody_without_a_certificate(browser: Browser) -> None:
    took = browser.seconds(7)
    print(f"the page took {took[0]:.3f} to {took[-1]:.3f} s, {len(browser.get())} bytes")
    assert took[len(took) // 2] < 1
    with pytest.raises((ssl.SSLError, OSError)):
        browser.get(shows=False)


def test_watch_tells_a_document_a_line_until_it_is_interrupted(lab: Stack) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    process = start("status", lab.folder, "--watch", "--every", "0.5", "-o", "json")
    signal.signal(signal.SIGINT, before)
    assert process.stdout
    rows = [json.loads(process.stdout.readline()) for _ in range(2)]
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, "")
    assert [row["changes"] for row in rows] == [None, []]


def drawn(stack: Stack, seconds: float) -> None:
    """Wait until every panel has what it is to have."""
    asked: list[Asked] = []

    def well() -> bool:
        asked[:] = ask_all(stack, "mon1")
        return all(each.well for each in asked)

    try:
        wait_for("data for every panel", well, seconds, every=2)
    except AssertionError:
        raise AssertionError([each for each in asked if not each.well]) from None
    full = sum(each.came != 0 for each in asked)
    print(f"{len(asked)} queries of dashboards, {full} with data, {len(asked) - full} that may have none")
    assert full > len(asked) / 3


def test_every_panel_has_data_or_says_why_it_may_not(lab: Stack) -> None:
    drawn(lab, PATIENCE)


PLANT = """
import random, time
now = int(time.time())
planted = {"avail": lambda day: 25 + 2.5 * (14 - day) + random.gauss(0, 0.2), "size": lambda day: 100}
for name, value in planted.items():
    print(f"# TYPE node_filesystem_{name}_bytes gauge")
    labels = "{instance=\\"web1\\",job=\\"node\\",mountpoint=\\"/planted\\"}"
    for at in range(now - 14 * 86400, now - 3600, 300):
        day = (at - now) / 86400 + 14
        print(f"node_filesystem_{name}_bytes{labels} {value(day) * 1e9:.0f} {at}")
print("# EOF")
"""
# Of this machine, which all nodes share.
SHARED = {"DiskFilling", "DiskFull", "FrontendSlow", "InodesFilling", "MemoryShort"}


def test_a_stranger_reads_no_metrics(lab: Stack) -> None:
    """A node that does not watch is not even refused; who shows no certificate is the modules' matter."""
    ask = 'import socket; socket.create_connection(("{}", {}), 2)'
    for node, port in (("web1", 9100), ("lb1", 9101), ("mon1", 9090), ("mon1", 9093)):
        address = lab.workspace.inventory.host(node).address
        said = lab.on("lb2", f"python3 -c '{ask.format(address, port)}' 2>&1 | tail -n 1")
        assert "timed out" in said, (node, port, said)


def test_faults_fire_and_resolve(lab: Stack, receiver: Receiver, browser: Browser) -> None:
    holder = lab.holder(VIP)
    other = next(node for node in ("lb1", "lb2") if node != holder)
    wanted = {
        ("BalancerDown", other),
        ("VirtualIpHeldTwice", VIP),
        ("ClockOff", "web1"),
        ("ServiceDown", "web1"),
        ("BackendDegraded", "shop"),
        ("BackendEmpty", "shop"),
        ("FrontendFailing", VIP),
    }
    deaf = "echo {} frontend plain | socat - unix-connect:/run/haproxy/admin.sock"
    faults = {
        holder: deaf.format("disable"),  # it refuses connections; those of an empty backend are told as such
        other: f"systemctl stop haproxy; ip address add {VIP}/32 dev lo",
        "web1": "systemctl stop chrony nginx",
    }
    provoke(lab, receiver, faults, wanted)
    seen = firing(lab)
    assert seen["BalancerDown", other] == "critical"
    assert seen["ClockOff", "web1"] == "warning"
    problems = lab.status()["problems"]
    assert any(problem.startswith("alert BackendEmpty: backend shop") for problem in problems), problems
    assert f"the balancer of {other} does not run" in receiver.heard
    assert f"frontend plain of edge does not answer as it should at {VIP}" in receiver.heard
    shown = agree(lab, browser)
    assert (shown.state, shown.nodes["web1"], shown.holders[VIP]) == ("bad", "warn", sorted((holder, other)))
    assert f"{other}: haproxy does not run" in shown.problems
    assert shown.alerts >= {name for name, _ in wanted}
    lab.on(holder, deaf.format("enable"))
    lab.on(other, f"ip address del {VIP}/32 dev lo; systemctl start haproxy")
    lab.on("web1", "systemctl start chrony nginx")
    over(receiver, wanted)
    lab.settle()
    assert receiver.strangers == 0
    agree(lab, browser)


def test_a_dead_node_is_one_alert(lab: Stack, receiver: Receiver, browser: Browser) -> None:
    lab.lab.kill("web1")
    wanted = {("NodeDown", "web1")}
    try:
        receiver.waited(wanted, "firing", PATIENCE)
        told = {name for (name, about), state in receiver.state.items() if (about, state) == ("web1", "firing")}
        assert told == {"NodeDown"}
        assert agree(lab, browser).nodes["web1"] == "bad"
    finally:
        lab.lab.start("web1")
    over(receiver, wanted)
    lab.settle()


@only_in_drills
def test_a_grafana_that_cannot_be_had_keeps_nothing_else_back(lab: Stack) -> None:
    path = lab.folder / "topology.yml"
    before = path.read_text()
    (lab.folder / "nowhere.asc").write_text(KEY)
    path.write_text(before.rstrip("\n") + "\n  grafana: {repository: nowhere}\n" + NOWHERE)
    try:
        done = cluster("up", lab.folder, "--only", "monitoring", "--only", "grafana", "-o", "json", timeout=600)
        said = " ".join(done.err.split())
        assert done.code == 1, done
        assert re.search(r"mon1: Use package repositories that answer .* failed where: stage grafana", said), said
        assert re.search(rf"cluster-nowhere.sources was not replaced, .* http://{NETWORK}.1:9", said), said
        assert re.search(r"next: mend it, then: cluster up \S+ --only grafana --node mon1", said), said
        assert (done.json["failed"], done.json["verify"]["failed"]) == (1, 0), done.json
        assert done.json["verify"]["passed"] > 0
        assert "GrafanaDown" in lab.on("mon1", "cat /etc/prometheus/cluster-rules.yml")
        assert lab.on("mon1", "ls -A /etc/apt/sources.list.d").strip() == ""
    finally:
        path.write_text(before)
    assert cluster("up", lab.folder, "--only", "monitoring", "-o", "json", timeout=600).code == 0


def test_what_it_costs(lab: Stack) -> None:
    """At an interval of two seconds; test_alerts.py measures more nodes, at the usual one."""
    found = costs(lab, ("mon1", "web1"), 5)
    print(*found, sep="\n")
    assert {each.unit for each in found if each.node == "web1"} == {"prometheus-node-exporter", "cluster-metrics"}
    assert of_node(found, "web1")[0] < 1.25 * NODE_MEGABYTES, found  # asked more often, it holds more


def test_a_forecast_says_that_its_history_is_too_short(lab: Stack) -> None:
    done = cluster("forecast", "-C", lab.folder, "-o", "json")
    assert done.code == 0, done
    rows = done.json["resources"]
    known = {(row["node"], row["resource"], row["what"]) for row in rows}
    assert {("lb1", "sessions", "shop"), ("web1", "disk", "/"), ("mon1", "memory", "")} <= known
    assert {row["state"] for row in rows} == {"short"}
    assert all(0 <= row["used"] < row["limit"] for row in rows), rows
    assert "no forecast, since less than 4 h of history is known and 7 d are needed" in " ".join(
        cluster("forecast", "-C", lab.folder).out.split()
    )


@only_in_drills
def test_a_forecast_finds_what_was_planted(lab: Stack) -> None:
    """Two weeks of a disk that fills by 2.5 of 100 GB a day, and has 25 GB left: it is full in ten days."""
    lab.on("mon1", f"python3 -c '{PLANT}' > /root/planted.txt")
    lab.on(
        "mon1", "cd /var/lib/prometheus && promtool tsdb create-blocks-from openmetrics /root/planted.txt metrics2"
    )
    lab.on("mon1", "chown -R prometheus: /var/lib/prometheus/metrics2")

    def found() -> list[dict[str, Any]]:
        rows = cluster("forecast", "-C", lab.folder, "-o", "json").json["resources"]
        return [row for row in rows if row["what"] == "/planted" and row["state"] == "runs_out"]

    wait_for(
        "what was planted to be found", lambda: bool(found()), 3 * PATIENCE, every=5
    )  # it looks once a minute
    row = found()[0]
    full = time.time() + 10 * 86400
    ends = [datetime.fromisoformat(row["runs_out"][end]).timestamp() for end in ("earliest", "latest")]
    assert ends[0] - 86400 / 2 <= full <= ends[1] + 86400 / 2, (
        row
    )  # noise meets the end some hours before the line
    assert cluster("forecast", "-C", lab.folder).code == 1


def test_the_history_comes_back(lab: Stack) -> None:
    """From a copy that was made while it was written; not while Prometheus runs on it."""

    def verb(*words: str, code: int = 0) -> str:
        done = cluster(*words, "-C", lab.folder, timeout=300)
        assert done.code == code, done
        return done.err

    seen = f"up @ {time.time():.0f}"
    (known,) = counted(lab, "mon1", [seen])
    assert known
    verb("backup", "run", "history")
    verb("backup", "verify", "history")
    assert "systemctl stop prometheus" in verb("restore", "history", "--to", "cluster", "--yes", code=1)
    lab.on("mon1", "systemctl stop prometheus; find /var/lib/prometheus/metrics2 -mindepth 1 -delete")
    verb("restore", "history", "--to", "cluster", "--yes")
    verb("restore", "history", "--confirm", "--yes")
    lab.on("mon1", "systemctl start prometheus")
    wait_for("Prometheus to answer", lambda: lab.status()["problems"] == [], PATIENCE)
    assert counted(lab, "mon1", [seen]) == [known]


def test_a_real_browser_draws_the_page(browser: Browser, tmp_path: Path) -> None:
    """Over TLS, with a person's certificate; without it there is no page."""
    address = browser.addresses[0]
    with browser.as_chromium(tmp_path) as real:
        assert Shown(real.dom(address)).nodes == browser.shown().nodes
        shot = real.drawn(address, tmp_path / "page.png")
    assert shot.startswith(b"\x89PNG")
    assert len(shot) > 20_000
    assert "data-node" not in real.dom(address)


@only_in_drills
def test_what_takes_longer_fires_and_resolves(lab: Stack, receiver: Receiver) -> None:
    """Nobody holds the virtual IP, what is known of services grows old, an exporter is away, a file is another."""
    wanted = {
        ("VirtualIpUnheld", VIP),
        ("MetricsStale", "web1"),
        ("TargetMissing", "mon1"),
        ("ConfigDrift", "lb2"),
    }
    units = {
        "lb1": "keepalived",
        "lb2": "keepalived",
        "web1": "cluster-metrics",
        "mon1": "prometheus-node-exporter",
    }
    lab.on("lb2", "cp -p /etc/issue /root/issue && echo by hand >> /etc/issue")
    for node, unit in units.items():
        lab.on(node, f"systemctl stop {unit}")
    receiver.waited(wanted, "firing", 3 * PATIENCE)
    for node, unit in units.items():
        lab.on(node, f"systemctl start {unit}")
    lab.on("lb2", "cp -p /root/issue /etc/issue")
    over(receiver, wanted)
    lab.settle()


# A disk of its own for what Prometheus keeps, filled at once, and room made again. Its places are one file system.
SMALL = """systemctl stop prometheus; mkdir -p /run/small && mount -t tmpfs -o size=24m none /run/small
cp -a /var/lib/prometheus/metrics2/. /run/small/ && chown prometheus: /run/small
mount --bind /run/small /var/lib/prometheus/metrics2; systemctl start prometheus"""
LARGE = """systemctl stop prometheus; umount /var/lib/prometheus/metrics2 /run/small; systemctl start prometheus"""


@only_in_drills
def test_who_watches_has_no_room_any_more(lab: Stack, receiver: Receiver) -> None:
    """It knows nothing any more of what it fired for; it tells that it knows nothing, and goes on with room."""
    lab.on("mon1", SMALL)
    lab.settle(PATIENCE)
    wanted = {("PrometheusStoresNothing", "mon1")}
    filled = {"mon1": "dd if=/dev/zero of=/run/small/fill bs=1M count=30 2>/dev/null; true"}
    provoke(lab, receiver, filled, wanted, 4 * PATIENCE)
    assert "keeps no metrics" in " ".join(lab.status()["problems"])
    lab.on("mon1", "rm /run/small/fill")
    over(receiver, wanted)
    lab.on("mon1", LARGE)
    lab.settle(PATIENCE)


@only_in_drills
def test_faults_of_a_database_fire_and_resolve(
    receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("monitoring-db")
    with stand(receiver, folder, TOPOLOGY + DATABASE) as stack:
        shown = agree(stack, Browser(stack, tmp_path_factory.mktemp("browser-db")))
        primary = stack.status()["databases"]["main"]["primary"]
        assert shown.writes["main"] == [primary]
        replica = next(node for node in ("lb1", "web1") if node != primary)
        wanted = {
            ("DatabaseNodeUnfit", replica),
            ("ReplicationStopped", replica),
            ("WritesUnacknowledged", primary),
        }
        provoke(stack, receiver, {replica: "mariadb --no-defaults -e 'STOP SLAVE'"}, wanted)
        stack.on(replica, "mariadb --no-defaults -e 'START SLAVE'")
        over(receiver, wanted)
        wanted = {("DatabaseServerDown", replica), ("ServiceDown", replica)}
        provoke(stack, receiver, {replica: "systemctl stop mariadb"}, wanted)
        stack.on(replica, "systemctl start mariadb")
        over(receiver, wanted)


@only_in_drills
def test_every_panel_has_data_where_there_is_everything(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("dashboards"), EVERYTHING) as stack:
        drawn(stack, 3 * PATIENCE)
