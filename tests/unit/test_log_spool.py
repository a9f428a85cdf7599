"""A queue whose rsyslog was killed is made right: nothing in it is forgotten, nothing else is read."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "roles/logs/files/spool.py"
spec = spec_from_loader("spool", SourceFileLoader("spool", str(FILE)))
assert spec
spool: Any = module_from_spec(spec)
assert spec.loader
spec.loader.exec_module(spool)


def record(text: bytes) -> bytes:
    """A record as rsyslog 8.2302 queues it, with fewer properties."""
    return b"<Obj:1:msg:1:\n+iSeverity:2:1:5:\n+pszRawMsg:1:%d:%s:\n>End\n.\n" % (len(text), text)


def stream(number: int, offset: int) -> bytes:
    rows = ((b"iCurrFNum", number), (b"iCurrOffs", offset), (b"inode", 0), (b"strtOffs", 0))
    told = b"".join(b"+%s:2:%d:%d:\n" % (name, len(str(value)), value) for name, value in rows)
    return b"<Obj:1:strm:1:\n+pszFName:1:1:q:\n" + told + b">End\n.\n"


def index(size: int, writes: tuple[int, int], reads: tuple[int, int]) -> bytes:
    head = b"<OPB:1:qqueue:1:\n+iQueueSize:2:%d:%d:\n+tVars.disk.sizeOnDisk:2:1:9:\n>End\n.\n" % (
        len(str(size)),
        size,
    )
    return head + stream(*writes) + stream(*reads)


def queue(folder: Path, files: dict[int, bytes], told: bytes) -> Path:
    for number, data in files.items():
        (folder / f"q.{number:08}").write_bytes(data)
    (folder / "q.qi").write_bytes(told)
    return folder / "q.qi"


def places(told: bytes) -> list[dict[bytes, int]]:
    """How many records an index has, where it writes, and where it reads."""
    return [spool.fields(part) for part in told.split(spool.OBJECT)]


def test_a_file_that_was_sent_and_removed_is_not_looked_for(tmp_path: Path) -> None:
    rows = record(b"one") + record(b"two")
    found = queue(tmp_path, {8: rows, 9: rows}, index(5, (9, len(rows)), (7, 300)))
    assert spool.mend(found) == "q begins in file 8: all of 7 was sent, whatever will be called lost"
    assert found.read_bytes() == index(5, (9, len(rows)), (8, 0))


def test_what_is_beyond_the_place_to_write_at_is_forgotten(tmp_path: Path) -> None:
    told = record(b"in the queue")
    found = queue(tmp_path, {8: told + record(b"not yet")[:20], 9: b"<Obj"}, index(1, (8, len(told)), (8, 0)))
    assert spool.mend(found) == ""
    assert found.read_bytes() == index(1, (8, len(told)), (8, 0))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("q.0*")} == {"q.00000008": told}


@pytest.mark.parametrize(("sent", "again"), [(0, 0), (1, 1), (30, 8)])
def test_what_was_sent_last_is_sent_again(tmp_path: Path, sent: int, again: int) -> None:
    """Also a record that looks like several: a value's length says where it ends."""
    rows = [record(b"%d\n>End\n.\n" % number + record(b"forged")) for number in range(40)]
    place = len(b"".join(rows[:sent]))
    found = queue(tmp_path, {1: b"".join(rows)}, index(40 - sent, (1, len(b"".join(rows))), (1, place)))
    assert spool.mend(found) == ""
    size, _, reads = places(found.read_bytes())
    assert size[b"iQueueSize"] == 40 - sent + again
    assert reads[b"iCurrOffs"] == len(b"".join(rows[: sent - again]))


def test_what_begins_within_a_record_is_left_as_it_is(tmp_path: Path) -> None:
    rows = b"rest of a long one:\n>End\n.\n" + record(b"next")
    told = index(0, (2, len(rows)), (2, len(rows)))
    found = queue(tmp_path, {2: rows}, told)
    assert spool.mend(found) == ""
    assert places(found.read_bytes())[2][b"iCurrOffs"] == len(rows)


def test_an_index_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue(tmp_path, {}, b"")
    monkeypatch.setattr(sys, "argv", ["log-spool", str(tmp_path)])
    spool.main()
    assert f"{tmp_path}/q.qi cannot be read" in capsys.readouterr().out
