"""A Galera group loses nothing it acknowledged, whatever becomes of its nodes."""

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .command import cluster, wait_for
from .conftest import running
from .galera import Database
from .ledger import Ledger

VIP = "10.89.75.100"
DRILL = os.environ.get("CLUSTER_DRILL") == "1"  # `make drill`: all faults, and ten kills
KILLS = 10 if DRILL else 2
GAP_SECONDS = 5.0
BACK_SECONDS = 60
AWAY_SECONDS = 20
TOPOLOGY = f"""
name: e2e-galera
provider: podman
network: {{subnet: 10.89.75.0/24}}
nodes: {{lb1: {{}}, lb2: {{}}, db1: {{}}, db2: {{}}, db3: {{}}}}
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
    accounts: {{shop: {{schemas: [shop], rights: owner}}}}
    settings: {{innodb_buffer_pool_size: 64M, performance_schema: "OFF"}}
"""


only_in_drills = pytest.mark.skipif(not DRILL, reason="make drill runs it")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with running(tmp_path_factory.mktemp("galera"), TOPOLOGY) as stack:
        yield Database(stack, VIP, tmp_path_factory.mktemp("accounts"))


def test_a_second_up_changes_nothing(database: Database) -> None:
    done = cluster("up", database.stack.folder, "-o", "json", timeout=600)
    assert done.code == 0, done
    assert done.json["changed"] == 0


def test_killing_the_writers_node_loses_nothing(database: Database) -> None:
    gaps = []
    for number in range(KILLS):
        back = []

        def fault(ledger: Ledger, back: list[float] = back) -> None:
            writer = database.writer()
            database.stack.lab.kill(writer)
            ledger.wait_for(200, 60)
            assert database.writer() != writer
            database.stack.lab.start(writer)
            began = time.monotonic()
            wait_for(f"{writer} to be back", lambda: database.synced(writer), BACK_SECONDS, every=0.5)
            back.append(time.monotonic() - began)

        found = database.under(f"writer's node killed, {number + 1} of {KILLS}", fault)
        print(f"it was back by itself {back[0]:.1f} s after it was powered on")
        assert found.good, found.said
        gaps.append(found.gap)
    print(f"write gap over {KILLS} kills, s: median {statistics.median(gaps):.2f} ({sorted(gaps)})")
    assert statistics.median(gaps) <= GAP_SECONDS


@only_in_drills
def test_a_frozen_writer_loses_nothing(database: Database) -> None:
    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.on(writer, "kill -STOP $(pidof mariadbd)")
        ledger.wait_for(200, 60)
        ledger.run(AWAY_SECONDS)
        database.stack.on(writer, "kill -CONT $(pidof mariadbd)")

    assert database.under("writer frozen for 20 s", fault).good


@only_in_drills
def test_a_writer_that_is_cut_off_loses_nothing(database: Database) -> None:
    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.lab.link(writer, up=False)
        ledger.wait_for(200, 60)
        ledger.run(AWAY_SECONDS)
        database.stack.lab.link(writer, up=True)

    assert database.under("writer cut off for 20 s, and healed", fault).good


@only_in_drills
def test_the_server_alone_is_killed(database: Database) -> None:
    def fault(ledger: Ledger) -> None:
        database.stack.on(database.writer(), "kill -KILL $(pidof mariadbd)")
        ledger.wait_for(200, 60)

    assert database.under("writer's server killed -9", fault).good


@only_in_drills
def test_all_nodes_lost_at_once_come_back_by_themselves(database: Database) -> None:
    def fault(_: Ledger) -> None:
        for node in database.nodes:
            database.stack.lab.kill(node)
        with ThreadPoolExecutor() as pool:  # each waits at its boot for the others
            list(pool.map(database.stack.lab.start, database.nodes))

    assert database.under("all nodes killed", fault).good


FORGET = "systemctl kill --signal=KILL mariadb; systemctl stop mariadb; rm -f /var/lib/mysql/gvwstate.dat"


def end_all(database: Database) -> None:
    """End every server so that none remembers its group: none will begin one by itself."""
    for node in database.nodes:
        database.stack.on(node, FORGET)


def test_all_servers_ended_are_brought_back_by_up(database: Database) -> None:
    """It takes one that has seen all positions to say who has the most."""

    def fault(_: Ledger) -> None:
        end_all(database)
        done = cluster("up", database.stack.folder, "-o", "json", timeout=600)
        assert done.code == 0, done

    assert database.under("all servers ended, brought back by up", fault).good


def test_nobody_begins_a_group_while_a_node_is_missing(database: Database) -> None:
    database.settle()
    end_all(database)
    database.stack.on("db2", "systemctl stop ssh")  # it is there, and we cannot ask it
    try:
        done = cluster("up", database.stack.folder, "--only", "database", timeout=600)
        assert done.code != 0
        assert not any(database.synced(node) for node in ("db1", "db3"))
    finally:
        database.stack.on("db2", "systemctl start ssh")
    done = cluster("up", database.stack.folder, "-o", "json", timeout=600)
    assert done.code == 0, done
    database.settle()
