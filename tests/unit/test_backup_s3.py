"""A bucket as a backup node sees it: what the store says is told in plain words, before restic waits for it."""

import hashlib
import io
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).parents[2] / "roles/backup/files"))
import repository
import s3
from places import Folder, place
from settings import RefusedError

KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


class Answers(BaseHTTPRequestHandler):
    """Says what the test put there: (status, code, further elements), by method."""

    said: dict[str, tuple[int, str, str]]
    asked: list[tuple[str, str, str]]  # method, path, authorization
    date = ""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, self.headers["Authorization"]))
        status, code, more = self.said[self.command]
        body = f"<Error><Code>{code}</Code><Message>So it is.</Message>{more}</Error>".encode() if code else b""
        self.send_response_only(status)
        self.send_header("Date", self.date or format_datetime(datetime.now(UTC), usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = answer  # noqa: N815 (as http.server wants it)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file; it is its own authority."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s3")])
    now, here = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = builder.add_extension(here, critical=False).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "server.pem"
    file.write_bytes(made.public_bytes(pem) + private)
    return file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[s3.Bucket, type[Answers]]]:
    """A bucket of a store, and what the store is to say."""
    handler = type("Handler", (Answers,), {"said": {"GET": (404, "NoSuchKey", "")}, "asked": []})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield bucket(tmp_path, server.server_port), handler
        server.shutdown()


def bucket(folder: Path, port: int, **changed: str) -> s3.Bucket:
    (folder / "access.ini").write_text(
        f"[default]\naws_access_key_id = {KEYS[0]}\naws_secret_access_key = {KEYS[1]}\n"
    )
    known = {
        "endpoint": f"https://127.0.0.1:{port}", "bucket": "backups", "bucket_lookup": "path", "region": "",
        "authority": str(folder / "server.pem"), "access": str(folder / "access.ini"), **changed,
    }  # fmt: skip
    return s3.Bucket(f"s3:{known['endpoint']}/backups/shop/bak2", known)


def told(found: s3.Bucket, verb: str = "has_repository") -> str:
    """What is said of a store that does not do as it is told."""
    with pytest.raises(RefusedError) as raised:
        getattr(found, verb)()
    return str(raised.value).removeprefix(f"S3 store {found.s3['endpoint']}: ")


def test_a_repository_is_known_by_its_config(store: tuple[s3.Bucket, type[Answers]]) -> None:
    found, handler = store
    assert found.has_repository() is False
    handler.said = {"GET": (200, "", ""), "PUT": (200, "", "")}
    assert found.has_repository() is True
    for _ in range(2):
        found.takes()
    asked = [(method, path) for method, path, _ in handler.asked]
    config, probe = ("GET", "/backups/shop/bak2/config"), ("PUT", "/backups/shop/bak2/probe")
    assert asked == [config, config, probe], "what took something once is not asked again"


@pytest.mark.parametrize(
    ("verb", "status", "code", "more", "words"),
    [
        ("has_repository", 403, "InvalidAccessKeyId", "", "it does not know the access key id"),
        ("has_repository", 403, "SignatureDoesNotMatch", "", "the secret access key does not belong to"),
        ("has_repository", 403, "AccessDenied", "", "the access key may not read in bucket backups"),
        ("takes", 403, "AccessDenied", "", "the access key may not write in bucket backups"),
        ("has_repository", 404, "NoSuchBucket", "", "there is no bucket backups: make it first"),
        (
            "has_repository", 301, "PermanentRedirect", "<Endpoint>s3.eu-west-1.example.com</Endpoint>",
            "bucket backups is at another endpoint, s3.eu-west-1.example.com",
        ),
        ("takes", 413, "EntityTooLarge", "", "bucket backups takes nothing more: it has a quota, and is full"),
        ("takes", 403, "QuotaExceeded", "", "bucket backups takes nothing more"),
        ("takes", 507, "", "", "bucket backups takes nothing more"),
        ("has_repository", 503, "SlowDown", "", "it is out of order (503)"),
        ("has_repository", 418, "", "", "it does not let us read (418)"),
    ],
)  # fmt: skip
def test_what_the_store_refuses_is_told_in_plain_words(
    store: tuple[s3.Bucket, type[Answers]], verb: str, status: int, code: str, more: str, words: str
) -> None:
    found, handler = store
    handler.said = {"GET": (status, code, more), "PUT": (status, code, more)}
    said = told(found, verb)
    assert said.startswith(words)
    assert not code or said.endswith(f"({code}: So it is.)")
    assert KEYS[1] not in said


@pytest.mark.parametrize(("minutes", "words"), [(40, "40 minutes behind"), (-40, "40 minutes ahead of")])
def test_a_clock_that_is_off_is_told(store: tuple[s3.Bucket, type[Answers]], minutes: int, words: str) -> None:
    found, handler = store
    handler.date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    for code in ("RequestTimeTooSkewed", "AccessDenied"):  # some stores say no more than that
        handler.said = {"GET": (403, code, "")}
        assert told(found).startswith(f"the clock of this node is {words} the store's")


def test_the_region_the_store_wants_is_taken(store: tuple[s3.Bucket, type[Answers]], tmp_path: Path) -> None:
    found, handler = store
    handler.said = {"GET": (400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>")}
    assert "is in another region, eu-central-1" in told(found)
    assert [each.split("/")[2] for _, _, each in handler.asked] == ["us-east-1", "eu-central-1"]
    handler.asked.clear()
    port = int(found.s3["endpoint"].rpartition(":")[2])
    assert "is in another region" in told(bucket(tmp_path, port, region="eu-west-1"))
    assert len(handler.asked) == 1, "one that was named is not guessed"


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    certificate(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        assert told(bucket(tmp_path, port)) == "it does not answer (Connection refused)"
    there = bucket(tmp_path, 443, endpoint="https://store.invalid")
    assert told(there).startswith("the name store.invalid is not known here")


def test_a_certificate_nobody_knows(store: tuple[s3.Bucket, type[Answers]], tmp_path: Path) -> None:
    found, handler = store
    stranger = bucket(tmp_path, int(found.s3["endpoint"].rpartition(":")[2]), authority="")
    assert told(stranger).startswith("its certificate is not trusted (self")
    assert handler.asked == [], "it was told nothing"


def test_a_store_without_tls(tmp_path: Path) -> None:
    certificate(tmp_path)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert told(bucket(tmp_path, server.server_port)).startswith("it speaks no TLS there")
        server.shutdown()


def test_a_bucket_in_the_name_of_the_host(store: tuple[s3.Bucket, type[Answers]], tmp_path: Path) -> None:
    found, _ = store
    port = int(found.s3["endpoint"].rpartition(":")[2])
    there = bucket(tmp_path, port, bucket_lookup="dns", endpoint=f"https://invalid:{port}")
    assert told(there).startswith("the name backups.invalid is not known here")


def test_a_request_is_signed_for_one_moment_body_and_region() -> None:
    """The parts; that a store takes the whole is shown in molecule/backup."""
    found = s3.signed("PUT", "store:9000", "/b/probe", b"x", KEYS, "eu-central-1", 1_369_353_600)
    assert found["x-amz-date"] == "20130524T000000Z"
    assert found["x-amz-content-sha256"] == hashlib.sha256(b"x").hexdigest()
    scope = "20130524/eu-central-1/s3/aws4_request"
    assert (
        f"Credential={KEYS[0]}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date"
        in found["authorization"]
    )
    other = s3.signed("PUT", "store:9000", "/b/probe", b"y", KEYS, "eu-central-1", 1_369_353_600)
    assert found["authorization"] != other["authorization"]
    assert KEYS[1] not in json.dumps(found)


def test_restic_is_told_where_and_with_what(tmp_path: Path) -> None:
    found = bucket(tmp_path, 1, region="eu-central-1")
    words = [
        "-o",
        "s3.bucket-lookup=path",
        "-o",
        "s3.region=eu-central-1",
        "--cacert",
        str(tmp_path / "server.pem"),
    ]
    assert found.words == words
    assert found.environment == {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "access.ini")}


def test_restic_is_not_begun_where_the_store_does_not_answer(
    store: tuple[s3.Bucket, type[Answers]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, handler = store
    handler.said = {"GET": (200, "", ""), "PUT": (413, "EntityTooLarge", "")}
    monkeypatch.setattr(repository, "HOME", str(tmp_path))
    monkeypatch.setattr(repository.subprocess, "Popen", lambda *_, **__: pytest.fail("restic was begun"))
    known = {"store": "s3:x", "s3": found.s3, "key": "k", "compression": "auto", "cluster": "shop"}
    keeper = repository.Repository({**known, "store": f"s3:{found.s3['endpoint']}/backups/shop/bak2"})
    with pytest.raises(RefusedError, match="takes nothing more"):
        keeper.put([b"rows"], "main.full.xbstream", ["part"])
    handler.said = {"GET": (403, "InvalidAccessKeyId", "")}
    with pytest.raises(RefusedError, match="does not know the access key id"):
        keeper.snapshots()
    handler.said = {"GET": (404, "NoSuchKey", "")}
    with pytest.raises(RefusedError, match="there is no repository at s3:.*/bak2: cluster up begins one"):
        keeper.snapshots()
    (tmp_path / "repository").write_text("an id")
    for ask in (keeper.open, keeper.snapshots):
        with pytest.raises(RefusedError, match="where there was one: was it removed"):
            ask()


def test_the_store_is_asked_once_a_run(
    store: tuple[s3.Bucket, type[Answers]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, handler = store
    handler.said = {"GET": (200, "", "")}
    begun = SimpleNamespace(communicate=lambda: (b"[]", b""), returncode=0)
    monkeypatch.setattr(repository.subprocess, "Popen", lambda *_, **__: begun)
    where = f"s3:{found.s3['endpoint']}/backups/shop/bak2"
    keeper = repository.Repository({"store": where, "s3": found.s3, "key": "k", "compression": "auto"})
    for _ in range(2):
        assert keeper.snapshots() == ([], [])
    assert len(handler.asked) == 1


def test_a_directory_is_as_it_was(tmp_path: Path) -> None:
    for known in ({"store": str(tmp_path)}, {"store": str(tmp_path), "s3": {}}):
        found = place(known)
        assert isinstance(found, Folder)
        assert not found.has_repository()
    (tmp_path / "config").touch()
    assert place({"store": str(tmp_path)}).has_repository()


def test_what_restic_says_of_a_store_is_told_without_a_trace() -> None:
    text = (
        "Save(<lock/d6c32c8d47>) returned error, retrying after 15.3s: client.PutObject: Upload exceeds quota.\n"
        "Upload exceeds quota.\nclient.PutObject\ngithub.com/restic/restic/internal/backend/s3.(*Backend).Save\n"
        "\tgithub.com/restic/restic/internal/backend/s3/s3.go:307\nunable to create lock in backend\n"
    )
    said = repository.complaint("backup", text)
    assert said.startswith("the bucket takes nothing more: it has a quota, and is full (restic backup: ")
    assert "github.com" not in said


def test_a_long_trace_does_not_displace_the_reason() -> None:
    trace = "".join(f"main.step{number}\n\tgithub.com/restic/restic/{number}.go:7\n" for number in range(30))
    text = f"write /srv/locks/4a: no space left on device\n{trace}unable to create lock in backend\n"
    process = SimpleNamespace(stderr=io.BytesIO(text.encode()), stdout=io.BytesIO(b'{"a":1}\n'))
    heard = repository.Listening(process)
    assert heard.out() == '{"a":1}\n'
    assert repository.complaint("backup", heard.err()).startswith("there is no room left (restic backup: write")
