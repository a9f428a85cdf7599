"""What of the past is asked of Prometheus, and what its answers say: pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

BLOCK = 4 * 3600  # seconds; of each block the highest value counts, since that is what meets a limit
BLOCKS_A_DAY = 86400 // BLOCK
LOOK_BACK = 28 * BLOCKS_A_DAY  # blocks; more than four weeks ago the cluster was another one
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """Something that runs out. used, limit: PromQL, of the highest in a block; label: tells one from another."""

    name: str
    unit: str
    used: str
    limit: str
    label: str = ""


@dataclass(frozen=True)
class Series:
    """How much of a resource of a node was in use: a value for each block up to now, None where none is known."""

    resource: str
    unit: str
    node: str
    what: str
    limit: float
    used: tuple[float | None, ...]


def lowest(metric: str) -> str:
    """The least of a metric in each block."""
    return f"min_over_time({metric}[{BLOCK}s])"


def highest(metric: str) -> str:
    """The most of a metric in each block."""
    return f"max_over_time({metric}[{BLOCK}s])"


RESOURCES = (
    Resource(
        "disk",
        "bytes",
        f"node_filesystem_size_bytes - {lowest('node_filesystem_avail_bytes')}",
        "node_filesystem_size_bytes",
        "mountpoint",
    ),
    Resource(
        "inodes",
        "inodes",
        f"node_filesystem_files - {lowest('node_filesystem_files_free')}",
        "node_filesystem_files",
        "mountpoint",
    ),
    Resource(
        "memory",
        "bytes",
        f"node_memory_MemTotal_bytes - {lowest('node_memory_MemAvailable_bytes')}",
        "node_memory_MemTotal_bytes",
    ),
    Resource(
        "connections",
        "connections",
        highest("mysql_global_status_threads_connected"),
        "mysql_global_variables_max_connections",
    ),
    Resource(
        "sessions",
        "sessions",
        highest("haproxy_frontend_current_sessions"),
        "haproxy_frontend_limit_sessions",
        "proxy",
    ),
)


def paths(now: int) -> list[str]:
    """Where the API of Prometheus tells it (its documentation, "HTTP API"), two for each resource.

    now: seconds since the epoch. A limit is that of the last day: a node may be down just now.
    """
    asked = {"start": now - (LOOK_BACK - 1) * BLOCK, "end": now, "step": BLOCK}
    found = []
    for each in RESOURCES:
        found.append(f"/api/v1/query_range?{urlencode({'query': each.used, **asked})}")
        found.append(f"/api/v1/query?{urlencode({'query': f'last_over_time({each.limit}[1d])', 'time': now})}")
    return found


def read(answer: str, now: int) -> list[Series]:
    """What a node answered at `paths`, by resource, node, and what tells one from another. ValueError when it is
    nothing of the kind."""
    lines = [json.loads(line)["data"]["result"] for line in answer.splitlines()]
    if len(lines) != 2 * len(RESOURCES):
        raise ValueError(f"{len(lines)} answers to {2 * len(RESOURCES)} questions")
    found: list[Series] = []
    for number, each in enumerate(RESOURCES):
        found += of_resource(each, lines[2 * number], lines[2 * number + 1], now)
    return sorted(found, key=lambda series: (series.resource, series.node, series.what))


def of_resource(resource: Resource, used: list[Row], limits: list[Row], now: int) -> Iterator[Series]:
    """The series of a resource, those left out that have no limit."""
    known = {key(resource, row): float(row["value"][1]) for row in limits}
    for row in used:
        node, what = key(resource, row)
        limit = known.get((node, what), 0)
        if limit > 0:
            yield Series(resource.name, resource.unit, node, what, limit, blocks(row["values"], now))


def key(resource: Resource, row: Row) -> tuple[str, str]:
    """The node a row is about, and what of it."""
    labels = row["metric"]
    return labels.get("instance", ""), labels.get(resource.label, "")


def blocks(values: list[tuple[float, str]], now: int) -> tuple[float | None, ...]:
    """The values by block, from the first that is known."""
    known = {round((now - at) / BLOCK): float(value) for at, value in values}
    return tuple(known.get(age) for age in range(max(known, default=-1), -1, -1))
