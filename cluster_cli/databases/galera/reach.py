"""From where on a Galera node is given only what it misses: by what the others keep of it. Pure.

A node that joins says up to which number it has the group's changes. It gets the rest from the cache of one of the
others where that reaches back so far, with room to spare (Galera's gcs/src/gcs_group.cpp, group_find_ist_donor: an
hundred-and-twenty-eighth of what is cached, at most a million); else a whole copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_cli.collect import Outcome
from cluster_cli.databases.seat import Seat

QUESTION = (
    "mariadb --no-defaults -BNe \"SHOW STATUS LIKE 'wsrep%'; "
    "SELECT 'fragments', @@GLOBAL.wsrep_trx_fragment_size; SELECT 'history', @@GLOBAL.gtid_binlog_state\""
)
SHARE, MOST = 64, 2 << 20  # twice what Galera spares: the cache loses its oldest while a node is on its way


@dataclass(frozen=True)
class Cache:
    """What a node of a group keeps. first: the oldest change, 0 for none; last: the newest; history: its GTIDs.

    fragments: whether transactions are sent in parts, of which a binary log knows nothing before their end.
    """

    group: str
    first: int
    last: int
    fragments: bool = False
    history: str = ""


def heard(outcome: Outcome | None) -> Cache | None:
    """What a node says of it; None for one that does not answer."""
    if outcome is None or outcome.rc != 0:
        return None
    rows = (line.split("\t", 1) for line in outcome.stdout.splitlines() if "\t" in line)
    known = {row[0]: row[1] for row in rows}
    first, last = (int(known.get(f"wsrep_{name}", 0)) for name in ("local_cached_downto", "last_committed"))
    group = known.get("wsrep_cluster_state_uuid", "")
    found = Cache(group, first, last, known.get("fragments", "0") != "0", known.get("history", ""))
    return found if first <= last else Cache(group, 0, last, found.fragments, found.history)


def least(caches: Mapping[str, Cache]) -> int | None:
    """The number up to which a node must have all that it gets the rest; None where nothing is cached."""
    firsts = [each.first for each in caches.values() if each.first]
    if not firsts:
        return None
    spare = min((max(each.last for each in caches.values()) - min(firsts)) // SHARE, MOST)
    return min(firsts) + spare


def refusal(seat: Seat, caches: Mapping[str, Cache]) -> str:
    """Why a node with this data could not go on with the others; empty where it can. caches: theirs, by node."""
    groups = {each.group for each in caches.values()}
    if seat.group and groups != {seat.group}:
        return f"the copy is of the group {seat.group}, and the others are of {' and '.join(sorted(groups))}"
    last = max(each.last for each in caches.values())
    if seat.seqno > last:
        return f"it would have changes up to {seat.seqno}, and the others only up to {last}"
    if parts := [node for node, each in caches.items() if each.fragments]:
        return f"{', '.join(parts)} sends transactions in parts (wsrep_trx_fragment_size), of which no log tells"
    floor = least(caches)
    if floor is None or (seat.seqno and seat.seqno < floor):
        kept = "nothing" if floor is None else f"what came after {floor}"
        return f"it would be at {seat.seqno}, and of what came since the others keep {kept} (gcache.size)"
    return ""
