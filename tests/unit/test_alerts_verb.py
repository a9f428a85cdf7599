"""What Alertmanagers say, as `cluster alerts` and `cluster status` tell it."""

import json
from typing import Any

from cluster_cli.alerts import fired, problems
from cluster_cli.collect import Outcome


def alert(name: str, severity: str = "critical", **status: Any) -> dict[str, Any]:
    return {
        "fingerprint": f"{name}-1",
        "labels": {"alertname": name, "severity": severity, "instance": "db1"},
        "annotations": {"summary": f"{name} of db1", "runbook": "docs/how-to/alerts.md"},
        "startsAt": "2026-11-27T14:03:27.123Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], **status},
    }


def said(*alerts: dict[str, Any]) -> Outcome:
    return Outcome(0, json.dumps(alerts), "")


def test_what_two_say_is_told_once() -> None:
    found = fired({"mon1": said(alert("NodeDown")), "mon2": said(alert("NodeDown"))})
    assert [(row["name"], row["told_by"]) for row in found] == [("NodeDown", ["mon1", "mon2"])]
    assert found[0]["since"] == "2026-11-27T14:03:27+00:00"
    assert found[0]["labels"] == {"instance": "db1"}


def test_critical_ones_come_first_and_only_they_are_problems() -> None:
    found = fired({"mon1": said(alert("ClockOff", "warning"), alert("NodeDown"))})
    assert [row["name"] for row in found] == ["NodeDown", "ClockOff"]
    assert list(problems(found)) == ["alert NodeDown: NodeDown of db1"]


def test_what_is_silenced_or_inhibited_is_no_problem() -> None:
    silenced = alert("A", state="suppressed", silencedBy=["x"])
    inhibited = alert("B", state="suppressed", inhibitedBy=["y"])
    found = fired({"mon1": said(silenced, inhibited)})
    assert [row["state"] for row in found] == ["silenced", "inhibited"]
    assert list(problems(found)) == []


def test_who_does_not_answer_or_says_nonsense_tells_nothing() -> None:
    assert (
        fired({"mon1": Outcome(1, "", "no"), "mon2": Outcome(0, "<html>", ""), "mon3": Outcome(0, "{}", "")}) == []
    )
