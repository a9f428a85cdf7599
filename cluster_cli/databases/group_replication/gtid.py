"""Sets of GTIDs: what of all transactions a server has. Pure.

As the server writes them: `UUID:1-7:9, UUID:tag:1-3` (MySQL's manual, "GTID Format and Storage").
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Intervals = tuple[tuple[int, int], ...]  # (first, last), apart from each other, in order
SOURCE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBERS = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class GtidSet:
    """Transactions by who numbered them: a UUID, or UUID:tag."""

    parts: Mapping[str, Intervals] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "GtidSet":
        """What a server says, in any order. Raises ValueError for what is no such set."""
        found: dict[str, list[tuple[int, int]]] = {}
        for item in filter(None, (item.strip().lower() for item in text.split(","))):
            source, *words = item.split(":")
            if not SOURCE.fullmatch(source) or not words:
                raise ValueError(f"no set of GTIDs: {text!r}")
            key = source
            for word in words:
                if numbers := NUMBERS.fullmatch(word):
                    first = int(numbers[1])
                    found.setdefault(key, []).append((first, int(numbers[2] or first)))
                else:
                    key = f"{source}:{word}"
        return cls({key: merged(rows) for key, rows in found.items()})

    def __or__(self, other: "GtidSet") -> "GtidSet":
        keys = {**self.parts, **other.parts}
        return GtidSet({key: merged([*self.parts.get(key, ()), *other.parts.get(key, ())]) for key in keys})

    def __sub__(self, other: "GtidSet") -> "GtidSet":
        left = {key: without(rows, other.parts.get(key, ())) for key, rows in self.parts.items()}
        return GtidSet({key: rows for key, rows in left.items() if rows})

    def __le__(self, other: "GtidSet") -> bool:
        return not (self - other).parts

    def __len__(self) -> int:
        return sum(last - first + 1 for rows in self.parts.values() for first, last in rows)

    def __str__(self) -> str:
        return ", ".join(
            ":".join([key, *(f"{first}-{last}" if last > first else str(first) for first, last in rows)])
            for key, rows in sorted(self.parts.items())
        )

    def of(self, source: str) -> bool:
        """Whether it has a transaction that this UUID numbered."""
        return any(key.split(":")[0] == source.lower() for key in self.parts)


def union(sets: Iterable[GtidSet]) -> GtidSet:
    """All that any of them has."""
    found = GtidSet()
    for each in sets:
        found = found | each
    return found


def merged(rows: Iterable[tuple[int, int]]) -> Intervals:
    """The same numbers in the fewest intervals."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(rows):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def without(rows: Intervals, others: Intervals) -> Intervals:
    """The numbers of the first that are not among the second."""
    found = []
    for first, last in rows:
        for begin, end in others:
            if begin > last or end < first:
                continue
            if begin > first:
                found.append((first, begin - 1))
            first = end + 1  # noqa: PLW2901  what is left of it
        if first <= last:
            found.append((first, last))
    return tuple(found)
