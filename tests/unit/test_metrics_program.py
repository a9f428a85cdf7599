"""What role node_exporter's own program makes of what services say."""

import hashlib
import http.server
import json
import os
import runpy
import socket
import threading
from pathlib import Path

import pytest

PROGRAM = runpy.run_path(str(Path(__file__).parents[2] / "roles/node_exporter/files/metrics.py"))


def rows(name: str, known: object, monkeypatch: pytest.MonkeyPatch, said: str) -> list[tuple]:  # type: ignore[type-arg]
    monkeypatch.setitem(PROGRAM[name].__globals__, "said", lambda *_: said)
    return list(PROGRAM[name](known))


def test_units_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    units = [{"name": "haproxy", "balances": True}, {"name": "ssh", "balances": False}]
    said = """haproxy.service   loaded    failed   failed  HAProxy
old.timer         loaded    failed   failed  What was once
ssh.service       loaded    active   running OpenBSD Secure Shell server
sshd.service      not-found inactive dead    sshd.service
"""
    assert rows("unit_rows", units, monkeypatch, said) == [
        ("unit_active", {"unit": "haproxy", "balances": "yes"}, 0),
        ("unit_active", {"unit": "ssh", "balances": "no"}, 1),
        ("unit_failed", {"unit": "haproxy"}, 1),
        ("unit_failed", {"unit": "old.timer"}, 1),
    ]
    assert rows("unit_rows", [units[1]], monkeypatch, "") == []  # it did not answer
    gone = rows("unit_rows", [units[1]], monkeypatch, "haproxy.service loaded active running HAProxy\n")
    assert gone == [("unit_active", {"unit": "ssh", "balances": "no"}, 0)]


@pytest.mark.parametrize(
    ("said", "synchronised"),
    [
        ("7F7F0101,,10,0,0.0000001,0.1,0.1,0,0,0,0,0,1.0,Normal\n", 1),
        ("7F7F0101,,0,0,0.5,0.1,0.1,0,0,0,0,0,1.0,Not synchronised\n", 0),
        ("", 0),
    ],
)
def test_a_clock_nobody_knows_of_is_not_synchronised(
    monkeypatch: pytest.MonkeyPatch, said: str, synchronised: int
) -> None:
    assert rows("clock_rows", True, monkeypatch, said)[0] == ("clock_synchronised", {}, synchronised)


def test_an_address_is_held_or_not_and_unknown_where_ip_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    said = '[{"addr_info": [{"local": "192.0.2.100"}]}]'
    found = rows("virtual_ip_rows", ["192.0.2.100", "192.0.2.101"], monkeypatch, said)
    assert [value for _, _, value in found] == [1, 0]
    assert rows("virtual_ip_rows", ["192.0.2.100"], monkeypatch, "") == []


def test_the_last_runs_are_told_and_what_is_no_run_costs_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "runs.json"
    assert PROGRAM["run_rows"](str(place)) == []
    labels = {"run": "1", "verb": "up", "about": "", "who": "eva@desk", "result": "ok"}
    ended = {**labels, "started": "2026-05-04T00:00:00+00:00", "seconds": 12.5, "changed": 3, "code": 0}
    killed = ended | {"run": "2", "seconds": None, "who": "e\nva\t@desk"}
    place.write_text(json.dumps([ended, killed]))
    assert PROGRAM["run_rows"](str(place)) == [
        ("run_started_timestamp_seconds", labels, "1777852800"),
        ("run_changed", {"run": "1"}, 3),
        ("run_seconds", {"run": "1"}, 12.5),
        ("run_started_timestamp_seconds", labels | {"run": "2"}, "1777852800"),
        ("run_changed", {"run": "2"}, 3),
    ]
    for text in ("[", "{}", "[1]", '[{"run": "1"}]', json.dumps([ended | {"seconds": "x"}])):
        place.write_text(text)
        assert PROGRAM["run_rows"](str(place)) == []


class Site(http.server.BaseHTTPRequestHandler):
    """Answers 204 for the name it is for, and 404 for others."""

    def do_GET(self) -> None:
        self.send_response(204 if self.headers["Host"] == "shop.example.com" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_server_is_up_when_it_answers_as_its_check_wants() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    here = {"backend": "shop", "address": "127.0.0.1", "port": server.server_port, "path": "/", "expect": 204}
    asked = [
        {**here, "name": "web1", "check": "http", "host": "shop.example.com"},
        {**here, "name": "web2", "check": "http", "host": ""},
        {**here, "name": "web3", "check": "tcp", "host": ""},
        {**here, "name": "web4", "check": "tcp", "host": "", "port": nobody},
    ]
    try:
        found = list(PROGRAM["backend_rows"](asked))
    finally:
        server.shutdown()
        server.server_close()
    assert [(name, labels["server"], up) for name, labels, up in found] == [
        ("backend_server_up", "web1", 1),
        ("backend_server_up", "web2", 0),
        ("backend_server_up", "web3", 1),
        ("backend_server_up", "web4", 0),
    ]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (
            {"wsrep_cluster_status": "non-Primary", "wsrep_cluster_size": "1"},
            {"database_quorum": 0, "database_members": "1"},
        ),
        ({"io": "Yes", "sql": "No", "lag": "None", "waits": "0"}, {"database_replication_running": 0}),
        (
            {"io": "Yes", "sql": "Yes", "lag": "7"},
            {"database_replication_running": 1, "database_lag_seconds": "7"},
        ),
        (
            {"io": "", "sql": "", "lag": "", "waits": "1", "rpl_semi_sync_master_clients": "2"},
            {"database_acknowledging_replicas": "2"},
        ),
        (
            {"members": "3", "unreachable": "2", "member_state": "ONLINE"},
            {"database_quorum": 0, "database_members": 1},
        ),
        ({}, {}),
    ],
)
def test_a_databases_state_becomes_numbers(state: dict[str, str], told: dict[str, object]) -> None:
    assert dict(PROGRAM["state_rows"](state)) == told


class Door(http.server.BaseHTTPRequestHandler):
    """Says what a server knows, and that it is not fit."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"io Yes\nsql No\nlag None\n")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_database_is_asked() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = {"address": "127.0.0.1", "port": server.server_port}
    try:
        assert PROGRAM["asked"](where, "/read") == (503, {"io": "Yes", "sql": "No", "lag": "None"})
    finally:
        server.shutdown()
        server.server_close()
    assert PROGRAM["asked"](where, "/read") == (0, {})


@pytest.mark.parametrize("said", [b"", b"HTTP/1.0", b"what?\r\n\r\n"])
def test_what_is_no_answer_is_none(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0] as client:
                client.recv(100)
                client.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        assert PROGRAM["asked"]({"address": "127.0.0.1", "port": listening.getsockname()[1]}, "/read") == (0, {})


def test_metrics_of_one_name_stand_together() -> None:
    found = [
        ("virtual_ip_held", {"address": "a"}, 1),
        ("clock_stratum", {}, 3),
        ("virtual_ip_held", {"address": "b"}, 0),
    ]
    assert PROGRAM["text"](found).splitlines() == [
        "# HELP cluster_virtual_ip_held Whether the node holds a virtual IP.",
        "# TYPE cluster_virtual_ip_held gauge",
        'cluster_virtual_ip_held{address="a"} 1',
        'cluster_virtual_ip_held{address="b"} 0',
        "# HELP cluster_clock_stratum How many servers the clock is away from a reference.",
        "# TYPE cluster_clock_stratum gauge",
        "cluster_clock_stratum{} 3",
    ]


def left(place: Path, files: dict[Path, bytes], digests: dict[Path, bytes]) -> list[tuple]:  # type: ignore[type-arg]
    """What is told of files with these contents, left with those."""
    for path, content in files.items():
        path.write_bytes(content)
    known = {str(path): hashlib.sha256(content).hexdigest() for path, content in digests.items()}
    place.write_text(json.dumps(known))
    return list(PROGRAM["file_rows"](str(place)))


def test_a_file_that_was_changed_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROGRAM["file_rows"].__globals__, "OURS", (f"{tmp_path}/etc/",))
    (tmp_path / "etc").mkdir()
    same, other, gone, elsewhere = (tmp_path / name for name in ("etc/same", "etc/other", "etc/gone", "elsewhere"))
    note, as_left = tmp_path / "files.json", {same: b"a", other: b"b", gone: b"c", elsewhere: b"d"}
    assert left(note, {same: b"a", other: b"b", elsewhere: b"x"}, as_left) == [("files_changed", {}, 0)]
    told = [("files_changed", {}, 1), ("file_changed", {"path": str(other)}, 1)]
    assert left(note, {other: b"B"}, as_left) == told
    assert left(note, {other: b"b"}, as_left) == [("files_changed", {}, 0)]
    assert list(PROGRAM["file_rows"](str(tmp_path / "nothing"))) == []


def test_files_are_looked_at_again_after_a_run_and_after_some_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at, (known, told) = PROGRAM["look_at_files"], (tmp_path / "files.json", tmp_path / "told")
    looks: list[str] = []
    monkeypatch.setitem(
        look_at.__globals__, "file_rows", lambda place: looks.append(place) or [("files_changed", {}, len(looks))]
    )

    def look(*, now: float, written: float | None = None) -> str:
        if written is not None:
            os.utime(told, (written, written))
        monkeypatch.setattr(look_at.__globals__["time"], "time", lambda: now)
        look_at(str(known), str(told), 60)
        return told.read_text().split()[-1]

    assert look(now=0) == "1", "cluster wrote none yet"
    known.write_text("{}")
    os.utime(known, (1000, 1000))
    assert look(written=999, now=1001) == "2"
    assert look(written=1001, now=1060) == "2"
    assert look(written=1001, now=1061) == "3"
    assert look(written=1061, now=1060) == "4", "a clock was put back"


CERTIFICATES = PROGRAM["read_certificates"]


def test_certificates_are_read_again_when_one_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told, asked = tmp_path / "certificates", tmp_path / "told", []
    monkeypatch.setitem(
        CERTIFICATES.__globals__, "said", lambda *words: asked.append(words[4:]) or f"web {len(asked)} 9\n"
    )

    def look(*, written: float | None = None, now: float | None = None) -> str:
        if written is not None:
            os.utime(told, (written, written))
        monkeypatch.setattr(CERTIFICATES.__globals__["time"], "time", lambda: now)
        CERTIFICATES(str(folder), str(told))
        return told.read_text()

    assert look(now=0) == ""
    assert asked == []
    certificate = folder / "web" / "cert.pem"
    certificate.parent.mkdir(parents=True)
    certificate.write_text("one")
    touched = certificate.stat().st_ctime
    assert 'not_before_seconds{certificate="web"} 1' in look(written=touched - 1, now=touched + 1)
    assert asked == [(str(certificate),)]
    assert '{certificate="web"} 1' in look(written=touched + 1, now=touched + 2)
    assert '{certificate="web"} 2' in look(written=touched + 1, now=touched + 1000)
    assert '{certificate="web"} 3' in look(written=touched + 2, now=touched + 1), "a clock was put back"
    monkeypatch.setitem(CERTIFICATES.__globals__, "said", lambda *_: "")
    assert '{certificate="web"} 3' in look(written=touched + 1, now=touched + 1000), "it took too long"
    certificate.unlink()
    assert look(written=touched - 1, now=touched + 2) == ""


def test_a_path_with_marks_is_a_label_still() -> None:
    text = PROGRAM["text"]([("file_changed", {"path": '/etc/a"b\\c'}, 1)])
    assert '{path="/etc/a\\"b\\\\c"} 1' in text
