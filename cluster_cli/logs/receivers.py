"""Logs as a receiver has them: of the first that answers, since each has all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host, Inventory
from cluster_cli.logs.query import TIMES, Query
from cluster_cli.logs.record import Record, from_line
from cluster_cli.logs.stream import lines

SECONDS = 120
REFUSED = 2  # of the reader: bad usage
Tell = Callable[[str], None]


def receivers(inventory: Inventory) -> list[Host]:
    """The nodes that receive logs."""
    return [host for host in inventory.group("logs") if host.vars["logs_receives"]]


def read(hosts: Sequence[Host], query: Query, tell: Tell) -> list[Record] | None:
    """All records, oldest first; None when no receiver answers. Raises ClusterError for a time that is none."""
    for host in hosts:
        answer = ssh.run(host, query.of_receiver(), timeout=SECONDS)
        if answer.rc == 0:
            return [found for line in answer.out.splitlines() if (found := from_line(line))]
        why = answer.err.strip().split("\n")[-1]
        if answer.rc == REFUSED:
            raise ClusterError("there are no such logs", where=host.name, why=why, hint=TIMES, code=Exit.USAGE)
        tell(f"# {host.name} gives no logs: {why}")
    return None


def follow(hosts: Sequence[Host], query: Query, tell: Tell) -> Iterator[Record]:
    """Records as they come. When a receiver is lost the next goes on where it ended; ends when there is none."""
    last = ""
    for host in hosts:
        asked = replace(query, since=last.replace("T", " ").replace("+00:00", " UTC")) if last else query
        said = ""
        for _, line in lines([host], asked.of_receiver()):
            if (found := from_line(line)) is None:
                said = line
            elif found.at > last:
                last = found.at
                yield found
            elif found.at:
                yield found
        tell(f"# {host.name} gives no more logs{': ' + said if said else ''}")
