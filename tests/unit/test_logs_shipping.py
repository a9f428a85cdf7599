"""How far endpoints have the logs, as `status` tells it."""

import json
from typing import Any

import pytest

from cluster_cli.collect import Outcome
from cluster_cli.inventory import render
from cluster_cli.logs import shipping
from cluster_cli.render.connection import Access
from cluster_cli.status.questions import questions
from cluster_cli.topology.load import parse

TOPOLOGY = parse("""
name: shop
provider: podman
network: {subnet: 10.0.0.0/24}
nodes: {mon1: {}, mon2: {}, web1: {}}
logs: {nodes: [mon1, mon2], ship: {loki: {loki: "https://loki.example.com"}}}
""")
INVENTORY = render(TOPOLOGY, Access("/t/topology.yml", "", "", "", ""))
NOW = 1769860800.0  # 2026-01-31 12:00 UTC


def said(behind: float, error: str = "", name: str = "loki") -> Outcome:
    row = {"until": NOW - behind, "error": error, "since": 0, "sent": 5, "refused": 1, "lost_bytes": 0}
    return Outcome(0, json.dumps({name: row}), "")


def described(**found: Outcome) -> dict[str, Any]:
    return shipping.described(INVENTORY, found, NOW)


def test_receivers_are_asked_and_no_others() -> None:
    asked = {host.name: questions(TOPOLOGY, host).get("shipping") for host in INVENTORY.hosts}
    assert asked == {"mon1": shipping.QUESTION, "mon2": shipping.QUESTION, "web1": None}


def test_each_receiver_says_how_far_an_endpoint_is() -> None:
    rows = described(mon1=said(1.2), mon2=said(7200, "it does not let us write (403)"))
    assert rows == {
        "loki": {
            "url": "https://loki.example.com",
            "receivers": {
                "mon1": {
                    "until": "2026-01-31T11:59:58+00:00",
                    "behind_seconds": 1,
                    "error": "",
                    "sent": 5,
                    "refused": 1,
                    "lost_bytes": 0,
                },
                "mon2": {
                    "until": "2026-01-31T10:00:00+00:00",
                    "behind_seconds": 7200,
                    "error": "it does not let us write (403)",
                    "sent": 5,
                    "refused": 1,
                    "lost_bytes": 0,
                },
            },
        }
    }
    assert list(shipping.problems(rows)) == [
        "mon2: loki lacks the logs of the last 2 h: it does not let us write (403)"
    ]
    assert list(shipping.lines(rows)) == [
        "logs sent to loki (https://loki.example.com): all by mon1, all but the last 2 h by mon2"
    ]


def test_one_that_is_slow_is_told_and_one_that_was_away_for_a_moment_is_not() -> None:
    assert list(shipping.problems(described(mon1=said(29, "nothing listens there"), mon2=said(300)))) == [
        "mon2: loki lacks the logs of the last 5 min: less is sent than is logged"
    ]


@pytest.mark.parametrize(
    "answer", [Outcome(255, "", "no route"), Outcome(0, "{", ""), Outcome(1, "", ""), said(1, name="other")]
)
def test_a_receiver_that_does_not_say_is_none(answer: Outcome) -> None:
    rows = described(mon1=answer)
    assert rows["loki"]["receivers"] == {"mon1": None, "mon2": None}
    assert list(shipping.problems(rows)) == []
    words = ", ".join(f"nobody knows how many by {node}" for node in ("mon1", "mon2"))
    assert list(shipping.lines(rows)) == [f"logs sent to loki (https://loki.example.com): {words}"]


def test_who_sends_nothing_on_has_no_rows() -> None:
    plain = parse("name: s\nprovider: podman\nnodes: {a: {}}\nlogs: {nodes: [a]}\n")
    assert shipping.described(render(plain, Access("/t/topology.yml", "", "", "", "")), {}, NOW) == {}
