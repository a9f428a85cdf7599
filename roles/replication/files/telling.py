"""How far a copy to this node is, for whoever asks; and what the makers of copies need besides."""

import json
import os
import subprocess
import time

from engine import DATA
from server import UNFINISHED, RefusedError, empty, look

RUN = "/run/cluster"
PROGRESS = os.path.join(RUN, "copy.json")
ASIDE = os.path.join(DATA, "cluster-aside")  # in a mount point: what was set aside
KEPT = os.path.join(DATA, ".cluster-aside")  # the same of MySQL before a restore (roles/backup_source)


def tell(**row):
    """Let whoever asks know how far it is."""
    os.makedirs(RUN, exist_ok=True)
    with open(PROGRESS + ".new", "w", encoding="utf-8") as handle:
        json.dump(row, handle)
    os.rename(PROGRESS + ".new", PROGRESS)


def told():
    """How far a copy is: {bytes, of, doing}; empty when none was made since the node started."""
    try:
        with open(PROGRESS, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return {}


def size(folder):
    """Bytes of all files below, but for what was set aside."""
    found = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if os.path.join(place, name) not in (ASIDE, KEPT)]
        for name in names:
            try:
                found += os.stat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue  # a temporary file
    return found


def worthless():
    """Whether what is here never held anything of a database, or is a copy that did not end."""
    if empty() or os.path.exists(UNFINISHED):
        return True
    here = look()
    return here["running"] and here["blank"]


def aside_folder():
    """Where old data is kept: beside the data directory."""
    return f"{DATA}.before-{time.strftime('%Y%m%dT%H%M%S')}"


def run(words):
    """A command that must succeed. It is told nothing."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"{words[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")
