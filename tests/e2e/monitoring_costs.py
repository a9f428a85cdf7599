"""What monitoring costs a node: memory its programs hold, and processor time, by their control groups."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .conftest import Stack

WATCHER_MEGABYTES, NODE_MEGABYTES, NODE_PERCENT = 300, 40, 1.0  # what it may cost
WATCHING = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
WATCHED = ("prometheus-node-exporter", "prometheus-mysqld-exporter", "cluster-metrics")
LOOK = f"""for unit in {" ".join((*WATCHING, *WATCHED))}; do
group=$(systemctl show -P ControlGroup $unit)
[ -n "$group" ] || continue
held=0
for id in $(cat /sys/fs/cgroup$group/cgroup.procs); do
held=$((held + $(sed -n 's/^VmRSS: *\\([0-9]*\\) kB/\\1/p' /proc/$id/status))); done
echo $unit $held $(sed -n 's/^usage_usec //p' /sys/fs/cgroup$group/cpu.stat)
done"""


@dataclass(frozen=True)
class Cost:
    """What a program of a node holds and uses. megabytes: of memory; percent: of a core, meanwhile."""

    node: str
    unit: str
    megabytes: float
    percent: float


def costs(stack: Stack, nodes: Sequence[str], seconds: float) -> tuple[Cost, ...]:
    """The costs of all programs of these nodes, over so many seconds from now."""

    def look(node: str) -> dict[str, tuple[float, float, float]]:
        rows = (line.split() for line in stack.on(node, LOOK).splitlines())
        return {unit: (int(held) / 1024, int(used) / 1e6, time.monotonic()) for unit, held, used in rows}

    with ThreadPoolExecutor() as pool:
        before = dict(zip(nodes, pool.map(look, nodes), strict=True))
        time.sleep(seconds)
        after = dict(zip(nodes, pool.map(look, nodes), strict=True))
    return tuple(
        Cost(node, unit, held, 100 * (used - before[node][unit][1]) / (at - before[node][unit][2]))
        for node, found in after.items()
        for unit, (held, used, at) in found.items()
    )


def of_node(found: Sequence[Cost], node: str, units: Sequence[str] = (*WATCHING, *WATCHED)) -> tuple[float, float]:
    """(megabytes, percent of a core) of a node's programs together."""
    rows = [each for each in found if each.node == node and each.unit in units]
    return sum(each.megabytes for each in rows), sum(each.percent for each in rows)
