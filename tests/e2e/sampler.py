"""Asks every node ten times a second, at the node itself, whether its server takes writes."""

import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from cluster_cli.lab.lab import Lab

# Run in the node: one line a sample, "BEGAN ENDED 0|1 ADDRESS", the last of who it follows or "-". All nodes of a
# lab share the machine's monotonic clock. The end of its standard input is its own: what an exec began goes on in
# the node when the exec is killed.
LOOP = """
import select, sys, time, pymysql
(QUESTION, WRITE, FOLLOWS), SOCKET = sys.argv[1:4], "/run/mysqld/mysqld.sock"
connection, wait = None, 0.0
while not select.select([sys.stdin], [], [], wait)[0]:
    began, answer, source = time.monotonic(), 0, "-"
    try:
        limits = dict(connect_timeout=1, read_timeout=1, write_timeout=1, cursorclass=pymysql.cursors.DictCursor)
        connection = connection or pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True, **limits)
        with connection.cursor() as cursor:
            cursor.execute(QUESTION)
            answer = int(bool(cursor.fetchone()["yes"]))
            if answer and WRITE:
                cursor.execute(WRITE)
            if FOLLOWS:
                cursor.execute(FOLLOWS)
                row = cursor.fetchone() or {}
                if "Yes" in (row.get("Slave_IO_Running"), row.get("Replica_IO_Running")):
                    source = row.get("Master_Host") or row.get("Source_Host")
    except Exception:
        connection, answer = None, 0
    print(f"{began:.3f} {time.monotonic():.3f} {answer} {source}", flush=True)
    wait = max(0.0, 0.1 - (time.monotonic() - began))
"""
LONGEST, PATIENCE = "1200", 10  # of a sampler whose tests were killed, and of one that was told to end; seconds
NONE_WAITS = (
    "NOT EXISTS (SELECT 1 FROM information_schema.processlist "
    "WHERE state LIKE 'Waiting for semi-sync ACK%' AND time > 1)"
)
QUESTIONS = {
    # Without a replica that acknowledges, a write is not, however long its client waits. A primary that was cut
    # off counts its replicas for a while: what waits for them tells that they are not there, and they themselves.
    "replication": f"SELECT @@read_only = 0 AND VARIABLE_VALUE > 0 AND {NONE_WAITS} AS yes "
    "FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'rpl_semi_sync_master_clients'",
    "replication (mysql)": f"SELECT @@read_only = 0 AND VARIABLE_VALUE > 0 AND {NONE_WAITS} AS yes "
    "FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_clients'",
    # Who is given a copy lets root write, and it alone, until the copy replaces all it has.
    "group_replication": "SELECT @@read_only = 0 AS yes",
}
FOLLOWS = {"replication": "SHOW SLAVE STATUS", "replication (mysql)": "SHOW REPLICA STATUS"}
# Who was frozen or cut off finds itself writable for a while, and its group lets it commit nothing: it is tried.
# With replicas a write that waits for good would make another history of it: there it is only asked.
TABLE = "shop.sampler"
WRITES = {
    "group_replication": f"REPLACE INTO {TABLE} VALUES (1, NOW(6))"
}  # a row that stays as it is needs no commit
Spans = list[tuple[float, float]]  # from, to; in monotonic seconds


class Sample(NamedTuple):
    """What a node said between two moments: whether it takes writes, and whom it follows, an address or "-"."""

    began: float
    ended: float
    yes: bool
    follows: str


class Sampler:
    """Samples of all nodes, from entering to leaving. Nothing is asked where a mode has many writers by design.

    addresses: of the nodes, by name.
    """

    def __init__(self, lab: Lab, addresses: Mapping[str, str], mode: str) -> None:
        self.lab, self.addresses, self.question = lab, addresses, QUESTIONS.get(mode)
        self.words = (str(self.question), WRITES.get(mode, ""), FOLLOWS.get(mode, ""))
        self.samples: dict[str, list[Sample]] = {node: [] for node in addresses}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(node,), daemon=True) for node in addresses]

    def __enter__(self) -> "Sampler":
        if self.question:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads if self.question else ():
            thread.join(PATIENCE + 5)

    def two_writers(self) -> float:
        """For how long two nodes took writes at once, in seconds."""
        return two_writers(self.samples, self.addresses if self.words[2] else None)

    def _follow(self, node: str) -> None:
        """One node: asked again after it was away."""
        while not self._over.is_set():
            words = ("timeout", LONGEST, "python3", "-c", LOOP, *self.words)
            argv = self.lab.engine.argv("exec", "-i", f"{self.lab.name}-{node}", *words)
            with subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as process:
                for line in process.stdout or ():
                    began, ended, answer, source = line.split()
                    self.samples[node].append(Sample(float(began), float(ended), answer == "1", source))
                    if self._over.is_set():
                        break
                end(process)
            self._over.wait(0.3)


def end(process: "subprocess.Popen[str]") -> None:
    """Let a sampler in a node end; its engine's client is killed where it does not come back."""
    try:
        process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def two_writers(samples: Mapping[str, list[Sample]], followed: Mapping[str, str] | None) -> float:
    """For how long two nodes certainly took writes at once, in seconds.

    followed: addresses of the nodes by name, where a write counts only while another node follows the one that
    takes it (semi-synchronous replication); None where a node's own word is enough.
    """
    took = {node: spans(rows, lambda row: row.yes) for node, rows in samples.items()}
    for node, address in (followed or {}).items():
        rows_of_others = [rows for name, rows in samples.items() if name != node]
        follow = union(spans(rows, lambda row, at=address: row.follows == at) for rows in rows_of_others)
        took[node] = common(took[node], follow)
    names = list(took)
    return sum(
        end - begin
        for i, one in enumerate(names)
        for other in names[i + 1 :]
        for begin, end in common(took[one], took[other])
    )


def spans(samples: list[Sample], true: Callable[[Sample], bool]) -> Spans:
    """From the end of a sample to the beginning of the next, no more than a second later, where both are true."""
    return [
        (first.ended, second.began)
        for first, second in pairwise(samples)
        if true(first) and true(second) and first.ended < second.began <= first.ended + 1.0
    ]


def common(one: Spans, other: Spans) -> Spans:
    """Where a span of the one and a span of the other meet."""
    return [
        (max(begin, first), min(end, last))
        for begin, end in one
        for first, last in other
        if max(begin, first) < min(end, last)
    ]


def union(many: Iterable[Spans]) -> Spans:
    """The spans that are in any of these, in order, none twice."""
    return list(_merged(sorted(span for each in many for span in each)))


def _merged(ordered: Spans) -> Iterator[tuple[float, float]]:
    """Spans in order of their beginnings, those that meet as one."""
    begin = end = None
    for first, last in ordered:
        if begin is not None and end is not None and first <= end:
            end = max(end, last)
            continue
        if begin is not None and end is not None:
            yield begin, end
        begin, end = first, last
    if begin is not None and end is not None:
        yield begin, end
