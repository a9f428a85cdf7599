"""cluster-backup: fetch, keep and prove backups. Timers run it; `cluster backup` asks for it.

  cluster-backup full|incremental|binlogs|prove DATABASE      also as one word, full:DATABASE
  cluster-backup verify [DATABASE]                            read and verify the whole repository
  cluster-backup restore DATABASE                             to a moment, as requests/DATABASE.json says
  cluster-backup plan DATABASE < WISH                         what that would do, as JSON
  cluster-backup find DATABASE                                statements, as requests/DATABASE-find.json says
  cluster-backup mark DATABASE < WHAT                         it was put back: nothing leads from before to after
  cluster-backup serve|discard DATABASE                       a server on the restored files; throw them away
  cluster-backup weigh|give DATABASE                          how large the restored files are; they, as a tar
  cluster-backup files SET                                    fetch files of nodes
  cluster-backup files-verify SET                             read the last copy of every node
  cluster-backup files-give SET NODE|ID                       a copy as a tar: the last of a node, or the one
  cluster-backup own < SEALED                                 keep the cluster's own files, where they changed
  cluster-backup own-give [ID]                                they, as they were kept
  cluster-backup list                                         all backups, as JSON
  cluster-backup look                                         how the nodes are that give copies, as JSON
  cluster-backup init                                         have a repository

Exit codes: 0 done, 1 not, 75 another run is at it.
"""

import json
import os
import pwd
import sys
import time
import traceback
from dataclasses import asdict

import adopt
import binlogs
import catalogue
import copies
import filesets
import keep
import look
import mark
import own
import prove
import record
import search
from repository import Repository
from settings import BusyError, RefusedError, database, file_set, held, settings
from source import states

ACCOUNT, BUSY = "mysql", 75
MOST_WHY = 300
FETCH = ("full", "incremental", "binlogs", "prove", "files")
KNOWN = (RefusedError, catalogue.BrokenError)
SORTS = {"full": "copies", "incremental": "copies", "binlogs": "binlogs", "prove": "proof", "files": "files"}


def full(known, chosen, repository):
    """A full copy; then what the policy does not keep goes."""
    made = copies.copy(known, chosen, repository, catalogue.FULL)
    gone = keep.tidy(known, chosen, repository)
    return {**told(made), "gone": gone}


def incremental(known, chosen, repository):
    """What changed since the last copy; a full one where there is nothing to build on."""
    return told(copies.copy(known, chosen, repository, catalogue.INCREMENTAL))


def fetch(known, chosen, repository):
    """What was written since. Without a copy there is nothing it could be applied to: that is made first."""
    backups, _ = repository.snapshots()
    if catalogue.newest(backups, chosen["name"]) is None:
        return told(copies.copy(known, chosen, repository, catalogue.FULL))
    try:
        made = binlogs.fetch(known, chosen, repository)
    except binlogs.GapError as error:
        mark.begun(chosen, repository, f"a gap: {error}"[:MOST_WHY])
        made = copies.copy(known, chosen, repository, catalogue.FULL)
        raise RefusedError(
            f"{error}. A full copy was made: {made.id}; moments between cannot be restored"
        ) from error
    return told(made) if made else {"nothing": True}


def verify(_known, chosen, repository):
    """Every bit of the repository, and that every copy can be reached."""
    repository.check()
    backups, _ = repository.snapshots()
    mine = catalogue.of(backups, chosen["name"])
    for each in catalogue.of(mine, chosen["name"], *catalogue.COPIES):
        catalogue.chain(mine, each)
    last = catalogue.newest(mine, chosen["name"])
    if last is None:
        raise RefusedError(f"there is no copy of {chosen['name']}, or none since it was restored")
    catalogue.line(mine, chosen["name"], catalogue.begins(last))
    return {"backups": len(mine)}


def listed(known):
    """All backups here, with what is known of their proofs."""
    backups, parts = Repository(known).snapshots()
    rows = [{name: value for name, value in asdict(each).items() if name != "snapshot"} for each in backups]
    return {
        "node": known["node"],
        "store": known["store"],
        "backups": rows,
        "unfinished": len(parts),
        **record.state(),
    }


def looked(known):
    """How the nodes of every database are, by their own word."""
    seen = {each["name"]: states(known, each) for each in known["databases"]}
    return {
        name: {"nodes": {source.name: state for source, state in found.items()}, "silent": silent}
        for name, (found, silent) in seen.items()
    }


def told(backup):
    """A backup in few words."""
    return {
        name: getattr(backup, name) for name in ("id", "kind", "node", "bytes", "stored", "seconds", "position")
    }


def planned(known, chosen, repository):
    """What a restore would do."""
    return look.plan(known, chosen, repository, look.wish_on_stdin())


def files_verified(_known, chosen, repository):
    """The last copy of every node, read."""
    return filesets.verify(chosen, repository)


WORK = {
    "full": full, "incremental": incremental, "binlogs": fetch, "prove": prove.prove, "verify": verify,
    "restore": look.restored, "plan": planned, "discard": look.discarded,
    "files": filesets.fetch, "files-verify": files_verified,
    "mark": mark.mark, "weigh": look.weighed, "find": search.find,
}  # fmt: skip


def said(error):
    """An error on one line; one that is no refusal is a defect of ours, or of the machine."""
    text = " ".join(str(error).split())
    return text if isinstance(error, KNOWN) else f"cluster-backup itself failed: {type(error).__name__}: {text}"


def drop_root():
    """Everything here belongs to one account, and needs no more rights than that has."""
    if os.geteuid() == 0:
        owner = pwd.getpwnam(ACCOUNT)
        os.setgroups([])
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)
        os.umask(0o077)


def work(known, verb, name):
    """One verb on one database or set of files, recorded when it fails."""
    chosen = file_set(known, name) if verb.startswith("files") else database(known, name)
    began = time.monotonic()
    if verb in FETCH:
        adopt.refuse_waiting(name)
    try:
        done = WORK[verb](known, chosen, Repository(known))
    except BusyError:
        raise
    except Exception as error:
        if verb in SORTS:
            record.failed(name, SORTS[verb], said(error))
        raise
    return {"verb": verb, "database": name, "took": round(time.monotonic() - began, 2), **done}


def main(words):
    """Do what was asked for; returns the exit code."""
    known = settings()
    verb, _, name = words[0].partition(":") if words else ("", "", "")
    if verb == "init" and os.geteuid() == 0:
        adopt.take_over(known, ACCOUNT)
    drop_root()
    try:
        if verb == "init":
            with held("repository"):
                found = {"begun": Repository(known).open()}
        elif verb == "list":
            found = listed(known)
        elif verb == "serve":
            return look.serve(name or words[1])
        elif verb == "give":
            return look.give(name or words[1])
        elif verb == "own":
            found = own.take(known, Repository(known))
        elif verb == "own-give":
            found = own.give(Repository(known), *words[1:])
        elif verb == "files-give":
            return filesets.give(Repository(known), words[1], words[2], sys.stdout.buffer)
        elif verb == "look":
            found = looked(known)
        elif verb in WORK:
            found = work(known, verb, name or words[1])
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except BusyError as error:
        print(f"{error}", file=sys.stderr)
        return BUSY
    except Exception as error:
        if not isinstance(error, KNOWN):
            traceback.print_exc()
        print(f"error: {said(error)}", file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
