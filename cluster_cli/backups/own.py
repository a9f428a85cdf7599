"""The cluster's own files among the backups: sealed here, kept by every backup node, which cannot open them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster_cli import ssh
from cluster_cli.backups.bundle import Bundle, digest, gather, outside, put_back, read, refuse_occupied, squeezed
from cluster_cli.backups.nodes import PROGRAM, document
from cluster_cli.backups.restoring import Done, Wish, where
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.inventory import Host
from cluster_cli.run import Run, recorded
from cluster_cli.secrets.known import value_of
from cluster_cli.secrets.names import RECOVERY
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import decrypt, encrypt
from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.workspace import Workspace

STAGE, TITLE = "own", "Keep the cluster's own files"
SECONDS = 300.0
Kept = dict[str, Any]  # roles/backup/files/own.py


def keep(workspace: Workspace, hosts: Sequence[Host]) -> dict[str, Kept]:
    """Have backup nodes keep topology, secrets and authorities as they are now: {id, new} or {why}, by node."""
    key = recovery_key(workspace)  # made before the secrets are gathered, to be among them
    packed = gather(workspace).packed()
    sealed = encrypt(squeezed(packed), key.encode()).decode()
    text = json.dumps({"digest": digest(packed), "sealed": sealed})
    return ssh.on_all(hosts, lambda host: document(ssh.run(host, f"{PROGRAM} own", stdin=text, timeout=SECONDS)))


def keep_in(run: Run, hosts: Sequence[Host]) -> None:
    """The same as a stage of a run. Raises ClusterError where a node does not keep them."""
    with run.stage(STAGE, TITLE):
        for node, said in keep(run.workspace, hosts).items():
            if "why" in said:
                raise ClusterError(
                    "the cluster's own files are not kept",
                    where=node,
                    why=said["why"],
                    hint="bring it in reach, or up to date by cluster up; then: cluster backup run cluster",
                )
            if said["new"]:
                run.emit(Step(STAGE, f"kept as {said['id']}", node))
        for path in outside(run.workspace.topology, run.workspace.places.topology):
            run.emit(Step(STAGE, f"{path} lies outside the topology's folder, and is not kept", keep=True))


def recovery_key(workspace: Workspace) -> str:
    """What the files are sealed with; made at first need."""
    places = workspace.places
    return value_of(Secrets.open(places.secrets, places.name), RECOVERY).value


def fetch(host: Host, key: str, chosen: str = "") -> tuple[str, Bundle]:
    """(id, what a backup node kept), the last version where none is chosen.

    Raises ClusterError where there is none, where the key does not open it, or where it is not what was kept.
    """
    answer = ssh.run(host, f"{PROGRAM} own-give {ssh.quoted(chosen) if chosen else ''}", timeout=SECONDS)
    said = document(answer)
    if "why" in said:
        raise ClusterError(
            "the cluster's own files are not to be had",
            where=host.name,
            why=said["why"],
            hint="see what there is: cluster backups cluster",
            code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
        )
    return said["id"], opened(said["sealed"].encode(), key, said["digest"], f"{said['id']} on {host.name}")


def opened(sealed: bytes, key: str, expected: str, where: str) -> Bundle:
    """The bundle in what was kept. Raises ClusterError where the key is another, or it was changed."""
    try:
        bundle = read(decrypt(sealed, key.encode(), Path(where)), where)
    except ClusterError as error:
        raise ClusterError(
            "the recovery key does not open the cluster's own files",
            where=where,
            why=error.why or error.what,
            hint="compare the key with the sheet; a sheet of before has the key of before",
        ) from None
    if digest(bundle.packed()) != expected:
        raise ClusterError(
            "the cluster's own files are not what was kept", where=where, why="their digest differs"
        )
    return bundle


def ran(run: Run, hosts: Sequence[Host], step: str) -> list[dict[str, Any]]:
    """A row for each node of `backup run` (they are kept) or `backup verify` (what was kept opens)."""

    def checked(host: Host) -> dict[str, Any]:
        try:
            found, bundle = fetch(host, key)
        except ClusterError as error:
            return {"ok": False, "why": f"{error.what}: {error.why}", "result": None}
        return {"ok": True, "why": "", "result": {"id": found, "files": len(bundle.files)}}

    if step == "verify":
        key = recovery_key(run.workspace)
        rows: Mapping[str, dict[str, Any]] = ssh.on_all(hosts, checked)
    else:
        said = keep(run.workspace, hosts)
        rows = {
            node: {"ok": "why" not in each, "why": each.get("why", ""), "result": None if "why" in each else each}
            for node, each in said.items()
        }
    return [{"step": step, "database": OWN_FILES, "node": node, **row} for node, row in rows.items()]


def restore_into(workspace: Workspace, wish: Wish, folder: Path) -> Done:
    """Put topology, secrets and what belongs to them into a folder of this machine, as they were kept.

    Raises ClusterError: exit 2 where something is in the folder.
    """
    refuse_occupied(folder)
    host = where(workspace, wish)
    arguments = {"database": OWN_FILES, "into": str(folder), "backup": wish.backup, "node": host.name}
    with (
        recorded(workspace, "restore", ["restore"], arguments=arguments, plain=wish.plain) as run,
        run.stage("restore", "Have the cluster's own files back"),
    ):
        found, bundle = fetch(host, recovery_key(workspace), wish.backup or "")
        if not wish.dry:
            put_back(bundle, folder)
    result = {"id": found, "into": str(folder), "files": sorted(bundle.files)}
    return Done(OWN_FILES, host.name, wish.dry, result)
