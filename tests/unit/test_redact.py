"""No secret gets past, in whatever form and wherever it stands."""

import base64
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cluster_cli.access.ssh_authority import new_authority, public_line, sign, user_terms
from cluster_cli.errors import ClusterError
from cluster_cli.events import RunEnded, Step, TaskEnded
from cluster_cli.secrets.redact import SHORTEST, SHORTEST_LINE, Redactor
from cluster_cli.secrets.secret import password

SECRETS = st.text(st.characters(codec="utf-8"), min_size=SHORTEST, max_size=80)
TEXTS = st.text(max_size=60)


def task(**texts: str) -> TaskEnded:
    return TaskEnded("web", "web", "Write", "web1", "failed", 1.0, **texts)


@given(SECRETS, TEXTS, TEXTS)
def test_a_secret_never_stays_in_a_text(secret: str, before: str, after: str) -> None:
    assume(secret not in "[secret db]")
    said = Redactor({"db": [secret]})(before + secret + after)
    assert "[secret db]" in said
    assert not [part for part in said.split("[secret db]") if secret in part]


@given(SECRETS, TEXTS, TEXTS)
def test_nor_as_json_writes_it(secret: str, before: str, after: str) -> None:
    redact = Redactor({"db": [secret]})
    for ascii_only in (True, False):
        whole = json.dumps({"text": before + secret + after}, ensure_ascii=ascii_only)
        assert "[secret db]" in redact(whole)


@given(
    st.text(st.characters(codec="ascii"), min_size=12, max_size=80), st.binary(max_size=9), st.binary(max_size=9)
)
def test_nor_in_base64_at_any_offset(secret: str, before: bytes, after: bytes) -> None:
    redact = Redactor({"db": [secret]})
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert "[secret db]" in redact(encode(before + secret.encode() + after).decode())


@given(st.lists(SECRETS, min_size=2, max_size=5, unique=True), TEXTS)
def test_of_several_none_stays_whole(secrets: list[str], between: str) -> None:
    assume(not any(secret in "[secret db]" for secret in secrets))
    found = Redactor({"db": secrets})(between.join(secrets))
    left = found.split("[secret db]")
    assert not any(secret in part for secret in secrets for part in left)


def test_each_line_of_a_key_goes_and_its_frame_stays() -> None:
    key = new_authority()
    lines = key.splitlines()
    said = Redactor({"authority": [key]})("\n".join(f"+    {line}" for line in lines))
    assert lines[0] in said
    assert not [line for line in lines[3:-1] if len(line) >= SHORTEST_LINE and line in said]
    assert said.count("[secret authority]") >= 3


def test_the_public_half_of_a_key_stays_readable() -> None:
    key = new_authority()
    terms = user_terms(["admin"], 1)
    certificate = sign(key, public_line(new_authority(), "node"), terms, "node", datetime.now(UTC))
    redact = Redactor({"authority": [key]})
    assert redact(certificate) == certificate
    assert redact(public_line(key, "authority")) == public_line(key, "authority")


def test_a_certificate_beside_its_key_stays_readable() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUVpublic\n-----END CERTIFICATE-----\n"
    key = new_authority()
    redact = Redactor({"authority": [certificate + key]})
    assert redact(certificate) == certificate
    assert key.splitlines()[4] not in redact(key)


def test_a_password_is_found_in_the_header_that_carries_it() -> None:
    value = password()
    header = base64.b64encode(f"stats:{value}".encode()).decode()
    assert "[secret stats]" in Redactor({"stats": [value]})(f"Authorization: Basic {header}")


def test_the_value_before_and_the_value_to_come_are_secret_too() -> None:
    redact = Redactor({"db": ["first-value", "second-value"]})
    assert redact("-first-value\n+second-value") == "-[secret db]\n+[secret db]"


def test_every_text_of_an_event_is_read() -> None:
    value = password()
    redact = Redactor({"db": [value]})
    events = [
        Step("lab", f"made {value}", "web1"),
        task(message=f"refused: {value}", diff=f"+{value}"),
        RunEnded(1, 2.0, {"why": [f"x{value}", {"deep": value}]}),
    ]
    for event in events:
        told = json.dumps(asdict(redact.event(event)))
        assert value not in told
        assert "[secret db]" in told
    assert redact.event(events[1]).seconds == 1.0


def test_an_event_without_a_secret_is_left_as_it_is() -> None:
    event = task(message="well")
    assert Redactor({"db": [password()]}).event(event) is event
    assert Redactor().event(event) is event


def test_an_error_tells_no_secret() -> None:
    value = password()
    error = ClusterError(f"what {value}", where=value, why=f"why {value}", hint=value)
    Redactor({"db": [value]}).error(error)
    assert value not in str(error)
    assert value not in repr(error)


@pytest.mark.parametrize("short", ["", "a", "secre"])
def test_what_is_part_of_common_words_is_let_be(short: str) -> None:
    assert Redactor({"db": [short]})("a secret") == "a secret"


def test_a_long_text_is_read_in_no_time() -> None:
    redact = Redactor({f"s{n}": [password(), new_authority()] for n in range(20)})
    text = "The quick brown fox jumps over the lazy dog.\n" * 20_000  # 0.9 MB
    began = time.process_time()
    assert redact(text) == text
    assert time.process_time() - began < 3
