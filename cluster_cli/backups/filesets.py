"""`cluster restore NAME` of files of nodes: into a folder of this machine, or where they were."""

import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from cluster_cli import ssh
from cluster_cli.backups.bundle import refuse_occupied
from cluster_cli.backups.exchange import pipe
from cluster_cli.backups.nodes import PROGRAM, listed
from cluster_cli.backups.restoring import Done, Wish, where
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import sync_directory
from cluster_cli.inventory import Host
from cluster_cli.places import private
from cluster_cli.run import recorded
from cluster_cli.show.run import confirm_name
from cluster_cli.topology.backup import FileSet
from cluster_cli.workspace import Workspace

EXCHANGE = "python3 -I /usr/local/lib/cluster/files-exchange"
STEP_SECONDS = 3600.0
UNPACK = ["tar", "--extract", "--no-same-owner", "--no-same-permissions"]
Copies = dict[str, str]  # by node, the copy that is meant


def file_set(workspace: Workspace, name: str) -> FileSet:
    """What the topology says of these files."""
    assert workspace.topology.backup
    return workspace.topology.backup.files[name]


def copies(source: Host, name: str, wish: Wish) -> Copies:
    """Which copy of each node is meant: the last one, or the one named, of its node alone.

    Raises ClusterError where there is none.
    """
    said = listed((source,))[source.name]
    rows = [each for each in said["backups"] if each["kind"] == "files" and each["files"] == name]
    found = {row["node"]: row["id"] for row in rows if wish.backup in (None, row["id"])}
    if found:
        return found
    raise ClusterError(
        f"there is no copy of {name}" + (f" called {wish.backup}" if wish.backup else ""),
        where=source.name,
        why=said.get("why", ""),
        hint=f"see what there is: cluster backups {name}",
    )


def restore_into(workspace: Workspace, name: str, wish: Wish, folder: Path) -> Done:
    """Put files into a new folder of this machine, a folder a node in it, owned by who runs this.

    All of it or nothing. Raises ClusterError: exit 2 where something is in the folder.
    """
    refuse_occupied(folder)
    source = where(workspace, wish)
    chosen = copies(source, name, wish)
    result = {"into": str(folder), "copies": chosen}
    if wish.dry:
        return Done(name, source.name, True, result)
    coming = folder.absolute().parent / f".{folder.name}.coming"
    shutil.rmtree(coming, ignore_errors=True)  # of one that was interrupted
    arguments = {"database": name, "into": str(folder), "backup": wish.backup, "node": source.name}
    with recorded(workspace, "restore", ["restore"], arguments=arguments, plain=wish.plain) as run:
        with run.stage("restore", f"Have the files {name} in a folder"):
            for node, copy in chosen.items():
                take = [*UNPACK, "--directory", str(private(coming / node))]
                with TemporaryFile() as said, subprocess.Popen(take, stdin=subprocess.PIPE, stderr=said) as tar:
                    poured(source, name, copy, tar, said)
        coming.replace(folder)
        sync_directory(folder.absolute().parent)
    return Done(name, source.name, False, result)


def poured(
    source: Host, name: str, copy: str, take: "subprocess.Popen[bytes]", said: IO[bytes] | None = None
) -> None:
    """Have a copy go from a backup node into a process. said: a file with its complaints, unless it has a pipe.

    Raises ClusterError where one of them did not end well.
    """
    give = pipe(source, f"{PROGRAM} files-give {name} {copy}", stdin=subprocess.DEVNULL)
    assert give.stdout
    assert take.stdin
    try:
        while chunk := give.stdout.read(1 << 20):
            take.stdin.write(chunk)
        take.stdin.close()
    except BrokenPipeError:
        give.kill()
    told = [each.stderr.read() if each.stderr else b"" for each in (take, give)]
    codes = take.wait(), give.wait()
    if said:
        said.seek(0)
        told[0] = said.read()
    if any(codes):
        why = told[0 if codes[0] else 1].decode(errors="replace").strip().split("\n")[-1]
        raise ClusterError(
            f"{copy} did not come back", where=source.name, why=why, hint="what is there was not touched"
        )


def restore_in_place(workspace: Workspace, name: str, wish: Wish, yes: bool, *, absent: bool = False) -> Done:
    """Put files back where they were, on every node they are of; what is there is kept aside.

    All copies come first, and only then are files exchanged. What was interrupted goes on. absent: only the paths
    where nothing is. Raises ClusterError: exit 2 without the name, 1 where a node cannot do its part.
    """
    source = where(workspace, wish)
    chosen = copies(source, name, wish)
    hosts = [workspace.host(node) for node in file_set(workspace, name).nodes if node in chosen]
    result: dict[str, Any] = {"copies": chosen, "nodes": [host.name for host in hosts]}
    if wish.dry:
        return Done(name, source.name, True, result)
    paths = ", ".join(file_set(workspace, name).paths)
    stake = f"{paths} on {', '.join(result['nodes'])} will be as they were kept; what is there stays aside"
    confirm_name(name, stake, yes)
    arguments = {"database": name, "to": "cluster", "backup": wish.backup, "node": source.name}
    names, which = ["bring", "exchange"], f"{name} absent" if absent else name
    with recorded(workspace, "restore", names, arguments=arguments, plain=wish.plain) as run:
        with run.stage("bring", f"Bring the files {name} to their nodes"):
            for host in hosts:
                look = step(host, "look", name)
                if not (look["aside"] and look["coming"]):  # else it stopped while they were exchanged
                    take = pipe(host, f"{EXCHANGE} receive {which}", stdin=subprocess.PIPE)
                    poured(source, name, chosen[host.name], take)
        with run.stage("exchange", f"Exchange the files {name}"):
            found = {host.name: step(host, "put", which) for host in hosts}
    result["aside"] = {node: each["aside"] for node, each in found.items()}
    return Done(name, source.name, False, result)


def undo(workspace: Workspace, name: str, wish: Wish, yes: bool) -> Done:
    """Have back what was there before a restore; what had come stays aside."""
    confirm_name(name, f"what {name} was before the restore comes back; what came stays aside", yes)
    return everywhere(workspace, name, wish, "undo", f"Have back what {name} was before")


def confirm(workspace: Workspace, name: str, wish: Wish, yes: bool) -> Done:
    """Let go of what is kept aside."""
    confirm_name(name, f"what is kept aside of {name} is removed for good", yes)
    return everywhere(workspace, name, wish, "forget", f"Remove what was kept aside of {name}")


def everywhere(workspace: Workspace, name: str, wish: Wish, verb: str, title: str) -> Done:
    """One step on every node that has these files."""
    hosts = [workspace.host(node) for node in file_set(workspace, name).nodes]
    arguments = {"database": name, "step": verb}
    with (
        recorded(workspace, "restore", [verb], arguments=arguments, plain=wish.plain) as run,
        run.stage(verb, title),
    ):
        found = {host.name: step(host, verb, name) for host in hosts}
    return Done(name, "", False, {"nodes": found})


def step(host: Host, verb: str, name: str) -> dict[str, Any]:
    """Have a node do one step; what it answers. Raises ClusterError with its reason."""
    answer = ssh.run(host, f"{EXCHANGE} {verb} {name}", timeout=STEP_SECONDS)
    if answer.rc == 0:
        found: dict[str, Any] = json.loads(answer.out.splitlines()[-1])
        return found
    raise ClusterError(
        f"{host.name} could not do its part ({verb})",
        where=f"files {name}",
        why=answer.err.strip() or f"exit code {answer.rc}",
        hint=f"mend it, and run the same command again: it goes on; or back: cluster restore {name} --undo",
        code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
    )
