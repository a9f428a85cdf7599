"""Put other data in place of this node's, and back: exchange STEP [WORD ...], as root, at an operator's word.

  look                       what is here, and what was noted
  note < NOTE                keep a note of what is done to the database, for whoever comes after
  room BYTES                 refuse where so much does not fit beside what is there
  receive < TAR              data comes in, beside what is there
  received BYTES             all of it came
  stop                       end the server, and let nobody start it, not even a boot, while data is exchanged
  release                    let it be started again
  put                        what is there goes aside; what came, if anything did, takes its place
  back                       what went aside comes back; what was in its place goes aside
  begin SEQUENCE DOMAIN      the server runs on what came, as the first of its database; GTIDs go on from there
                             (MySQL: begin < SET, of which no GTID is given any more)
  spend < SET                MySQL: the server runs on what is there, apart from others, and gives none of these
  seat < SEAT                what came is to go on with the others: {history: [GTID, ...], group, seqno}
  settle < SEAT              MySQL: the server runs on what came, apart from others, has exactly the history and
                             nothing of whom the data was copied from
  join                       the server starts, and is not waited for
  forget                     remove what lies aside, and the note

The answer is JSON, or exit code 1 and a reason. Each step may be done again, and goes on where it was interrupted:
how far it came is told by the names of folders, which change in one step each. Nothing but `forget` removes data
that a server ran on. What the engines do in their own ways is in exchanged.py.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import subprocess
import sys

import daemon
import exchanged
from daemon import DATA, RefusedError, systemctl
from exchanged import OURS, UNIT

ACCOUNT = "mysql"
NOTE = "/var/lib/cluster/restore.json"
LOCK = "/run/cluster-exchange.lock"  # what a run that was killed left at work here ends first
ASIDE = os.path.join(DATA, exchanged.BESIDE)  # in a mount point, which cannot be renamed
MOUNTED = os.path.ismount(DATA)
WHOLE = "cluster-received.json"
SPARE = 256 << 20


def place(name):
    """Where data goes that is not the server's: `incoming`, `before` (a restore), `undone`."""
    return os.path.join(ASIDE, f"{name}-restore") if MOUNTED else f"{DATA}.{name}-restore"


def look():
    """The note; sizes in bytes; whether data came whole, and some is aside; whether the server runs.

    own: what is in place is what came, and no copy of another node.
    """
    here = os.path.dirname(DATA) if not os.path.isdir(DATA) else DATA
    return {
        "note": noted(), "data": size(DATA) - size(ASIDE), "room": shutil.disk_usage(here).free,
        "running": active() == "active", "unit": active(),
        "own": os.path.exists(os.path.join(DATA, WHOLE)) and exchanged.as_it_came(),
        "coming": size(place("incoming")), "incoming": os.path.exists(os.path.join(place("incoming"), WHOLE)),
        "before": os.path.isdir(place("before")), "undone": os.path.isdir(place("undone")),
        "moving": any(os.path.isdir(place(name) + ".part") for name in ("before", "undone")),
        "place": place("before"), "version": version(),
    }  # fmt: skip


def version():
    """Of the server's program."""
    return subprocess.check_output(exchanged.SERVER, text=True).split()[2]


def noted():
    """The note; None where there is none."""
    try:
        with open(NOTE, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return None


def note():
    """Keep the note on stdin, whole or not at all."""
    text = json.dumps(json.load(sys.stdin)) + "\n"
    os.makedirs(os.path.dirname(NOTE), exist_ok=True)
    with open(f"{NOTE}.new", "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(f"{NOTE}.new", NOTE)


def room(count):
    """Refuse where a copy does not fit beside the data; what came before of one does not count."""
    free = shutil.disk_usage(DATA if os.path.isdir(DATA) else os.path.dirname(DATA)).free
    free += size(place("incoming"))
    lacking = int(count) + SPARE - free
    if lacking > 0:
        raise RefusedError(
            f"{(lacking >> 20) + 1} MB are missing for the restored data beside that which is there: "
            f"{int(count) >> 20} MB come, {free >> 20} MB are free where {place('incoming')} would be"
        )


def receive():
    """Unpack what comes, in place of what came before; as the server's account, which can make no device of it."""
    folder, owner = place("incoming"), pwd.getpwnam(ACCOUNT)
    shutil.rmtree(folder, ignore_errors=True)
    beside()
    os.makedirs(folder, mode=0o700)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    done = subprocess.run(
        ["tar", "--extract", "--file=-"], cwd=folder, user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
        umask=0o027, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RefusedError("what came is no whole tar")


def received(count):
    """Say that all of it came: as many bytes as were given."""
    folder, owner = place("incoming"), pwd.getpwnam(ACCOUNT)
    if (here := size(folder)) < int(count):
        raise RefusedError(f"{here} bytes came, {count} were given")
    for at, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            os.chown(os.path.join(at, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    os.sync()
    with open(os.path.join(folder, WHOLE), "w", encoding="utf-8") as handle:
        json.dump({"bytes": here}, handle)
        handle.flush()
        os.fsync(handle.fileno())


def stop():
    """End the server; one that waits for a group that is gone takes no orders."""
    for helper in exchanged.HELPERS:
        systemctl("disable", "--now", helper)
    if active() in ("activating", "deactivating"):
        systemctl("kill", "--signal=KILL", UNIT)
    systemctl("stop", UNIT)
    systemctl("reset-failed", UNIT)
    if (now := active()) not in ("inactive", "failed"):
        raise RefusedError(f"its server does not end: it is {now}")
    systemctl("mask", UNIT)
    enabled = subprocess.run(["systemctl", "is-enabled", UNIT], capture_output=True, text=True, check=False)
    if (now := enabled.stdout.strip()) != "masked":
        raise RefusedError(f"its server might be started meanwhile: its unit is {now}")


def release():
    """Let it be started again, and follow others: its data is whole, or it has none."""
    for mark in exchanged.STAYS:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(mark)
    systemctl("unmask", UNIT)
    for helper in exchanged.HELPERS:
        systemctl("enable", helper)


def put():
    """Set aside what is there, and have what came in its place. Returns where it is."""
    ended()
    kept, incoming = place("before"), place("incoming")
    if not os.path.isdir(kept):
        aside(kept)
    if os.path.exists(os.path.join(incoming, WHOLE)):
        fill(incoming)
    else:
        emptied()
    return {"aside": kept}


def back():
    """Have back what was set aside, and set aside what was in its place; remove what came and was not used."""
    ended()
    kept, undone = place("before"), place("undone")
    if os.path.isdir(kept + ".part") and not os.path.isdir(kept):  # it was never set aside wholly
        move(kept + ".part", DATA)
    if os.path.isdir(kept):
        if not os.path.isdir(undone):
            aside(undone)
        fill(kept)
    shutil.rmtree(place("incoming"), ignore_errors=True)
    return {"aside": undone if os.path.isdir(undone) else ""}


def beside():
    """Have the folder inside a mount point in which all else lies."""
    if MOUNTED:
        os.makedirs(ASIDE, exist_ok=True)
        os.chmod(ASIDE, exchanged.BESIDE_MODE)


def aside(folder):
    """Set aside all there is. Interrupted inside a mount point, a folder that ends in .part has some of it."""
    if MOUNTED:
        beside()
        os.makedirs(folder + ".part", mode=0o700, exist_ok=True)
        for name in sorted(
            set(os.listdir(DATA)) - OURS, key=lambda name: name != "mysql"
        ):  # no server starts without
            os.rename(os.path.join(DATA, name), os.path.join(folder + ".part", name))
        os.rename(folder + ".part", folder)
    elif os.path.isdir(DATA):
        os.rename(DATA, folder)
    else:
        os.mkdir(folder, mode=0o700)  # there was nothing, and that was set aside
    sync()


def fill(folder):
    """Have the data of a folder where the server looks for it."""
    if MOUNTED:
        move(folder, DATA)
    else:
        if os.path.isdir(DATA):
            os.rmdir(DATA)  # an empty one; with anything in it this fails
        os.rename(folder, DATA)
    owned()


def move(folder, target):
    """Name by name: near the end the one without which no server starts, and last the word that it is whole."""
    for name in sorted(os.listdir(folder), key=lambda name: (name == WHOLE, name == "mysql")):
        os.rename(os.path.join(folder, name), os.path.join(target, name))
    os.rmdir(folder)
    sync()


def emptied():
    """A data directory with nothing in it, for a node that is given all by another one."""
    os.makedirs(DATA, exist_ok=True)
    owned()


def owned():
    """The data directory is the server's account's."""
    owner = pwd.getpwnam(ACCOUNT)
    os.chown(DATA, owner.pw_uid, owner.pw_gid)
    os.chmod(DATA, exchanged.MODE)
    sync()


def seat():
    """Have what came say where it stands in its database, so that its server goes on with the others."""
    known, incoming = json.load(sys.stdin), place("incoming")
    if not os.path.exists(os.path.join(incoming, WHOLE)):
        raise RefusedError("nothing came that could go on with the others")
    texts = exchanged.seated(known)
    owner = pwd.getpwnam(ACCOUNT)
    for name, text in texts.items():
        path = os.path.join(incoming, name)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(text)
            os.fchmod(handle.fileno(), 0o640)
            os.fchown(handle.fileno(), owner.pw_uid, owner.pw_gid)
            os.fsync(handle.fileno())


def join():
    """Have the server start, and do not wait for it: it takes part by itself, or follows nobody."""
    release()
    daemon.may_start(UNIT)
    systemctl("start", "--no-block", UNIT)


def sync():
    """Have the names on the disk."""
    for folder in (DATA, os.path.dirname(DATA)):
        if os.path.isdir(folder):
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def forget():
    """Remove what lies aside, and then the note."""
    for name in ("before", "undone", "incoming"):
        for folder in (place(name), place(name) + ".part"):
            shutil.rmtree(folder, ignore_errors=True)
            if os.path.isdir(folder):
                raise RefusedError(f"{folder} cannot be removed")
    release()
    if os.path.exists(NOTE):
        os.unlink(NOTE)


def ended():
    """Refuse to touch data a server runs on."""
    if (now := active()) not in ("inactive", "failed"):
        raise RefusedError(f"its server is {now}")


def active():
    """systemd's word for the server."""
    return daemon.active(UNIT)


def size(folder):
    """Bytes of all files below; 0 where there is no such folder, and of what cannot be read, or went meanwhile."""
    return sum(weight(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def weight(path):
    """Bytes of a file."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


STEPS = {
    "look": look, "note": note, "room": room, "receive": receive, "received": received, "stop": stop, "put": put,
    "back": back, "release": release, "begin": exchanged.begin, "spend": exchanged.spend, "seat": seat,
    "settle": exchanged.settle, "join": join, "forget": forget,
}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in STEPS:
        sys.exit(__doc__)
    try:
        with open(LOCK, "w", encoding="utf-8") as lock:
            if sys.argv[1] != "look":
                fcntl.flock(lock, fcntl.LOCK_EX)
            print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:]) or {}))
    except RefusedError as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(f"{error}")
