"""The small types the models are made of: what each accepts, and the words for what it does not."""

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)", re.ASCII)
UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, on one line, quoted when it is text."""
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:37] + "..."
        return '"' + "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text) + '"'
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return {"None": "nothing", "True": "true", "False": "false"}.get(str(value), str(value)[:40])


@dataclass(frozen=True)
class Words:
    """Text of a certain form. form: a regular expression; what: its name; rule: how it is written.

    hushed: whether a value of another form is left out of the message, as it may be a secret in the wrong place.
    """

    form: str
    what: str
    rule: str
    longest: int = 255
    hushed: bool = False

    def check(self, value: str) -> str:
        """The value itself; ValueError in plain words when it has another form."""
        if not re.fullmatch(self.form, value, re.ASCII):
            raise ValueError(f"{self.told(value)} is not {self.what} ({self.rule})")
        if len(value) > self.longest:
            raise ValueError(f"{self.told(value)} is too long for {self.what} (at most {self.longest} characters)")
        return value

    def told(self, value: str) -> str:
        """The value as the message begins with it."""
        return "what stands here" if self.hushed else shown(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The form for editors."""
        form = {"pattern": f"^{self.form}$", "maxLength": self.longest}
        return handler(schema) | form | {"$comment": f"{self.what} ({self.rule})"}


@dataclass(frozen=True)
class Span:
    """A duration between two others, both written as in the file."""

    least: str
    most: str

    def check(self, value: object) -> int:
        """Whole milliseconds of "500ms", "2s", "1m"; ValueError in plain words."""
        found = milliseconds(value)
        if found is None:
            raise ValueError(
                f"{shown(value)} is not a duration (a number with ms, s, m, h or d, such as 500ms or 2s)"
            )
        if not (milliseconds(self.least) or 0) <= found <= (milliseconds(self.most) or 0):
            raise ValueError(f"{value} is out of range (from {self.least} to {self.most})")
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check before the type."""
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The form for editors."""
        what = f"a duration from {self.least} to {self.most}"
        return {
            "type": "string",
            "pattern": f"^{DURATION.pattern}$",
            "examples": ["500ms", "2s"],
            "$comment": what,
        }


def milliseconds(value: object) -> int | None:
    """Whole milliseconds of a duration, None when it is not one."""
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    return round(float(match[1]) * UNIT_SECONDS[match[2]] * 1000) if match else None


def duration_text(value: int) -> str:
    """The shortest spelling of a duration in milliseconds."""
    seconds = timedelta(milliseconds=value).total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{value}ms"


def written(value: object) -> object:
    """The value when it is text: numbers would pass for addresses (5 is 0.0.0.5)."""
    if not isinstance(value, str):
        raise ValueError(f"must be text such as 10.0.0.11, not {shown(value)}")
    return value


def with_prefix(value: object) -> object:
    """The value when it names its prefix: without one, an address would be alone in its network."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(f"must be an address with its prefix, such as 192.0.2.5/24, not {shown(value)}")
    return value


def text_or_number(value: object) -> int | str:
    """A kernel setting's value: one line of text, or a whole number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"must be a whole number or text, not {shown(value)} (quote it to make it text)")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(f"{shown(value)} has characters that cannot be seen (one line of plain text)")
    return value


NAME = Words(
    r"[a-z]([a-z0-9-]*[a-z0-9])?",
    "a usable name",
    'lower-case letters, digits and "-", starting with a letter, at most 40 characters',
    40,
)
PATH_LETTERS = r"[^\s\"';{}\\\x00-\x1f\x7f]"
HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
USER = r"[a-z_][a-z0-9_-]{0,31}"
PUBLIC_KEY = r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/=]{16,}"

Name = Annotated[str, NAME]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Address = Annotated[IPv4Address, BeforeValidator(written)]
Subnet = Annotated[IPv4Network, BeforeValidator(written)]
InterfaceAddress = Annotated[
    IPv4Interface, BeforeValidator(with_prefix), Field(json_schema_extra={"examples": ["192.0.2.5/24"]})
]
Milliseconds = Annotated[int, Span("1ms", "1d"), PlainSerializer(duration_text)]
# VRRP counts in hundredths of a second, with twelve bits (RFC 5798 section 5.2.7).
AdvertInterval = Annotated[int, Span("10ms", "40s"), PlainSerializer(duration_text)]
SecretName = Annotated[
    str,
    Words(r"[a-z][a-z0-9_.-]*", "the name of a secret", "such as alert_mail_password", 100, hushed=True),
]
Setting = Annotated[
    int | str, BeforeValidator(text_or_number), Field(json_schema_extra={"examples": [1, "1024 65000"]})
]
SettingName = Annotated[
    str, Words(r"[a-z0-9][A-Za-z0-9_./-]*", "a kernel setting", "such as net.ipv4.ip_nonlocal_bind")
]
UrlPath = Annotated[
    str,
    Words(f"/{PATH_LETTERS}*", "a path", "it begins with a slash and has no spaces or quotes, such as /healthz"),
]
Url = Annotated[str, Words(f"https?://{PATH_LETTERS}+", "a URL", "such as http://127.0.0.1:3000")]
HostName = Annotated[str, Words(HOST, "a host name", "such as ntp.example.com or 10.0.0.1")]
JumpHost = Annotated[
    str,
    Words(
        rf"({USER}@)?{HOST}(:[0-9]{{1,5}})?",
        "a jump host",
        "host, user@host or user@host:port, such as ops@bastion",
    ),
]
UserName = Annotated[
    str, Words(USER, "a user name", 'lower-case letters, digits, "-" and "_", at most 32 characters', 32)
]
PublicKey = Annotated[
    str,
    Words(
        rf"{PUBLIC_KEY}( [^\x00-\x1f\x7f]*)?",
        "a public SSH key",
        "such as ssh-ed25519 AAAA... you@laptop",
        16384,
    ),
]
HostKey = Annotated[
    str, Words(PUBLIC_KEY, "a host key", "as in known_hosts without the host: ssh-ed25519 AAAA...", 16384)
]
FilePath = Annotated[
    str,
    Words(r"[^\x00-\x1f\x7f]+", "a file path", "one line of text, not empty", 4000),
    Field(json_schema_extra={"examples": ["~/.ssh/id_ed25519"]}),
]
Folder = Annotated[
    str,
    Words(r"[^\x00-\x1f\x7f]+", "a directory", "one line of text, not empty", 4000),
    Field(json_schema_extra={"examples": ["site"]}),
]
Image = Annotated[
    str, Words(r"[a-z0-9][A-Za-z0-9._:/@-]*", "a container image", "such as registry.example.com/debian:12")
]
Timezone = Annotated[
    str, Words(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "a time zone", "such as Etc/UTC or Europe/Athens")
]
Locale = Annotated[str, Words(r"[A-Za-z0-9_.@-]+", "a locale", "such as C.UTF-8 or en_GB.UTF-8")]
Package = Annotated[str, Words(r"[a-z0-9][a-z0-9+.-]+", "a package name", "such as tcpdump")]
Interface = Annotated[
    str, Words(r"[A-Za-z0-9_.@-]+", "a network interface", "at most 15 characters, such as eth0", 15)
]


def is_name(value: str) -> str:
    """The name itself (a DNS label, RFC 1123); ValueError in plain words when it cannot be one."""
    return NAME.check(value)


def is_address(value: str) -> bool:
    """Whether a host name is an IPv4 address."""
    try:
        IPv4Address(value)
    except ValueError:
        return False
    return True
