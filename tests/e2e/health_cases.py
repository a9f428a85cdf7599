"""A case for each kind of problem the status page tells, for `promtool test rules`: series with and without it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_cli.render.health import ALL, NODE, rules
from cluster_cli.topology.model import Topology

from .alert_cases import DISK, HELD, SHIPPED, UP, WRITES, always

Series = Mapping[str, float]
SERVER = 'haproxy_server_status{{instance="{}",proxy="{}",server="{}",state="{}"}}'
CERTIFICATE = 'cluster_certificate_not_{}_seconds{{instance="db1",certificate="monitoring"}}'
DATABASE = 'cluster_database_{}{{instance="{}",database="{}"}}'
FILES = {
    what: f'node_filesystem_{what}_bytes{{instance="{DISK["instance"]}",mountpoint="/"}}'
    for what in ("size", "free", "avail")
}
DAY = 86400
UNIT = 'cluster_unit_{}{{instance="web1",unit="nginx"}}'


def servers(proxy: str, up: Mapping[tuple[str, str], str]) -> Series:
    """What balancers say of servers: their state by balancer and server."""
    return {
        SERVER.format(balancer, proxy, server, state): float(state == now)
        for (balancer, server), now in up.items()
        for state in ("UP", "DOWN", "DRAIN", "MAINT")
    }


def disk(size: float, free: float, avail: float) -> Series:
    return {FILES["size"]: size, FILES["free"]: free, FILES["avail"]: avail}


CASES: tuple[tuple[str, Series, Series], ...] = (
    ("NodeDown", {UP: 0}, {UP: 0, 'up{job="haproxy",instance="lb1"}': 1}),
    ("UnitInactive", {UNIT.format("active"): 0}, {UNIT.format("active"): 1}),
    ("UnitFailed", {UNIT.format("failed"): 1}, {UNIT.format("failed"): 1, UNIT.format("active"): 0}),
    ("DiskFull", disk(100, 15, 9), disk(100, 15, 11)),  # five are kept back, as df counts
    (
        "ClockOff",
        {'cluster_clock_offset_seconds{instance="db1"}': -0.2},
        {'cluster_clock_offset_seconds{instance="db1"}': 0.09},
    ),
    (
        "ClockOff",
        {'cluster_clock_synchronised{instance="db1"}': 0},
        {'cluster_clock_synchronised{instance="db1"}': 1},
    ),
    (
        "CertificateEnds",
        {CERTIFICATE.format("before"): 0, CERTIFICATE.format("after"): 10},
        {
            CERTIFICATE.format("before"): -10 * DAY,
            CERTIFICATE.format("after"): 3 * DAY,
        },  # a short life, half of it left
    ),
    ("VirtualIpUnheld", {HELD.format("lb1"): 0}, {HELD.format("lb1"): 1}),
    (
        "VirtualIpHeldTwice",
        {HELD.format("lb1"): 1, HELD.format("lb2"): 1},
        {HELD.format("lb1"): 1, HELD.format("lb2"): 0},
    ),
    (
        "DatabaseNoWriter",
        {WRITES.format("rep1", "orders"): 0},
        {WRITES.format(*each): 1 for each in (("db1", "main"), ("rep1", "orders"), ("my1", "books"))},
    ),
    (
        "ServerDown:edge",
        servers("shop", {("lb1", "web1"): "UP", ("lb2", "web1"): "DOWN"}),
        servers("shop", {("lb1", "web1"): "UP", ("lb2", "web1"): "DRAIN"}),
    ),
    (
        "ServerDown:inner",
        {'cluster_backend_server_up{instance="inner1",proxy="api",server="web1"}': 0},
        {'cluster_backend_server_up{instance="inner1",proxy="api",server="web1"}': 1},
    ),
    (
        "BackendEmpty:edge",
        servers("main-write", {("lb1", "db1"): "DOWN", ("lb1", "db2"): "MAINT"}),
        servers("main-write", {("lb1", "db1"): "UP", ("lb1", "db2"): "DOWN"}),
    ),
    (
        "NodeUnfit:main",
        {DATABASE.format("readable", "db1", "main"): 0},
        {DATABASE.format("readable", "db1", "main"): 1},
    ),
    (
        "NodeUnfit:orders",
        {
            DATABASE.format("readable", "rep2", "orders"): 0,
            DATABASE.format("replication_running", "rep2", "orders"): 0,
        },
        {
            DATABASE.format("readable", "rep2", "orders"): 0,
            DATABASE.format("replication_running", "rep2", "orders"): 1,
        },
    ),
    (
        "NodeUnfit:books",
        {DATABASE.format("readable", "my1", "books"): 0, DATABASE.format("quorum", "my1", "books"): 0},
        {DATABASE.format("readable", "my1", "books"): 0, DATABASE.format("quorum", "my1", "books"): 1},
    ),
    (
        "Alone:orders",
        {DATABASE.format("acknowledging_replicas", "rep1", "orders"): 0},
        {DATABASE.format("acknowledging_replicas", "rep1", "orders"): 1},
    ),
    (
        "Alone:books",
        {DATABASE.format("members", "my1", "books"): 3, DATABASE.format("members", "my2", "books"): 2},
        {DATABASE.format("members", "my1", "books"): 3},
    ),
    ("LogsBehind", {SHIPPED: -600}, {SHIPPED: 10}),
    ("Alone:main", {DATABASE.format("members", "db1", "main"): 2}, {DATABASE.format("members", "db1", "main"): 3}),
)
WELL: Series = {
    UP: 1,
    HELD.format("lb1"): 1,
    **{WRITES.format(*each): 1 for each in (("db1", "main"), ("rep1", "orders"), ("my1", "books"))},
}
# (series, how node lb1 is, how all of it is): 0 well, 1 something to look at, 2 bad.
STATES: tuple[tuple[Series, int | None, int], ...] = (
    (WELL, 0, 0),
    ({**WELL, UP: 0}, 2, 2),
    ({**WELL, 'cluster_unit_active{instance="lb1",unit="haproxy"}': 0}, 1, 2),
    ({**WELL, 'ALERTS{instance="lb1",alertname="MemoryShort",alertstate="firing",severity="warning"}': 1}, 0, 1),
    ({**WELL, 'ALERTS{instance="lb1",alertname="DiskFull",alertstate="firing",severity="critical"}': 1}, 0, 2),
    ({**WELL, 'ALERTS{instance="lb1",alertname="DiskFull",alertstate="pending",severity="critical"}': 1}, 0, 0),
)


def looked(name: str, series: Series, *expected: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """A test: what each expression gives after a minute."""
    return {
        "name": name,
        "interval": "15s",
        "input_series": [{"series": each, "values": always(value).format(n=10)} for each, value in series.items()],
        "promql_expr_test": [
            {"expr": expr, "eval_time": "1m", "exp_samples": samples} for expr, samples in expected
        ],
    }


def tests() -> list[dict[str, Any]]:
    """Those of all cases."""
    found = [
        looked(
            f"{name} {'is' if there else 'is not'} told",
            series,
            (f'count(cluster:problem{{problem="{name}"}}) * 0 + 1', [{"value": 1}] if there else []),
        )
        for name, wrong, well in CASES
        for there, series in ((True, wrong), (False, well))
    ]
    for number, (series, node, everything) in enumerate(STATES):
        rows = [] if node is None else [{"labels": f'{NODE}{{instance="lb1"}}', "value": node}]
        found.append(
            looked(f"state {number}", series, (NODE, rows), (ALL, [{"labels": ALL, "value": everything}]))
        )
    return found


def write(folder: Path, known: Topology) -> None:
    """The rules and their tests, beside those of alerts (alert_cases.write)."""
    (folder / "rules-health.yml").write_text(json.dumps({"groups": rules(known)}))
    document = {"rule_files": ["rules-health.yml"], "evaluation_interval": "15s", "tests": tests()}
    (folder / "tests-health.yml").write_text(json.dumps(document))
