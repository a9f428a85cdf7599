"""Make a copy: from a node that can spare it, into the repository; whole when its last word is written."""

import secrets
import time
from dataclasses import replace

import catalogue
import engine
import gtid
import record
from catalogue import COPIES, FULL, INCREMENTAL, Backup
from repository import file_name
from settings import RefusedError, held
from source import HOURS, SourceError, ranked, states

BUSY, BUSY_SECONDS = 409, 3.0  # it gives a copy to another backup node
LONGEST_CHAIN = 60  # incremental copies; a restore applies them one by one


def copy(known, database, repository, kind):
    """A full copy, or an incremental one where there is something to build on; returns the Backup.

    Raises RefusedError, BusyError while another one is made.
    """
    with held(f"copy-{database['name']}", wait=False):
        return copied(known, database, repository, kind)


def copied(known, database, repository, kind):
    """The same, alone."""
    whole, parts = repository.snapshots()
    repository.forget(catalogue.left_over(parts, database["name"], COPIES))
    found, silent = states(known, database)
    source, base = chosen(found, whole, database["name"], kind)
    history = catalogue.history(whole, database["name"])
    if source is None:
        told = [f"{each.name} lags or is not in good order" for each in found]
        raise RefusedError(f"no node of {database['name']} is fit to give a copy: {'; '.join([*silent, *told])}")
    return taken(known, database, repository, source, base, history)


def chosen(found, backups, name, kind):
    """(node, copy to build on or None). An incremental copy is of the data files its base is of, or of none."""
    order = ranked(found)
    if not order:
        return None, None
    last = catalogue.newest(backups, name)
    if kind == INCREMENTAL and engine.INCREMENTAL and last and builds(backups, last):
        replicas = [each for each in order if not found[each]["primary"]]
        same = [each for each in order if each.name == last.node and found[each]["lineage"] == last.lineage]
        if same and (same[0] in replicas or not replicas):
            return same[0], last
    return order[0], None


def builds(backups, last):
    """Whether an incremental copy may build on this one."""
    try:
        return len(catalogue.chain(backups, last)) <= LONGEST_CHAIN
    except catalogue.BrokenError:
        return False


def taken(known, database, repository, source, base, history):
    """One copy from one node. history: the one the database is in."""
    kind, run, began = INCREMENTAL if base else FULL, secrets.token_hex(8), time.time()
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(began))
    backup = Backup(
        id=f"{database['name']}-{name}-{kind}", database=database["name"], kind=kind, at=round(began, 3),
        node=source.name, engine=database["engine"], topology=database["topology"], base=base.id if base else "",
        history=history,
    )  # fmt: skip
    words = {"run": run, "rate": known["megabytes_per_second"], **({"since": base.to_lsn} if base else {})}
    try:
        stored = repository.put(
            given(source, words), file_name(backup), catalogue.begun(backup.database, kind, run)
        )
        made = source.ask("/made", run=run)
    except SourceError as error:
        raise RefusedError(f"{error}{explained(source, run)}") from error
    if not made["whole"] or made["bytes"] != stored["bytes"]:
        raise RefusedError(f"{source.name} gave no whole copy: {made.get('why', 'bytes are missing')}")
    backup = replace(
        backup, **stored, lineage=made["lineage"], from_lsn=made["from_lsn"], to_lsn=made["to_lsn"],
        start=gtid.only(made.get("start", ""), database["domain"]),
        position=gtid.only(made["position"], database["domain"]), version=made["version"],
        seconds=round(time.time() - began, 3),
    )  # fmt: skip
    fits(backup, base)
    repository.commit(backup)
    record.made(backup)
    return backup


def given(source, words):
    """The stream, once the node gives none to another backup node any more."""
    deadline = time.monotonic() + HOURS
    while True:
        try:
            return source.stream("/copy", **words)
        except SourceError as error:
            if error.code != BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_SECONDS)


def fits(backup, base):
    """Refuse a copy that says of itself that it is none."""
    if not backup.position:
        raise RefusedError(f"{backup.node} gave a copy without a position in the binary logs")
    if base and (backup.lineage, backup.from_lsn) != (base.lineage, base.to_lsn):
        raise RefusedError(f"the data files of {backup.node} are others than those {base.id} is of")


def explained(source, run):
    """What the node itself says of a copy that broke off."""
    try:
        return f"; it says: {source.ask('/made', run=run).get('why', 'nothing')}"
    except SourceError:
        return ""
