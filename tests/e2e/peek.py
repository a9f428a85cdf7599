"""Look into a lab's node often: past the engine, whose exec takes a tenth of a second of processor time.

For looking only: the command has more rights than any of the node's own.
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cluster_cli.lab.lab import Lab

ENVIRONMENT = ("env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
AWAY = 125  # as the engine's own exec says it


@dataclass
class Peek:
    """Commands in nodes of a lab by nsenter(1), as root of this machine."""

    lab: Lab
    _known: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # node -> (pid of its init, id of its container)

    def run(self, node: str, words: list[str], timeout: float = 10) -> "subprocess.CompletedProcess[str]":
        """How a command in a node ended: exit code 125 where the node is not up, 124 where it took too long."""
        if not self._is_up(node) and not self._learn(node):
            return subprocess.CompletedProcess(words, AWAY, "", "the node is not up")
        enter = ["nsenter", "--target", self._known[node][0], "--all", "--", *ENVIRONMENT, *words]
        try:
            return subprocess.run(enter, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", f"no answer within {timeout:g} s")

    def _is_up(self, node: str) -> bool:
        """Whether what was learnt is still so; a process id is used again soon, so its control group tells."""
        pid, container = self._known.get(node, ("", ""))
        try:
            return bool(pid) and container in Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            return False

    def _learn(self, node: str) -> bool:
        ask = self.lab.engine.argv("inspect", "--format", "{{.State.Pid}} {{.Id}}", f"{self.lab.name}-{node}")
        said = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=30).stdout.split()
        self._known[node] = (said[0], said[1]) if len(said) == 2 and said[0] != "0" else ("", "")
        return self._is_up(node)
