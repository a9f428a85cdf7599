"""Judges what clients were told against what the nodes of a database have: pure, so that it can be tested."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

OK, UNKNOWN, REFUSED = "ok", "unknown", "refused"
SPAN = 10**12  # ids of a writer: (writer + 1) * SPAN + sequence


class Record(NamedTuple):
    """What came of one attempt. kind: ok, unknown or refused; moment: of the answer, in monotonic seconds."""

    kind: str
    number: int
    moment: float


class Row(NamedTuple):
    """A row as a node has it."""

    number: int
    writer: int
    sequence: int


Rows = Mapping[str, Iterable[Row]]  # by node


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a run; tuples of ids are in order, and nodes with nothing to say are left out.

    acknowledged, unknown, refused: attempts. lost: acknowledged ids that a node has not. phantom: ids a node has
    that were refused or never tried. duplicates: ids a node has more than once. order: sentences. differences:
    ids that some nodes have and others have not. gap: the longest time without an acknowledgement, in seconds.
    in_a_row: how many attempts of one writer failed one after the other, at most.
    """

    acknowledged: int
    unknown: int
    refused: int
    lost: dict[str, tuple[int, ...]]
    phantom: dict[str, tuple[int, ...]]
    duplicates: dict[str, tuple[int, ...]]
    order: tuple[str, ...]
    differences: tuple[int, ...]
    gap: float
    in_a_row: int

    @property
    def good(self) -> bool:
        """Whether rows were acknowledged, and nothing speaks against them."""
        return self.said == "good"

    @property
    def said(self) -> str:
        """The verdict in a few words."""
        counts = {
            "lost": distinct(self.lost),
            "phantom": distinct(self.phantom),
            "duplicate": distinct(self.duplicates),
            "out of order": len(self.order),
            "different": len(self.differences),
        }
        wrong = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return wrong or ("good" if self.acknowledged else "nothing was acknowledged")


def distinct(by_node: Mapping[str, Iterable[int]]) -> int:
    """How many ids there are over all nodes, each counted once."""
    return len({number for numbers in by_node.values() for number in numbers})


def verdict(records: Iterable[Record], rows_by_node: Rows, ended: float | None = None) -> Verdict:
    """Judge the attempts of all writers against the rows of every node.

    ended: the end of the run in monotonic seconds; without it, the moment of the last record.
    Raises ValueError without a node: nothing would be missing from it.
    """
    if not rows_by_node:
        raise ValueError("no node was read, so nothing can be said")
    records, rows = list(records), {node: list(rows) for node, rows in rows_by_node.items()}
    ids = {kind: {each.number for each in records if each.kind == kind} for kind in (OK, UNKNOWN, REFUSED)}
    kinds = Counter(each.kind for each in records)
    have = {node: {row.number for row in found} for node, found in rows.items()}
    holders = Counter(number for numbers in have.values() for number in numbers)
    return Verdict(
        acknowledged=kinds[OK],
        unknown=kinds[UNKNOWN],
        refused=kinds[REFUSED],
        lost=told_by({node: ids[OK] - numbers for node, numbers in have.items()}),
        phantom=told_by({node: numbers - ids[OK] - ids[UNKNOWN] for node, numbers in have.items()}),
        duplicates=told_by({node: repeated(found) for node, found in rows.items()}),
        order=(*disorder(ids[OK], rows), *disagreements(rows)),
        differences=tuple(sorted(number for number, nodes in holders.items() if nodes < len(have))),
        gap=longest_gap(records, ended),
        in_a_row=failures_in_a_row(records),
    )


def told_by(ids: Mapping[str, Iterable[int]]) -> dict[str, tuple[int, ...]]:
    """The ids in order, of the nodes that have any."""
    return {node: tuple(sorted(found)) for node, found in ids.items() if found}


def repeated(rows: Iterable[Row]) -> list[int]:
    """The ids that more than one row has."""
    return [number for number, count in Counter(row.number for row in rows).items() if count > 1]


def disorder(acknowledged: set[int], rows_by_node: Rows) -> Iterator[str]:
    """Where, on one node, a writer's later acknowledged row (by id) has no later sequence."""
    for node, rows in rows_by_node.items():
        last: dict[int, Row] = {}
        for row in sorted({row for row in rows if row.number in acknowledged}):
            before = last.get(row.writer)
            if before and row.sequence <= before.sequence:
                yield f"{node}: writer {row.writer} has {row.sequence} after {before.sequence}, at id {row.number}"
            last[row.writer] = row


def disagreements(rows_by_node: Rows) -> Iterator[str]:
    """Where two rows with one id are not the same, on one node or on two."""
    first: dict[int, tuple[str, Row]] = {}
    for node, rows in rows_by_node.items():
        for row in rows:
            elsewhere, other = first.setdefault(row.number, (node, row))
            if row != other:
                yield (
                    f"id {row.number}: writer {other.writer}, sequence {other.sequence} on {elsewhere}; "
                    f"writer {row.writer}, sequence {row.sequence} on {node}"
                )


def longest_gap(records: Iterable[Record], ended: float | None = None) -> float:
    """The longest time without an acknowledgement from any writer, in seconds.

    It begins with the first acknowledgement (with the first record where there is none) and lasts to the end.
    """
    records = list(records)
    if not records:
        return 0.0
    every = [each.moment for each in records]
    good = sorted(each.moment for each in records if each.kind == OK)
    moments = [*(good or [min(every)]), max(*every, ended or 0.0)]
    return max(later - sooner for sooner, later in pairwise(moments))


def failures_in_a_row(records: Iterable[Record]) -> int:
    """The most attempts of one writer that failed one after the other: how often a client had to try again."""
    most = streak = 0
    before = None
    for each in sorted(records, key=lambda record: record.number):
        same = before is not None and before.number // SPAN == each.number // SPAN
        streak = 0 if each.kind == OK else streak + 1 if same else 1
        most, before = max(most, streak), each
    return most


def table(results: Iterable[tuple[str, str, Verdict]]) -> str:
    """Plain text lines for results of (mode, fault, verdict): the gap in seconds, rows lost, the verdict."""
    cells = [("mode", "fault", "gap", "lost", "verdict")] + [
        (mode, fault, f"{found.gap:.2f} s", str(distinct(found.lost)), found.said)
        for mode, fault, found in results
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
