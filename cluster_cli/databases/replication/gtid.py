"""What a node of a database has of its transactions, in the words of its own engine. Pure.

MariaDB tells positions and histories (positions.py), MySQL sets (group_replication/gtid.py), which alone have
colons. Positions are always one behind the other. Sets need not be: two may each have what the other has not.
"""

from collections.abc import Iterable, Mapping

from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.databases.replication import positions


class ApartError(ValueError):
    """None of several nodes has all that the others have."""


def is_set(*texts: str) -> bool:
    """Whether this is MySQL's way to tell it."""
    return any(":" in text for text in texts)


def contains(history: str, position: str) -> bool:
    """Whether a node with this history (MySQL: with this set) has everything up to this position."""
    if is_set(history, position):
        return GtidSet.parse(position) <= GtidSet.parse(history)
    return positions.contains(history, position)


def missing(history: str, other: str) -> tuple[str, ...]:
    """What a node has by its own history and another has not by its own, by who numbered it."""
    if is_set(history, other):
        left = GtidSet.parse(history) - GtidSet.parse(other)
        return tuple(str(GtidSet({source: rows})) for source, rows in sorted(left.parts.items()))
    return positions.missing(history, other)


def distance(ahead: str, behind: str) -> int:
    """How many transactions one has that another has not; never negative."""
    if is_set(ahead, behind):
        return len(GtidSet.parse(ahead) - GtidSet.parse(behind))
    return positions.distance(ahead, behind)


def joined(texts: Iterable[str]) -> str:
    """All of what a node applied and what it received. No spaces in it, as it goes into commands."""
    found = tuple(texts)
    if is_set(*found):
        return str(union(map(GtidSet.parse, found))).replace(" ", "")
    return positions.furthest(found)


def furthest(texts: Iterable[str]) -> str:
    """The one that has all that the others have; the first of several, "" of none. Raises ApartError."""
    found = tuple(texts)
    if not is_set(*found):
        return positions.furthest(found)
    whole = union(map(GtidSet.parse, found))
    best = next((text for text in found if whole <= GtidSet.parse(text)), None)
    if best is None:
        raise ApartError("each of them has what another one has not")
    return best


def apart(nodes: Mapping[str, str]) -> tuple[str, ...]:
    """Where no node has all that the others have: what each lacks, a sentence each; else nothing."""
    try:
        furthest(nodes.values())
    except ApartError:
        whole = joined(nodes.values())
        return tuple(f"{name} lacks {', '.join(missing(whole, text))}" for name, text in nodes.items())
    return ()
