"""Statements in the text that mariadb-binlog prints: when each was, its GTID, and the GTID before it. Pure."""

import re

from printed import EVENT, Statement, moment, unwrapped

GTID = re.compile(r"^GTID (\d+)-(\d+)-(\d+)")
ANNOTATED = "#Q> "


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
    return unwrapped(line)
