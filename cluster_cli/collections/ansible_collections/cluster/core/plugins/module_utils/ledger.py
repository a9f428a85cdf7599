"""What we did to a node, written down on it, so that it can be undone.

/var/lib/cluster/ledger.json holds the files we made, the originals of those
we replaced (kept beside it), the packages we installed, the services we
started, the tables of packet filters we loaded, and the owners and modes we changed.
Beside it, files.json says how we left each file: its path and the SHA-256 of its content.
"""

import json
import os
import shutil

FOLDER = "/var/lib/cluster"
LEDGER = os.path.join(FOLDER, "ledger.json")
DIGESTS = os.path.join(FOLDER, "files.json")
ORIGINALS = os.path.join(FOLDER, "originals")
KINDS = ("created", "replaced", "packages", "services", "tables", "modes")


def read():
    """The ledger; empty lists where nothing was written down yet."""
    try:
        with open(LEDGER, encoding="utf-8") as handle:
            found = json.load(handle)
    except FileNotFoundError:
        found = {}
    return {kind: found.get(kind, []) for kind in KINDS}


def write(ledger):
    """Replace the ledger at once; only root reads it."""
    replace(LEDGER, ledger)


def replace(place, document):
    """Replace a document at once."""
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    draft = place + ".new"
    with open(draft, "w", encoding="utf-8") as handle:
        json.dump(document, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(draft, place)


def note(kind, names):
    """Add names of a kind; those that stand there already are not added again."""
    ledger = read()
    new = [name for name in names if name not in ledger[kind]]
    if new:
        ledger[kind] += new
        write(ledger)


def original(path):
    """Where the original of a file is kept."""
    return os.path.join(ORIGINALS, path.strip("/").replace("/", "%"))


def note_file(path):
    """To be called before a file is written: the first time its original is kept, or that there was none."""
    ledger = read()
    if path in ledger["created"] or path in ledger["replaced"]:
        return
    if not os.path.exists(path):
        note("created", [path])
        return
    os.makedirs(ORIGINALS, mode=0o700, exist_ok=True)
    keep_owner(path, original(path))
    note("replaced", [path])


def note_digests(digests):
    """To be called after files were written. digests: by path; None for a file that is not to be there."""
    try:
        with open(DIGESTS, encoding="utf-8") as handle:
            known = json.load(handle)
    except (FileNotFoundError, ValueError):
        known = {}
    found = {path: digest for path, digest in {**known, **digests}.items() if digest}
    if found != known:
        replace(DIGESTS, found)


def note_mode(path):
    """To be called before a file gets another owner or mode: the first time those it has are kept."""
    ledger = read()
    if path in ledger["created"] or path in ledger["replaced"] or any(row[0] == path for row in ledger["modes"]):
        return
    info = os.stat(path)
    note("modes", [[path, info.st_uid, info.st_gid, info.st_mode & 0o7777]])


def keep_owner(source, target):
    """Copy a file with its mode, times and owner."""
    shutil.copy2(source, target)
    info = os.stat(source)
    os.chown(target, info.st_uid, info.st_gid)
