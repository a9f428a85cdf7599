"""What monitoring costs a node: memory its programs hold, and processor time, with that of their children.

Memory as proportional set size (proc(5)): what is shared, such as the C library, counts once for all who share it.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import mean

from .conftest import Stack

WATCHER_MEGABYTES, NODE_MEGABYTES, NODE_PERCENT = 300, 40, 1.0  # what it may cost
WATCHING = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
WATCHED = ("prometheus-node-exporter", "prometheus-mysqld-exporter", "cluster-metrics")
TICKS = 100  # a second, in what proc(5) tells of a process
LOOKS = 10  # at memory
LOOK = f"""for unit in {" ".join((*WATCHING, *WATCHED))}; do
id=$(systemctl show -P MainPID $unit)
[ "${{id:-0}}" = 0 ] || echo $unit $(cat /dev/null $(grep -l "/$unit[.]service$" /proc/[0-9]*/cgroup 2>/dev/null \
| sed s/cgroup/smaps_rollup/) 2>/dev/null | awk '/^Pss:/ {{held += $2}} END {{print held + 0}}') \
$(cut -d ' ' -f 14-17 /proc/$id/stat)
done"""


@dataclass(frozen=True)
class Cost:
    """What a program of a node and all it starts take, on average. megabytes: memory; percent: of a core."""

    node: str
    unit: str
    megabytes: float
    percent: float


def costs(stack: Stack, nodes: Sequence[str], seconds: float) -> tuple[Cost, ...]:
    """The costs of all programs of these nodes, over so many seconds from now."""

    def look(node: str) -> dict[str, tuple[float, float, float]]:
        rows, now = (line.split() for line in stack.on(node, LOOK).splitlines()), time.monotonic()
        return {unit: (int(held) / 1024, sum(map(int, used)) / TICKS, now) for unit, held, *used in rows}

    looks = []
    with ThreadPoolExecutor() as pool:
        for _ in range(LOOKS):
            looks.append(dict(zip(nodes, pool.map(look, nodes), strict=True)))
            time.sleep(seconds / LOOKS)
        looks.append(dict(zip(nodes, pool.map(look, nodes), strict=True)))
    before, after = looks[0], looks[-1]
    return tuple(
        Cost(
            node,
            unit,
            mean(each[node][unit][0] for each in looks),
            100 * (used - before[node][unit][1]) / (at - before[node][unit][2]),
        )
        for node, found in after.items()
        for unit, (_, used, at) in found.items()
    )


def of_node(found: Sequence[Cost], node: str, units: Sequence[str] = (*WATCHING, *WATCHED)) -> tuple[float, float]:
    """(megabytes, percent of a core) of a node's programs together."""
    rows = [each for each in found if each.node == node and each.unit in units]
    return sum(each.megabytes for each in rows), sum(each.percent for each in rows)
