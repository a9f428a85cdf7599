"""A copy of a backup node's repository, on this machine or reached over SFTP, read by restic."""

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_cli.backups.bundle import Bundle
from cluster_cli.backups.own import opened
from cluster_cli.backups.sheet import OWN, Keys
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.topology.backup import OWN_FILES

SFTP = "sftp:"
META = "meta:"
PARTS = ("config", "keys", "snapshots", "index", "data")  # of a repository; locks are of who died
QUIET = ("--no-lock", "--no-cache", "--password-file", "/dev/stdin")
LIST_SECONDS = 600.0


@dataclass(frozen=True)
class Store:
    """A repository in a folder of this machine. node: whose it is; bundle: the newest version of the own files."""

    folder: Path
    node: str
    bundle: Bundle


def fetched(store: str, beside: Path) -> Path:
    """The folder of a store; one over SFTP is fetched into `beside` first, where an earlier try goes on.

    store: a path, or sftp:USER@HOST:PATH. Raises ClusterError where there is no repository.
    """
    if store.startswith(SFTP):
        host, _, path = store.removeprefix(SFTP).partition(":")
        if not host or not path or host.startswith("-"):
            raise ClusterError(f"{store} is no store", hint="such as sftp:user@host:/srv/copy", code=Exit.USAGE)
        folder = beside
        get(host, path, folder)
    else:
        folder = Path(store)
    missing = [part for part in PARTS if not (folder / part).exists()]
    if missing:
        raise ClusterError(
            "there is no repository",
            where=store,
            why=f"it has no {', '.join(missing)}",
            hint="name the directory that has config, keys, snapshots, index and data in it; is it mounted?",
            code=Exit.USAGE,
        )
    return folder


def get(host: str, path: str, folder: Path) -> None:
    """Have a directory of a host in a folder (sftp(1): -a goes on with files that are there in part)."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = "".join(f"get -a -R {json.dumps(f'{path}/{part}')} {json.dumps(str(folder))}\n" for part in PARTS)
    done = subprocess.run(
        ["sftp", "-q", "-o", "BatchMode=yes", "-b", "-", host],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(
            "the store cannot be fetched",
            where=f"{host}:{path}",
            why=done.stderr.strip().split("\n")[-1],
            hint=f"see it work first: sftp {host}",
        )


def restic(folder: Path, key: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """What restic says of a repository that is only read. The key goes over its standard input."""
    if not shutil.which("restic"):
        raise ClusterError(
            "the program restic is missing", why="it reads the repository", hint="apt-get install restic"
        )
    return subprocess.run(
        ["restic", "--repo", str(folder), *QUIET, *words],
        input=f"{key}\n".encode(),
        capture_output=True,
        timeout=LIST_SECONDS,
        check=False,
    )


def read(folder: Path, keys: Keys) -> Store:
    """Open a repository with the keys of a sheet. Raises ClusterError where none does, or it is not ours."""
    said = ""
    for node, key in keys.items():
        if node == OWN:
            continue
        done = restic(folder, key, "snapshots", "--json")
        if done.returncode == 0:
            bundle = newest(folder, key, keys[OWN], json.loads(done.stdout or b"[]") or [])
            return Store(folder, node, bundle)
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
    raise ClusterError(
        "no key of the sheet opens the repository",
        where=str(folder),
        why=said,
        hint="is it a copy of the repository of one of the sheet's backup nodes?",
    )


def newest(folder: Path, key: str, recovery: str, snapshots: list[Mapping[str, Any]]) -> Bundle:
    """The newest version of the cluster's own files that is whole."""
    found = [row for row in snapshots if {"whole", f"kind:{OWN_FILES}"} <= set(row.get("tags") or ())]
    versions = sorted(((about(row), row["id"]) for row in found), key=lambda each: float(each[0]["at"]))
    if not versions:
        raise ClusterError(
            "the cluster's own files are not in this repository",
            where=str(folder),
            why="it was made before they were kept, or its copy was cut short",
            hint="take another copy; the databases can be had by hand, as the sheet says",
        )
    meta, snapshot = versions[-1]
    done = restic(folder, key, "dump", snapshot, f"/{OWN_FILES}.vault")
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise ClusterError("the cluster's own files cannot be read", where=meta["id"], why=why)
    return opened(done.stdout, recovery, meta["plain"], meta["id"])


def about(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the tags of a snapshot say (roles/backup/files/catalogue.py)."""
    packed = next(tag.removeprefix(META) for tag in row["tags"] if tag.startswith(META))
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(packed))
    return found
