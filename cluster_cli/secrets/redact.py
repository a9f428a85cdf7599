"""Nothing secret is shown or written: every text of every event passes here first. Pure.

A secret is found as it is, line by line, as JSON writes it, and inside of base64 at any offset.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from cluster_cli.events import Event

SHORTEST = 6  # a shorter text is also a part of common words
SHORTEST_LINE = 12
BITS = 6  # of a character of base64 (RFC 4648)
# What is no secret beside one: certificates, and the first lines of an OpenSSH key, which hold its public half.
PUBLIC = re.compile(
    r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----.*?-----END \1-----"
    r"|-----BEGIN OPENSSH PRIVATE KEY-----\n[^\n]*\n[^\n]*",
    re.DOTALL,
)
URLSAFE = str.maketrans("+/", "-_")
E = TypeVar("E", bound=Event)


class Redactor:
    """Replaces secrets by `[secret NAME]`. secrets: the texts nobody may read, by name."""

    def __init__(self, secrets: Mapping[str, Iterable[str]] | None = None) -> None:
        self._names: dict[str, str] = {}
        for name, texts in (secrets or {}).items():
            for text in texts:
                self._names |= dict.fromkeys(forms(text), name)
        longest_first = sorted(self._names, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """`text` without a secret."""
        return self._any.sub(lambda found: f"[secret {self._names[found[0]]}]", text) if self._any else text

    def event(self, event: E) -> E:
        """The event without a secret in any of its texts."""
        if not self._any:
            return event
        old = {field.name: getattr(event, field.name) for field in fields(event)}
        new = {name: value for name in old if (value := self.value(old[name])) != old[name]}
        return replace(event, **new) if new else event

    def value(self, value: Any) -> Any:
        """A JSON-able value without a secret in any of its texts."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.value(inner) for inner in value)
        return value

    def error(self, error: BaseException) -> None:
        """Take the secrets out of an error's own texts, in place."""
        for name, value in vars(error).items():
            if isinstance(value, str | Mapping | list | tuple):
                setattr(error, name, self.value(value))
        error.args = self.value(error.args)


NOTHING_SECRET = Redactor()


def forms(text: str) -> Iterator[str]:
    """Every way in which a secret may turn up in a text."""
    for piece in pieces(text):
        yield piece
        yield from (json.dumps(piece, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        yield from in_base64(piece)


def pieces(text: str) -> Iterator[str]:
    """The whole, and each line that is long enough to mean something by itself."""
    if len(text) >= SHORTEST:
        yield text
    for line in map(str.strip, PUBLIC.sub("", text).splitlines()):
        if len(line) >= SHORTEST_LINE and not line.startswith("-----"):  # PEM's frame is no secret
            yield line


def in_base64(text: str) -> Iterator[str]:
    """What base64 makes of it wherever it stands in a longer text: the characters that depend on it alone."""
    raw = text.encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        first, after = -(-before * 8 // BITS), (before + len(raw)) * 8 // BITS
        piece = encoded[first:after]
        if len(piece) >= SHORTEST:
            yield piece
            yield piece.translate(URLSAFE)
