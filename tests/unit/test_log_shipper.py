"""What a receiver keeps is sent on: every line once, over rotation, outages and restarts; what is not, is told."""

import gzip
import http.client
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/logs/files/shipper"))
sys.path.insert(0, str(Path(__file__).parents[1]))
import elasticsearch
import endpoint
import kept
import lines
import log_endpoints
import loki
import shipping
from account import Account

MOST = 2**18
KINDS = {"elasticsearch": elasticsearch, "loki": loki}


def line(number: int, node: str = "web1", second: int | None = None) -> str:
    second = number if second is None else second
    at = f"2026-01-31T12:{second // 60:02}:{second % 60:02}.000001"
    return f"{at}+00:00 {node} nginx info 33 nginx[12]: number {number}\n"


# Lines and where they lie.


def test_a_line_is_a_record() -> None:
    found = lines.record("logs", line(7).rstrip("\n"))
    assert (found.node, found.service, found.severity, found.uid) == ("web1", "nginx", "info", "33")
    assert (found.speaker, found.pid, found.message) == ("nginx", "12", "number 7")
    assert found.nanoseconds == 1769860807_000001000
    assert found.seconds == 1769860807


@pytest.mark.parametrize("text", ["", "2026-01-31T12:00:00+00:00 web1 ngi", line(1).replace("-01-31", "-02-31")])
def test_what_is_no_record_is_none(text: str) -> None:
    assert lines.record("logs", text.rstrip("\n")) is None


def test_a_record_has_one_id_wherever_it_is_kept() -> None:
    text = line(1).rstrip("\n")
    one = lines.record("logs", text).digest("shop")
    assert one == lines.record("logs", text).digest("shop")
    others = {
        lines.record("security", text).digest("shop"),
        lines.record("logs", text).digest("store"),
        lines.record("logs", text + "!").digest("shop"),
    }
    assert len(others) == 3
    assert one not in others


class Folder:
    """What a receiver keeps, with one stream that is read."""

    name = "logs/web1/nginx"

    def __init__(self, folder: Path) -> None:
        (folder / "logs/web1").mkdir(parents=True)
        (folder / "security").mkdir()
        self.path = folder / "logs/web1/nginx.log"
        self.kept = kept.Kept(str(folder / "logs"), str(folder / "security"))
        self.stream, self.place = kept.Stream(), kept.Place()

    def write(self, *numbers: int) -> None:
        with self.path.open("a") as file:
            file.writelines(map(line, numbers))

    def rotate(self, name: str) -> Path:
        return self.path.rename(f"{self.path}-{name}")

    def pack(self, path: Path) -> None:
        with gzip.open(f"{path}.gz", "wb") as file:
            file.write(path.read_bytes())
        path.unlink()

    def read(self, most: int = MOST) -> Any:
        part = self.stream.read(self.kept.streams()[self.name], self.place, most)
        self.place = part.after
        return part

    def numbers(self, most: int = MOST) -> list[int]:
        return [int(text.split()[-1]) for text in self.read(most).lines]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_line_is_read_once_over_rotation_and_compression(folder: Folder) -> None:
    folder.write(1, 2)
    assert folder.numbers() == [1, 2]
    assert folder.numbers() == []
    folder.write(3)
    first = folder.rotate("20260201")
    folder.write(4)
    assert folder.numbers() == [3, 4]
    folder.write(5)
    second = folder.rotate("20260202")
    folder.pack(first)
    folder.write(6)
    folder.pack(second)
    third = folder.rotate("20260203")
    folder.write(7)
    assert folder.numbers() == [5, 6, 7]
    assert third.exists()


def test_a_line_that_is_not_whole_yet_waits(folder: Folder) -> None:
    folder.path.write_text(line(1) + line(2)[:-5])
    assert folder.numbers() == [1]
    with folder.path.open("a") as file:
        file.write(line(2)[-5:])
    assert folder.numbers() == [2]


def test_what_the_writer_adds_to_a_renamed_file_is_not_passed_by(folder: Folder) -> None:
    folder.write(1)
    old = folder.rotate("20260201")
    assert folder.numbers() == [1]  # rsyslog was not told yet
    with old.open("a") as file:
        file.write(line(2))
    folder.write(3)
    assert folder.numbers() == [2, 3]


@pytest.mark.parametrize("most", [1, 100, 200, 1000])
def test_little_is_read_at_once_also_of_compressed_files(folder: Folder, most: int) -> None:
    most = max(most, len(line(1)))
    folder.write(*range(1, 8))
    folder.pack(folder.rotate("20260201"))
    folder.write(8, 9)
    found: list[int] = []
    while not (part := folder.read(most)).all or part.lines:
        assert len(found) < 10
        found += [int(text.split()[-1]) for text in part.lines]
    assert found == list(range(1, 10))


def test_what_was_removed_unread_is_counted(folder: Folder) -> None:
    folder.write(1)
    folder.read()
    folder.write(2, 3)
    part = folder.stream.read(folder.kept.streams()[folder.name], folder.place, MOST)
    folder.place = part.before  # they could not be sent
    folder.rotate("20260201").unlink()
    folder.write(4)
    part = folder.read()
    assert part.lost == len(line(2)) + len(line(3))
    assert [text.split()[-1] for text in part.lines] == ["4"]


def test_what_was_read_may_be_removed(folder: Folder) -> None:
    folder.write(1)
    folder.read()
    folder.rotate("20260201").unlink()
    folder.write(2)
    part = folder.read()
    assert (part.lost, len(part.lines)) == (0, 1)


def test_the_end_is_found_without_what_is_older(folder: Folder) -> None:
    folder.write(1)
    folder.rotate("20260201")
    folder.write(2, 3)
    folder.place = folder.stream.end(folder.kept.streams()[folder.name], 100)
    assert folder.numbers() == []
    folder.write(4)
    assert folder.numbers() == [4]


def test_new_files_are_seen_and_others_are_none(folder: Folder) -> None:
    folder.write(1)
    assert list(folder.kept.streams()) == ["logs/web1/nginx"]
    (folder.path.parent / "kernel.log").write_text(line(2))
    (folder.path.parent / "kernel.log.swp").write_text("x")
    (folder.path.parents[2] / "security/web1.log").write_text(line(3))
    assert sorted(folder.kept.streams()) == ["logs/web1/kernel", "logs/web1/nginx", "security/web1"]


# How an endpoint is reached.


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A certificate for this machine with its key, that nobody signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "pair.pem").write_bytes(signed.public_bytes(Encoding.PEM) + private)
    return tmp_path / "pair.pem"


def test_a_certificate_is_checked(folder: Folder, tmp_path: Path, pair: Path) -> None:
    with serving("loki", tmp_path, "", str(pair), str(pair)) as port:
        here = {"url": f"https://127.0.0.1:{port}"}
        stranger = Shipper("loki", folder, tmp_path / "state.json", **here)
        folder.write(1)
        stranger.shipping.turn()
        assert stranger.account.error == "its certificate is not trusted: self-signed certificate"
        stranger.account.save(now=True)
        elsewhere = Shipper("loki", folder, tmp_path / "state.json", url=f"https://localhost:{port}", ca=str(pair))
        elsewhere.shipping.turn()
        assert "Hostname mismatch" in elsewhere.account.error
        Shipper("loki", folder, tmp_path / "state.json", **here, ca=str(pair)).turns()
    assert stored(tmp_path, "loki") == [1]


def test_a_connection_it_closed_meanwhile_is_made_anew(folder: Folder, tmp_path: Path) -> None:
    with serving("loki", tmp_path) as port:
        shipper = Shipper("loki", folder, tmp_path / "state.json", port)
        folder.write(1)
        shipper.turns()
    with serving("loki", tmp_path, port=port):
        shipper.shipping.endpoint.connection.sock.shutdown(socket.SHUT_RDWR)
        folder.write(2)
        shipper.turns(1)
    assert stored(tmp_path, "loki") == [1, 2]
    assert shipper.said == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "it does not answer within 30 s"),
        (socket.gaierror(-2, "x"), "its name leads nowhere"),
        (OSError(113, "No route to host"), "No route to host"),
        (http.client.BadStatusLine("nonsense"), "nonsense"),
    ],
)
def test_why_nothing_is_sent_is_told_in_words(error: Exception, words: str) -> None:
    assert endpoint.because(error) == words


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("", {}),
        ("basic", {"Authorization": "Basic Y2x1c3RlcjpzZWNyZXQ="}),
        ("ApiKey", {"Authorization": "ApiKey secret"}),
        ("Bearer", {"Authorization": "Bearer secret"}),
    ],
)
def test_who_we_are_is_said_in_a_header(kind: str, header: dict[str, str]) -> None:
    assert endpoint.authorization(kind, "cluster", "secret") == header


# What is sent.


@contextmanager
def serving(kind: str, folder: Path, wanted: str = "", *tls: str, port: int = 0) -> Iterator[int]:
    """A strict endpoint on a port of this machine."""
    (folder / "authorization").write_text(wanted)
    server = log_endpoints.serving(kind, "127.0.0.1", port, folder, folder / "authorization", *tls)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class Shipper:
    """One that sends what a folder has, in the test's own turns."""

    def __init__(self, kind: str, folder: Folder, state: Path, port: int = 1, **changed: str) -> None:
        settings = {
            "name": "there",
            "url": f"http://127.0.0.1:{port}",
            "cluster": "shop",
            "alone": False,
            "index": "cluster-%Y.%m.%d",
            "tenant": "ops",
            "ca": "",
            "user": "",
            "authorization": "",
        }
        settings |= changed
        self.said: list[str] = []
        protocol = KINDS[kind]
        reached = endpoint.Endpoint(settings, "secret", protocol.headers(settings))
        self.account = Account(str(state))
        self.shipping = shipping.Shipping(settings, reached, protocol, folder.kept, self.account, self.said.append)
        self.shipping.begin()

    def turns(self, most: int = 20) -> None:
        """Until it waits."""
        assert any(self.shipping.turn() for _ in range(most))


def stored(folder: Path, kind: str, what: str = "json") -> list[int]:
    path = folder / f"{kind}.{what}"
    rows = path.read_text().splitlines() if path.exists() else []
    return [int(json.loads(row)["message"].split()[-1]) for row in rows]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_line_arrives_once_from_two_receivers(kind: str, tmp_path: Path) -> None:
    folders = [Folder(tmp_path / name) for name in ("a", "b")]
    with serving(kind, tmp_path) as port:
        shippers = [Shipper(kind, each, tmp_path / f"{n}.json", port) for n, each in enumerate(folders)]
        for folder, shipper in zip(folders, shippers, strict=True):
            folder.write(*range(3000))
            shipper.turns()
    assert stored(tmp_path, kind) == list(range(3000))
    assert stored(tmp_path, kind, "again") == list(range(3000))
    assert [each.account.sent for each in shippers] == [3000, 3000]
    assert [each.account.refused for each in shippers] == [0, 0]


def test_the_fields_of_a_record_are_sent(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a")
    for kind in KINDS:
        with serving(kind, tmp_path) as port:
            shipper = Shipper(kind, folder, tmp_path / f"{kind}-state.json", port)
            (folder.path.parents[2] / f"security/{kind}.log").write_text(line(1))
            shipper.turns()
    row = json.loads((tmp_path / "elasticsearch.json").read_text())
    assert row.pop("key").startswith("cluster-2026.01.31/")
    assert row == {
        "@timestamp": "2026-01-31T12:00:01.000001Z",
        "cluster": "shop",
        "stream": "security",
        "node": "web1",
        "service": "nginx",
        "severity": "info",
        "uid": "33",
        "speaker": "nginx",
        "pid": "12",
        "message": "number 1",
    }
    row = json.loads((tmp_path / "loki.json").read_text())
    del row["key"]
    assert row == {
        "cluster": "shop",
        "node": "web1",
        "service": "nginx",
        "severity": "info",
        "stream": "security",
        "at": "1769860801000001000",
        "message": "33 nginx[12]: number 1",
    }


def test_what_was_kept_before_is_not_sent(kind: str, folder: Folder, tmp_path: Path) -> None:
    folder.write(1)
    with serving(kind, tmp_path) as port:
        shipper = Shipper(kind, folder, tmp_path / "state.json", port)
        folder.write(2)
        shipper.turns()
    assert stored(tmp_path, kind) == [2]


def test_an_outage_and_a_restart_lose_nothing_and_are_told(kind: str, folder: Folder, tmp_path: Path) -> None:
    shipper = Shipper(kind, folder, tmp_path / "state.json")
    folder.write(1, 2)
    until = shipper.account.until
    assert [shipper.shipping.turn() for _ in range(7)] == [1, 2, 4, 8, 15, 30, 30]
    told = "there (http://127.0.0.1:1): nothing listens there; what it does not take is kept and sent later"
    assert shipper.said == [told]
    assert shipper.account.told()["error"] == "nothing listens there"
    assert shipper.account.until == until
    folder.rotate("20260201")
    folder.write(3)
    shipper.account.save(now=True)
    with serving(kind, tmp_path) as port:
        again = Shipper(kind, folder, tmp_path / "state.json", port)
        again.turns()
    assert stored(tmp_path, kind) == [1, 2, 3]
    assert again.account.until > until


def test_a_wrong_password_is_told_and_costs_nothing(kind: str, folder: Folder, tmp_path: Path) -> None:
    with serving(kind, tmp_path, "Basic Y2x1c3RlcjpzZWNyZXQ=") as port:
        wrong = Shipper(kind, folder, tmp_path / "state.json", port, authorization="Basic")
        folder.write(1)
        wrong.shipping.turn()
        assert "the password, key or token is wrong (401" in wrong.account.error
        assert "secret" not in wrong.account.error
        wrong.account.save(now=True)
        right = Shipper(kind, folder, tmp_path / "state.json", port, authorization="basic", user="cluster")
        right.turns()
    assert stored(tmp_path, kind) == [1]
    assert right.account.error == ""


def test_a_record_it_can_never_take_is_left_out_and_told(folder: Folder, tmp_path: Path) -> None:
    with serving("elasticsearch", tmp_path) as port:
        shipper = Shipper("elasticsearch", folder, tmp_path / "state.json", port)
        folder.path.write_text(line(1).replace("number", "unparsable"))
        shipper.shipping.turn()
        assert shipper.account.error == "it answers (400: failed to parse)"  # it takes none: whose fault is it?
        folder.write(2)
        shipper.turns()
    assert stored(tmp_path, "elasticsearch") == [2]
    assert shipper.account.refused == 1
    assert "there: it refused 1 records for good: failed to parse" in shipper.said


@pytest.mark.parametrize(("alone", "refused"), [(False, 0), (True, 1)])
def test_what_another_receiver_sent_long_ago_is_passed_by(
    folder: Folder, tmp_path: Path, alone: bool, refused: int
) -> None:
    with serving("loki", tmp_path) as port:
        shipper = Shipper("loki", folder, tmp_path / "state.json", port, alone=alone)  # type: ignore[arg-type]
        folder.path.write_text(
            line(1, second=3599) + line(2, second=3598).replace("T12", "T10") + line(3, second=3599)
        )
        shipper.turns()
    assert stored(tmp_path, "loki") == [1, 3]
    assert shipper.account.refused == refused


def test_what_is_too_large_is_sent_in_parts(folder: Folder, tmp_path: Path) -> None:
    shipper = Shipper("loki", folder, tmp_path / "state.json")
    sizes: list[int] = []

    def post(_: str, body: bytes, __: str) -> tuple[int, str]:
        sizes.append(len(json.loads(body)["streams"][0]["values"]))
        return (204, "") if sizes[-1] <= 2 else (413, "too large")

    shipper.shipping.endpoint = SimpleNamespace(post=post)
    folder.write(*range(8))
    shipper.turns()
    assert sizes == [8, 4, 2, 2, 4, 2, 2]
    assert (shipper.account.sent, shipper.account.refused) == (8, 0)


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([{"status": 201}, {"status": 409, "error": {"reason": "exists"}}], 0),
        ([{"status": 201}, {"status": 429, "error": {"reason": "full"}}], "it has too much to do (429: full)"),
        ([{"status": 201}, {"status": 403, "error": {"reason": "no"}}], "it does not let us write (403: no)"),
        ([{"status": 400, "error": {"reason": "shards"}}] * 2, "it answers (400: shards)"),
        ([{"status": 201}, {"status": 400, "error": {"reason": "parse"}}], 1),
    ],
)
def test_each_record_of_a_bulk_request_has_its_own_answer(items: list[dict[str, Any]], found: Any) -> None:
    text = json.dumps({"items": [{"create": item} for item in items]})
    if isinstance(found, int):
        assert elasticsearch.refused({}, 200, text)[0] == found
    else:
        with pytest.raises(endpoint.NotTakenError, match=r".*") as caught:
            elasticsearch.refused({}, 200, text)
        assert str(caught.value) == found


@pytest.mark.parametrize(("code", "text"), [(200, "<html>"), (200, "{}"), (503, "busy"), (301, ""), (404, "")])
def test_what_is_no_answer_to_a_bulk_request_is_asked_again(code: int, text: str) -> None:
    with pytest.raises(endpoint.NotTakenError):
        elasticsearch.refused({}, code, text)


@pytest.mark.parametrize(
    ("code", "text"), [(400, "unmarshal error"), (429, ""), (500, "too old"), (401, "no org id")]
)
def test_loki_is_asked_again_unless_records_are_at_fault(code: int, text: str) -> None:
    with pytest.raises(endpoint.NotTakenError):
        loki.refused({"alone": True}, code, text)


def test_loki_says_how_many_it_left_out() -> None:
    text = "has timestamp too old\nuser 'x', total ignored: 3 out of 9\nuser 'x', total ignored: 1 out of 2"
    assert loki.refused({"alone": True}, 400, text)[0] == 4
