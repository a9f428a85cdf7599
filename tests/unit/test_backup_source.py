"""What a node of a database gives to backup nodes: which binary logs, in which stream; how MySQL's copies end."""

import importlib.util
import io
import json
import re
import sys
import tarfile
from pathlib import Path
from threading import Event, Thread
from types import ModuleType, SimpleNamespace

import pytest

from cluster_cli.databases.group_replication.gtid import GtidSet

FILES = Path(__file__).parents[2] / "roles/backup_source/files"


def loaded(monkeypatch: pytest.MonkeyPatch, engine: str, *names: str) -> ModuleType:
    """Modules by name with their own neighbours, and not those of the same names elsewhere; the last one."""
    module = ModuleType("")
    for name in names:
        own = FILES / engine / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, own if own.exists() else FILES / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def binlogs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded(monkeypatch, "mariadb", "engine", "server", "binlogs")


def test_whatever_the_program_uses_both_engines_have() -> None:
    used = {
        name for path in FILES.glob("*.py") for name in re.findall(r"\bengine\.([A-Za-z_]+)", path.read_text())
    }
    assert {"begins", "view", "tidy"} <= used
    for engine in ("mariadb", "mysql"):
        text = (FILES / engine / "engine.py").read_text()
        assert [
            name for name in used if not re.search(rf"^(def {name}\(|.*\b{name}\b.* = )", text, re.MULTILINE)
        ] == []


def test_a_copy_that_cannot_begin_does_not_keep_others_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The data files are away, as while they are exchanged; then they are back."""
    copies = loaded(monkeypatch, "mariadb", "engine", "server", "copies")
    monkeypatch.setattr(copies, "RUN", str(tmp_path))
    monkeypatch.setattr(sys.modules["engine"], "BACKUP", ["true"])

    def away() -> str:
        raise copies.RefusedError("the data files cannot be seen", 503)

    monkeypatch.setattr(copies, "lineage", away)
    for _ in range(2):
        with pytest.raises(copies.RefusedError, match="cannot be seen"):
            copies.Copy("r1", 0, 0).__enter__()
    monkeypatch.setattr(copies, "lineage", lambda: "x")
    with copies.Copy("r2", 0, 0), pytest.raises(copies.RefusedError, match="giving a copy already"):
        copies.Copy("r3", 0, 0).__enter__()


class FakeServer:
    """A server with binary logs: {name: (position at its beginning, [GTIDs in it])}."""

    def __init__(self, position: str, logs: dict[str, tuple[str, list[str]]]) -> None:
        self.position, self.logs, self.said, self.status = position, logs, [], []

    def __call__(self, _seconds: float) -> "FakeServer":
        return self

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None: ...

    def value(self, sql: str, *values: str) -> str:
        return self.position if "gtid_binlog_pos" in sql.lower() and not values else self.logs[values[0]][0]

    def rows(self, sql: str) -> list[tuple]:
        if "GLOBAL STATUS" in sql:
            return self.status
        self.said.append(sql)
        if found := re.search(r"EVENTS IN '(.*)' LIMIT", sql):
            return [(0, 0, "Gtid", 0, 0, f"BEGIN GTID {each}") for each in self.logs[found[1]][1]]
        return [(name, 100) for name in self.logs] if "SHOW" in sql else []


LOGS = {
    "b1": ("", ["9-9-1", "1-1-1"]),
    "b2": ("9-9-1,1-1-50", ["1-1-51"]),
    "b3": ("9-9-1,1-1-80", ["1-1-81"]),
    "b4": ("9-9-1,1-1-99", []),
}


def names(found: list[tuple[str, str]]) -> list[str]:
    return [name for name, _ in found]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("1-1-90", ["b3", "b4"]),
        ("1-1-80", ["b3", "b4"]),
        ("1-1-79", ["b2", "b3", "b4"]),
        ("1-1-1", ["b1", "b2", "b3", "b4"]),
    ],
)
def test_logs_from_what_comes_next(
    binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch, after: str, expected: list[str]
) -> None:
    server = FakeServer("9-9-1,1-1-99", LOGS)
    monkeypatch.setattr(binlogs, "Server", server)
    assert names(binlogs.after(after)) == expected
    assert server.said[0] == "FLUSH LOCAL BINARY LOGS"


def test_nothing_was_written(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    server = FakeServer("9-9-7,1-1-99", LOGS)
    monkeypatch.setattr(binlogs, "Server", server)
    assert binlogs.after("1-2-99") is None, "what the node wrote by itself does not count"
    assert server.said == [], "an idle server's logs are left alone"


@pytest.mark.parametrize(("engine", "name"), [("mariadb", "master"), ("mysql", "source")])
@pytest.mark.parametrize(
    ("clients", "status", "waits"), [("0", "ON", True), ("1", "ON", False), ("0", "OFF", False)]
)
def test_no_log_is_closed_while_commits_wait_for_a_replica(
    monkeypatch: pytest.MonkeyPatch, engine: str, name: str, clients: str, status: str, waits: bool
) -> None:
    """That would wait, too, and hold up whoever looks at the logs, as who wants to follow."""
    binlogs = loaded(monkeypatch, engine, "engine", "server", "binlogs")
    server = (
        FakeServer("1-1-99", LOGS) if engine == "mariadb" else FakeMysql(f"{UUID}:1-9", "", {"b1": "", "b2": ""})
    )
    server.status = [(f"Rpl_semi_sync_{name}_clients", clients), (f"Rpl_semi_sync_{name}_status", status)]
    monkeypatch.setattr(binlogs, "Server", server)
    position = "1-1-90" if engine == "mariadb" else f"{UUID}:1-4"
    if waits:
        with pytest.raises(Exception, match="no replica acknowledges") as raised:
            binlogs.after(position)
        assert raised.value.code == 503
        assert server.said == []
    else:
        binlogs.after(position)
        assert server.said[0].startswith("FLUSH")


def test_what_was_removed_is_told(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a node that was given a copy: its first log says to begin with nothing, and begins far on."""
    late = {"b1": ("", ["1-1-60"]), "b2": ("1-1-80", [])}
    for logs in ({name: LOGS[name] for name in ("b3", "b4")}, late):
        monkeypatch.setattr(binlogs, "Server", FakeServer("1-1-99", logs))
        with pytest.raises(Exception, match="not in the binary logs any more") as raised:
            binlogs.after("1-1-55")
        assert raised.value.code == 410


@pytest.mark.parametrize(
    ("logs", "position", "expected"),
    [
        (LOGS, "1-1-99", True),  # nothing was written since
        (LOGS, "1-1-90", True),
        ({name: LOGS[name] for name in ("b3", "b4")}, "1-1-90", True),
        ({name: LOGS[name] for name in ("b3", "b4")}, "1-1-55", False),
        ({"b1": ("", ["1-1-60"]), "b2": ("1-1-80", [])}, "1-1-55", False),  # it was given a copy
        ({"b1": ("", ["1-1-60"]), "b2": ("1-1-80", [])}, "1-1-59", True),
    ],
)
def test_logs_reach_back_or_not(
    binlogs: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    logs: dict[str, tuple[str, list[str]]],
    position: str,
    expected: bool,
) -> None:
    server = FakeServer("1-1-99", logs)
    monkeypatch.setattr(binlogs, "Server", lambda: server)
    assert binlogs.reach_back(position) is expected
    assert not [each for each in server.said if not each.startswith("SHOW")], "it is asked every few seconds"


def test_the_stream_is_a_tar(binlogs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binlogs, "DATA", str(tmp_path))
    (tmp_path / "b1").write_bytes(b"x" * 1000)
    (tmp_path / "b2").write_bytes(b"y" * 512)
    whole = b"".join(binlogs.packed([("b1", "1-1-5"), ("b2", "1-1-7"), ("b3", "1-1-9")]))
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
        assert tar.getnames() == ["about.json", "b1", "b2"]
        about = json.load(tar.extractfile("about.json"))  # type: ignore[arg-type]
        assert (about["start"], about["position"]) == ("1-1-5", "1-1-9")
        assert tar.extractfile("b1").read() == b"x" * 1000  # type: ignore[union-attr]


@pytest.mark.parametrize(("engine", "said"), [("mariadb", "MD5("), ("mysql", "SHA2(")])
def test_rows_are_summed_up(monkeypatch: pytest.MonkeyPatch, engine: str, said: str) -> None:
    sql = loaded(monkeypatch, engine, "engine", "server", "digests").statement("shop", "or`ders", ["id", "name"])
    row = "CONCAT_WS('/', COALESCE(HEX(`id`), 'NULL'), COALESCE(HEX(`name`), 'NULL'))"
    assert f"CONV(LEFT({said}{row}" in sql
    assert sql.endswith("FROM `shop`.`or``ders`")


UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
OTHER = "99999999-2222-3333-4444-555555555555"


class FakeMysql:
    """A MySQL server with binary logs: {name: what those before hold}. purged: what no log of its holds."""

    def __init__(self, executed: str, purged: str, logs: dict[str, str]) -> None:
        self.executed, self.purged, self.logs, self.said, self.status = executed, purged, logs, [], []

    def __call__(self, _seconds: float) -> "FakeMysql":
        return self

    def __enter__(self) -> "FakeMysql":
        return self

    def __exit__(self, *_: object) -> None: ...

    def value(self, sql: str, *values: str) -> str:
        if "GTID_SUBSET" in sql:
            one, whole = (GtidSet.parse(each) for each in values)
            return str(int(one <= whole))
        return self.purged if "purged" in sql else self.executed

    def rows(self, sql: str) -> list[tuple]:
        if "GLOBAL STATUS" in sql:
            return self.status
        self.said.append(sql)
        if found := re.search(r"EVENTS IN '(.*)' LIMIT", sql):
            before = self.logs[found[1]].replace(",", ",\n")
            return [(0, 4, "Format_desc", 1, 126, "Server ver"), (0, 126, "Previous_gtids", 1, 197, before)]
        return [(name, 100, "No") for name in self.logs] if "SHOW" in sql else []


SETS = {"b1": "", "b2": f"{UUID}:1-50", "b3": f"{UUID}:1-80", "b4": f"{UUID}:1-90:92"}


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded(monkeypatch, "mysql", "engine", "server", "binlogs")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (f"{UUID}:1-85", ["b3", "b4"]),
        (f"{UUID}:1-79", ["b2", "b3", "b4"]),
        (f"{UUID}:1-10", ["b1", "b2", "b3", "b4"]),
        (f"{UUID}:1-80:82,{OTHER}:7", ["b3", "b4"]),
    ],
)
def test_sets_lead_to_logs(
    sets: ModuleType, monkeypatch: pytest.MonkeyPatch, after: str, expected: list[str]
) -> None:
    monkeypatch.setattr(sets, "Server", FakeMysql(f"{UUID}:1-90:92", "", SETS))
    found = sets.after(after)
    assert names(found) == expected
    assert found[-1][1] == f"{UUID}:1-90:92"


def test_a_node_that_was_given_a_copy_has_what_no_log_of_its_holds(
    sets: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = {"b1": "", "b2": f"{UUID}:61-80"}
    monkeypatch.setattr(sets, "Server", FakeMysql(f"{UUID}:1-80", f"{UUID}:1-60", logs))
    found = sets.after(f"{UUID}:1-60")
    assert [begins for _, begins in found] == [f"{UUID}:1-60", f"{UUID}:61-80,{UUID}:1-60"]
    with pytest.raises(Exception, match="not in the binary logs any more") as raised:
        sets.after(f"{UUID}:1-59")
    assert raised.value.code == 410
    assert sets.after(f"{UUID}:1-80") is None


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    module = loaded(monkeypatch, "mysql", "engine", "server", "binlogs", "clone")
    monkeypatch.setattr(module, "PLACE", str(tmp_path / "copy"))
    monkeypatch.setattr(module, "DATA", str(tmp_path / "data"))
    return module


def test_a_copy_without_room_is_refused(clone: ModuleType) -> None:
    clone.fits(1 << 30, (1 << 30) + clone.SPARE)
    with pytest.raises(clone.RefusedError, match=r"1536 MB are needed, 1535 MB are free"):
        clone.fits(1 << 30, (1 << 30) + clone.SPARE - 1)


def test_logs_do_not_count_as_what_is_copied(clone: ModuleType, tmp_path: Path) -> None:
    for name in ("ibdata1", "binlog.000001", "shop/orders.ibd", "#innodb_temp/temp_1.ibt", "relay-bin.000002"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 65536)
    assert 2 * 65536 <= clone.needed() < 3 * 65536


def test_a_copy_that_takes_the_last_room_is_ended(clone: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Event()
    beside = SimpleNamespace(tried=lambda sql: (said.append(sql), ended.set()))
    said: list[str] = []
    monkeypatch.setattr(clone.shutil, "disk_usage", lambda _: SimpleNamespace(free=clone.LEAST - 1))
    work = Thread(target=ended.wait, args=(10,))
    work.start()
    with pytest.raises(clone.RefusedError, match="127 MB are free"):
        clone.wait(work, beside, 42)
    assert said == ["KILL 42"]


def test_what_waits_hears_that_the_copy_is_being_made(
    clone: ModuleType, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Empty files of the name that comes last in the tar, one after the other."""
    monkeypatch.setattr(clone, "ALIVE_SECONDS", 0.0)
    monkeypatch.setattr(clone.sys, "stdout", open(1, "w", closefd=False))  # noqa: SIM115
    work = Thread(target=Event().wait, args=(0.7,))
    work.start()
    clone.wait(work, SimpleNamespace(), 42)
    said = capfdbinary.readouterr().out
    with tarfile.open(fileobj=io.BytesIO(said + b"\0" * 1024), mode="r:") as tar:
        found = [(info.name, info.size) for info in tar]
    assert len(found) >= 2
    assert set(found) == {("cluster-backup.cnf", 0)}


@pytest.mark.parametrize("there", [False, True])
def test_what_a_killed_copy_left_goes(clone: ModuleType, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """The server goes on copying for who was killed; that is ended, and then the files go."""
    engine = sys.modules["engine"]
    place = Path(clone.PLACE)
    monkeypatch.setattr(engine, "PLACE", clone.PLACE)
    if there:
        place.mkdir()
        (place / "ibdata1").write_bytes(b"x")
    running, said = [(42,)], []

    class Goes(FakeMysql):
        def rows(self, _sql: str) -> list[tuple]:
            return list(running)

        def tried(self, sql: str) -> None:
            said.append(sql)
            running.clear()

    engine.tidy(Goes("", "", {}))  # type: ignore[attr-defined]
    assert not place.exists()
    assert said == (["KILL 42"] if there else [])


def test_what_cannot_be_removed_now_is_removed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is away at first; a copy that is made meanwhile is left alone."""
    copies = loaded(monkeypatch, "mysql", "engine", "server", "copies")
    monkeypatch.setattr(copies, "AGAIN_SECONDS", 0.01)
    tries, done = [], Event()

    def tidy(_server: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise copies.RefusedError("the server does not answer", 503)
        done.set()

    monkeypatch.setattr(sys.modules["engine"], "tidy", tidy)
    copies.tidied()
    assert done.wait(10)
    tries.clear()
    with copies.BUSY:
        copies.tidied_alone()
    assert tries == []
