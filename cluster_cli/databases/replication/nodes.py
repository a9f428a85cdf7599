"""The nodes of a running database with a primary: all asked at once, and told to do one step."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.asked import known
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import refused
from cluster_cli.databases.replication.look import Look, shown
from cluster_cli.databases.replication.state import PROGRAM, QUESTION, heard
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.ssh import Answer

LOOK_SECONDS = 5
Looks = Mapping[str, Look | None]


def looks(live: Live) -> dict[str, Look | None]:
    """What each node shows; None for one that cannot be asked."""
    answers = live.on_all(live.nodes, lambda node: live.run(node, QUESTION, seconds=LOOK_SECONDS))
    return {node: told(answer) for node, answer in answers.items()}


def told(answer: Answer) -> Look | None:
    """What a node answered; None where it was not reached."""
    if not answer.reached:
        return None
    return heard(Outcome(answer.rc, answer.out, answer.err))


def answering(live: Live, node: str) -> tuple[Look, tuple[str, ...]]:
    """What a node shows whose server runs, and what all show. Raises ClusterError where it does not answer."""
    known(live, node)
    seen = looks(live)
    look, told = seen[node], evidence(seen)
    if look is None or not look.running:
        raise refused(f"{node} does not answer", "it cannot be told:", f"see: cluster ssh {node}", told)
    return look, told


def evidence(seen: Looks) -> tuple[str, ...]:
    """What was seen, a line a node."""
    return tuple(shown(node, look) for node, look in seen.items())


def writers(seen: Looks) -> list[str]:
    """The nodes to which applications may write."""
    return [node for node, look in seen.items() if look and look.writable]


def led_by(seen: Looks) -> str | None:
    """The node that most others follow."""
    followed = Counter(look.follows for look in seen.values() if look and look.follows in seen)
    return followed.most_common(1)[0][0] if followed else None


def step(live: Live, node: str, *words: str, seconds: float = 30.0) -> dict[str, Any]:
    """Have a node do one step (roles/replication/files/main.py); what it answers.

    Raises ClusterError: exit 1 with the node's reason when it refused and changed nothing for good, exit 4 when it
    is not known what became of it.
    """
    answer = live.run(node, f"{PROGRAM} {' '.join(words)}", seconds=seconds)
    if answer.rc == 0:
        found: dict[str, Any] = json.loads(answer.out.splitlines()[-1])
        return found
    raise ClusterError(
        f"{node} could not {words[0].replace('_', ' ')}",
        where=f"database {live.name}",
        why=answer.err.strip() or f"exit code {answer.rc}",
        hint=f"see: cluster status; cluster logs {node}",
        code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
    )
