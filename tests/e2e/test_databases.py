"""Databases of every mode lose nothing they acknowledged, whatever becomes of their nodes.

`make test` runs a part for each mode; `make drill` all of it, under lag too, and prints the table.
"""

import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

import pymysql
import pytest

from cluster_cli.databases.modes import FENCES

from . import sysbench
from .command import act_in, cluster, wait_for
from .conftest import Stack, running
from .data_tier import DRILL, GALERA, MODES, MYSQL_REPLICATION, REPLICATION, Database, only_in_drills, print_table
from .database import connect as patient
from .database import trusting
from .database_faults import (
    AT_ONCE,
    BACK_SECONDS,
    ORDERS,
    WRITERS_TURN,
    Fault,
    comes_back,
    cut_off,
    deaf,
    disk_full,
    frozen,
    node_killed,
    old_data,
    powered_on,
    server_killed,
    small_disk,
    two_in_a_row,
)
from .interrupted import POINTS, WAYS, failover_killed, switchover_killed
from .ledger import Ledger

VIP = "10.89.75.100"
KILLS, KILLS_AT_A_WORD = (10, 3) if DRILL else (1, 1)  # the second where an operator has to act
SWITCHOVER_SECONDS = 2.0
BENCH_SECONDS = 32
COPY_RATIO = 3.0  # of a gigabyte that joins to a bare copy of its files, on a machine that does other work too
ACCOUNTS = "accounts: {shop: {schemas: [shop], rights: owner}}"
SMALL = 'settings: {innodb_buffer_pool_size: 64M, performance_schema: "OFF"}'
TOPOLOGY = f"""
name: e2e-data
provider: podman
network: {{subnet: 10.89.75.0/24}}
nodes:
  lb1: {{}}
  lb2: {{}}
  db1: {{}}
  db2: {{}}
  db3: {{}}
  rep1: {{}}
  rep2: {{}}
  rep3: {{}}
  my1: {{release: sid}}
  my2: {{release: sid}}
  my3: {{release: sid}}
time: {{servers: [lb1, lb2]}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{{address: {VIP}, prefer: lb1}}]
databases:
  main:
    nodes: [db1, db2, db3]
    through: edge
    schemas: [shop]
    {ACCOUNTS}
    {SMALL}
  orders:
    mode: replication
    nodes: [rep1, rep2, rep3]
    through: edge
    ports: {{write: 3316, read: 3317}}
    schemas: [shop]
    {ACCOUNTS}
    {SMALL}
  books:
    engine: mysql
    mode: group_replication
    nodes: [my1, my2, my3]
    through: edge
    ports: {{write: 3326, read: 3327}}
    schemas: [shop]
    {ACCOUNTS}
    {SMALL}
"""
FAULTS: dict[str, Callable[[Database], Fault]] = {
    "server killed -9": server_killed,
    "server frozen for 20 s": frozen,
    "link cut for 20 s, and healed": cut_off,
    "writer deaf to the others for 20 s": lambda database: deaf(database, "input"),
    "writer unheard by the others for 20 s": lambda database: deaf(database, "output"),
    "two nodes killed, one after the other": two_in_a_row,
    "a node returns with old data": old_data,
}
under_lag = pytest.mark.parametrize("lagging", [False, True], ids=["", "under lag"])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("data"), TOPOLOGY) as stack:
        yield stack
        print_table()


@pytest.fixture(scope="module", params=MODES, ids=lambda mode: mode.name)
def database(request: pytest.FixtureRequest, lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(lab, VIP, tmp_path_factory.mktemp(request.param.name), request.param)


def one_mode_will_do(database: Database) -> None:
    """What takes a minute for each mode is done for one, but in drills: CI has no time for more."""
    if database.mode is not GALERA and not DRILL:
        pytest.skip("make drill runs it for the other modes")


@only_in_drills
def test_a_second_up_changes_nothing(lab: Stack) -> None:
    done = cluster("up", lab.folder, "-o", "json", timeout=900)
    assert done.code == 0, done
    assert done.json["changed"] == 0


def test_killing_the_writers_node_loses_nothing(database: Database) -> None:
    gaps: list[float] = []
    kills = KILLS if database.mode.elects else KILLS_AT_A_WORD
    for number in range(kills):
        back: list[float] = []
        found = database.under(f"writer's node killed, {number + 1} of {kills}", node_killed(database, back))
        print(f"it was back {back[0]:.1f} s after it was powered on")
        assert found.good, found.said
        assert not database.mode.elects or back[0] <= BACK_SECONDS
        gaps.append(found.gap)
    print(f"write gap over {kills} kills, s: median {statistics.median(gaps):.2f} ({sorted(gaps)})")
    # One kill, on a machine that tests other things beside it, says nothing about a median.
    assert statistics.median(gaps) <= (database.mode.gap_seconds if DRILL else 3 * database.mode.gap_seconds)


def test_a_switchover_is_a_short_pause(database: Database) -> None:
    def fault(ledger: Ledger) -> None:
        before = database.writer()
        done = database.verb("switchover", "-o", "json")
        ledger.wait_for(200, 60)
        assert database.writer() == done.json["node"] != before

    found = database.under("switchover", fault)
    assert found.good, found.said
    assert found.gap <= SWITCHOVER_SECONDS
    assert found.in_a_row == 1  # one retry absorbs the error: new connections wait at the balancer meanwhile


def test_a_fence_stops_writes_until_it_is_taken_away(database: Database) -> None:
    one_mode_will_do(database)
    database.settle()
    database.verb("db", "fence", "--yes")
    try:
        row = database.stack.status()["databases"][database.mode.database]
        assert (row["fenced"], row["writable"]) == (True, False)
        verified_while_fenced(database)
        node = database.nodes[0]
        database.stack.on(node, f"systemctl restart {database.mode.unit}", 120)  # it does not outlive the fence
        wait_for(f"{node} to be back", lambda: database.asked(node, "SELECT 1"), BACK_SECONDS, every=0.5)
        assert database.asked(node, "SELECT @@read_only").strip() == "1"
    finally:
        database.verb("db", "unfence")
    database.settle()


def verified_while_fenced(database: Database) -> None:
    """What still holds is verified, the fence is told, and one that leaks is found."""
    role = database.mode.name.split()[0]  # one for both engines
    roles = [word for each in ("doorbell", "haproxy", role) for word in ("--role", each)]
    done = cluster("verify", database.stack.folder, *roles)
    assert done.code == 0, done
    assert f"database {database.mode.database} is fenced" in done.err
    node = database.nodes[-1]
    mark = FENCES[database.mode.unit]  # units are called as engines are
    database.stack.on(node, f"mv {mark} {mark}.away")
    try:
        assert cluster("verify", database.stack.folder, "--role", "doorbell").code == 5
    finally:
        database.stack.on(node, f"mv {mark}.away {mark}")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("missing", [False, True], ids=["", "one never returns"])
def test_all_nodes_lost_at_once(database: Database, missing: bool, order: str) -> None:
    """They come back by themselves or by a verb; one that does not is given up, and returns later all the same."""
    if (missing or order != AT_ONCE) and not DRILL:
        pytest.skip("make drill runs it")
    one_mode_will_do(database)
    if missing and order in WRITERS_TURN:
        pytest.skip("it is the writer that never returns")

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        lost = writer if missing else ""
        for node in database.nodes:
            database.stack.lab.kill(node)
        powered_on(database, order, writer, lost)
        recovered(database, lost)
        ledger.wait_for(200, 90)
        if lost:
            database.stack.lab.start(lost)
            comes_back(database, lost)

    gone = ", the writer's gone" if missing else ""
    assert database.under(f"all nodes killed{gone}, back {order}", fault).good


def recovered(database: Database, lost: str) -> None:
    """What an operator does after all nodes were lost."""
    name, folder = database.mode.database, database.stack.folder
    words: tuple[object, ...] = ()
    if not database.mode.elects:
        words = ("failover", name, "--yes", "-C", folder) if lost else ("up", folder, "--only", "database")
    elif lost:
        words = ("recover", name, "--without", lost, "--yes", "-C", folder)
    elif not database.mode.begins:
        words = ("recover", name, "-C", folder)
    if words:
        database.insist(*words)


FORGET = "systemctl kill --signal=KILL mariadb; systemctl stop mariadb; rm -f /var/lib/mysql/gvwstate.dat"


def end_all(database: Database) -> None:
    """End every server of a Galera group so that none remembers it: none will begin one by itself."""
    for node in database.nodes:
        database.stack.on(node, FORGET)


@pytest.fixture(scope="module")
def galera(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(lab, VIP, tmp_path_factory.mktemp("only-galera"), GALERA)


@only_in_drills
def test_all_servers_ended_are_brought_back_by_up(galera: Database) -> None:
    """It takes one that has seen all positions to say who has the most."""

    def fault(_: Ledger) -> None:
        end_all(galera)
        done = cluster("up", galera.stack.folder, "-o", "json", timeout=600)
        assert done.code == 0, done

    assert galera.under("all servers ended, brought back by up", fault).good


@only_in_drills
def test_nobody_begins_a_group_while_a_node_is_missing(galera: Database) -> None:
    galera.settle()
    end_all(galera)
    galera.stack.on("db2", "systemctl stop ssh")  # it is there, and we cannot ask it
    try:
        done = cluster("up", galera.stack.folder, "--only", "database", timeout=600)
        assert done.code != 0
        assert not any(galera.fit(node) for node in ("db1", "db3"))
        refused = cluster("recover", "main", "-C", galera.stack.folder, "--yes")
        assert refused.code != 0
        assert "db2" in refused.err
    finally:
        galera.stack.on("db2", "systemctl start ssh")
    done = cluster("up", galera.stack.folder, "-o", "json", timeout=600)
    assert done.code == 0, done
    galera.settle()


@only_in_drills
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("point", range(POINTS))
def test_a_switchover_killed_half_way_loses_nothing(database: Database, point: int, way: str) -> None:
    what = f"switchover killed, moment {point + 1} of {POINTS}, then {way}"
    assert database.under(what, switchover_killed(database, point, way)).good


@only_in_drills
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("point", range(POINTS))
def test_a_failover_killed_half_way_loses_nothing(database: Database, point: int, way: str) -> None:
    if database.mode.elects:
        pytest.skip(f"mode {database.mode.name} has no failover")
    what = f"failover killed, moment {point + 1} of {POINTS}, then {way}"
    assert database.under(what, failover_killed(database, point, way)).good


@only_in_drills
@under_lag
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_loses_nothing(database: Database, name: str, lagging: bool) -> None:
    assert database.under(name, FAULTS[name](database), lagging=lagging).good


@only_in_drills
@under_lag
def test_killing_the_node_under_lag_loses_nothing(database: Database, lagging: bool) -> None:
    if not lagging:
        pytest.skip("it has a test of its own")
    assert database.under("writer's node killed", node_killed(database, []), lagging=True).good


@only_in_drills
@under_lag
def test_a_full_disk_loses_nothing(database: Database, lagging: bool) -> None:
    with small_disk(database) as node:
        assert database.under("writer's disk full for 20 s", disk_full(database, node), lagging=lagging).good


ASIDE = {
    "replication": "/var/lib/mysql/cluster-aside/*",
    "replication (mysql)": "/var/lib/mysql.before-*",
    "group_replication": "/var/lib/mysql-aside/*",
}


@only_in_drills
def test_a_node_whose_data_is_a_mount_point_is_given_a_copy(database: Database) -> None:
    """Nothing is renamed there; the old data is kept. A lab node with MySQL has its data on a volume anyhow."""
    if database.mode is GALERA:
        pytest.skip("a Galera node fetches what it missed by itself")
    database.settle()
    other = database.others(database.writer())[0]
    with small_disk(database) if database.mode is REPLICATION else nullcontext(other) as node:

        def fault(ledger: Ledger) -> None:
            if database.writer() == node:
                database.verb("switchover")
            done = cluster("rejoin", node, "--clone", "--yes", "-C", database.stack.folder, timeout=600)
            assert done.code == 0, done
            assert "old data" in done.err
            ledger.wait_for(200, 60)

        assert database.under("a copy onto a mount point", fault).good
        kept = ASIDE[database.mode.name]
        assert database.stack.on(node, f"mountpoint -q /var/lib/mysql && ls -d {kept}").strip()
        database.stack.on(node, f"rm -rf {kept}")


@only_in_drills
def test_an_emptied_node_is_given_a_gigabyte(database: Database) -> None:
    database.settle()
    grow(database, 1024)
    database.settle()
    node, unit = database.others(database.writer())[0], database.mode.unit
    donor = next(each for each in database.others(node) if each != database.writer())
    copy, idle = copied_by_hand(database, donor, node), converged(database)
    database.stack.on(node, f"systemctl stop {unit}; find /var/lib/mysql -mindepth 1 -delete", 120)
    took = converged(database, node)
    ratio = (took - idle) / copy
    print(
        f"{database.mode.name}: 1 GB joined in {took - idle:.1f} s ({took:.1f} s with the rest of `up`), copied "
        f"by hand in {copy:.1f} s: {ratio:.1f} x"
    )
    database.settle()
    assert ratio < COPY_RATIO


def converged(database: Database, joins: str = "") -> float:
    """Seconds `up` takes for the databases, and until the node that joins may be read."""
    began = time.monotonic()
    done = cluster("up", database.stack.folder, "--only", "database", "--no-verify", timeout=1200)
    assert done.code == 0, done
    if joins:
        wait_for(f"{joins} to be back", lambda: database.fit(joins), BACK_SECONDS, every=0.5)
    return time.monotonic() - began


def grow(database: Database, megabytes: int) -> None:
    """Have at least so much data, in rows of a kilobyte."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        columns = "id BIGINT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(1000)"
        cursor.execute(f"CREATE TABLE IF NOT EXISTS big ({columns})")
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        for _ in range(megabytes // 8):
            rows = ", ".join(["(REPEAT(UUID(), 27))"] * 8000)
            cursor.execute(f"INSERT INTO big (text) VALUES {rows}")


def connect(database: Database) -> pymysql.Connection:
    """A connection that waits for large statements."""
    trust = trusting(database.ca)
    return patient(database.address, database.port, "shop", database.password, "shop", trust, 120)


def copied_by_hand(database: Database, donor: str, node: str) -> float:
    """Seconds in which all files of a node are copied to another one, through nothing but a pipe."""
    lab = database.stack.lab
    began = time.monotonic()
    take = lab.engine.argv("exec", f"{lab.name}-{donor}", "tar", "-C", "/var/lib/mysql", "-cf", "-", ".")
    give = lab.engine.argv(
        "exec", "-i", f"{lab.name}-{node}", "sh", "-c", "mkdir /root/copy; tar -C /root/copy -xf -"
    )
    with subprocess.Popen(take, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        subprocess.run(give, stdin=source.stdout, check=True)
    took = time.monotonic() - began
    database.stack.on(node, "rm -rf /root/copy")
    return took


@only_in_drills
def test_sysbench_runs_before_during_and_after(database: Database) -> None:
    database.settle()
    target = sysbench.Target(
        database.stack, "lb2", database.nodes[0], database.mode.database,
        database.address, database.port, database.password,
    )  # fmt: skip
    sysbench.install(target)
    with sysbench.running(target, BENCH_SECONDS) as bench:
        time.sleep(BENCH_SECONDS / 4)  # how it is before
        writer = database.writer()
        database.stack.lab.kill(writer)
        try:
            if not database.mode.elects:
                database.verb("failover", "--yes")
            bench.wait(BENCH_SECONDS + 60)
        finally:
            database.stack.lab.start(writer)
    comes_back(database, writer)
    quarter = BENCH_SECONDS // 4
    before = [tps for second, tps in bench.seconds.items() if second < quarter]
    after = [tps for second, tps in bench.seconds.items() if second > 3 * quarter]
    silent = sum(bench.seconds.get(second, 0) == 0 for second in range(max(bench.seconds)))
    means = [statistics.mean(each) for each in (before, after)]
    print(f"sysbench: {means[0]:.0f} tps before, {means[1]:.0f} after, {silent} s of none")
    assert min(before) > 0
    assert min(after) > 0
    assert silent <= BENCH_SECONDS / 2
    database.settle()


def invocations(database: Database) -> dict[str, str]:
    """What tells a server from the one that ran there before."""
    show = f"systemctl show --value -p InvocationID {database.mode.unit}"
    return {node: database.stack.on(node, show).strip() for node in database.nodes}


def set_settings(database: Database, more: str) -> None:
    """Change the settings of all databases in the topology."""
    path = database.stack.folder / "topology.yml"
    text = path.read_text()
    path.write_text(re.sub(r'performance_schema: "OFF"[^}]*}', f'performance_schema: "OFF"{more}}}', text))


def test_settings_are_applied_without_a_restart_where_the_server_can(lab: Stack, tmp_path: Path) -> None:
    databases = [Database(lab, VIP, tmp_path, mode) for mode in MODES]
    for database in databases:
        database.settle()
    before = [invocations(database) for database in databases]
    set_settings(databases[0], ", max_connections: 77")  # of all of them
    done = cluster("up", lab.folder, "--only", "database", timeout=600)
    assert done.code == 0, done
    for database in databases:
        said = {database.asked(node, "SELECT @@max_connections").strip() for node in database.nodes}
        assert said == {"77"}, database.mode.name
    assert [invocations(database) for database in databases] == before


@only_in_drills
def test_a_setting_that_needs_a_restart_loses_nothing(database: Database) -> None:
    before = invocations(database)
    started = f"systemctl show --value -p ActiveEnterTimestampMonotonic {database.mode.unit}"

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        value = 60 + (*MODES, MYSQL_REPLICATION).index(database.mode)  # all have it: each time another one
        set_settings(database, f", max_connections: 77, back_log: {value}")  # no server takes it while it runs
        with ExitStack() as readers:
            for _ in database.nodes:  # those that are read carry clients too, and yet go before who takes writes
                readers.enter_context(closing(database.connect(reads=True)))
            done = cluster("up", database.stack.folder, "--only", "database", timeout=900)
        assert done.code == 0, done
        ledger.wait_for(200, 60)
        starts = {node: int(database.stack.on(node, started)) for node in database.nodes}
        assert max(starts, key=lambda node: starts[node]) == writer

    found = database.under("rolling restart for a setting", fault)
    set_settings(database, ", max_connections: 77")
    assert found.good, found.said
    assert not set(invocations(database).values()) & set(before.values())


@only_in_drills
def test_up_does_its_work_while_the_first_node_is_dead(database: Database) -> None:
    """No node is special: the others are converged, nobody is restarted, and who writes goes on writing."""
    database.ready()
    first, *others = database.nodes
    if database.writer() == first:
        database.verb("switchover")
    database.settle()
    before = invocations(database)

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        words = ("up", database.stack.folder, "--only", "database", "-o", "json")
        try:  # the lab's stage, before it, would plug the cable in again
            done = act_in("database", words, lambda: database.stack.lab.link(first, up=False), timeout=900)
            assert done.code == 4, done
            assert done.json["unreachable"] == 1
            ledger.wait_for(200, 60)
            assert database.writer() == writer
        finally:
            database.stack.lab.link(first, up=True)
        comes_back(database, first)

    assert database.under("up while the first node is dead", fault).good
    after = invocations(database)
    assert [after[node] for node in others] == [before[node] for node in others]


@only_in_drills
def test_certificates_and_passwords_change_under_writers(database: Database) -> None:
    def fault(ledger: Ledger) -> None:
        secret = f"database_{database.mode.database}.shop"
        for words in (("certs", "renew", "--force"), ("secrets", "rotate", secret)):
            done = cluster(*words, "-C", database.stack.folder, timeout=1200)
            assert done.code == 0, done
        ledger.run(1)

    running_with = invocations(database)
    found = database.under("certificates renewed, the password rotated", fault)
    database.learn()
    assert found.good, found.said
    assert invocations(database) == running_with
