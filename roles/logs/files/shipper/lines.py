"""A line a receiver keeps, as a record."""

import calendar
import hashlib
import re
import time
from dataclasses import dataclass

FORM = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)\+00:00 (?P<node>\S+) (?P<service>\S+) (?P<severity>\S+) "
    r"(?P<uid>\S+) (?P<speaker>\S+)\[(?P<pid>[^\]]*)\]: ?(?P<message>.*)",
    re.DOTALL,
)
FIELDS = ("node", "service", "severity", "uid", "speaker", "pid", "message")


@dataclass(frozen=True)
class Record:
    """What was logged. stream: logs or security; at: in UTC, without a zone; text: the whole line."""

    stream: str
    at: str
    node: str
    service: str
    severity: str
    uid: str
    speaker: str
    pid: str
    message: str
    text: str

    @property
    def seconds(self):
        """Its time, in whole seconds since the epoch."""
        return calendar.timegm(time.strptime(self.at[:19], "%Y-%m-%dT%H:%M:%S"))

    @property
    def nanoseconds(self):
        """Its time since the epoch, exactly."""
        return self.seconds * 10**9 + int(self.at[20:29].ljust(9, "0"))

    def digest(self, cluster):
        """160 bits that are the same wherever it is kept, and others for any other record."""
        return hashlib.sha256(f"{cluster}\n{self.stream}\n{self.text}".encode()).hexdigest()[:40]


def record(stream, text):
    """The record of a line; None when it is none, as when rsyslog was killed within it."""
    found = FORM.fullmatch(text)
    try:
        made = Record(stream=stream, text=text, **found.groupdict()) if found else None
        return made if made and made.seconds else None
    except ValueError:  # there is no such day
        return None
