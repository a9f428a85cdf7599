"""Backup nodes, told over SSH to make or prove a backup now, and asked what they have."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.render.backup import file_sets
from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.topology.makers import backed_up, makers
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.workspace import Workspace

PROGRAM = "python3 -B /usr/local/lib/cluster/backup"
LIST_SECONDS = 120.0
POLL_SECONDS, SILENT_SECONDS = 1.0, 120.0
LAST_WORDS = "journalctl --sync; journalctl -u {} --since @{} -o cat --no-pager | tail -n 20"
UNTIL_QUIET = (
    "for i in $(seq 150); do [ $(systemctl show -P ActiveState cluster-backup@binlogs:{}.service) = activating ] "
    "|| exit 0; sleep 0.1; done"
)
Told = Callable[[str, str], None]


def backup_nodes(workspace: Workspace, name: str = "") -> tuple[Host, ...]:
    """The nodes that make backups, or those of a name. Raises ClusterError (exit 2) where there are none."""
    if workspace.topology.backup is None:
        raise ClusterError(
            "nobody makes backups of this cluster",
            where=workspace.topology.name,
            hint="add a section `backup` to the topology, then: cluster up",
            code=Exit.USAGE,
        )
    nodes = makers(workspace.topology, name)
    return tuple(workspace.inventory.host(node) for node in nodes)


def chosen(workspace: Workspace, database: str | None) -> tuple[str, ...]:
    """The databases that are meant: the named one, or all that are backed up. Raises ClusterError (exit 2)."""
    known = backed_up(workspace.topology)
    if database is None:
        return tuple(known)
    if database not in known:
        names = [*known, *file_sets(workspace.topology), *([OWN_FILES] if workspace.topology.backup else [])]
        others = f"there are backups of {', '.join(names)}" if names else "add a section `backup` to the topology"
        hint = did_you_mean(database, names) or others
        raise ClusterError(f'no backups are made of a database "{database}"', hint=hint, code=Exit.USAGE)
    return (database,)


@dataclass(frozen=True)
class Meant:
    """What a name means among the backups. own: the cluster's own files."""

    databases: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    own: bool = False


def meant(workspace: Workspace, name: str | None) -> Meant:
    """A database, files of nodes, the cluster's own; everything without a name. Raises ClusterError (exit 2)."""
    sets = file_sets(workspace.topology)
    if name is None:
        return Meant(chosen(workspace, None), tuple(sets), own=True)
    if name == OWN_FILES:
        return Meant(own=True)
    return Meant(sets=(name,)) if name in sets else Meant(chosen(workspace, name))


def listed(hosts: tuple[Host, ...]) -> dict[str, dict[str, Any]]:
    """What each backup node has, by node; a row with `why` for one that does not tell."""
    answers = ssh.on_all(hosts, lambda host: ssh.run(host, f"{PROGRAM} list", timeout=LIST_SECONDS))
    return {node: document(answer) for node, answer in answers.items()}


def document(answer: ssh.Answer) -> dict[str, Any]:
    """What a node's program printed, or why there is nothing."""
    if answer.rc != 0:
        said = answer.err.strip().split("\n")[-1].removeprefix("error: ")
        return {"why": said or f"it ended with {answer.rc}", "backups": []}
    found: dict[str, Any] = json.loads(answer.out)
    return found


def work(host: Host, verb: str, database: str, tell: Told) -> dict[str, Any]:
    """Have a node do something now, by the unit its timer starts too, and wait for the end; {ok, why, result}.

    The unit goes on when the connection is cut, so a node that is silent for a while is asked again.
    """
    unit = f"cluster-backup@{verb}:{database}.service"
    began = ssh_run(host, f"date +%s; systemctl reset-failed {unit}; systemctl start --no-block {unit}").split()[0]
    tell(host.name, f"{verb} of {database}")
    while (state := ssh_run(host, f"systemctl show -P ActiveState {unit}").strip()) in ("activating", "reloading"):
        time.sleep(POLL_SECONDS)
    said = ssh_run(host, LAST_WORDS.format(unit, began)).strip()
    line = next((each for each in reversed(said.splitlines()) if each.startswith(("{", "error: "))), said)
    if state == "failed" or not line.startswith("{"):
        return {"ok": False, "why": line.removeprefix("error: "), "result": None}
    return {"ok": True, "why": "", "result": json.loads(line)}


def fetch(host: Host, database: str) -> dict[str, Any]:
    """Have what was written until now fetched; as `work`. A fetch under way began too early, and ends first."""
    ssh_run(host, UNTIL_QUIET.format(database))
    return work(host, "binlogs", database, lambda _node, _text: None)


def ssh_run(host: Host, command: str) -> str:
    """What a command printed. Raises ClusterError (exit 4) when the node stays silent."""
    deadline = time.monotonic() + SILENT_SECONDS
    while True:
        answer = ssh.run(host, command, options=("ConnectTimeout=5",))
        if answer.reached:
            return answer.out
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{host.name} does not answer any more",
                why=answer.err.strip().split("\n")[-1],
                hint="what it was told goes on there; see: cluster backups",
                code=Exit.UNREACHABLE,
            )
        time.sleep(POLL_SECONDS)
