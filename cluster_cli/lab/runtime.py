"""Which OCI runtime really runs a container here: found out by running one, once per boot."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster_cli.errors import ClusterError
from cluster_cli.lab import host
from cluster_cli.lab.command import attempt, words_of
from cluster_cli.lab.dialect import Dialect, node_flags


def working_runtime(dialect: Dialect, prefix: Sequence[str]) -> str:
    """The first of the dialect's OCI runtimes that runs a container with a node's flags; "": a daemon's own.

    prefix is the engine's argv, with sudo when it takes that. The answer is remembered for this boot.
    Raises ClusterError with each runtime's own words when none works.
    """
    names = dialect.runtimes.get(host.cgroup_layout(), ())
    if not names:
        return ""
    found = {name: path for name in names if (path := host.program_path(name))}
    memory = host.cache_dir() / f"runtime-{dialect.name}.json"
    question = {"boot": host.boot_id(), "programs": found, "limits": host.ulimits()}
    if known := _recall(memory, question):
        return known
    refusals = {}
    for name in found:
        refusals[name] = _refusal(dialect, prefix, name)
        if not refusals[name]:
            memory.write_text(json.dumps({**question, "answer": name}))
            return name
    raise ClusterError(
        f"no OCI runtime runs a container with {dialect.name} here",
        where=f"this machine (cgroup {host.cgroup_layout()})",
        why="; ".join(f"{name}: {words}" for name, words in refusals.items()) or "none is installed",
        hint=f"apt-get install {' '.join(names)}",
    )


def _recall(memory: Path, question: Mapping[str, object]) -> str:
    """The remembered answer, when it was given to the same question."""
    try:
        record = json.loads(memory.read_text())
    except (OSError, ValueError):
        return ""
    same = all(record.get(key) == value for key, value in question.items())
    return str(record.get("answer", "")) if same else ""


def _refusal(dialect: Dialect, prefix: Sequence[str], runtime: str) -> str:
    """Why the runtime does not run `true` out of the host's /usr with a node's flags; "" when it does."""
    with tempfile.TemporaryDirectory(dir=host.cache_dir()) as scratch:
        for name in ("bin", "lib", "lib64", "sbin"):
            (Path(scratch) / name).symlink_to(f"usr/{name}")
        flags = node_flags(dialect, host.cgroup_layout(), host.ulimits(), fuse=False)
        tiny = [
            "--rm",
            "--network=none",
            *flags,
            "--volume=/usr:/usr:ro",
            "--rootfs",
            scratch,
            "/usr/bin/true",
        ]
        try:
            done = attempt([*prefix, "--runtime", runtime, "run", *tiny], timeout=60)
        except ClusterError as late:
            return late.what
    return words_of(done) if done.returncode else ""
