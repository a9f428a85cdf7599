"""The report as one HTML file that works offline, in light and dark, on paper and on a telephone."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster_cli.history.timing import spell
from cluster_cli.report.checks import WHOLE_CLUSTER

TONES = {"done": "ok", "changes pending": "warn", "interrupted": "warn", "not finished": "warn"}
_LINE_KINDS = {"+": "add", "-": "del", "@": "at"}


def to_html(report: Mapping[str, Any]) -> str:
    """The page for a report made by `build` (or read back from its JSON)."""
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        tone=TONES.get(report["verdict"], "bad"),
        headline=_headline(report),
        rows=_rows(report),
        longest=max((stage["seconds"] for stage in report["stages"]), default=0) or 1,
        problems=_problems(report),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cluster_cli", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "spell": spell,
        "diff_lines": _diff_lines,
        "moment": _moment,
        "sentence": _sentence,
    }
    return environment


def _headline(report: Mapping[str, Any]) -> str:
    """The verdict as a sentence somebody reads first."""
    checks, failed = report["verify"], len(report["failures"])
    if report["verdict"] == "done":
        if report["verb"] == "verify":
            return f"All {checks['passed']} checks passed." if checks["passed"] else "There was nothing to check."
        proof = f", and all {checks['passed']} checks passed" if checks["passed"] else ""
        changed = f"{_count(report['changed'], 'change')} made" if report["changed"] else "Nothing had to change"
        return f"{changed}{proof}."
    if report["verdict"] == "changes pending":
        return f"{_count(report['changed'], 'change')} would be made."
    found = [
        _count(failed, "task") + " failed" if failed else "",
        _count(checks["failed"], "check") + " failed" if checks["failed"] else "",
    ]
    return (", ".join(filter(None, found)) or f"{report['verb']} ended: {report['verdict']}") + "."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _rows(report: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The matrix as (node, address, cells by role); the whole cluster, as clients see it, first."""
    matrix = report["verify"]["matrix"]
    address = {node["name"]: node["address"] for node in report["nodes"]}
    known = [name for name in (WHOLE_CLUSTER, *address) if name in matrix]
    names = [*known, *(name for name in matrix if name not in known)]
    return [(name, address.get(name, ""), matrix[name]) for name in names]


def _problems(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What went wrong; the same words from several nodes are told once, with all their names."""
    nodes: dict[tuple[str, str, str], list[str]] = {}
    for node, *told in (*_failed_tasks(report), *_failed_checks(report)):
        nodes.setdefault((told[0], told[1], told[2]), []).append(node)
    return [
        {"nodes": names, "where": where, "what": what, "message": message}
        for (where, what, message), names in nodes.items()
    ]


def _failed_tasks(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for failure in report["failures"]:
        places = dict.fromkeys((failure["stage"], failure["role"], failure["status"]))
        yield failure["node"], " · ".join(filter(None, places)), failure["task"], failure["message"]


def _failed_checks(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for node, address, cells in _rows(report):
        for role, cell in cells.items():
            for test in cell["tests"]:
                if test["outcome"] == "failed":
                    name = node if address else "whole cluster"
                    yield name, f"verify · {role}", _sentence(test["test"]), test["message"]


def _diff_lines(diff: str) -> list[tuple[str, str]]:
    """Each line of a diff with its kind: add, del, at or same."""
    return [(_LINE_KINDS.get(line[:1], "same"), line) for line in diff.splitlines()]


def _moment(iso: str) -> str:
    """`2026-05-04 10:22 UTC` from an ISO 8601 time; anything else as it is."""
    try:
        return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return iso


def _sentence(test: str) -> str:
    """A test's name as words: `answers on port 80` from `test_answers_on_port_80[lb1]`."""
    return re.sub(r"^test_", "", test.split("[", 1)[0]).replace("_", " ")
