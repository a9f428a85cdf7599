"""Alerts fire for real and end: of disks, memory, certificates, answers, databases, backups, and who watches.

What test_monitoring.py puts in is not repeated. `make drill` runs it.
"""

import http.client
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .alerts_heard import PATIENCE, Receiver, over, provoke, stand
from .command import cluster, wait_for
from .conftest import Stack
from .data_tier import only_in_drills
from .monitoring_costs import (
    NODE_MEGABYTES,
    NODE_PERCENT,
    WATCHED,
    WATCHER_MEGABYTES,
    costs,
    of_node,
)

pytestmark = only_in_drills
NETWORK = "10.89.83"
VIP = f"{NETWORK}.100"
SPARE, MORE = 12, 3  # percent of this machine's memory: what the lab may come to need, what is taken beyond that
COST_SECONDS = 90.0
LONG = 3 * PATIENCE  # what is not urgent has to hold for longer before it is told
TOPOLOGY = f"""
name: e2e-alerts
provider: podman
network: {{subnet: {NETWORK}.0/24}}
nodes:
  {{lb1: {{}}, lb2: {{}}, web1: {{}}, mon1: {{}}, db1: {{}}, db2: {{}}, db3: {{}},
   rep1: {{}}, rep2: {{}}, rep3: {{}}, rep4: {{}}}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{{address: {VIP}}}]
    frontends: {{shop: {{bind: 80, backend: shop}}}}
    backends: {{shop: {{nodes: [web1], port: 80}}}}
web:
  shop: {{nodes: [web1]}}
databases:
  main:
    nodes: [db1, db2, db3]
    settings: {{innodb_buffer_pool_size: 64M, performance_schema: "OFF"}}
  orders:
    mode: replication
    nodes: [rep1, rep2, rep3, rep4]
    max_lag: 2s
    settings: {{innodb_buffer_pool_size: 64M, performance_schema: "OFF"}}
    backup: {{enabled: false}}
backup:
  nodes: [mon1]
  schedule: {{binlogs: 10s, jitter: 0s}}
  overdue: {{binlogs: 1m}}
monitoring:
  nodes: [mon1, lb2]
  interval: 2s
  patience: 4s
  thresholds: {{memory_percent: MEMORY, latency: 500ms}}
  receivers:
    here: {{webhook: {{url: "http://{NETWORK}.1:PORT/hook", token: hook_token}}}}
"""
# A disk of its own: node_exporter leaves out tmpfs, so one lies below it.
DISK = """mkdir -p /run/{0} /srv/{0} && mount -t tmpfs -o {1} none /run/{0} && cd /run/{0}
mkdir lower upper work && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay /srv/{0}
{2}"""
NO_DISK = "umount /srv/{0} /run/{0}"
FILES = "for n in $(seq 1000); do touch /srv/many/$n || break; done 2>/dev/null; true"
CERTIFICATE = """
import datetime, os, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
folder, since, left = sys.argv[1], *map(int, sys.argv[2:])
now, day, key = datetime.datetime.utcnow(), datetime.timedelta(days=1), ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
times = (now - since * day, now + left * day)
made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *times)
os.makedirs(folder)
with open(f"{folder}/cert.pem", "wb") as file:
    file.write(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
"""
SEE = "cluster-metrics prometheus-node-exporter"  # in a lab a unit sees the mounts of when it began
SITES = "/etc/nginx/nginx.conf"
ZONE = "limit_req_zone $server_name zone=slow:1m rate=1r/s;"
PLACES = (
    "location = /broken { return 500; }",
    "location = /slow { limit_req zone=slow burst=100; try_files /index.html =404; }",
)
BROKEN = f"""cp -p {SITES} /root/nginx.conf
sed -i -e 's|^http {{|&\\n{ZONE}|' -e 's|^    server {{.*|&\\n{" ".join(PLACES)}|' {SITES}
nginx -t -q && systemctl reload nginx"""
MENDED = f"cp -p /root/nginx.conf {SITES} && systemctl reload nginx"


def memory() -> tuple[int, float]:
    """(this machine's memory in bytes, how much of it is in use in percent), which its nodes take for theirs."""
    rows = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    found = {row[0]: 1024 * int(row[1]) for row in rows}
    return found["MemTotal:"], 100 * (1 - found["MemAvailable:"] / found["MemTotal:"])


@contextmanager
def memory_taken(percent: float) -> Iterator[None]:
    """This machine's memory in use to that share, at least."""
    total, used = memory()
    size = int(total * max(0.5, percent - used) / 100)
    with mmap.mmap(-1, size) as taken:
        for place in range(0, size, mmap.PAGESIZE):
            taken[place] = 1
        yield


@contextmanager
def asked_for(path: str, clients: int) -> Iterator[None]:
    """Clients that ask for a page again and again meanwhile."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.1):
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(VIP, 80, timeout=60)
                connection.request("GET", path)
                connection.getresponse().read()
                connection.close()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with found.listening():
        yield found


@pytest.fixture(scope="module")
def limit() -> int:
    """The share of memory from which on it is short, beyond what this machine and the lab need."""
    return int(memory()[1]) + SPARE


@pytest.fixture(scope="module")
def lab(receiver: Receiver, limit: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stand(receiver, tmp_path_factory.mktemp("alerts"), TOPOLOGY.replace("MEMORY", str(limit))) as found:
        wait_for("the first copy", lambda: copied(found), 2 * PATIENCE, every=1)
        yield found


def copied(stack: Stack) -> bool:
    """Whether the backup node has a copy, and what was written after it."""
    return set(stack.status()["backups"]["main"]["mon1"]) >= {"copies", "binlogs"}


def say(stack: Stack, node: str, sql: str) -> str:
    """What a node's server says."""
    return stack.on(node, f'mariadb --no-defaults -BN -e "{sql}"')


def test_what_it_costs_eleven_nodes(lab: Stack) -> None:
    """At the interval there is where none is set."""
    place = lab.folder / "topology.yml"
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace("  interval: 2s\n  patience: 4s\n", ""), encoding="utf-8")
    try:
        up(lab, "monitoring")
        nodes = list(lab.workspace.topology.nodes)
        found = costs(lab, nodes, COST_SECONDS)
    finally:
        place.write_text(text, encoding="utf-8")
        up(lab, "monitoring")
    print(
        *(f"{each.node:5} {each.unit:30} {each.megabytes:6.1f} MB {each.percent:5.2f} %" for each in found),
        sep="\n",
    )
    whole = {node: of_node(found, node) for node in nodes}
    parts = {node: of_node(found, node, WATCHED) for node in nodes}
    print(*(f"{node}: {held:.0f} MB, {used:.2f} % of a core" for node, (held, used) in whole.items()), sep="\n")
    assert whole["mon1"][0] < WATCHER_MEGABYTES
    assert all(held < NODE_MEGABYTES for held, _ in parts.values()), parts
    assert all(used < NODE_PERCENT for _, used in parts.values()), parts


def up(stack: Stack, stage: str) -> None:
    """Have a part of the cluster as the file says now."""
    done = cluster("up", stack.folder, "--only", stage, timeout=600)
    assert done.code == 0, done


def test_a_machine_runs_out(lab: Stack, receiver: Receiver, limit: int) -> None:
    """Of room, of files, of memory, of the time of its certificates."""
    wanted = {
        ("DiskFilling", "web1"),
        ("DiskFull", "lb1"),
        ("InodesFilling", "web1"),
        ("MemoryShort", "web1"),
        ("CertificateExpiring", "web1"),
        ("CertificateAlmostExpired", "lb1"),
    }
    fill = "head -c {1}m /dev/zero > /srv/{0}/file"
    made = "python3 -c '{}' /etc/cluster/certificates/old {} {}; systemctl restart " + SEE
    faults = {
        "web1": "\n".join(
            (
                DISK.format("filling", "size=50m", fill.format("filling", 44)),
                DISK.format("many", "size=50m,nr_inodes=200", FILES),
                made.format(CERTIFICATE, 80, 20),
            )
        ),
        "lb1": DISK.format("full", "size=50m", fill.format("full", 49)) + "\n" + made.format(CERTIFICATE, 99, 1),
    }
    with memory_taken(limit + MORE):
        provoke(lab, receiver, faults, wanted, LONG)
    gone = f"rm -r /etc/cluster/certificates/old; systemctl restart {SEE}"
    lab.on("web1", "; ".join((NO_DISK.format("filling"), NO_DISK.format("many"), gone)))
    lab.on("lb1", "; ".join((NO_DISK.format("full"), gone)))
    over(receiver, wanted)


def test_clients_get_errors_or_wait(lab: Stack, receiver: Receiver) -> None:
    wanted = {("ErrorsServed", "shop")}
    lab.on("web1", BROKEN)
    with asked_for("/broken", 2):
        provoke(lab, receiver, {}, wanted)
    over(receiver, wanted)
    wanted = {("AnswersSlow", "shop")}
    with asked_for("/slow", 20):
        provoke(lab, receiver, {}, wanted, LONG)
    lab.on("web1", MENDED)
    with asked_for("/", 4):  # by the mean of what was answered last
        over(receiver, wanted)


def test_a_replica_is_late(lab: Stack, receiver: Receiver) -> None:
    primary = lab.status()["databases"]["orders"]["primary"]
    late = next(node for node in ("rep2", "rep3") if node != primary)
    wanted = {("ReplicationLagging", late)}
    held = f"mariadb --no-defaults -e 'FLUSH TABLES WITH READ LOCK; SELECT SLEEP({LONG})'"
    lab.on(late, f'systemd-run --unit=held sh -c "{held}"')
    say(lab, primary, "CREATE SCHEMA late")
    provoke(lab, receiver, {}, wanted)
    lab.on(late, "systemctl stop held")
    over(receiver, wanted)
    lab.settle()


def test_nobody_takes_writes_or_two_do(lab: Stack, receiver: Receiver) -> None:
    """A primary is dead; then a replica is made another one by hand, with a replica of its own."""
    primary = lab.status()["databases"]["orders"]["primary"]
    wanted = {("DatabaseNoWriter", "orders"), ("DatabaseServerDown", primary)}
    provoke(lab, receiver, {primary: "systemctl stop mariadb"}, wanted)
    lab.on(primary, "systemctl start mariadb")
    up(lab, "database")  # one that was away takes no writes by itself
    over(receiver, wanted)
    lab.settle(LONG)
    second, follower, _ = (node for node in ("rep1", "rep2", "rep3", "rep4") if node != primary)
    address = lab.workspace.inventory.host(second).vars["doorbell_address"]
    say(
        lab,
        second,
        "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL rpl_semi_sync_master_enabled = 1, "
        "GLOBAL rpl_semi_sync_master_wait_no_slave = 1, GLOBAL read_only = 0",
    )
    say(lab, follower, f"STOP SLAVE; CHANGE MASTER TO MASTER_HOST = '{address}'; START SLAVE")
    wanted = {("DatabaseTwoWriters", "orders")}
    provoke(lab, receiver, {}, wanted)
    for node in (second, follower):
        done = cluster("rejoin", node, "-C", lab.folder, "--yes", timeout=LONG)
        assert done.code == 0, done
    over(receiver, wanted)
    lab.settle(LONG)


def test_a_group_loses_its_majority(lab: Stack, receiver: Receiver) -> None:
    lab.lab.kill("db3")
    small = {("GroupSmall", "db1")}
    provoke(lab, receiver, {}, small)
    lab.lab.kill("db2")
    wanted = {("QuorumLost", "db1"), ("DatabaseNoWriter", "main")}
    provoke(lab, receiver, {}, wanted)
    for node in ("db2", "db3"):
        lab.lab.start(node)
    lab.settle(LONG)
    over(receiver, wanted | small)


def test_backups_fail_and_grow_old(lab: Stack, receiver: Receiver) -> None:
    wanted = {("BackupFailed", "mon1"), ("BackupOld", "mon1")}
    lab.on("mon1", "cd /srv/cluster-backup && mv config away && mv data data.away")
    provoke(lab, receiver, {}, wanted, LONG)
    lab.on("mon1", "cd /srv/cluster-backup && mv away config && mv data.away data")
    over(receiver, wanted)
    lab.settle(LONG)


def test_who_watches_is_watched(lab: Stack, receiver: Receiver) -> None:
    """A configuration Prometheus refuses, an Alertmanager it cannot reach, a receiver that takes nothing."""
    wanted = {("PrometheusConfigRefused", "mon1")}
    place = "/etc/prometheus/prometheus.yml"
    lab.on("mon1", f"cp -p {place} /root/good.yml; echo nonsense > {place}; systemctl reload prometheus; true")
    provoke(lab, receiver, {}, wanted)
    lab.on("mon1", f"cp -p /root/good.yml {place}; systemctl reload prometheus")
    over(receiver, wanted)
    receiver.deaf = True
    lab.on("web1", "systemctl stop nginx")
    wait_for("it to be noticed", lambda: told(lab, "NotificationsFailing"), LONG, every=1)
    receiver.deaf = False
    lab.on("web1", "systemctl start nginx")
    over(receiver, {("NotificationsFailing", "mon1")})
    lab.settle()


def test_who_watches_may_die(lab: Stack, receiver: Receiver) -> None:
    """Two watch: people are told once by both, and of everything by the one that is left."""
    wanted = {("CertificateExpiring", "web1")}
    made = f"python3 -c '{CERTIFICATE}' /etc/cluster/certificates/old 80 20; systemctl restart cluster-metrics"
    receiver.heard.clear()
    provoke(lab, receiver, {"web1": made}, wanted, LONG)
    lab.on("web1", "rm -r /etc/cluster/certificates/old; systemctl restart cluster-metrics")
    over(receiver, wanted)
    told_of = [each for each in receiver.heard if "web1" in each]
    assert len(told_of) == 2, told_of  # that it began, and that it is over
    lab.lab.kill("mon1")
    wanted = {("NodeDown", "mon1"), ("AlertmanagersApart", "lb2")}
    provoke(lab, receiver, {}, wanted)
    assert any(
        row["name"] == "NodeDown" for row in cluster("alerts", "-C", lab.folder, "-o", "json").json["alerts"]
    )
    more = {("NodeDown", "rep4")}
    lab.lab.kill("rep4")
    provoke(lab, receiver, {}, more)
    for node in ("mon1", "rep4"):
        lab.lab.start(node)
    over(receiver, wanted | more)
    lab.settle(LONG)


def told(stack: Stack, name: str) -> bool:
    """Whether an alert fires, by `cluster alerts`."""
    rows = cluster("alerts", "-C", stack.folder, "-o", "json").json["alerts"]
    return any(row["name"] == name and row["state"] == "firing" for row in rows)
