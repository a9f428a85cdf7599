"""Logs as the nodes' own journals have them: where no node receives them, or none of those answers."""

import json
from collections.abc import Callable, Iterator, Sequence

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.logs.query import TIMES, Query
from cluster_cli.logs.record import Record, from_journal
from cluster_cli.logs.stream import lines

SECONDS = 60
Tell = Callable[[str], None]


def read(hosts: Sequence[Host], query: Query, tell: Tell) -> list[Record]:
    """All records, oldest first. Raises ClusterError when no node answered; one that does not is told."""
    answers = ssh.on_all(hosts, lambda host: ssh.run(host, query.of_journal(), timeout=SECONDS))
    lost = {name: answer for name, answer in answers.items() if answer.rc != 0}
    if len(lost) == len(answers):
        first = next(iter(lost.values()))
        code, hint = (Exit.USAGE, TIMES) if first.reached else (Exit.UNREACHABLE, "see: cluster status")
        raise ClusterError(
            "no node gave its journal", where=first.node, why=first.err.strip(), hint=hint, code=code
        )
    for name, answer in lost.items():
        tell(f"# {name}: {answer.err.strip()}")
    # all of them together: a node's journal is in the order of arrival, which is not quite that of time
    return sorted(
        from_journal(name, json.loads(line))
        for name, answer in answers.items()
        if answer.rc == 0
        for line in answer.out.splitlines()
    )


def follow(hosts: Sequence[Host], query: Query, tell: Tell) -> Iterator[Record]:
    """Records as they come."""
    for name, line in lines(hosts, query.of_journal()):
        if line.startswith("{"):
            yield from_journal(name, json.loads(line))
        else:
            tell(f"# {name}: {line}")
