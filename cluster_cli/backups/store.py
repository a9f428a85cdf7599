"""A backup node's repository, or a copy: on this machine, reached over SFTP, or in a bucket. restic reads it."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_cli.backups import s3
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
LOCKED = ("wrong password", "no key found")  # in restic's words where a key is another repository's
REACHED = "is the store there, and can it be reached from here?"
MEANING = {
    "signature": "compare the secret access key with the sheet, letter by letter",
    "Access Key": "compare the access key id with the sheet, letter by letter",
    "Access Denied": "the access key is refused, or may not read there: compare it with the sheet",
    "does not exist": "compare the bucket and what follows it with the sheet",
    "x509": "take the sheet as a file: it has the authority of that certificate; or have this machine trust it",
    "request time": "set this machine's clock",
    "dial tcp": REACHED,
    "timeout": REACHED,
}
UNREADABLE = "the repository cannot be read"
Source = Path | s3.Access  # a folder, or a bucket


@dataclass(frozen=True)
class Store:
    """A repository. node: whose it is; bundle: the newest version of the cluster's own files."""

    source: Source
    node: str
    bundle: Bundle


def fetched(store: str, beside: Path, access: s3.Access | None = None) -> Source:
    """Where a store can be read; one over SFTP is fetched into `beside` first, where an earlier try goes on.

    store: a path, or sftp:USER@HOST:PATH. access: what opens it, for one in a bucket.
    Raises ClusterError where there is no repository.
    """
    if access:
        return access
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


def restic(source: Source, key: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """What restic says of a repository that is only read. The key goes over its standard input.

    Raises ClusterError where there is no restic, and where it does not end.
    """
    if not shutil.which("restic"):
        raise ClusterError(
            "the program restic is missing", why="it reads the repository", hint="apt-get install restic"
        )
    here = nullcontext(s3.Told((), os.environ))
    with s3.opening(source) if isinstance(source, s3.Access) else here as told:
        try:
            return subprocess.run(
                ["restic", "--repo", place(source), *told.words, *QUIET, *words],
                input=f"{key}\n".encode(),
                capture_output=True,
                timeout=LIST_SECONDS,
                check=False,
                env=told.environment,
                pass_fds=told.files,
            )
        except subprocess.TimeoutExpired:
            why = f"restic did not end within {LIST_SECONDS:.0f} s"
            raise ClusterError(UNREADABLE, where=place(source), why=why, hint=REACHED) from None


def place(source: Source) -> str:
    """Where it is, as restic takes it."""
    return source.repository if isinstance(source, s3.Access) else str(source)


def last_words(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Why restic ended, on one line."""
    lines = done.stderr.decode(errors="replace").strip().split("\n")
    return next((line for line in lines if line.startswith("Fatal: ")), lines[-1]).removeprefix("Fatal: ")


def read(source: Source, keys: Keys) -> Store:
    """Open a repository with the keys of a sheet. Raises ClusterError where none does, or it is not ours."""
    said = ""
    for node, key in keys.items():
        if node == OWN:
            continue
        done = restic(source, key, "snapshots", "--json")
        if done.returncode == 0:
            bundle = newest(source, key, keys[OWN], json.loads(done.stdout or b"[]") or [])
            return Store(source, node, bundle)
        said = last_words(done)
        refuse_no_store(source, said)
    raise ClusterError(
        "no key of the sheet opens the repository",
        where=place(source),
        why=said,
        hint="is it a copy of the repository of one of the sheet's backup nodes?",
    )


def refuse_no_store(source: Source, said: str) -> None:
    """Raises ClusterError where it is a bucket that does not open, not the repository in it. said: by restic."""
    if isinstance(source, s3.Access) and not any(words in said for words in LOCKED):
        hint = next((hint for words, hint in MEANING.items() if words in said), "")
        raise ClusterError(UNREADABLE, where=place(source), why=said, hint=hint)


def newest(source: Source, key: str, recovery: str, snapshots: list[Mapping[str, Any]]) -> Bundle:
    """The newest version of the cluster's own files that is whole."""
    found = [row for row in snapshots if {"whole", f"kind:{OWN_FILES}"} <= set(row.get("tags") or ())]
    versions = sorted(((about(row), row["id"]) for row in found), key=lambda each: float(each[0]["at"]))
    if not versions:
        raise ClusterError(
            "the cluster's own files are not in this repository",
            where=place(source),
            why="it was made before they were kept, or its copy was cut short",
            hint="take another copy; the databases can be had by hand, as the sheet says",
        )
    meta, snapshot = versions[-1]
    done = restic(source, key, "dump", snapshot, f"/{OWN_FILES}.vault")
    if done.returncode != 0:
        raise ClusterError("the cluster's own files cannot be read", where=meta["id"], why=last_words(done))
    return opened(done.stdout, recovery, meta["plain"], meta["id"])


def about(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the tags of a snapshot say (roles/backup/files/catalogue.py)."""
    packed = next(tag.removeprefix(META) for tag in row["tags"] if tag.startswith(META))
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(packed))
    return found
