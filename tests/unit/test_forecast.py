"""What Prometheus is asked, what is made of its answers, and how it is told."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from rich.console import Console

from cluster_cli import watchers
from cluster_cli.collect import Outcome
from cluster_cli.commands.forecast import command
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.forecast import ask
from cluster_cli.forecast.advice import advice
from cluster_cli.forecast.findings import STATES, findings
from cluster_cli.forecast.history import BLOCK, LOOK_BACK, RESOURCES, Series, blocks, paths, read
from cluster_cli.inventory import render
from cluster_cli.main import Session
from cluster_cli.render.connection import Access
from cluster_cli.show.forecast import table
from cluster_cli.topology.load import parse
from cluster_cli.workspace import Workspace

ROOT = Path(__file__).parents[2]
TOPOLOGY = parse((ROOT / "tests/golden/inventories/monitoring.yml").read_text(encoding="utf-8"))
INVENTORY = render(TOPOLOGY, Access("/t", "/s", "/k", "/r", "/l"))
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
MONTH = timedelta(days=30)
DAYS = 14 * 6


def answer(rows: dict[str, list[float]], limit: float = 100.0) -> Outcome:
    """What a Prometheus says that knows of one disk of each node, oldest value first, and of nothing else."""
    used, limits = [], []
    for node, values in rows.items():
        labels = {"instance": node, "mountpoint": "/"}
        first = SECONDS - (len(values) - 1) * BLOCK
        used.append(
            {"metric": labels, "values": [[first + at * BLOCK, str(each)] for at, each in enumerate(values)]}
        )
        limits.append({"metric": labels, "value": [SECONDS, str(limit)]})
    results = [used, limits] + [[] for _ in range(2 * len(RESOURCES) - 2)]
    return Outcome(0, "".join(json.dumps({"data": {"result": each}}) + "\n" for each in results), "")


GROWING = [40 + 0.4 * block for block in range(DAYS)]
FLAT = [40.0] * DAYS


def cluster(monkeypatch: pytest.MonkeyPatch, **answers: Outcome) -> Workspace:
    """A cluster whose nodes that watch answer so."""
    monkeypatch.setattr(
        watchers,
        "collect_all",
        lambda work, **_: {host.name: dict.fromkeys(asked, answers[host.name]) for host, asked in work},
    )
    known = SimpleNamespace(topology=TOPOLOGY, inventory=INVENTORY, host=INVENTORY.host)
    monkeypatch.setattr(Workspace, "open", lambda _: known)
    return known  # type: ignore[return-value]


def document(monkeypatch: pytest.MonkeyPatch, *nodes: str, **answers: Outcome) -> dict[str, Any]:
    return ask.asked(cluster(monkeypatch, **answers), MONTH, nodes, lambda: NOW)


def test_each_resource_is_asked_for_in_blocks_up_to_now() -> None:
    found = [parse_qs(urlsplit(path).query) for path in paths(SECONDS)]
    assert len(found) == 2 * len(RESOURCES)
    for past, limit in zip(found[::2], found[1::2], strict=True):
        assert (int(past["end"][0]), int(past["step"][0])) == (SECONDS, BLOCK)
        assert int(past["start"][0]) == SECONDS - (LOOK_BACK - 1) * BLOCK
        assert limit["query"][0].startswith("last_over_time(")


def test_a_value_is_where_its_block_is_and_what_is_missing_is_none() -> None:
    values = [(SECONDS - 3 * BLOCK, "7"), (SECONDS - BLOCK, "8.5")]
    assert blocks(values, SECONDS) == (7.0, None, 8.5, None)
    assert blocks([], SECONDS) == ()


def test_what_has_no_limit_is_left_out() -> None:
    assert [series.used for series in read(answer({"db1": FLAT}).stdout, SECONDS)] == [tuple(FLAT)]
    assert read(answer({"db1": FLAT}, limit=0).stdout, SECONDS) == []


def test_the_watcher_with_the_longest_history_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = document(monkeypatch, mon1=answer({"db1": GROWING[-3:]}), mon2=answer({"db1": GROWING}))
    assert found["told_by"] == "mon2"
    assert [(row["node"], row["state"]) for row in found["resources"]] == [("db1", "runs_out")]
    assert found["resources"][0]["advice"].startswith(
        "a disk of 1 GB for /; or fewer binary logs: databases.main."
    )


def test_one_watcher_is_enough_and_the_other_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    found = document(
        monkeypatch, mon1=Outcome(1, "", "its Prometheus does not answer"), mon2=answer({"db1": FLAT})
    )
    assert found["watchers"] == {"mon1": {"why": "its Prometheus does not answer"}, "mon2": {"why": ""}}
    assert found["resources"][0]["state"] == "steady"


def test_nobody_who_answers_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    lost, nonsense = Outcome(255, "", "no route"), Outcome(0, "<html>", "")
    for answers in ({"mon1": lost, "mon2": lost}, {"mon1": nonsense, "mon2": lost}):
        with pytest.raises(ClusterError) as raised:
            document(monkeypatch, **answers)
        assert raised.value.code == Exit.UNREACHABLE


def test_where_nobody_watches_there_is_nothing_to_ask() -> None:
    topology = parse("name: s\nprovider: podman\nnetwork: {subnet: 192.0.2.0/24}\nnodes: {a: {}}\n")
    inventory = render(topology, Access("/t", "/s", "/k", "/r", "/l"))
    with pytest.raises(ClusterError, match="nobody watches") as raised:
        ask.asked(SimpleNamespace(topology=topology, inventory=inventory), MONTH)  # type: ignore[arg-type]
    assert raised.value.code == Exit.USAGE


def test_only_the_nodes_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    both = answer({"db1": FLAT, "db2": FLAT, "gone": FLAT})
    found = document(monkeypatch, mon1=both, mon2=both)
    assert [row["node"] for row in found["resources"]] == ["db1", "db2"]  # one that left is not told of
    found = document(monkeypatch, "db2", mon1=both, mon2=both)
    assert [row["node"] for row in found["resources"]] == ["db2"]


def test_what_is_worst_comes_first() -> None:
    past = {
        "db1": FLAT,
        "db2": GROWING,
        "db3": [100.0] * DAYS,
        "lb1": GROWING[:5],
        "lb2": [40.0] * 40 + [75.0] * 44,
    }
    series = [Series("disk", "bytes", node, "/", 100.0, tuple(values)) for node, values in past.items()]
    found = findings(series, TOPOLOGY, NOW, MONTH)
    assert [(row["node"], row["state"]) for row in found] == list(
        zip(("db3", "db2", "lb2", "lb1", "db1"), STATES, strict=True)
    )


@pytest.mark.parametrize(
    ("resource", "node", "needed", "words"),
    [
        (
            "disk",
            "mon1",
            563e9,
            "a disk of 563 GB for /; or fewer backups: backup.keep; or fewer logs: logs.keep_size",
        ),
        ("disk", "my1", None, "a larger disk for /; or fewer binary logs: databases.books.settings.binlog_expire"),
        ("inodes", "lb1", 5e6, "find what makes files: du --inodes -x -d 3 /"),
        (
            "memory",
            "db1",
            9e9,
            "9 GB of memory; or a smaller cache of rows: databases.main.memory_percent below 40",
        ),
        ("memory", "web1", 9e9, "9 GB of memory; or one more node in web.shop.nodes"),
        ("connections", "rep1", 312, "databases.orders.settings.max_connections: 350; or find out who holds them"),
        ("sessions", "lb2", None, "load_balancers.edge.max_connections: 200"),
    ],
)
def test_advice_names_what_to_change(resource: str, node: str, needed: float | None, words: str) -> None:
    series = Series(resource, "", node, "/", 100.0, ())
    assert advice(series, TOPOLOGY, needed).startswith(words)


def shown(found: dict[str, Any]) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(table(found))
    return console.export_text()


def test_people_are_told_when_and_what_and_of_what_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = answer({"db1": GROWING, "db2": FLAT, "db3": GROWING[:5], "lb1": [40.0] * 40 + [75.0] * 44})
    text = shown(document(monkeypatch, mon1=said, mon2=Outcome(255, "", "no route")))
    assert re.search(r"db1 +disk / +73 B of 100 B +\+2 B +2026-12-\d\d \d\d:00 +2026-12-", text), text
    assert re.search(r"lb1 disk /: may run out within 30 d, by \d+ %, but its history is too irregular", text), (
        text
    )
    assert "1 resource: no forecast, since less than 20 h of history is known and 7 d are needed" in text
    assert "1 resource: will not run out within 30 d" in text
    assert "mon2 does not tell: no route" in text


def test_nothing_known_is_said_to_be_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(document(monkeypatch, mon1=answer({}), mon2=answer({})))
    assert text.strip() == "mon1 knows nothing of what was in use"


@pytest.mark.parametrize(("values", "code"), [(FLAT, 0), (GROWING, 1), (GROWING[:5], 0)])
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, values: list[float], code: int) -> None:
    monkeypatch.setattr(ask, "datetime", SimpleNamespace(now=lambda _: NOW))
    cluster(monkeypatch, mon1=answer({"db1": values}), mon2=answer({"db1": values}))
    done = CliRunner().invoke(command, ["-C", "shop", "-o", "json"], obj=Session())
    assert done.exit_code == code, done.output
    assert json.loads(done.stdout)["schema_version"] == 1


@pytest.mark.parametrize("within", ["0d", "91d", "soon"])
def test_a_time_that_is_none_is_a_usage_error(within: str) -> None:
    done = CliRunner().invoke(command, ["-C", "shop", "--within", within], obj=Session())
    assert done.exit_code == Exit.USAGE
    assert "--within" in done.output


def test_every_field_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/reference/forecast.md").read_text(encoding="utf-8")
    found = document(monkeypatch, mon1=answer({"db1": GROWING}), mon2=answer({}))
    row = found["resources"][0]
    assert {*found} - {"watchers", "resources"} <= set(re.findall(r"\| `(\w+)`", page))
    for name in [*row, *row["runs_out"]]:
        assert re.search(rf"[`.]{name}`", page), name
    for state in STATES:
        assert f"`{state}`" in page
