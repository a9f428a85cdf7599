"""A dump: what is asked for, from whom, by which command; and a file only when it is whole."""

import io
import os
import stat
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster_cli.backups.dump import Dumped, chosen, command, file_for, fit, load, source, teller, there
from cluster_cli.backups.dump_stream import TRAILER, Seen, program, receive, whole_or_nothing
from cluster_cli.databases.live import Live
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Event
from cluster_cli.run import Run
from tests.unit.test_database_verbs import TOPOLOGY, Said, synced

FOUND = {"shop": ["orders", "items"], "books": ["orders"], "empty": []}
HERE = [sys.executable, "-I", "-"]  # in place of SSH
SQL = b"-- SET GLOBAL gtid_slave_pos='7-1-42,8-2-9';\nINSERT INTO t VALUES (1);\n" + TRAILER + b" on 2026-05-04\n"


@dataclass
class Whole(Said):
    """A database with its topology. clients: applications' connections; a server left out says nothing."""

    workspace: Any = field(default_factory=lambda: SimpleNamespace(topology=TOPOLOGY))
    clients: dict[str, int] = field(default_factory=dict)

    def ask(self, node: str, _sql: str) -> list[list[str]]:
        if node not in self.clients:
            raise ClusterError("it does not answer")
        return [[str(self.clients[node])]]


def row(writer: str | None, **follow: dict[str, Any]) -> dict[str, Any]:
    """A database as in status."""
    nodes = {name: {"state": "Synced"} for name in ("db1", "db2", "db3", "db4")} | {"db4": {"state": None}}
    return {
        "primary": writer,
        "replicas": {name: {"running": True, **each} for name, each in follow.items()},
        "nodes": nodes,
    }


@pytest.mark.parametrize(
    ("said", "nodes"),
    [
        (row("db1", db2={"lag_seconds": 9}, db3={"lag_seconds": 1}), ["db3", "db2"]),
        (row("db1", db2={"lag_seconds": 99}, db3={"lag_seconds": None}), ["db3"]),
        (row("db1", db2={"lag_seconds": 99}, db3={"lag_seconds": 55}), ["db3"]),
        (row("db1", db2={"delay_seconds": 3600, "lag_seconds": 0}, db3={"lag_seconds": 7}), ["db3"]),
        (row("db1", db2={"running": False}, db3={"delay_seconds": 3600}), ["db1"]),
        (row(None, db2={"running": False}), []),
    ],
)
def test_it_is_taken_from_who_follows_and_from_who_writes_where_nobody_does(
    said: dict[str, Any], nodes: list[str]
) -> None:
    assert fit(said) == nodes


def test_who_is_wanted_needs_only_a_server_that_answers() -> None:
    said = row("db1", db2={"running": False, "delay_seconds": 3600})
    assert [fit(said, name) for name in ("db1", "db2", "db4")] == [["db1"], ["db2"], []]


def test_a_node_is_found_by_what_servers_say_and_refused_with_the_reason() -> None:
    known = cast("Live", Whole({"db1": synced(), "db2": synced(3), "db3": synced()}, clients={"db2": 7, "db3": 0}))
    assert source(known, None) == "db3"
    assert source(cast("Live", Whole({"db1": synced(), "db2": synced(3), "db3": None})), None) == "db2"
    lost = cast("Live", Whole({"db1": synced(), "db2": None, "db3": None}))
    assert source(lost, None) == "db1"
    with pytest.raises(ClusterError, match="db3 is fit") as raised:
        source(lost, "db3")
    assert "db3: its server does not answer" in raised.value.why
    with pytest.raises(ClusterError, match="db9 is no node of database main") as raised:
        source(lost, "db9")
    assert raised.value.code == Exit.USAGE
    with pytest.raises(ClusterError, match="no node is fit"):
        source(cast("Live", Whole(dict.fromkeys(("db1", "db2", "db3")))), None)


@pytest.mark.parametrize(
    ("schemas", "tables", "expected"),
    [
        ((), (), (("books", "empty", "shop"), ())),
        (("shop", "books", "shop"), (), (("shop", "books"), ())),
        ((), ("shop.items", "shop.orders"), (("shop",), ("shop.items", "shop.orders"))),
    ],
)
def test_what_is_dumped(schemas: tuple[str, ...], tables: tuple[str, ...], expected: object) -> None:
    assert chosen(FOUND, schemas, tables) == expected


@pytest.mark.parametrize(
    ("schemas", "tables", "what", "hint"),
    [
        (("shopp",), (), 'there is no schema "shopp"', 'did you mean "shop"?'),
        (("mysql",), (), 'there is no schema "mysql"', "books, empty, shop"),
        ((), ("shop.order",), 'there is no table "shop.order"', 'did you mean "shop.orders"?'),
        ((), ("orders",), 'there is no table "orders"', "shop.orders"),
        ((), ("shop.orders", "books.orders"), "are of one schema", "--schema books --schema shop"),
        (("shop",), ("shop.orders",), "schemas, or tables", "another for the tables"),
    ],
)
def test_what_is_not_there_or_not_of_one_moment_is_refused(
    schemas: tuple[str, ...], tables: tuple[str, ...], what: str, hint: str
) -> None:
    with pytest.raises(ClusterError, match=what) as raised:
        chosen(FOUND, schemas, tables)
    assert hint in raised.value.hint
    assert raised.value.code == Exit.USAGE


def test_a_server_without_schemas_has_nothing_to_dump() -> None:
    with pytest.raises(ClusterError, match="nothing to dump"):
        chosen({}, (), ())


def test_a_server_tells_its_schemas_also_empty_ones() -> None:
    class Asked:
        def ask(self, _node: str, _sql: str, seconds: float) -> list[list[str]]:
            assert seconds > 10
            return [["empty", ""], ["shop", ""], ["shop", "orders"], ["shop", "a.b"]]

    found = there(cast("Live", Asked()), "db1")
    assert found == {"empty": [], "shop": ["orders", "a.b"]}
    assert chosen(found, (), ("shop.a.b",)) == (("shop",), ("shop.a.b",))
    assert command("mariadb", ["shop"], ["shop.a.b"])[-2:] == ["shop", "a.b"]


def test_the_command_has_one_view_its_position_and_no_password() -> None:
    assert command("mariadb", ("books", "shop"), ()) == [
        *("mariadb-dump", "--no-defaults", "--single-transaction", "--master-data=2", "--gtid"),
        *("--default-character-set=utf8mb4", "--routines", "--events", "--triggers", "--databases"),
        *("--", "books", "shop"),
    ]
    assert command("mysql", ("shop",), ("shop.items", "shop.orders")) == [
        *("mysqldump", "--no-defaults", "--single-transaction", "--source-data=2", "--set-gtid-purged=COMMENTED"),
        *("--default-character-set=utf8mb4", "--triggers", "--", "shop", "items", "orders"),
    ]


def test_the_line_that_puts_it_in() -> None:
    file = Path("/d/my dump.sql.gz")
    assert load(file, "main", (), "shop") == "zcat '/d/my dump.sql.gz' | cluster db shell main -C shop"
    words = load(Path("/d/t.sql.gz"), "main", ("shop",), "")
    assert words == "(echo 'USE `shop`;'; zcat /d/t.sql.gz) | cluster db shell main -C ."


def test_a_folder_gets_a_file_with_the_moment_and_a_file_must_be_new_and_say_that_it_is_packed(
    tmp_path: Path,
) -> None:
    name = file_for(tmp_path, "main").name
    assert name.startswith("main-20")
    assert name.endswith("Z.sql.gz")
    assert file_for(tmp_path / "x.sql.gz", "main") == tmp_path / "x.sql.gz"
    (tmp_path / "old.sql.gz").touch()
    for wrong, what in (("x.sql", "packed"), ("no/x.sql.gz", "no folder"), ("old.sql.gz", "is there already")):
        with pytest.raises(ClusterError, match=what) as raised:
            file_for(tmp_path / wrong, "main")
        assert raised.value.code == Exit.USAGE


def test_the_end_tells_all_of_it() -> None:
    done = Dumped(
        "main", "db2", "7-1-42", ("shop",), ("shop.orders",), "/d/x.sql.gz", 1200, 5_000_000, 2.5, "load"
    )
    assert str(done) == ("shop.orders of main, as on db2 at 7-1-42: 5 MB of SQL in 2.5 s, 1 kB in /d/x.sql.gz")
    assert '"sql_bytes": 5000000' in done.as_json()


@pytest.mark.parametrize(
    ("head", "position"),
    [
        (
            b"--\n-- GTID to start replication from\n--\n\n-- SET GLOBAL gtid_slave_pos='0-1-2,3-4-5';\n",
            "0-1-2,3-4-5",
        ),
        (b"/* SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'ab-c:1-5,\nde-f:1-3';*/\n", "ab-c:1-5,de-f:1-3"),
        (b"/* SET @@GLOBAL.GTID_PURGED='+ab-c:1-5';*/\n", "ab-c:1-5"),
        (b"CREATE TABLE x (y int);\n", ""),
    ],
)
def test_the_position_is_read_from_what_the_engine_wrote(head: bytes, position: str) -> None:
    assert Seen(head=head).position == position
    assert Seen(head=b"-- MariaDB dump\n", tail=b"(2);\n" + head).position == position
    assert (
        Seen(tail=b"INSERT INTO t VALUES ('SET GLOBAL gtid_slave_pos=\\'7-7-7\\'');\n" + head).position == position
    )


def dumped(script: str, rate: float | None = None, argv: list[str] | None = None) -> tuple[bytes, Seen]:
    """What comes of a shell command that stands for the engine's."""
    file, words = io.BytesIO(), ["sh", "-c", script]
    seen = receive(argv or HERE, program(words, rate), file, lambda _sql, _packed: None)
    return zlib.decompress(file.getvalue(), 31), seen


def written(tmp_path: Path, text: bytes) -> str:
    (tmp_path / "sql").write_bytes(text)
    return f"cat '{tmp_path / 'sql'}'"


def test_what_the_engine_says_arrives_whole(tmp_path: Path) -> None:
    text = SQL.replace(b"(1)", b"(1),(" + os.urandom(300_000).hex().encode() + b")")
    found, seen = dumped(written(tmp_path, text))
    assert found == text
    assert (seen.size, seen.position, seen.whole) == (len(text), "7-1-42,8-2-9", True)
    assert 0 < seen.packed < len(text)


def test_what_is_put_in_is_replicated(tmp_path: Path) -> None:
    line = b"SET @@SESSION.SQL_LOG_BIN= 0;\n"
    found, _ = dumped(written(tmp_path, b"-- MySQL dump\n" + line + SQL))
    assert found == b"-- MySQL dump\n-- " + line + SQL


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ("; echo 'Error 2013: Lost connection' >&2; exit 3", "Error 2013"),
        ("; kill -KILL $$", "exit code 247"),  # -9, of Python
        ("| head -c 60", "without the line"),
    ],
)
def test_what_breaks_off_is_none(tmp_path: Path, after: str, why: str) -> None:
    with pytest.raises(ClusterError, match="broke off") as raised:
        dumped(written(tmp_path, SQL) + after)
    assert why in raised.value.why


@pytest.mark.parametrize(
    ("there", "why", "code"),
    [
        ("echo no route >&2; exit 255", "no route", Exit.UNREACHABLE),
        ("cat >&2; echo noise", "incorrect header", Exit.FAILED),
        ("exec 0<&-; exit 0", "without the line", Exit.FAILED),
    ],
)
def test_what_is_no_stream_is_none(there: str, why: str, code: Exit) -> None:
    with pytest.raises(ClusterError, match="broke off") as raised:
        dumped("true", argv=["sh", "-c", there])
    assert why in raised.value.why
    assert raised.value.code == code


def test_it_takes_its_time_where_that_is_wished(tmp_path: Path) -> None:
    began = time.monotonic()
    dumped(written(tmp_path, SQL), rate=len(SQL) / 0.5)
    assert time.monotonic() - began > 0.45


def test_a_file_has_its_name_when_it_is_whole_and_is_nobody_elses(tmp_path: Path) -> None:
    target = tmp_path / "x.sql.gz"
    with whole_or_nothing(target) as file:
        file.write(b"all")
        assert not target.exists()
        (draft,) = tmp_path.iterdir()
        assert draft.name.startswith(".x.sql.gz.")
        assert draft.suffix == ".part"
    assert target.read_bytes() == b"all"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ClusterError("the dump broke off")])
def test_what_is_interrupted_leaves_nothing(tmp_path: Path, error: Any) -> None:
    def interrupted() -> None:
        with whole_or_nothing(tmp_path / "x.sql.gz") as file:
            file.write(b"half")
            raise error

    with pytest.raises((KeyboardInterrupt, ClusterError)):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_what_came_meanwhile_under_its_name_stays(tmp_path: Path) -> None:
    target = tmp_path / "x.sql.gz"

    def meanwhile() -> None:
        with whole_or_nothing(target):
            target.write_bytes(b"another's")

    with pytest.raises(ClusterError, match="is there already"):
        meanwhile()
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(target, b"another's")]


def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    def full() -> None:
        with whole_or_nothing(tmp_path / "x.sql.gz"):
            raise OSError(28, "No space left on device")

    with pytest.raises(ClusterError, match="cannot be written") as raised:
        full()
    assert "No space left" in raised.value.why
    assert list(tmp_path.iterdir()) == []


def test_a_dump_whose_reader_is_killed_ends_on_the_node(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = program(["sh", "-c", f"echo $$ > {note}.new; mv {note}.new {note}; exec yes"], None)
    with subprocess.Popen(
        HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(script.encode())
        process.stdin.close()
        while not note.exists():
            process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
        process.stdout.close()
        assert process.wait(30) != 0
    pid = int(note.read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_progress_is_told_now_and_then() -> None:
    events: list[Event] = []

    class Under:
        emit = staticmethod(events.append)

    times = iter([0.0, 0.5, 1.2, 1.9, 500.0, 505.0, 511.0])
    told = teller(cast("Run", Under()), "db2", lambda: next(times))
    for _ in range(6):
        told(3_000_000, 1_000_000)
    assert [cast("Any", each).text.split(",")[0] for each in events] == ["3 MB of SQL"] * 3
    assert cast("Any", events[0]).text.endswith("2 MB/s")
