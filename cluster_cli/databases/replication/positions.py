"""GTIDs of MariaDB: where a node is, what it has, and how far two are apart. Pure.

A position is "DOMAIN-SERVER-SEQUENCE,...", the last transaction of each domain. A history (gtid_binlog_state) has
the last one of each server in each domain. MariaDB's documentation, "Global Transaction ID".
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Gtid(NamedTuple):
    """One transaction."""

    domain: int
    server: int
    sequence: int

    def __str__(self) -> str:
        """As the server writes it."""
        return f"{self.domain}-{self.server}-{self.sequence}"


Where = Mapping[tuple[int, int], int]  # (domain, server) -> last sequence


def parse(text: str) -> tuple[Gtid, ...]:
    """The transactions a position or a history names. Raises ValueError for what is neither."""
    return tuple(one(word) for word in text.replace("\n", "").split(",") if word.strip())


def one(word: str) -> Gtid:
    """A single GTID."""
    parts = word.strip().split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ValueError(f"not a GTID: {word!r}")
    return Gtid(*map(int, parts))


def known(history: str) -> Where:
    """By domain and server, how far a history reaches."""
    found: dict[tuple[int, int], int] = {}
    for each in parse(history):
        key = (each.domain, each.server)
        found[key] = max(each.sequence, found.get(key, 0))
    return found


def contains(history: str, position: str) -> bool:
    """Whether a node with this history (gtid_binlog_state) has everything up to this position."""
    has = known(history)
    return all(has.get((each.domain, each.server), 0) >= each.sequence for each in parse(position))


def missing(history: str, other: str) -> tuple[str, ...]:
    """What a node has by its own history and another has not by its own, as ranges: "1-11-8 to 1-11-9".

    Sequences of a domain go on from server to server, so what is not common begins after what is.
    """
    own, has, found = known(history), known(other), []
    common = {domain: 0 for domain, _ in own}
    for (domain, server), last in own.items():
        if has.get((domain, server), 0) >= last:
            common[domain] = max(common[domain], last)
    for (domain, server), last in sorted(own.items()):
        before = has.get((domain, server), 0)
        first = (max(before, common[domain]) if common[domain] < last else before) + 1
        if first <= last:
            begin, end = Gtid(domain, server, first), Gtid(domain, server, last)
            found.append(str(end) if first == last else f"{begin} to {end}")
    return tuple(found)


def reached(position: str) -> dict[int, int]:
    """The last sequence of each domain."""
    found: dict[int, int] = {}
    for each in parse(position):
        found[each.domain] = max(each.sequence, found.get(each.domain, 0))
    return found


def distance(ahead: str, behind: str) -> int:
    """How many transactions one position is ahead of another, over all domains; never negative."""
    there = reached(behind)
    return sum(max(0, last - there.get(domain, 0)) for domain, last in reached(ahead).items())


def furthest(positions: Iterable[str]) -> str:
    """The position of those that is ahead of all others; the first of them where several are, "" of none."""
    best = ""
    for each in positions:
        if distance(each, best) > 0:
            best = each
    return best


def until(history: str, position: str) -> tuple[str, ...]:
    """A history as far as it is known for sure at a position; the last one of each domain is that of the position.

    Of a server that wrote on after it, it is not told how far it was by then.
    """
    at = {each.domain: each for each in parse(position)}
    before = [each for each in parse(history) if each.domain in at and each.sequence < at[each.domain].sequence]
    found = [each for each in before if each.server != at[each.domain].server]
    return tuple(str(each) for each in [*found, *at.values()])


def leads_on(begins: str, first: str, position: str) -> bool:
    """Whether binary logs hold all that comes after a position, where one begins with them.

    begins: where they were when the oldest began, empty where that does not tell, as of a node that was given a
    copy; first: the first transaction in it then, empty for none.
    """
    here = reached(position)
    if begins:
        return all(here.get(domain, 0) >= last for domain, last in reached(begins).items() if domain in here)
    return all(here.get(domain, 0) >= last - 1 for domain, last in reached(first).items() if domain in here)
