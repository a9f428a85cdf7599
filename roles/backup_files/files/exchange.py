"""Files of this node that come back where they were, at an operator's word over SSH; what is there is kept aside.

  files-exchange look SET            what of a set is kept aside, and whether an exchange stopped half-way, as JSON
  files-exchange receive SET < TAR   what is to come, into a place of its own
  files-exchange put SET             beside each path what came for it, then both exchanged by renaming
  files-exchange undo SET            what was there before, back; what had come stays aside in its place
  files-exchange forget SET          what is kept aside goes

With `receive` and `put` a third word, absent: only the paths where nothing is. Each may be done again after it was
interrupted. A database of Prometheus is not exchanged while it runs on it.

Exit codes: 0 done, 1 not; the reason is on stderr.
"""

import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys

SETTINGS, STAGE = "/etc/cluster/backup-files.json", "/var/lib/cluster/files-restore"
COMING, BEFORE, OUT = ".restored-coming", ".before-restore", ".restored-undone"
UNPACK = ["tar", "--extract", "--numeric-owner", "--same-owner", "--same-permissions", "--xattrs", "--acls"]


class RefusedError(Exception):
    """What is not done, in words for a person."""


def gone(place):
    """Have nothing there."""
    if os.path.isdir(place) and not os.path.islink(place):
        shutil.rmtree(place)
    elif os.path.lexists(place):
        os.unlink(place)


def unused(paths):
    """Refuse to exchange a database of Prometheus while it runs on it: it would write into what is aside."""
    places = [place for path in paths for place in (path, *glob.glob(f"{glob.escape(path)}/*"))]
    places = [each for each in places if os.path.isdir(f"{each}/chunks_head") and os.path.isdir(f"{each}/wal")]
    used = [each for each in places if any(name.startswith(f"{each}/") for name in opened())]
    if used:
        raise RefusedError(
            f"Prometheus works on {used[0]}: systemctl stop prometheus, the same command again, and start it"
        )


def opened():
    """The files that processes have open (proc(5))."""
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it was closed meanwhile
            yield os.readlink(link)


def look(_name, paths):
    """What is where."""
    return {
        "aside": [path + BEFORE for path in paths if os.path.lexists(path + BEFORE)],
        "undone": [path + OUT for path in paths if os.path.lexists(path + OUT)],
        "coming": [path + COMING for path in paths if os.path.lexists(path + COMING)],
    }


def receive(name, paths):
    """Have what comes on stdin, all of it or nothing. Refused while something of before is still aside."""
    kept = look(name, paths)
    if kept["aside"] or kept["undone"]:
        raise RefusedError(f"{(kept['aside'] + kept['undone'])[0]} is kept aside: --confirm or --undo first")
    unused(paths)
    for path in paths:
        if os.path.ismount(path):
            raise RefusedError(f"{path} is a mount point, which cannot be exchanged; use --into, and copy")
    place, half = os.path.join(STAGE, name), os.path.join(STAGE, f"{name}.half")
    gone(half)
    gone(place)
    os.makedirs(half, mode=0o700)
    done = subprocess.run([*UNPACK, f"--directory={half}"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"what came cannot be unpacked: {done.stderr.strip()[-300:]}")
    for path in paths:
        if not os.path.lexists(half + path):
            raise RefusedError(f"{path} is not among what came")
    os.rename(half, place)
    return {}


def put(name, paths):
    """Exchange. First all that may fail for want of room, then the renames."""
    unused(paths)
    place = os.path.join(STAGE, name)
    for path in paths:
        if os.path.lexists(place + path):
            gone(path + COMING)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            subprocess.run(["mv", "--no-target-directory", place + path, path + COMING], check=True)
    for path in paths:
        if not os.path.lexists(path + COMING):
            continue  # an earlier try did it
        if os.path.lexists(path) and not os.path.lexists(path + BEFORE):
            os.rename(path, path + BEFORE)
        os.rename(path + COMING, path)
    gone(place)
    return look(name, paths)


def undo(name, paths):
    """What was there before, back. A path that was not there before stays."""
    unused(paths)
    for path in paths:
        if os.path.lexists(path + BEFORE):
            if os.path.lexists(path):
                os.rename(path, path + OUT)
            os.rename(path + BEFORE, path)
        gone(path + COMING)
    return look(name, paths)


def forget(name, paths):
    """What is aside goes for good."""
    for path in paths:
        gone(path + BEFORE)
        gone(path + OUT)
    gone(os.path.join(STAGE, name))
    return look(name, paths)


def main(words):
    """One step."""
    with open(SETTINGS, encoding="utf-8") as handle:
        sets = json.load(handle)["sets"]
    try:
        verb, name, *more = words
        if name not in sets:
            raise RefusedError(f"this node has no files called {name}")
        steps = {"look": look, "receive": receive, "put": put, "undo": undo, "forget": forget}
        paths = [path for path in sets[name] if not more or not os.path.lexists(path)]
        print(json.dumps(steps[verb](name, paths)))
    except (OSError, RefusedError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
