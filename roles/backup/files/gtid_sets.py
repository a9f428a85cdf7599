"""Positions of a MySQL database: sets of GTIDs, UUID:1-7:9, UUID:tag:1-3.

Source: MySQL's manual, "GTID Format and Storage".
"""

import re

NUMBERS = re.compile(r"(\d+)(?:-(\d+))?")


def parsed(text):
    """{UUID or UUID:tag: [(first, last), ...]}, the numbers of each in the fewest intervals."""
    found = {}
    for item in filter(None, ("".join(each.split()).lower() for each in text.split(","))):
        source, *words = item.split(":")
        key = source
        for word in words:
            if numbers := NUMBERS.fullmatch(word):
                found.setdefault(key, []).append((int(numbers[1]), int(numbers[2] or numbers[1])))
            else:
                key = f"{source}:{word}"
    return {key: merged(rows) for key, rows in found.items()}


def merged(rows):
    """The same numbers in the fewest intervals, in order."""
    found = []
    for first, last in sorted(rows):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def told(sets):
    """What was parsed as one text without spaces, always the same for the same set."""
    return ",".join(
        ":".join([key, *(f"{first}-{last}" if last > first else str(first) for first, last in rows)])
        for key, rows in sorted(sets.items())
    )


def covers(text, other):
    """Whether a set has all of another one. An interval of the other lies in one of ours, as ours do not touch."""
    here = parsed(text)
    return all(
        any(begin <= first and last <= end for begin, end in here.get(key, ()))
        for key, rows in parsed(other).items()
        for first, last in rows
    )


def union(text, other):
    """All that either of two sets has."""
    here, there = parsed(text), parsed(other)
    return told({key: merged([*here.get(key, ()), *there.get(key, ())]) for key in {*here, *there}})
