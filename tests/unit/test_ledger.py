"""The proof client: its judge finds what was planted, its writers never call a doubt by another name."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e import drill, ledger
from tests.e2e.database import attempt, kind_of, named
from tests.e2e.ledger import Ledger, Record, Row, parsed, table, verdict
from tests.e2e.verdict import OK, REFUSED, SPAN, UNKNOWN, failures_in_a_row

NODES = ("a", "b", "c")


def number(writer: int, sequence: int) -> int:
    return (writer + 1) * SPAN + sequence


def oks(writers: int = 2, rows: int = 5) -> list[Record]:
    """Acknowledged rows, one every 0.1 s over all writers."""
    pairs = [(writer, sequence) for sequence in range(1, rows + 1) for writer in range(writers)]
    return [Record("ok", number(*pair), place / 10) for place, pair in enumerate(pairs)]


def rows_for(records: list[Record]) -> list[Row]:
    return [Row(each.number, each.number // SPAN - 1, each.number % SPAN) for each in records]


def everywhere(records: list[Record]) -> dict[str, list[Row]]:
    return {node: rows_for(records) for node in NODES}


ATTEMPTS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(1, 50)),
    st.tuples(st.sampled_from(["ok", "unknown", "refused"]), st.floats(0, 100)),
    min_size=1,
).map(lambda found: [Record(kind, number(*pair), moment) for pair, (kind, moment) in found.items()])


def test_a_whole_database_is_good() -> None:
    found = verdict(oks(), everywhere(oks()))
    assert found.good
    assert (found.acknowledged, found.said, found.differences, found.order) == (10, "good", (), ())


def test_a_lost_row_is_found_with_its_node() -> None:
    rows = everywhere(oks())
    gone = rows["b"].pop(3)
    found = verdict(oks(), rows)
    assert found.lost == {"b": (gone.number,)}
    assert found.differences == (gone.number,)
    assert found.said == "1 lost, 1 different"
    assert not found.good


def test_a_row_lost_everywhere_counts_once() -> None:
    rows = everywhere(oks())
    gone = {node: (found.pop().number,) for node, found in rows.items()}
    found = verdict(oks(), rows)
    assert found.lost == gone
    assert found.differences == ()
    assert found.said == "1 lost"


def test_a_row_nobody_tried_is_a_phantom() -> None:
    rows = everywhere(oks())
    rows["c"].append(Row(number(7, 1), 7, 1))
    assert verdict(oks(), rows).phantom == {"c": (number(7, 1),)}


def test_a_refused_row_that_is_there_is_a_phantom() -> None:
    records = [*oks(), Record("refused", number(0, 9), 2.0)]
    assert verdict(records, everywhere(oks())).good
    assert verdict(records, everywhere(records)).phantom == {node: (number(0, 9),) for node in NODES}


def test_an_unknown_row_may_be_there_or_not_but_everywhere_alike() -> None:
    records = [*oks(), Record("unknown", number(0, 9), 2.0)]
    assert verdict(records, everywhere(oks())).good
    assert verdict(records, everywhere(records)).good
    found = verdict(records, {**everywhere(oks()), "a": rows_for(records)})
    assert (found.lost, found.phantom, found.differences) == ({}, {}, (number(0, 9),))
    assert not found.good


def test_an_id_that_is_there_twice_is_a_duplicate() -> None:
    rows = everywhere(oks())
    rows["a"].append(rows["a"][0])
    found = verdict(oks(), rows)
    assert found.duplicates == {"a": (number(0, 1),)}
    assert found.order == ()
    assert found.said == "1 duplicate"


def test_a_sequence_that_does_not_grow_with_the_id_is_told() -> None:
    rows = rows_for(oks(writers=1))
    rows[2] = rows[2]._replace(sequence=1)
    assert verdict(oks(writers=1), {"a": rows}).order == (f"a: writer 0 has 1 after 2, at id {number(0, 3)}",)


def test_nodes_with_different_rows_for_an_id_are_told() -> None:
    rows = everywhere(oks())
    rows["b"][0] = rows["b"][0]._replace(writer=5)
    assert verdict(oks(), rows).order == (
        f"id {number(0, 1)}: writer 0, sequence 1 on a; writer 5, sequence 1 on b",
    )


def test_the_order_rows_are_read_in_does_not_matter() -> None:
    rows = everywhere(oks())
    rows["a"].reverse()
    assert verdict(oks(), rows).good


def at(*moments: float, kind: str = "ok") -> list[Record]:
    return [Record(kind, number(0, place), moment) for place, moment in enumerate(moments)]


@pytest.mark.parametrize(
    ("records", "ended", "gap"),
    [
        (at(1.0, 1.5, 4.0, 4.2), 4.3, 2.5),
        (at(4.2, 1.0, 4.0, 1.5), 4.3, 2.5),  # over all writers, in any order
        (at(1.0, 1.5), 9.0, 7.5),  # silent to the end
        (at(1.0, 1.5) + at(9.0, kind="refused"), None, 7.5),
        (at(1.0, 2.0) + at(1.5, kind="unknown"), 2.0, 1.0),  # only an acknowledgement ends a gap
        (at(3.0, 5.0, kind="refused"), 8.0, 5.0),  # none at all
        ([], None, 0.0),
        ([], 5.0, 0.0),
    ],
)
def test_the_gap_is_the_longest_silence(records: list[Record], ended: float | None, gap: float) -> None:
    assert verdict(records, {"a": []}, ended).gap == pytest.approx(gap)


@pytest.mark.parametrize(
    ("kinds", "most"),
    [
        ([[OK, REFUSED, OK], [OK, UNKNOWN, OK]], 1),
        ([[OK, REFUSED], [UNKNOWN, OK]], 1),
        ([[OK, REFUSED, UNKNOWN, OK]], 2),
        ([[OK, OK]], 0),
        ([], 0),
    ],
)
def test_how_often_a_client_had_to_try_again_is_counted(kinds: list[list[str]], most: int) -> None:
    tried = [
        Record(kind, number(writer, sequence), sequence)
        for writer, outcomes in enumerate(kinds)
        for sequence, kind in enumerate(outcomes, 1)
    ]
    assert failures_in_a_row(tried) == most


def test_without_an_acknowledgement_nothing_is_good() -> None:
    assert verdict([], {"a": []}).said == "nothing was acknowledged"
    assert not verdict(at(1.0, kind="refused"), {"a": []}).good


def test_without_a_node_there_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="no node"):
        verdict(oks(), {})


@given(ATTEMPTS)
def test_a_database_that_keeps_its_word_is_never_accused(records: list[Record]) -> None:
    kept = [each for each in records if each.kind == "ok" or (each.kind == "unknown" and each.number % 2)]
    found = verdict(records, everywhere(kept))
    assert found.said in ("good", "nothing was acknowledged")
    assert found.acknowledged + found.unknown + found.refused == len(records)


@given(ATTEMPTS, st.data())
def test_every_single_loss_is_found(records: list[Record], data: st.DataObject) -> None:
    kept = [each for each in records if each.kind == "ok"]
    gone = set(data.draw(st.lists(st.sampled_from(kept)))) if kept else set()
    found = verdict(records, {"a": rows_for(kept), "b": rows_for([each for each in kept if each not in gone])})
    assert set(found.lost.get("b", ())) == {each.number for each in gone} == set(found.differences)
    assert "a" not in found.lost


@given(ATTEMPTS, st.floats(0, 200))
def test_a_gap_is_within_the_run(records: list[Record], ended: float) -> None:
    moments = [each.moment for each in records]
    assert 0 <= verdict(records, {"a": []}, ended).gap <= max([*moments, ended]) - min(moments)


def test_the_table_is_plain_text() -> None:
    rows = everywhere(oks())
    rows["b"].pop()
    shown = table(
        [("galera", "kill", verdict(oks(), everywhere(oks()), 1.9)), ("async", "cut", verdict(oks(), rows))]
    )
    assert shown.splitlines() == [
        "mode    fault  gap     lost  verdict",
        "galera  kill   1.00 s  0     good",
        "async   cut    0.10 s  1     1 lost, 1 different",
    ]


@pytest.mark.parametrize("code", [1047, 1213, 1290, 1836, 3100])
def test_what_the_server_surely_did_not_commit_is_refused(code: int) -> None:
    assert kind_of(pymysql.OperationalError(code, "no")) == "refused"


@pytest.mark.parametrize(
    "error",
    [
        *(pymysql.OperationalError(code, "?") for code in (1053, 1180, 1205, 1317, 1927, 2006, 2013, 3101)),
        pymysql.IntegrityError(1062, "Duplicate entry"),
        pymysql.InterfaceError(0, ""),
        pymysql.InternalError("Packet sequence number wrong"),
        pymysql.OperationalError(),
        TimeoutError(1290),
        AttributeError("'NoneType' object has no attribute 'settimeout'"),
    ],
    ids=repr,
)
def test_a_doubt_is_unknown(error: Exception) -> None:
    assert kind_of(error) == "unknown"


class Server:
    """Stands in for a connection and its cursor: answers from a list, raising what is an exception."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.seen, self.closed = list(answers), [], 0

    def cursor(self) -> "Server":
        return self

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, _: str, values: tuple[Any, ...]) -> object:
        self.seen.append(values[0])
        answer = self.answers.pop(0) if self.answers else 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


def no_server() -> Any:
    raise ConnectionRefusedError("nobody listens")


def test_an_ok_keeps_the_connection() -> None:
    server: Any = Server()
    assert attempt(server, no_server, "INSERT", (1,)).connection is server


@pytest.mark.parametrize("answer", [pymysql.OperationalError(1290, "read-only"), OSError("cut"), 0])
def test_a_failure_drops_the_connection(answer: object) -> None:
    server: Any = Server(answer)
    assert attempt(server, no_server, "INSERT", (1,)).connection is None
    assert server.closed == 1


def test_what_was_not_sent_is_refused() -> None:
    assert attempt(None, no_server, "INSERT", (1,)).kind == "refused"


def test_a_row_the_server_did_not_count_is_unknown() -> None:
    server: Any = Server(0)
    assert attempt(server, no_server, "INSERT", (1,)).kind == "unknown"


@pytest.mark.parametrize("name", ["", "a b", "a`", "A", "1a", "a;drop"])
def test_a_table_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="plain table name"):
        named(name)


def test_an_account_is_read_back_without_a_torn_line() -> None:
    text = "ok 7 1.500000\nunknown 8 2.0 OperationalError (2013, 'Lost')\nrefused 9 3.0 x\nok 1"
    assert parsed(text) == [Record("ok", 7, 1.5), Record("unknown", 8, 2.0), Record("refused", 9, 3.0)]


Door = Callable[..., Ledger]


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A ledger whose connections are the given stand-ins, one after the other, then refused."""

    def made(*servers: Server, **options: Any) -> Ledger:
        waiting = list(servers)
        monkeypatch.setattr(ledger, "connect", lambda *_: waiting.pop(0) if waiting else no_server())
        options = {"writers": 1, "pause": 0.001, **options}
        return Ledger("db", 3306, "me", "hush", "proof", None, tmp_path / "account", **options)

    return made


def test_every_attempt_has_an_id_of_its_own_and_is_on_record(door: Door) -> None:
    servers = [Server(1, 1, OSError("cut")), Server(pymysql.OperationalError(1047, "wsrep")), Server(), Server()]
    with door(*servers, writers=2) as writing:
        writing.wait_for(20, 10)
    sent = [each for server in servers for each in server.seen]
    records = writing.records()
    tried = [each.number for each in records if each.kind != "refused"]
    assert len(sent) == len(set(sent)) > 20
    assert set(tried) < set(sent) <= {each.number for each in records}
    assert sum(each.kind == "ok" for each in records) == writing.acknowledged
    assert [each.kind for each in records].count("unknown") == 1
    assert {each // SPAN for each in sent} == {1, 2}


def test_an_ok_is_on_disk_before_the_next_row_is_sent(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    server, synced = Server(), []
    monkeypatch.setattr(ledger.os, "fsync", lambda _: synced.append(len(server.seen)))
    with door(server) as writing:
        writing.wait_for(5, 10)
    assert synced == list(range(1, len(server.seen) + 1))


def test_waiting_is_bounded_and_says_what_failed(door: Door) -> None:
    with door() as writing, pytest.raises(TimeoutError, match="0 of 1 rows .* nobody listens"):
        writing.wait_for(1, 0.1)
    assert {each.kind for each in writing.records()} == {"refused"}


def test_a_used_folder_is_not_used_again(door: Door) -> None:
    with door(Server()) as writing:
        writing.wait_for(1, 10)
    with pytest.raises(FileExistsError):
        door(Server()).start()


def test_an_account_that_cannot_be_kept_is_told(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ledger.os, "fsync", full)
    writing = door(Server())
    writing.start()
    with pytest.raises(TimeoutError, match="disk full"):
        writing.wait_for(1, 0.5)
    with pytest.raises(RuntimeError, match="could not keep its account"):
        writing.stop()


class Slow(Server):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = threading.Event(), threading.Event()

    def execute(self, statement: str, values: tuple[Any, ...]) -> object:
        self.asked.set()
        assert self.go.wait(10)
        return super().execute(statement, values)


def test_a_writer_that_does_not_end_is_told(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    writing = door(slow)
    writing.start()
    assert slow.asked.wait(10)
    monkeypatch.setattr(ledger, "JOIN_SECONDS", 0.05)
    with pytest.raises(RuntimeError, match="did not end"):
        writing.stop()
    assert writing.ended is None
    slow.go.set()
    monkeypatch.setattr(ledger, "JOIN_SECONDS", 10.0)
    writing.stop()
    assert [each.kind for each in writing.records()] == ["ok"]


def test_the_password_is_not_shown(door: Door) -> None:
    assert "hush" not in repr(door())


def test_the_drill_takes_the_password_from_a_file_and_says_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("hush\nnot this\n", encoding="utf-8")
    assert drill.password_of(str(tmp_path / "password")) == "hush"
    with socket.socket() as bound:  # bound but not listening: refused at once
        bound.bind(("127.0.0.1", 0))
        words = ["--address", "127.0.0.1", "--port", str(bound.getsockname()[1]), "--user", "me"]
        words += ["--password-file", str(tmp_path / "password"), "--folder", str(tmp_path / "account")]
        assert drill.main(words) == 2
    shown = capsys.readouterr()
    assert "error: (2003" in shown.err
    assert "hush" not in shown.err + shown.out
