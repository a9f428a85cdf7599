"""Up to where a copy is restored for a node that goes on from there, by Galera's own numbers."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import catalogue
import settings

FILES = Path(__file__).parents[2] / "roles/backup/files"
GROUP, OTHER = "e17933a0-eb61-11f1-88da-abb6e7012816", "11111111-2222-3333-4444-555555555555"
# As mariadb-binlog 10.11 prints them, with row events left out: a transaction, DDL, one of another domain.
PRINTED = """#261128 19:29:28 server id 7  end_log_pos 2305 CRC32 0xe1bb24df 	GTID 9-7-10 trans
#261128 19:29:28 server id 7  end_log_pos 2478 CRC32 0xe1abc5e9 	Xid = 13
#261128 19:29:28 server id 7  end_log_pos 2520 CRC32 0xf1c92a1a 	GTID 9-7-11 trans
#261128 19:29:28 server id 7  end_log_pos 2693 CRC32 0x50b2edf1 	Xid = 14
#261128 19:29:28 server id 7  end_log_pos 2735 CRC32 0xe32810a1 	GTID 9-7-12 ddl
#261128 19:29:28 server id 3  end_log_pos 2888 CRC32 0x4013fbdb 	GTID 3-3-1 trans
#261128 19:29:28 server id 3  end_log_pos 3061 CRC32 0x0e7aa428 	Xid = 999
"""


@pytest.fixture
def seat(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    """The part of the program, with the engine of MariaDB beside it."""
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("engine", FILES / "mariadb/engine.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "engine", module)
    found = importlib.import_module("seat")
    monkeypatch.setattr(settings, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(found, "SCRATCH", str(tmp_path))
    yield found
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_last_transaction_that_has_a_number(seat: ModuleType) -> None:
    assert seat.galera.last_numbered(PRINTED.splitlines(), 9) == ("9-7-11", 14)
    assert seat.galera.last_numbered(PRINTED.splitlines(), 3) == ("3-3-1", 999)
    assert seat.galera.last_numbered(PRINTED.splitlines()[4:5], 9) is None


def test_an_id_as_galera_has_them(seat: ModuleType) -> None:
    """That with which a server of 10.11 was seen to say `Recovered position: e17933a0-...:18`."""
    assert seat.galera.xid(GROUP, 18, "166240495-173650443-15") == (
        "X'5753524550586966e17933a0eb6111f188daabb6e70128161200000000000000efa0e8090bb2590a0f00000000000000','',1"
    )


def logs(*positions: str) -> list[catalogue.Backup]:
    """Fetches that reach these positions."""
    return [
        catalogue.Backup(f"b{number}", "main", "binlogs", float(number), "db1", position=position)
        for number, position in enumerate(positions)
    ]


@pytest.mark.parametrize(
    ("numbered", "start", "expected"),
    [
        ({"b1": ("9-7-20", 31)}, "9-7-5", (2, {"gtid": "9-7-20", "seqno": 31})),
        ({"b0": ("9-7-9", 12)}, "9-7-5", (1, {"gtid": "9-7-9", "seqno": 12})),  # the last one has statements alone
        ({"b0": ("9-7-5", 12)}, "9-7-5", (0, {"gtid": "9-7-5", "seqno": 0})),  # the copy has it
        ({}, "9-7-5", (0, {"gtid": "9-7-5", "seqno": 0})),
    ],
)
def test_a_group_goes_as_far_as_a_number_is_known(
    seat: ModuleType, monkeypatch: pytest.MonkeyPatch, numbered: dict[str, Any], start: str, expected: Any
) -> None:
    monkeypatch.setattr(seat.restore, "unpack_logs", lambda _, line, __: [(line[0], line[0].id, "")])
    monkeypatch.setattr(seat.galera, "read", lambda paths, _domain: numbered.get(paths))
    line = logs("9-7-10", "9-7-22")
    found, told = seat.found({"name": "main", "mode": "galera", "domain": 9}, None, line, start)
    assert (len(found), told) == expected
    assert found == line[: len(found)]


def test_with_replicas_a_position_is_enough(seat: ModuleType) -> None:
    database = {"name": "main", "mode": "replication", "domain": 9}
    line = logs("9-7-10", "9-7-22")
    assert seat.found(database, None, line, "9-7-5") == (line, {"gtid": "9-7-22", "seqno": 0})
    assert seat.found(database, None, [], "9-7-5") == ([], {"gtid": "9-7-5", "seqno": 0})


@pytest.mark.parametrize(("wanted", "says", "said"), [(31, 31, 1), (0, 12, 0), (31, 12, 1)])
def test_files_say_themselves_up_to_where_they_go(
    seat: ModuleType, monkeypatch: pytest.MonkeyPatch, wanted: int, says: int, said: int
) -> None:
    """A copy at 12 that is replayed to 31, one that is not replayed, and one in which the number did not stay."""
    told: list[str] = []
    answers = iter([(GROUP, 12), (GROUP, says)])
    monkeypatch.setattr(seat.galera, "checkpoint", lambda _: next(answers))
    place = {"gtid": "9-7-20", "seqno": wanted}
    database = {"name": "main", "mode": "galera"}

    def take() -> None:
        with seat.taken(database, "/data", place) as settle:
            settle(SimpleNamespace(rows=told.append))

    if wanted and says != wanted:
        with pytest.raises(settings.RefusedError, match=f"go up to {GROUP}:12, not {GROUP}:31"):
            take()
    else:
        take()
        assert place == {"gtid": "9-7-20", "seqno": says, "group": GROUP}
    assert len(told) == said


def test_a_server_of_mysql_tells_exactly_what_it_has(seat: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy holds less than it may, and a node that said more would lack it for good."""
    monkeypatch.setattr(seat.engine, "holds", lambda *_: f"{OTHER}:1-3,{GROUP}:1-17", raising=False)
    for mode in ("replication", "group_replication"):
        place = {"gtid": f"{GROUP}:1-20", "seqno": 0}
        with seat.taken({"mode": mode}, "/data", place) as settle:
            settle(None)
        assert place == {"gtid": f"{OTHER}:1-3,{GROUP}:1-17", "seqno": 0}


def test_nothing_is_asked_of_what_no_node_goes_on_from(seat: ModuleType) -> None:
    for database, place in (({"mode": "galera"}, None), ({"mode": "replication"}, {"gtid": "9-7-1", "seqno": 0})):
        with seat.taken(database, "/data", place) as settle:
            settle(None)


def test_a_copy_of_before_a_restore_leads_nowhere(seat: ModuleType) -> None:
    copy = catalogue.Backup("f1", "main", "full", 1.0, "db1", position="9-7-5")
    mark = catalogue.Backup("m1", "main", "restored", 2.0, "db1")
    seat.refuse_past([copy], copy)
    with pytest.raises(settings.RefusedError, match="f1 is of before m1"):
        seat.refuse_past([copy, mark], copy)


@pytest.mark.parametrize("now", [("other", 19), (GROUP, 18)])
def test_files_that_a_new_group_begins_with(
    seat: ModuleType, monkeypatch: pytest.MonkeyPatch, now: tuple[str, int]
) -> None:
    """Their number is beyond that of the old group, their GTID as it was wished; else they are refused."""
    said: list[str] = []
    states = iter([("old", 18), (GROUP, 19)])
    monkeypatch.setattr(seat.galera, "checkpoint", lambda _: next(states))
    wanted = {"group": GROUP, "sequence": 2_000_000}
    with seat.begun("data", wanted, "166240495-173650443-15") as settle:
        settle(SimpleNamespace(rows=said.append))
    assert wanted["seqno"] == 19
    assert said[0] == seat.galera.FORGOTTEN
    assert seat.galera.xid(GROUP, 19, "166240495-173650443-2000000") in said[1]
    states = iter([("old", 18), now])
    with pytest.raises(seat.RefusedError, match="go up to"), seat.begun("data", wanted, "1-1-15"):
        pass
