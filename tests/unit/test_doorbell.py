"""What a node of a database says it is fit for."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "roles/doorbell/files/doorbell.py"
SYNCED = {
    "wsrep_cluster_status": "Primary",
    "wsrep_local_state": "4",
    "wsrep_ready": "ON",
    "wsrep_local_recv_queue": "0",
    "read_only": "0",
    "free_bytes": "1000000000",
}


@pytest.fixture(scope="module")
def doorbell() -> ModuleType:
    spec = importlib.util.spec_from_file_location("doorbell", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("change", "write", "read"),
    [
        ({}, True, True),
        ({"read_only": "1"}, False, True),  # fenced
        ({"free_bytes": "1000000"}, False, True),  # its disk is nearly full
        ({"leaving": "1"}, False, True),  # another node is about to take the writes
        ({"wsrep_local_recv_queue": "101"}, True, False),  # far behind
        ({"wsrep_local_state": "2"}, True, False),  # gives a copy to another one
        ({"wsrep_local_state": "1"}, False, False),  # joins
        ({"wsrep_cluster_status": "non-Primary"}, False, False),  # with the minority
        ({"wsrep_ready": "OFF"}, False, False),
    ],
)
def test_it_is_fit_for_what_its_state_allows(
    doorbell: ModuleType, change: dict[str, str], write: bool, read: bool
) -> None:
    assert doorbell.fit("mariadb/galera", "/write", SYNCED | change, 10) is write
    assert doorbell.fit("mariadb/galera", "/read", SYNCED | change, 10) is read


def test_a_silent_server_and_another_path_are_fit_for_nothing(doorbell: ModuleType) -> None:
    assert not doorbell.fit("mariadb/galera", "/write", {}, 10)
    assert not doorbell.fit("mariadb/galera", "/", SYNCED, 10)


PRIMARY = {
    "read_only": "0", "waits": "1", "waits_alone": "1", "rpl_semi_sync_master_clients": "2", "io": "", "sql": "",
    "lag": "", "fenced": "0", "alone_seconds": "0", "free_bytes": str(2**30),
}  # fmt: skip
REPLICA = PRIMARY | {"read_only": "1", "waits": "0", "waits_alone": "0", "io": "Yes", "sql": "Yes", "lag": "0"}


@pytest.mark.parametrize(
    ("change", "write", "read"),
    [
        ({}, True, True),
        ({"read_only": "1"}, False, True),  # fenced, or about to hand over
        ({"read_only": "1", "waits": "0"}, False, False),  # started again
        ({"fenced": "1"}, False, True),
        ({"waits": "0"}, False, False),  # it would acknowledge what no replica has
        ({"waits_alone": "0"}, False, False),
        ({"rpl_semi_sync_master_clients": "0", "alone_seconds": "3"}, True, True),  # a replica is restarted
        ({"rpl_semi_sync_master_clients": "0", "alone_seconds": "11"}, False, True),  # the others have left it
        ({"io": "Yes", "sql": "Yes", "lag": "0"}, False, True),  # it follows
    ],
)
def test_a_primary_is_written_to(doorbell: ModuleType, change: dict[str, str], write: bool, read: bool) -> None:
    assert doorbell.fit("mariadb/replication", "/write", PRIMARY | change, 10) is write
    assert doorbell.fit("mariadb/replication", "/read", PRIMARY | change, 10) is read


@pytest.mark.parametrize(
    ("change", "read"),
    [({}, True), ({"lag": "11"}, False), ({"lag": "None"}, False), ({"io": "No"}, False), ({"sql": "No"}, False)],
)
def test_a_replica_is_read_from(doorbell: ModuleType, change: dict[str, str], read: bool) -> None:
    assert doorbell.fit("mariadb/replication", "/read", REPLICA | change, 10) is read
    assert not doorbell.fit("mariadb/replication", "/write", REPLICA | change, 10)


@pytest.mark.parametrize(
    ("change", "write"),
    [
        ({}, True),
        ({"rpl_semi_sync_source_status": "OFF"}, False),  # it gave up waiting
        ({"rpl_semi_sync_source_clients": "0", "alone_seconds": "11"}, False),
        ({"io": "Yes", "sql": "Yes", "lag": "0"}, False),
    ],
)
def test_a_primary_of_mysql_is_written_to(doorbell: ModuleType, change: dict[str, str], write: bool) -> None:
    state = PRIMARY | {"rpl_semi_sync_source_clients": "2", "rpl_semi_sync_source_status": "ON"} | change
    assert doorbell.fit("mysql/replication", "/write", state, 10) is write
    assert doorbell.fit("mysql/replication", "/read", REPLICA, 10)


MEMBER = {
    "member_state": "ONLINE",
    "member_role": "PRIMARY",
    "members": "3",
    "unreachable": "0",
    "super_read_only": "0",
    "offline_mode": "0",
    "lag_seconds": "0.0000",
}


@pytest.mark.parametrize(
    ("change", "write", "read"),
    [
        ({}, True, True),
        ({"member_role": "SECONDARY", "super_read_only": "1"}, False, True),
        ({"super_read_only": "1"}, False, True),  # fenced, or elected and not yet ready
        ({"unreachable": "1"}, True, True),
        ({"unreachable": "2"}, False, False),  # with the minority, which still calls itself ONLINE
        ({"members": "2", "unreachable": "1"}, False, False),
        ({"member_state": "RECOVERING"}, False, False),
        ({"member_state": "ERROR", "offline_mode": "1"}, False, False),
        ({"member_state": "OFFLINE", "member_role": "", "members": "1"}, False, False),
        ({"member_role": "SECONDARY", "super_read_only": "1", "lag_seconds": "10.5000"}, False, False),
        ({"lag_seconds": "303.9000"}, True, True),  # left from the time before it was elected
    ],
)
def test_a_member_of_a_mysql_group(doorbell: ModuleType, change: dict[str, str], write: bool, read: bool) -> None:
    mode, state = doorbell.GroupReplication, MEMBER | change
    assert (mode.writes(state, 10), mode.reads(state, 10)) == (write, read)


class Cursor:
    """Answers two questions as a server does."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []

    def execute(self, sql: str) -> None:
        members = [(0, "UNREACHABLE", "PRIMARY"), (1, "ONLINE", "SECONDARY"), (0, "ONLINE", "SECONDARY")]
        self.rows = [(1, 0, "0.0000")] if "super_read_only" in sql else list(members)

    def fetchall(self) -> list[tuple[object, ...]]:
        return self.rows

    def fetchone(self) -> tuple[object, ...]:
        return self.rows[0]


@pytest.mark.parametrize("mode", ["mariadb/replication", "mysql/replication"])
def test_a_delayed_node_is_read_from_only_where_it_takes_writes(doorbell: ModuleType, mode: str) -> None:
    primary = PRIMARY | {"rpl_semi_sync_source_status": "ON"}
    assert not doorbell.fit(mode, "/read", REPLICA, -1)
    assert doorbell.fit(mode, "/read", primary, -1)
    assert doorbell.fit(mode, "/write", primary, -1)


def test_a_member_counts_whom_it_does_not_reach(doorbell: ModuleType) -> None:
    found = doorbell.GroupReplication.ask(Cursor())
    assert (found["member_state"], found["members"], found["unreachable"]) == ("ONLINE", "3", "1")
