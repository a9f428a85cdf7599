"""Fetch files of nodes, as each gives them: a tar a node, kept whole or not at all."""

import secrets
import tarfile
import time
from dataclasses import replace

import catalogue
import record
from catalogue import FILES, Backup
from repository import file_name
from settings import RefusedError, held
from source import Source, SourceError


def fetch(known, chosen, repository):
    """The files of every node of a set. Raises RefusedError naming nodes that gave none; the others' are kept."""
    with held(f"files-{chosen['name']}", wait=False):
        whole, parts = repository.snapshots()
        repository.forget([row for row, tags in parts if f"files:{chosen['name']}" in tags])
        made, bad = [], []
        for node in chosen["nodes"]:
            try:
                made.append(taken(known, chosen, repository, node))
            except RefusedError as error:
                bad.append(str(error))
        if bad:
            raise RefusedError("; ".join(bad))
        gone = tidy(known, chosen, repository)
        whole = max(made, key=lambda each: each.seconds)
        good = {name: getattr(whole, name) for name in ("id", "kind", "at", "node")}
        sums = {name: sum(getattr(each, name) for each in made) for name in ("bytes", "stored", "seconds")}
        record.change(chosen["name"], FILES, good={**good, **sums}, bad=None)
        return {"ids": [each.id for each in made], **sums, "gone": gone}


def taken(known, chosen, repository, node):
    """The files of one node."""
    run, began, name = secrets.token_hex(8), time.time(), chosen["name"]
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(began))
    backup = Backup(
        id=f"{name}-{stamp}-{node['name']}", database="", kind=FILES, at=round(began, 3), node=node["name"],
        engine="", files=name,
    )  # fmt: skip
    source = Source({**known, "port": known["files_port"]}, node)
    begun = [*catalogue.begun("", FILES, run), f"files:{name}"]
    stored = kept(repository, source, name, file_name(backup), begun)
    backup = replace(backup, **stored, seconds=round(time.time() - began, 3))
    repository.commit(backup)
    return backup


def kept(repository, source, name, file, tags):
    """What the repository says of a stream. One that breaks off is asked for once more."""
    stream = source.stream("/files", set=name)
    try:
        return repository.put(stream, file, tags)
    except SourceError:
        return repository.put(source.stream("/files", set=name), file, tags)


def tidy(known, chosen, repository):
    """Forget what the policy does not keep, node by node; returns the ids."""
    backups, _ = repository.snapshots()
    gone = []
    for node in {each.node for each in of(backups, chosen["name"])}:
        stays = repository.kept([f"files:{chosen['name']}", f"node:{node}", f"kind:{FILES}"], known["keep"])
        gone += [each for each in of(backups, chosen["name"], node) if each.snapshot not in stays]
    if gone:
        repository.forget([each.snapshot for each in gone])
        repository.prune()
    return [each.id for each in gone]


def of(backups, name, node=""):
    """The copies of a set, or of one node of it, from old to new."""
    return [each for each in catalogue.of(backups, "", FILES) if each.files == name and node in ("", each.node)]


def chosen_copy(backups, name, wish):
    """The copy that is meant by an id, or the last of a node. Raises RefusedError where there is none."""
    found = [each for each in of(backups, name) if wish in (each.id, each.node)]
    if not found:
        raise RefusedError(f"there is no copy of {name} called {wish}, nor of a node of that name")
    return found[-1]


def give(repository, name, wish, target):
    """One copy as a tar into a file object."""
    backups, _ = repository.snapshots()
    with repository.taken(chosen_copy(backups, name, wish)) as stream:
        while chunk := stream.read():
            target.write(chunk)
    target.flush()
    return 0


def verify(chosen, repository):
    """Read the last copy of every node to its end; returns how many files each has. Raises RefusedError."""
    backups, _ = repository.snapshots()
    counts = {}
    for node in chosen["nodes"]:
        copy = chosen_copy(backups, chosen["name"], node["name"])
        try:
            with repository.taken(copy) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
                counts[node["name"]] = sum(1 for _ in tar)
        except tarfile.TarError as error:
            raise RefusedError(f"{copy.id} cannot be unpacked: {error}") from error
    return {"files": counts}
