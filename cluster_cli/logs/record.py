"""One record of a log, as a receiver keeps it and as a journal has it: pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

SCHEMA_VERSION = 1
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")  # RFC 5424, section 6.2.1
FIELDS = (
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "UNIT",
    "_COMM",
    "_PID",
    "_SYSTEMD_UNIT",
    "_TRANSPORT",
    "_UID",
)  # of a journal; systemd.journal-fields(7)
KEPT = re.compile(
    r"(?P<at>\S+) (?P<node>\S+) (?P<service>\S+) (?P<severity>\S+) (?P<uid>\S+) "
    r"(?P<speaker>\S+)\[(?P<pid>[^\]]*)\]: ?(?P<message>.*)"
)
PART = r"[A-Za-z0-9_.]*[A-Za-z_][A-Za-z0-9_.]*"
UNIT = re.compile(rf"({PART}(?:-{PART})*)(-[0-9]+)*(@.*)?\.service")


@dataclass(frozen=True, order=True)
class Record:
    """What was logged. at: in UTC, in a form that sorts as text. uid, pid: of who spoke, "-" where unknown."""

    at: str
    node: str
    service: str
    severity: str
    uid: str
    speaker: str
    pid: str
    message: str

    def as_text(self) -> str:
        """For people: as journalctl shows it."""
        speaker = self.speaker if self.pid == "-" else f"{self.speaker}[{self.pid}]"
        return f"{self.at} {self.node} {speaker}: {self.message}"

    def as_json(self) -> str:
        """For scripts: one object on a line."""
        return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(self)})


def from_line(line: str) -> Record | None:
    """A record as a receiver keeps it; None for a line that is none."""
    found = KEPT.fullmatch(line.rstrip("\n"))
    return Record(**found.groupdict()) if found else None


def from_journal(node: str, row: Mapping[str, Any]) -> Record:
    """A record of a node's journal in its JSON form. What is not UTF-8 is a list of bytes there."""
    text = row.get("MESSAGE") or ""
    seconds = int(row["__REALTIME_TIMESTAMP"]) / 1e6
    return Record(
        at=datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds"),
        node=node,
        service=service(row),
        severity=SEVERITIES[int(row.get("PRIORITY", 6))],
        uid=str(row.get("_UID", "-")),
        speaker=str(row.get("SYSLOG_IDENTIFIER") or row.get("_COMM") or "-"),
        pid=str(row.get("_PID", "-")),
        message=text if isinstance(text, str) else bytes(text).decode(errors="replace"),
    )


def service(row: Mapping[str, Any]) -> str:
    """The service that spoke, or of which systemd spoke; as role logs names it (sender.conf.j2)."""
    unit = str(row.get("_SYSTEMD_UNIT", ""))
    if unit == "init.scope" and row.get("UNIT"):
        unit = str(row["UNIT"])
    if row.get("_TRANSPORT") == "kernel":
        return "kernel"
    for kind in ("session", "run"):
        if unit.startswith(f"{kind}-"):
            return kind
    if row.get("_SYSTEMD_UNIT") == "init.scope" and not unit.endswith(".service"):
        return "systemd"
    found = UNIT.fullmatch(unit)
    return found[1] if found else "other"
