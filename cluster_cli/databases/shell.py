"""The server's own client on a node, with the operator's terminal or standard input."""

import subprocess
import sys
from pathlib import Path

from cluster_cli import ssh
from cluster_cli.databases import balancers
from cluster_cli.databases.asked import outcomes
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import described, question
from cluster_cli.databases.operation import Wish, named
from cluster_cli.databases.plan import refused
from cluster_cli.run import noted
from cluster_cli.workspace import Workspace

PROGRAMS = {"mariadb": "mariadb --no-defaults", "mysql": "mysql --no-defaults"}


def open_shell(cluster: Path, database: str | None, node: str | None) -> int:
    """Open it; the client's exit code. node: None for the one that takes writes.

    Raises ClusterError when there is no such database or node, or nobody takes writes.
    """
    workspace = Workspace.open(cluster)
    options = {"node": workspace.host(node).name} if node else {}
    name = named(workspace, Wish("shell", database, options))
    live = Live(name, workspace.topology.databases[name], workspace)
    chosen = node or writer(live)
    terminal = sys.stdin.isatty()
    sudo = "sudo -n " if live.host(chosen).vars["ansible_become"] else ""
    socket = f" --socket=/run/mysqld/{name}.sock" if chosen in live.database.standby else ""
    words = [*ssh.argv(live.host(chosen), tty=terminal), sudo + PROGRAMS[live.database.engine] + socket]
    with noted(workspace, "db-shell", {"database": name, "node": chosen}, locked=False) as link:
        link.code = subprocess.run(words, check=False).returncode
    return int(link.code)


def writer(live: Live) -> str:
    """The node that takes writes, by what the servers say."""
    found = outcomes(live, live.nodes, question(live.database))
    row = described(live.workspace.topology, live.name, found, balancers.writer(live))
    if row["primary"]:
        return str(row["primary"])
    able: list[str] = [node for node, each in row["replicas"].items() if each["running"]]
    if row["writable"] and able:  # any of them will do
        return able[0]
    raise refused("no node takes writes", row["guarantee"], "name a node: cluster db shell -n NODE")
