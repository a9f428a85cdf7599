"""`status --watch`, look by look."""

import io
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from cluster_cli.show.watch import Recent, frame, lines, looks, run_lines, watch

HEADINGS: dict[str, Any] = {
    **dict.fromkeys(("virtual_ips", "load_balancers", "databases", "backups", "logs", "time"), {}),
    **dict.fromkeys(("alerts", "runs"), []),
}


def document(second: int, *problems: str) -> dict[str, Any]:
    """A cluster of no nodes, at a second."""
    at = f"2026-11-28T10:00:{second:02d}+00:00"
    parts = {"cluster": "shop", "at": at, "problems": list(problems), "healthy": not problems, "nodes": {}}
    return {**HEADINGS, **parts}


def then_interrupted(*documents: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Looks that give these one after the other, and then Ctrl-C."""
    left = iter(documents)

    def look() -> dict[str, Any]:
        try:
            return next(left)
        except StopIteration:
            raise KeyboardInterrupt from None

    return look


THREE = (document(1), document(2, "lb1: chrony is failed"), document(3))


def test_each_look_tells_what_changed_since_the_one_before() -> None:
    pauses: list[float] = []
    found = looks(then_interrupted(*THREE), 5, pauses.append)
    first, second, third = (next(found) for _ in range(3))
    assert first["changes"] is None
    assert [each["kind"] for each in second["changes"]] == ["worse"]
    assert [each["kind"] for each in third["changes"]] == ["better"]
    assert pauses == [5, 5]


def test_scripts_get_a_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    watch(then_interrupted(*THREE), 0, as_json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["healthy"] for row in rows] == [True, False, True]
    assert rows[1]["changes"] == [{"kind": "worse", "what": "lb1: chrony is failed"}]


def test_without_a_terminal_only_changes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    watch(then_interrupted(*THREE, document(4)), 0, as_json=False, console=Console(file=io.StringIO()))
    assert capsys.readouterr().out.splitlines() == [
        "10:00:01 shop is healthy",
        "10:00:02 lb1: chrony is failed",
        "10:00:03 over: lb1: chrony is failed",
    ]


def test_problems_there_are_at_first_are_told() -> None:
    (first,) = (each for each in [{**document(1, "lb1: chrony is failed"), "changes": None}])
    assert list(lines(first)) == ["10:00:01 shop is not healthy", "10:00:01 lb1: chrony is failed"]


def test_a_terminal_is_drawn_anew_and_left_as_it_was() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=24, color_system=None)
    watch(then_interrupted(*THREE), 0, as_json=False, console=console)
    said = screen.getvalue()
    assert said.count("shop is healthy") >= 2
    assert "10:00:03 over: lb1: chrony is failed" in said
    assert said.startswith("\x1b[?1049h")  # another screen, which is left again with the cursor back
    assert said.index("\x1b[?1049l") > said.index("10:00:03 over")
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")


def test_a_frame_has_the_newest_change_first_and_the_picture_below() -> None:
    recent: Recent = deque(maxlen=8)
    recent.extend([("10:00:03", {"kind": "better", "what": "b"}), ("10:00:02", {"kind": "worse", "what": "a"})])
    console = Console(file=io.StringIO(), width=60, record=True)
    console.print(frame(document(3), recent, 2))
    rows = [row.strip() for row in console.export_text().splitlines() if row.strip()]
    assert rows[:5] == [
        "shop is healthy  10:00:03 UTC",
        "a look every 2 s; Ctrl-C ends",
        "changes",
        "10:00:03 b",
        "10:00:02 a",
    ]
    assert rows[5].startswith("node")


def test_the_last_runs_stand_below() -> None:
    row = {"started": "2026-11-28T09:00:07+00:00", "verb": "up", "about": "", "result": "ok", "who": "eva@desk"}
    runs = [
        row | {"verb": "switchover", "about": "main", "result": "failed", "seconds": 187},
        row | {"result": "no end", "seconds": None},
        *[row | {"seconds": 1.0}] * 9,
    ]
    found = [text.plain for text in run_lines(runs)]
    assert found[:3] == [
        "last runs",
        "  2026-11-28 09:00 switchover main: failed after 3 min 07 s  eva@desk",
        "  2026-11-28 09:00 up: no end  eva@desk",
    ]
    screen = Console(file=io.StringIO(), width=100)
    screen.print(frame({**document(1), "runs": runs, "changes": None}, deque(), 2))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count("eva@desk") == 5
    assert list(run_lines([])) == []
