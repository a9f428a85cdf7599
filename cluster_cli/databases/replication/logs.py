"""Where a binary log of MariaDB begins, by what mariadb-binlog prints of it. Pure."""

import re

BEGINS = re.compile(r"Gtid list \[(.*?)\]", re.DOTALL)
FIRST = re.compile(r"\bGTID (\d+-\d+-\d+)")


def begins(text: str) -> tuple[str, str] | None:
    """(the position at which it begins, its first transaction): each empty where nothing says so.

    None where it is no binary log. text: the first lines; where it begins with nothing, `Gtid list []` (MariaDB's
    documentation, GTID_LIST_EVENT).
    """
    listed, first = BEGINS.search(text), FIRST.search(text)
    if listed is None:
        return None
    words = re.findall(r"\d+-\d+-\d+", listed[1])
    return ",".join(words), first[1] if first and not words else ""
