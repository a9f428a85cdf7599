"""Rules of a topology: each is explained, each has a case, and none is there without what it is about."""

import json
import re

import pytest

from cluster_cli.render.alerts import groups
from cluster_cli.topology.load import parse
from tests.e2e import alert_cases

ROOT = alert_cases.CHECKOUT
ALL = alert_cases.rules(alert_cases.topology())
RULES = [rule for rule in ALL if "alert" in rule]
SMALL = "name: s\nprovider: podman\nnetwork: {subnet: 192.0.2.0/24}\nnodes: {a: {}}\n"


def names(text: str) -> set[str]:
    return {rule["alert"] for rule in alert_cases.rules(parse(text)) if "alert" in rule}


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {rule["alert"] for rule in RULES} == {case.alert for case in alert_cases.CASES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_is_explained(rule: dict) -> None:  # type: ignore[type-arg]
    page, anchor = rule["annotations"]["runbook"].split("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert rule["annotations"]["summary"]


def test_every_explanation_is_of_a_rule() -> None:
    page = (ROOT / "docs/how-to/alerts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == {rule["alert"] for rule in RULES}


def test_nobody_watches_where_nobody_is_to() -> None:
    assert groups(parse(SMALL)) == []


def test_there_is_no_rule_about_what_is_not_there() -> None:
    found = names(SMALL + "monitoring: {nodes: [a]}\n")
    assert "NodeDown" in found
    assert not found & {"VirtualIpUnheld", "BackendEmpty", "DatabaseNoWriter", "BackupOld", "AlertmanagersApart"}
    assert not found & {
        "DatabaseConnectionsEndSoon",
        "FrontendSessionsEndSoon",
        "ReplicationDrifting",
        "TrafficUnusual",
    }
    assert {"DiskFillsSoon", "InodesFillSoon"} <= found


def test_where_only_files_are_backed_up_no_copy_of_a_database_is_missed() -> None:
    text = SMALL.replace("{a: {}}", "{a: {}, b: {}}") + "monitoring: {nodes: [a]}\n"
    rules = alert_cases.rules(
        parse(text + "backup: {nodes: [a], files: {site: {nodes: [b], paths: [/srv/site]}}}\n")
    )
    assert "OwnFilesMissing" in {rule.get("alert") for rule in rules}
    assert all(rule["expr"] for rule in rules)


def test_files_alone_are_watched_without_databases() -> None:
    text = SMALL.replace("{a: {}}", "{a: {}, b: {}}") + "monitoring: {nodes: [a]}\n"
    text += "backup: {nodes: [a], files: {site: {nodes: [b], paths: [/srv/www]}}}\n"
    assert all(rule["expr"] for rule in alert_cases.rules(parse(text)))
    assert {"FilesOld", "FilesMissing"} <= names(text)
    assert not names(text) & {"BackupOld", "CopyMissing"}


def test_what_is_recorded_is_there_before_it_is_asked_for() -> None:
    recorded = {rule["record"] for rule in ALL if "record" in rule}
    known: set[str] = set()
    for rule in ALL:
        asked = set(re.findall(r"proxy:\w+:\w+", rule["expr"]))
        assert asked <= known, rule
        known |= {rule["record"]} & recorded if "record" in rule else set()
    assert len(recorded) == 12


def test_warnings_look_as_far_ahead_as_they_are_told() -> None:
    found = alert_cases.rules(parse(SMALL + "monitoring: {nodes: [a], thresholds: {ahead: 48h}}\n"))
    rule = next(rule for rule in found if rule["alert"] == "DiskFillsSoon")
    assert "[43200s], 172800) < 0" in rule["expr"]
    assert rule["annotations"]["summary"] == "<mountpoint> of <instance> will be full in 48 h if this goes on"


def test_ansible_finds_nothing_to_template() -> None:
    assert "{{" not in json.dumps(groups(alert_cases.topology()))
    assert "{%" not in json.dumps(groups(alert_cases.topology()))


def test_urgent_is_sooner_than_the_rest() -> None:
    by_name = {rule["alert"]: rule["for"] for rule in RULES}
    assert (by_name["NodeDown"], by_name["DiskFilling"]) == ("30s", "150s")
