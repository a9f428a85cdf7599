"""Every dashboard draws what there is to be drawn, under names that stay."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cluster_cli import dashboards
from cluster_cli.dashboards import DASHBOARDS, grafana_json
from cluster_cli.dashboards.panel import WIDTH, Dashboard
from cluster_cli.dashboards.parts import parts
from cluster_cli.reference import DASHBOARD_FOLDER, dashboard_files, write_dashboards
from cluster_cli.render import alerts, health
from cluster_cli.topology.load import parse
from cluster_cli.topology.model import Topology

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "inventories"
GRAFANAS_OWN = {"__rate_interval", "__range"}
WORDS = {"and", "or", "unless", "bool", "by", "on", "group_left", "vector"}


def topology(name: str) -> Topology:
    return parse((GOLDEN / f"{name}.yml").read_text(encoding="utf-8"))


def queries(dashboard: Dashboard) -> Iterator[str]:
    for panel in dashboard.panels():
        yield from (query.expr for query in panel.queries)


def metrics(expr: str) -> set[str]:
    """The names of metrics in PromQL: what is left without labels, ranges, functions and words."""
    bare = re.sub(r'"[^"]*"', "", expr)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|group_left) \([^)]*\)", "", bare)
    return {name for name in re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare) if name not in WORDS}


def given() -> set[str]:
    """All that is told: by Debian's programs, by ours, by Prometheus's own rules."""
    found = set((HERE / "exporter_metrics.txt").read_text(encoding="utf-8").splitlines()[1:])
    roles = HERE.parents[1] / "roles"
    told = (roles / "node_exporter/files/metrics.py").read_text(encoding="utf-8")
    found |= {f"cluster_{name}" for name in re.findall(r'^    "([a-z_]+)": "[A-Z]', told, re.M)}
    kept = "".join(path.read_text(encoding="utf-8") for path in (roles / "backup/files").glob("*.py"))
    found |= {f"cluster_backup_{name}" for name in ("bytes", "stored_bytes", "duration_seconds") if name in kept}
    found |= set(re.findall(r"cluster_backup_[a-z_]+[a-z]", kept))
    everything = topology("monitoring")
    groups = [*alerts.groups(everything), *health.rules(everything)]
    return found | {"ALERTS"} | {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def test_a_metric_is_found_in_what_is_asked() -> None:
    expr = 'sum by (a) (rate(x_total{c="d e"}[5m])) / on (i) group_left (d) max by (i) (y{z=~"$z"} >= bool 0)'
    assert metrics(expr) == {"x_total", "y"}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_every_metric_is_one_that_is_given(dashboard: Dashboard) -> None:
    asked = {name for expr in queries(dashboard) for name in metrics(expr)}
    asked |= {variable.metric for variable in dashboard.variables}
    assert asked - given() == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_what_is_chosen_is_what_can_be_chosen(dashboard: Dashboard) -> None:
    used = {name for expr in queries(dashboard) for name in re.findall(r"\$([a-z_]+)", expr)}
    assert used - GRAFANAS_OWN == {variable.name for variable in dashboard.variables}


def test_each_has_a_file_of_its_name_and_a_uid_of_its_own() -> None:
    for each in DASHBOARDS:
        assert getattr(import_module(f"{dashboards.__name__}.{each.name}"), each.name.upper()) is each
        assert re.fullmatch(r"cluster-[a-z_]{1,32}", each.uid), "Grafana takes 40 characters"
    for values in zip(*((each.name, each.uid, each.title) for each in DASHBOARDS), strict=True):
        assert len(set(values)) == len(DASHBOARDS)


def test_the_files_of_the_role_are_fresh(tmp_path: Path) -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in DASHBOARD_FOLDER.glob("*.json")}
    assert there == dashboard_files(), "run: make docs"
    (tmp_path / "gone.json").write_text("{}")
    write_dashboards(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(there)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_grafana_gets_what_it_reads(dashboard: Dashboard) -> None:
    document = json.loads(dashboard_files()[f"{dashboard.name}.json"])
    assert document["uid"] == dashboard.uid
    assert 36 <= document["schemaVersion"] <= 41, (
        "data sources by uid since 36; a number Grafana has not come to is refused"
    )
    assert "id" not in document, "Grafana numbers them itself"
    numbers = [panel["id"] for panel in document["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert not overlapping([panel["gridPos"] for panel in document["panels"]])
    for panel in document["panels"]:
        assert panel["type"] in {"row", *grafana_json.KINDS.values()}
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", ()))
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert letters == sorted(set(letters))


def overlapping(places: list[dict[str, int]]) -> list[tuple[Any, ...]]:
    """Cells of the grid that two panels want, or that are outside of it."""
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    return (
        [cell for cell in cells if cells.count(cell) > 1 or cell[0] >= WIDTH]
        if len(set(cells)) < len(cells)
        else []
    )


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.name)
def test_a_panel_says_what_it_shows(dashboard: Dashboard) -> None:
    titles = [panel.title for panel in dashboard.panels()]
    assert len(set(titles)) == len(titles)
    for panel in dashboard.panels():
        assert panel.says.endswith("."), panel.title
        assert panel.queries, panel.title
        assert not panel.may_be_empty.endswith("."), panel.title


def test_a_cluster_gets_those_it_has_use_for() -> None:
    assert dashboards.dashboards(topology("monitoring")) == DASHBOARDS
    few = {each.name for each in dashboards.dashboards(topology("addresses-handed-out"))}
    assert {"overview", "nodes", "watchers"} <= few
    assert not few & {"databases", "galera", "backups", "clients"}


def test_parts_are_those_of_the_topology() -> None:
    assert parts(topology("monitoring")) >= {"haproxy", "virtual_ips", "looks", "galera", "replication", "backup"}
    assert "logs" not in parts(topology("backup"))
    assert "logs" in parts(topology("logs"))


def test_less_is_worse_where_limits_fall() -> None:
    panel = next(each for each in dashboards.nodes.NODES.panels() if each.title == "Running")
    assert grafana_json.thresholds(panel)["steps"] == [
        {"color": "red", "value": None},
        {"color": "orange", "value": 0.5},
        {"color": "green", "value": 1},
    ]
