"""Verification results of a journal, arranged by node and role."""

from collections.abc import Iterable
from typing import Any

from cluster_cli.history.journal import Record, clip

WHOLE_CLUSTER = "(cluster)"  # the row of tests that look at no single node; no node can be named so
MESSAGE = 4000


def verification(records: Iterable[Record]) -> dict[str, Any]:
    """Counts, the roles, and `matrix`: node -> role -> {passed, failed, skipped, tests}.

    Each of `tests` has test, outcome, seconds and message. A test that ran again counts as it ended last.
    """
    tests = _last_outcomes(records)
    matrix: dict[str, dict[str, dict[str, Any]]] = {}
    for r in tests:
        cell = matrix.setdefault(r["node"] or WHOLE_CLUSTER, {}).setdefault(
            r["role"], {"passed": 0, "failed": 0, "skipped": 0, "tests": []}
        )
        cell[r["outcome"]] += 1
        cell["tests"].append(_test(r))
    totals = {word: sum(r["outcome"] == word for r in tests) for word in ("passed", "failed", "skipped")}
    return totals | {"roles": list(dict.fromkeys(r["role"] for r in tests)), "matrix": matrix}


def _last_outcomes(records: Iterable[Record]) -> list[Record]:
    last = {(r["role"], r["node"], r["test"]): r for r in records if r["type"] == "TestEnded"}
    return list(last.values())


def _test(record: Record) -> dict[str, Any]:
    """One test for the report."""
    facts = {key: record[key] for key in ("test", "outcome", "seconds")}
    return facts | {"message": clip(record.get("message", ""), MESSAGE)}
