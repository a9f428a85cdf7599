"""What the control machine needs to be made anew: the cluster's own files, sealed before they came, so not for us.

The key they are sealed with is on the control machine and on the recovery sheet. Who broke into this node has the
backups of the databases, but not the authorities and passwords of the whole cluster.
"""

import json
import secrets
import sys
import time
from dataclasses import replace

import catalogue
import record
from catalogue import CLUSTER, Backup
from repository import file_name
from settings import RefusedError, held

SEAL = "$ANSIBLE_VAULT;"
KEPT = 30  # versions; a new one comes only when something was changed
TOLD = ("id", "kind", "at", "node", "bytes", "stored", "seconds")


def take(known, repository):
    """Keep what comes on stdin, {digest, sealed}, unless the last that was kept has that digest: {id, new}."""
    said = json.loads(sys.stdin.read())
    if not said["sealed"].startswith(SEAL):
        raise RefusedError("the cluster's own files are not sealed, and are not kept so")
    with held("own"):
        found, parts = repository.snapshots()
        mine = catalogue.of(found, "", CLUSTER)
        if mine and mine[-1].plain == said["digest"]:
            tell(mine[-1])
            return {"id": mine[-1].id, "new": False}
        repository.forget(catalogue.left_over(parts, "", (CLUSTER,)))
        made = kept(known, repository, said)
        tell(made)
        repository.forget([each.snapshot for each in [*mine, made][:-KEPT]])
        return {"id": made.id, "new": True}


def kept(known, repository, said):
    """One version, whole."""
    run, began = secrets.token_hex(8), time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(began))
    backup = Backup(
        id=f"{CLUSTER}-{stamp}-{run[:4]}", database="", kind=CLUSTER, at=round(began, 3), node=known["node"],
        engine="", plain=said["digest"],
    )  # fmt: skip
    stored = repository.put([said["sealed"].encode()], file_name(backup), catalogue.begun("", CLUSTER, run))
    backup = replace(backup, **stored, seconds=round(time.time() - began, 3))
    repository.commit(backup)
    return backup


def tell(last):
    """Note the last version, for status and Prometheus."""
    record.change(CLUSTER, "own", good={name: getattr(last, name) for name in TOLD}, bad=None)


def give(repository, chosen=""):
    """A version as it was kept, {id, digest, sealed}; the last one, where none is chosen."""
    found, _ = repository.snapshots()
    mine = [each for each in catalogue.of(found, "", CLUSTER) if chosen in ("", each.id)]
    if not mine:
        raise RefusedError(
            f"there is no {chosen} here" if chosen else "the cluster's own files were never kept here"
        )
    with repository.taken(mine[-1]) as stream:
        sealed = b"".join(iter(stream.read, b""))
    return {"id": mine[-1].id, "digest": mine[-1].plain, "sealed": sealed.decode()}
