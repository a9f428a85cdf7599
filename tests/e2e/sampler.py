"""Asks every node ten times a second, at the node itself, whether its server takes writes."""

import subprocess
import threading
from collections.abc import Sequence
from itertools import pairwise

from cluster_cli.lab.lab import Lab

# Run in the node: one line a sample, "MONOTONIC_SECONDS 0|1". All nodes of a lab share the machine's clock.
LOOP = """
import sys, time, pymysql
QUESTION, WRITE, SOCKET = sys.argv[1], sys.argv[2], "/run/mysqld/mysqld.sock"
connection = None
while True:
    began = time.monotonic()
    try:
        limits = dict(connect_timeout=1, read_timeout=1, write_timeout=1)
        connection = connection or pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True, **limits)
        with connection.cursor() as cursor:
            cursor.execute(QUESTION)
            answer = int(bool(cursor.fetchone()[0]))
            if answer and WRITE:
                cursor.execute(WRITE)
    except Exception:
        connection, answer = None, 0
    print(f"{began:.3f} {answer}", flush=True)
    time.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
"""
NONE_WAITS = (
    "NOT EXISTS (SELECT 1 FROM information_schema.processlist "
    "WHERE state LIKE 'Waiting for semi-sync ACK%' AND time > 1)"
)
QUESTIONS = {
    # Without a replica that acknowledges, a write is not, however long its client waits. A primary that was cut
    # off counts its replicas for a while; what waits for them tells that they are not there.
    "replication": f"SELECT @@read_only = 0 AND VARIABLE_VALUE > 0 AND {NONE_WAITS} "
    "FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'rpl_semi_sync_master_clients'",
    "replication (mysql)": f"SELECT @@read_only = 0 AND VARIABLE_VALUE > 0 AND {NONE_WAITS} "
    "FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_clients'",
    "group_replication": "SELECT @@super_read_only = 0",
}
# Who was frozen or cut off finds itself writable for a while, and its group lets it commit nothing: it is tried.
# With replicas a write that waits for good would make another history of it: there it is only asked.
TABLE = "shop.sampler"
WRITES = {
    "group_replication": f"REPLACE INTO {TABLE} VALUES (1, NOW(6))"
}  # a row that stays as it is needs no commit


class Sampler:
    """Samples of all nodes, from entering to leaving. Nothing is asked where a mode has many writers by design."""

    def __init__(self, lab: Lab, nodes: Sequence[str], mode: str) -> None:
        self.lab, self.nodes, self.question = lab, nodes, QUESTIONS.get(mode)
        self.write = WRITES.get(mode, "")
        self.samples: dict[str, list[tuple[float, int]]] = {node: [] for node in nodes}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(node,), daemon=True) for node in nodes]

    def __enter__(self) -> "Sampler":
        if self.question:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads if self.question else ():
            thread.join(10)

    def two_writers(self) -> float:
        """For how long two nodes took writes at once, in seconds."""
        spans = {node: list(writable(samples)) for node, samples in self.samples.items()}
        total = 0.0
        for i, one in enumerate(self.nodes):
            for other in self.nodes[i + 1 :]:
                total += sum(
                    max(0.0, min(end, last) - max(begin, first))
                    for begin, end in spans[one]
                    for first, last in spans[other]
                )
        return total

    def _follow(self, node: str) -> None:
        """One node: asked again after it was away."""
        while not self._over.is_set():
            argv = self.lab.engine.argv(
                "exec", f"{self.lab.name}-{node}", "python3", "-c", LOOP, str(self.question), self.write
            )
            with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                for line in process.stdout or ():
                    moment, _, answer = line.partition(" ")
                    self.samples[node].append((float(moment), int(answer)))
                    if self._over.is_set():
                        break
                process.kill()
            self._over.wait(0.3)


def writable(samples: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """The spans between two samples, no more than a second apart, that both said yes."""
    return [
        (first[0], second[0])
        for first, second in pairwise(samples)
        if first[1] and second[1] and second[0] - first[0] <= 1.0
    ]
