"""What the readers of both engines print alike: when an event was, and statements among their own words. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime

EVENT = re.compile(r"^#(\d{6}) +(\d+:\d\d:\d\d) server id \d+ +end_log_pos \d+(?: CRC32 \S+)?\s+(\S.*)$")
DELIMITER = "/*!*/;"
SESSION = re.compile(r"^(use |SET |START TRANSACTION|BEGIN|COMMIT|ROLLBACK|DELIMITER|/\*|#|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One, or all of a transaction. at: UTC; before: the position just before it; text: as it was said."""

    at: str
    gtid: str
    before: str
    text: str


def unwrapped(line):
    """What of a statement a line has; empty for what the program itself says around it."""
    line = line.strip().removesuffix(DELIMITER).strip()
    return "" if SESSION.match(line) else line


def moment(day, time):
    """A date and a time as the programs print them, as ISO 8601."""
    return datetime.strptime(f"{day} {time}", "%y%m%d %H:%M:%S").isoformat()
