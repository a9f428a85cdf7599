"""Many commands on a node in one round trip, behind what the node is there for (nice)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster_cli import ssh
from cluster_cli.inventory import Host

COMMAND_SECONDS = 60
SCRIPT = """
import concurrent.futures, json, subprocess, sys
commands = json.loads({commands!r})
def one(command):
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, timeout={seconds}, stdin=subprocess.DEVNULL
        )
        return [done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")]
    except subprocess.TimeoutExpired:
        return [124, "", "no answer within {seconds} s"]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    json.dump(dict(zip(commands, pool.map(one, commands.values()))), sys.stdout)
"""


@dataclass(frozen=True)
class Outcome:
    """What one command gave: its exit code and what it printed."""

    rc: int
    stdout: str
    stderr: str


def collect(
    host: Host, commands: Mapping[str, str], *, timeout: float = 90, connect_seconds: int = 10
) -> dict[str, Outcome]:
    """Run shell commands as root on a node, side by side; outcomes by name.

    A node that cannot be reached gives every command rc 255 with SSH's words.
    timeout: seconds for the whole round trip; connect_seconds: for the connection alone.
    """
    if not commands:
        return {}
    script = SCRIPT.format(commands=json.dumps(commands), seconds=COMMAND_SECONDS)
    answer = ssh.run(
        host, "exec nice python3 -", stdin=script, timeout=timeout, options=[f"ConnectTimeout={connect_seconds}"]
    )
    if answer.rc != 0:
        lost = Outcome(255, "", answer.err.strip() or "the node did not answer")
        return dict.fromkeys(commands, lost)
    return {name: Outcome(*row) for name, row in json.loads(answer.out).items()}


def collect_all(
    work: Iterable[tuple[Host, Mapping[str, str]]], *, timeout: float = 90, connect_seconds: int = 10
) -> dict[str, dict[str, Outcome]]:
    """`collect` for many nodes side by side; by node, then by command."""
    pairs = {host.name: (host, commands) for host, commands in work}
    return ssh.on_all(
        (host for host, _ in pairs.values()),
        lambda host: collect(*pairs[host.name], timeout=timeout, connect_seconds=connect_seconds),
    )
