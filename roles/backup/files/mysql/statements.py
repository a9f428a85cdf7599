"""Statements in the text that mysqlbinlog prints: when each was, its GTID, and the set before it. Pure.

The one of MariaDB has the same names. What changed rows is there as it was said where the server wrote it
(MySQL's manual, binlog_rows_query_log_events), after `Rows_query`, with "# " before each line.
"""

import re
from dataclasses import dataclass, field

import gtid_sets
from printed import EVENT, Statement, moment, unwrapped

NEXT = re.compile(r"^SET @@SESSION\.GTID_NEXT= *'(\S+):(\d+)'")
SAID, PLACE = "# ", re.compile(r"^# at \d+$")


def read(lines, _domain, before):
    """The transactions that say or change something. before: the set of all before these lines, not told again."""
    seen, here = gtid_sets.parsed(before), Open("")
    for line in lines:
        if event := EVENT.match(line):
            here.kind = event[3]
            if here.kind.startswith("GTID"):
                yield from told(here, seen)
                here = Open(moment(event[1], event[2]))
            here.changes |= here.kind.startswith("Table_map")
        elif named := NEXT.match(line):
            here.gtid = named[1].lower(), int(named[2])
        elif said := spoken(line, here.kind):
            here.text.append(said)
    yield from told(here, seen)


@dataclass
class Open:
    """A transaction that is read. gtid: source and number; kind: its last event; changes: whether rows change."""

    at: str
    gtid: tuple = ()
    kind: str = ""
    changes: bool = False
    text: list = field(default_factory=list)


def told(ended, seen):
    """The transaction that ended, which is seen from now on; none where it was seen before."""
    if not ended.gtid:
        return
    source, number = ended.gtid
    rows = seen.get(source, [])
    if any(first <= number <= last for first, last in rows):
        return
    if ended.text or ended.changes:
        yield Statement(ended.at, f"{source}:{number}", gtid_sets.told(seen), "\n".join(ended.text))
    seen[source] = gtid_sets.merged([*rows, (number, number)])


def spoken(line, kind):
    """What of a statement a line has; empty for what the program itself says around it."""
    if kind.startswith("Rows_query"):
        return line.removeprefix(SAID).rstrip() if line.startswith(SAID) and not PLACE.match(line) else ""
    return unwrapped(line)
