"""Logs: what is asked, how a record reads, and which are shown."""

import gzip
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.logs import journals, receivers
from cluster_cli.logs.query import Query
from cluster_cli.logs.record import Record, from_journal, from_line
from cluster_cli.ssh import Answer

FILES = Path(__file__).parents[2] / "roles/logs/files"
LINE = "2026-01-31T12:00:00.000001+00:00 web1 nginx info 33 nginx[12]: GET / [200]"


def program(name: str) -> ModuleType:
    """A program of the role as a module."""
    spec = spec_from_loader(name, SourceFileLoader(name, str(FILES / f"{name}.py")))
    assert spec
    module = module_from_spec(spec)
    assert spec.loader
    spec.loader.exec_module(module)
    return module


reader: Any = program("reader")
receiver: Any = program("receiver")


def test_a_kept_line_is_a_record_and_shown_as_journalctl_shows_it() -> None:
    found = from_line(LINE + "\n")
    assert found
    assert found.as_text() == "2026-01-31T12:00:00.000001+00:00 web1 nginx[12]: GET / [200]"
    assert json.loads(found.as_json()) == {
        "schema_version": 1,
        "at": "2026-01-31T12:00:00.000001+00:00",
        "node": "web1",
        "service": "nginx",
        "severity": "info",
        "uid": "33",
        "speaker": "nginx",
        "pid": "12",
        "message": "GET / [200]",
    }


def test_who_has_no_pid_is_shown_without() -> None:
    found = from_line("2026-01-31T12:00:00.000001+00:00 web1 kernel info - kernel[-]: up")
    assert found
    assert found.as_text().endswith(" web1 kernel: up")


@pytest.mark.parametrize("line", ["", "nonsense", "cluster-log-receiver takes no logs now", "a b c d e f"])
def test_what_is_no_record_is_none(line: str) -> None:
    assert from_line(line) is None


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({"_SYSTEMD_UNIT": "nginx.service"}, "nginx"),
        ({"_SYSTEMD_UNIT": "cluster-backup@main.service"}, "cluster-backup"),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "nginx.service"}, "nginx"),
        ({"_SYSTEMD_UNIT": "init.scope"}, "systemd"),
        ({"_SYSTEMD_UNIT": "init.scope", "UNIT": "sysinit.target"}, "systemd"),
        ({"_SYSTEMD_UNIT": "apache2.service"}, "apache2"),
        ({"_SYSTEMD_UNIT": "php8.2-fpm.service"}, "php8.2-fpm"),
        ({"_SYSTEMD_UNIT": "cluster-firewall-way-back-128-3544420925499.service"}, "cluster-firewall-way-back"),
        ({"_SYSTEMD_UNIT": "run-r3fa.service"}, "run"),
        ({"_SYSTEMD_UNIT": "session-12.scope"}, "session"),
        ({"_TRANSPORT": "kernel"}, "kernel"),
        ({"_SYSTEMD_UNIT": "../../etc.service"}, "other"),
        ({}, "other"),
    ],
)
def test_the_service_is_the_unit_that_spoke(fields: dict[str, str], service: str) -> None:
    assert from_journal("a", {"__REALTIME_TIMESTAMP": "1", **fields}).service == service


def test_a_journals_record_may_have_bytes_and_lack_most() -> None:
    found = from_journal("a", {"__REALTIME_TIMESTAMP": "1769860800000001", "MESSAGE": [104, 105, 255]})
    assert found == Record(
        "2026-01-31T12:00:00.000001+00:00", "a", "other", "info", "-", "-", "-", "hi\N{REPLACEMENT CHARACTER}"
    )


def test_what_is_asked_is_quoted() -> None:
    query = Query(nodes=("a",), services=("x; reboot",), since="-1h", until="now", security=True)
    assert query.of_receiver() == (
        "python3 -I /usr/local/lib/cluster/logs --since='-1h' --until='now' --node='a' "
        "--service='x; reboot' --security"
    )
    assert query.of_journal().endswith(" --since='-1h' --until='now' -u 'x; reboot' --facility=auth,authpriv")


def hosts(*names: str) -> list[Any]:
    return [SimpleNamespace(name=name) for name in names]


def answering(answers: dict[str, Answer]) -> Callable[..., Answer]:
    return lambda host, _command, **_options: answers[host.name]


def test_the_next_receiver_is_asked_when_one_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Answer("m1", 3, "", "cluster-log-receiver takes no logs now\n")
    monkeypatch.setattr(ssh, "run", answering({"m1": lost, "m2": Answer("m2", 0, LINE + "\n", "")}))
    told: list[str] = []
    found = receivers.read(hosts("m1", "m2"), Query(), told.append)
    assert found is not None
    assert [record.node for record in found] == ["web1"]
    assert told == ["# m1 gives no logs: cluster-log-receiver takes no logs now"]
    monkeypatch.setattr(ssh, "run", answering({"m1": lost, "m2": Answer("m2", 255, "", "no route")}))
    assert receivers.read(hosts("m1", "m2"), Query(), told.append) is None


def test_a_time_that_is_none_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "run", answering({"m1": Answer("m1", 2, "", "'soon' is not a time")}))
    with pytest.raises(ClusterError) as caught:
        receivers.read(hosts("m1"), Query(since="soon"), lambda _: None)
    assert caught.value.code == Exit.USAGE


def test_journals_are_merged_and_a_lost_node_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"_SYSTEMD_UNIT": "x.service", "MESSAGE": "hello"}
    early, late = ({**row, "__REALTIME_TIMESTAMP": str(at)} for at in (1, 2))
    answers = {
        "a": Answer("a", 0, json.dumps(late) + "\n", ""),
        "b": Answer("b", 0, json.dumps(early) + "\n", ""),
        "c": Answer("c", 255, "", "no route\n"),
    }
    monkeypatch.setattr(ssh, "run", answering(answers))
    told: list[str] = []
    assert [record.node for record in journals.read(hosts("a", "b", "c"), Query(), told.append)] == ["b", "a"]
    assert told == ["# c: no route"]
    with pytest.raises(ClusterError) as caught:
        journals.read(hosts("c"), Query(), told.append)
    assert caught.value.code == Exit.UNREACHABLE


def test_an_end_and_follow_exclude_each_other(tmp_path: Path) -> None:
    from cluster_cli.commands.logs import command

    done = CliRunner().invoke(command, ["-C", str(tmp_path), "-f", "--until", "now"], obj=SimpleNamespace(json=0))
    assert isinstance(done.exception, ClusterError)


# What a receiver shows.


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Path]:
    """Files as a receiver has them: rotated, compressed, a record that was sent twice, one of security."""
    folders = {"logs": tmp_path / "logs", "security": tmp_path / "security"}
    (folders["logs"] / "web1").mkdir(parents=True)
    folders["security"].mkdir()
    (folders["logs"] / "web1/nginx.log").write_text(line(3) + line(5) + line(5))
    (folders["logs"] / "web1/nginx.log-20260131").write_text(line(2))
    with gzip.open(folders["logs"] / "web1/nginx.log-20260130.gz", "wt") as file:
        file.write(line(1))
    (folders["security"] / "web2.log").write_text(line(4, "web2", "ssh"))
    return folders


def line(second: int, node: str = "web1", service: str = "nginx") -> str:
    return f"2026-01-31T12:00:{second:02}.000000+00:00 {node} {service} info 0 x[1]: number {second}\n"


def numbers(lines: list[str]) -> list[int]:
    return [int(each.split()[-1]) for each in lines]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"security": True}, [4]),
        ({"nodes": ("web1",)}, [1, 2, 3, 5]),
        ({"nodes": ("web",)}, []),
        ({"services": ("ssh",)}, [4]),
        ({"services": ("nginx",)}, [1, 2, 3, 5]),
        ({"since": "2026-01-31T12:00:02.000000+00:00"}, [2, 3, 4, 5]),
        ({"until": "2026-01-31T12:00:03.000000+00:00"}, [1, 2, 3]),
    ],
)
def test_a_receiver_shows_what_is_asked_in_the_order_of_time(
    kept: dict[str, Path], asked: dict[str, Any], shown: list[int]
) -> None:
    assert numbers(reader.records(reader.Wanted(**asked), kept)) == shown


def test_a_file_not_written_since_is_not_read(kept: dict[str, Path]) -> None:
    os.utime(kept["logs"] / "web1/nginx.log-20260131", (1000, 1000))
    assert numbers(reader.records(reader.Wanted(), kept, after=2000)) == [1, 3, 4, 5]


def test_what_comes_is_shown_across_a_rotation_and_in_new_files(kept: dict[str, Path]) -> None:
    follower = reader.Follower(reader.Wanted(), kept)
    path = kept["logs"] / "web1/nginx.log"
    assert follower.news() == []
    with path.open("a") as file:
        file.write(line(6) + line(7)[:-5])
    assert numbers(follower.news()) == [6]
    with path.open("a") as file:
        file.write(line(7)[-5:] + line(8))
    path.rename(f"{path}-20260201")
    path.write_text(line(9))
    (kept["security"] / "web3.log").write_text(line(10, "web3", "ssh"))
    assert numbers(follower.news()) == [7, 8, 9, 10]
    assert follower.news() == []


def test_a_services_name_may_be_its_units() -> None:
    assert [reader.bare(name) for name in ("nginx", "nginx.service", "cluster-backup@main.service")] == [
        "nginx",
        "nginx",
        "cluster-backup",
    ]


def test_a_time_is_read_by_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "  Original form: x\n   UNIX seconds: @1769860800.000001\n"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=said))
    assert reader.written(reader.moment("x")) == "2026-01-31T12:00:00.000001+00:00"
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=""))
    with pytest.raises(ValueError, match="is not a time"):
        reader.moment("soon")


# When a receiver takes logs.

MIB = 2**20


def disk(free: int, size: int, inodes: int = 1000) -> SimpleNamespace:
    return SimpleNamespace(
        f_bavail=free * MIB // 4096, f_frsize=4096, f_blocks=size * MIB // 4096, f_files=9999, f_favail=inodes
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (disk(300, 10_000), ""),
        (disk(200, 10_000), "/x has 200 MiB left, and 256 are kept free"),
        (disk(10, 64), ""),
        (disk(5, 64), "/x has 5 MiB left, and 6 are kept free"),
        (disk(300, 10_000, inodes=3), "/x has 3 inodes left"),
    ],
)
def test_room_is_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch, found: SimpleNamespace, why: str) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert receiver.shortage(["/x"], 256 * MIB) == why


def test_rsyslog_is_ended_while_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    found = receiver.Receiver("x.conf")
    answers, did = iter(["", "", "full", "full", ""]), []
    child = SimpleNamespace(poll=lambda: None, terminate=lambda: did.append("ended"), wait=lambda _: 0)

    def start() -> None:
        did.append("started")
        found.child = child

    def look(*_: object) -> str:
        answer = next(answers, None)
        if answer is None:
            found.leave()
        return answer or ""

    monkeypatch.setattr(found, "start", start)
    monkeypatch.setattr(receiver, "shortage", look)
    monkeypatch.setattr(receiver, "EVERY", 0.001)
    told: list[bool] = []
    assert found.run(receiver.Kept({}, 0), 0, told.append) == 0
    assert did == ["started", "ended", "started"]
    assert told[:5] == [True, True, False, False, True]


def test_a_receiver_whose_rsyslog_ends_by_itself_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = receiver.Receiver("x.conf")
    monkeypatch.setattr(receiver, "shortage", lambda *_: "")
    monkeypatch.setattr(found, "start", lambda: setattr(found, "child", SimpleNamespace(poll=lambda: 1)))
    assert found.run(receiver.Kept({}, 0), 0, print) == 1


# What a receiver keeps.


@pytest.fixture
def weighed(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of some KiB, last written to so many days ago."""

    def write(name: str, kib: int, days: float) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * kib * 1024)
        os.utime(path, (time.time() - days * 86400,) * 2)
        return path

    return write


def keeping(folder: Path, most: int) -> Any:
    """What a receiver keeps there: most KiB."""
    return receiver.Kept({str(folder / "logs"): 30, str(folder / "security"): 180}, most * 1024)


def left(folder: Path) -> list[str]:
    """The files that are there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.log*"))


def test_what_is_old_goes_though_nobody_writes_to_it_any_more(
    weighed: Callable[..., Path], tmp_path: Path
) -> None:
    weighed("logs/gone/nginx.log-20260101.gz", 1, 31)
    weighed("logs/gone/nginx.log-20260102.gz", 1, 29)
    weighed("security/gone.log-20260101", 1, 31)
    weighed("security/gone.log-20250101", 1, 181)
    kept = keeping(tmp_path, 0)
    assert not kept.bound()
    assert left(tmp_path) == ["logs/gone/nginx.log-20260102.gz", "security/gone.log-20260101"]
    assert (kept.bytes, kept.removed) == (2048, 0)


def test_the_oldest_goes_when_it_is_too_much_and_security_last(
    weighed: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in (1, 2, 3):
        weighed(f"logs/a/nginx.log-2026010{9 - day}.gz", 100, day)
    weighed("logs/b/kernel.log", 4, 9)
    weighed("security/a.log-20260101", 100, 20)
    kept = keeping(tmp_path, 250)
    assert not kept.bound()
    assert left(tmp_path) == ["logs/a/nginx.log-20260108.gz", "logs/b/kernel.log", "security/a.log-20260101"]
    assert (kept.bytes, kept.removed) == (204 * 1024, 200 * 1024)
    assert "the oldest 200 KiB are removed" in capsys.readouterr().out
    assert not keeping(tmp_path, 90).bound()
    assert left(tmp_path) == ["logs/b/kernel.log"]


def test_a_file_that_grows_is_rotated_before_its_time_so_that_it_can_go_in_parts(
    weighed: Callable[..., Path], tmp_path: Path
) -> None:
    weighed("logs/a/flood.log", 30, 0)
    weighed("logs/a/nginx.log", 4, 0)
    kept = keeping(tmp_path, 100)
    assert kept.bound()
    assert [re.sub(r"\d{14}", "TIME", name) for name in left(tmp_path)] == [
        "logs/a/flood.log-TIME",
        "logs/a/nginx.log",
    ]
    assert not kept.bound()
    assert kept.bytes == 34 * 1024


def test_many_small_files_that_are_too_much_are_rotated_from_the_largest_on(
    weighed: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(30):
        weighed(f"logs/a/s{number}.log", 5 if number == 7 else 4, 0)
    kept = keeping(tmp_path, 110)
    for _ in range(9):
        kept.bound()
    assert kept.bytes <= 110 * 1024
    assert "logs/a/s7.log" not in left(tmp_path)
    assert len(left(tmp_path)) > 20


def test_a_receiver_has_its_files_closed_when_it_rotated_some(monkeypatch: pytest.MonkeyPatch) -> None:
    found, told = receiver.Receiver("x.conf"), []
    monkeypatch.setattr(receiver, "shortage", lambda *_: "")
    monkeypatch.setattr(found, "start", lambda: setattr(found, "child", SimpleNamespace(poll=lambda: 1)))
    monkeypatch.setattr(found, "rotated", lambda: told.append("closed"))
    found.run(SimpleNamespace(bound=lambda: True, folders=[]), 0, print)
    assert told == ["closed"]


def test_metrics_are_whole(tmp_path: Path) -> None:
    receiver.written(str(tmp_path / "logs.prom"), (1, 2048, 0))
    text = (tmp_path / "logs.prom").read_text()
    assert "# TYPE cluster_logs_taken gauge\ncluster_logs_taken 1\n" in text
    assert text.endswith("cluster_logs_removed_bytes_total 0\n")
