"""Rules on logs: what is kept is worth it."""

from collections.abc import Iterator

from cluster_cli.topology.logs import mebibytes
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem

LEAST = 64  # MiB


def something_can_be_kept(topology: Topology) -> Iterator[Problem]:
    """A bound a few services reach in an hour keeps nothing anybody looks for."""
    size = topology.logs.keep_size if topology.logs else None
    if size and mebibytes(size) < LEAST:
        yield Problem(("logs", "keep_size"), f"{size} is too little to keep logs", f"make it {LEAST}m at least")


RULES = (something_can_be_kept,)
