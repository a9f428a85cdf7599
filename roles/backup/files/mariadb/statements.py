"""Statements in the text that mariadb-binlog prints: when each was, its GTID, and the GTID before it. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime

EVENT = re.compile(r"^#(\d{6}) +(\d+:\d\d:\d\d) server id \d+ +end_log_pos \d+(?: CRC32 \S+)?\s+(\S.*)$")
GTID = re.compile(r"^GTID (\d+)-(\d+)-(\d+)")
ANNOTATED, DELIMITER = "#Q> ", "/*!*/;"
SESSION = re.compile(r"^(use |SET |START TRANSACTION|BEGIN|COMMIT|ROLLBACK|DELIMITER|/\*|#|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One, or all of a transaction. at: UTC; before: the GTID of what comes just before; text: as it was said."""

    at: str
    gtid: str
    before: str
    text: str


def read(lines, domain, before):
    """The transactions of one domain. before: the last GTID of what comes before these lines."""
    gtid, at, text = "", "", []
    for line in lines:
        event = EVENT.match(line)
        named = event and GTID.match(event[3])
        if named:
            if gtid:
                yield Statement(at, gtid, before, "\n".join(text))
                before = gtid
            mine = int(named[1]) == domain
            gtid, at, text = ("-".join(named.groups()) if mine else ""), moment(event[1], event[2]), []
        elif gtid and (said := spoken(line)):
            text.append(said)
    if gtid:
        yield Statement(at, gtid, before, "\n".join(text))


def spoken(line):
    """What of a statement a line has; empty for what the program itself says around it."""
    if line.startswith(ANNOTATED):
        return line.removeprefix(ANNOTATED).rstrip()
    line = line.strip().removesuffix(DELIMITER).strip()
    return "" if SESSION.match(line) else line


def moment(day, time):
    """A date and a time as the program prints them, as ISO 8601."""
    return datetime.strptime(f"{day} {time}", "%y%m%d %H:%M:%S").isoformat()
