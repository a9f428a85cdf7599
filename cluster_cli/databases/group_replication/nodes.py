"""The nodes of a running MySQL group: all asked at once, and led into their group or out of it."""

import time
from collections.abc import Mapping
from typing import Any

from cluster_cli.databases.asked import outcomes
from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.databases.group_replication.state import QUESTION, is_primary, member, takes_part
from cluster_cli.databases.live import Live
from cluster_cli.errors import ClusterError

JOIN_UNIT = "cluster-group-join"
ANSWER_SECONDS = 180.0
ANSWERS = "until mysql --no-defaults -e 'SELECT 1' >/dev/null 2>&1; do sleep 1; done"
Nodes = dict[str, dict[str, Any]]


def members(live: Live) -> Nodes:
    """What each node says of itself (state.member)."""
    return {node: member(answer) for node, answer in outcomes(live, live.nodes, QUESTION).items()}


def evidence(nodes: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """What was seen, a line a node."""
    everything = union(GtidSet.parse(row["has"]) for row in nodes.values())
    return tuple(line(name, row, everything) for name, row in nodes.items())


def line(name: str, row: Mapping[str, Any], everything: GtidSet) -> str:
    """One node as evidence: its state, all it has, and what of the others' it lacks."""
    if row["state"] is None:
        return f"{name}: its server does not answer"
    has = GtidSet.parse(row["has"])
    lacks = f", lacks {len(everything - has)} that others have" if everything - has else ""
    state = f"{row['state']} {row['role'].strip('-')}".strip()
    return f"{name}: {state}, has {has or 'nothing'}{lacks}"


def primary(nodes: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The node the group chose for writes."""
    return next((name for name, row in nodes.items() if is_primary(row)), None)


def living(nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The nodes that take part in a group with a majority."""
    return [name for name, row in nodes.items() if takes_part(row)]


def hold(live: Live, node: str) -> None:
    """Keep a node from joining by itself while it is worked on, until `let_join`."""
    told(live, node, f"systemctl stop {JOIN_UNIT}")


def let_join(live: Live, node: str) -> None:
    """Have it join by itself, now and whenever it is out."""
    told(live, node, f"systemctl restart {JOIN_UNIT}")


def told(live: Live, node: str, command: str, seconds: float = 30) -> str:
    """Run a command that must succeed. Raises ClusterError with its words."""
    answer = live.run(node, command, seconds=seconds)
    if answer.rc != 0:
        raise ClusterError(f"{node} did not do what it was told", where=command, why=answer.err.strip())
    return answer.out


def wait_answers(live: Live, node: str) -> None:
    """Wait until a node's server answers. Raises ClusterError when it does not in time."""
    told(live, node, ANSWERS, ANSWER_SECONDS)


def wait_joined(live: Live, node: str, seconds: float) -> None:
    """Wait until a node takes part with all data. Raises ClusterError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not takes_part(row := members(live)[node]):
        if time.monotonic() > deadline:
            why = f"it is {row['state'] or 'not answering'} after {seconds:g} s"
            raise ClusterError(f"{node} did not join", why=why, hint=f"cluster logs {node} {JOIN_UNIT}")
        live.tell(node, f"joins ({row['state'] or 'its server starts'})")
        time.sleep(1)
