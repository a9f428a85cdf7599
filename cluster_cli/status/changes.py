"""What is different between two looks at a cluster: pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli.topology.monitoring import CRITICAL

Document = Mapping[str, Any]
Change = dict[str, str]
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?![\w.])")  # on its own: no part of a name or an address


def changes(before: Document, after: Document) -> list[Change]:
    """What began, what is over and what moved, each as {kind: worse | better | moved, what: a few words}.

    before, after: status documents of one cluster.
    """
    return [*wrong(before, after), *moved(before, after)]


def wrong(before: Document, after: Document) -> Iterator[Change]:
    """Problems, and alerts that are none, which began or are over. One whose figures changed is the same."""
    old, new = told(before), told(after)
    yield from ({"kind": "worse", "what": text} for key, text in new.items() if key not in old)
    yield from ({"kind": "better", "what": f"over: {text}"} for key, text in old.items() if key not in new)


def told(document: Document) -> dict[str, str]:
    """Every problem, and every alert that is none, by what tells it from others."""
    warnings = (
        f"alert {row['name']}: {row['summary']}"
        for row in document["alerts"]
        if row["state"] == "firing" and row["severity"] != CRITICAL
    )
    return {NUMBER.sub("#", text): text for text in (*document["problems"], *warnings)}


def moved(before: Document, after: Document) -> Iterator[Change]:
    """What is elsewhere now, or serves what it did not, without being wrong."""
    old = dict(places(before))
    for what, now in places(after):
        if what in old and old[what] != now:
            yield {"kind": "moved", "what": f"{what}: {now}, before {old[what]}"}


def places(document: Document) -> Iterator[tuple[str, str]]:
    """Where virtual IPs are, where writes go, and what each database guarantees."""
    for address, row in document["virtual_ips"].items():
        yield f"virtual IP {address}", " and ".join(row["holders"]) or "nobody"
    for name, row in document["databases"].items():
        yield f"database {name}, writes", row["primary"] or "nobody"
        yield f"database {name}", row["guarantee"]
