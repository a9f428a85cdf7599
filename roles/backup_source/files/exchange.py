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
  seat < SEAT                what came is to go on with the others: {history: [GTID, ...], group, seqno}
  join                       the server starts, and is not waited for
  forget                     remove what lies aside, and the note

The answer is JSON, or exit code 1 and a reason. Each step may be done again, and goes on where it was interrupted:
how far it came is told by the names of folders, which change in one step each. Nothing but `forget` removes data
that a server ran on.
"""

import contextlib
import fcntl
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time

DATA, UNIT, ACCOUNT = "/var/lib/mysql", "mariadb", "mysql"
NOTE = "/var/lib/cluster/restore.json"
LOCK = "/run/cluster-exchange.lock"  # what a run that was killed left at work here ends first
ASIDE = os.path.join(DATA, "cluster-aside")  # in a mount point, which cannot be renamed
MOUNTED = os.path.ismount(DATA)
OURS = {"cluster-aside", "lost+found"}
WHOLE = "cluster-received.json"
SPARE = 256 << 20
# As Galera writes it when its server ends (its documentation, "Node Provisioning").
GALERA_STATE = """# GALERA saved state
version: 2.1
uuid:    {}
seqno:   {}
safe_to_bootstrap: 0
"""
START_SECONDS = 600
CLIENT = ["mariadb", "--no-defaults", "--connect-timeout=3", "-BN", "--raw"]


class RefusedError(Exception):
    """What is not done, in words for a person."""


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
        "running": active() == "active", "unit": active(), "own": os.path.exists(os.path.join(DATA, WHOLE)),
        "coming": size(place("incoming")), "incoming": os.path.exists(os.path.join(place("incoming"), WHOLE)),
        "before": os.path.isdir(place("before")), "undone": os.path.isdir(place("undone")),
        "moving": any(os.path.isdir(place(name) + ".part") for name in ("before", "undone")),
        "place": place("before"), "version": version(),
    }  # fmt: skip


def version():
    """Of the server's program."""
    return subprocess.check_output(["mariadbd", "--version"], text=True).split()[2]


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
    """Let it be started again: its data is whole, or it has none."""
    systemctl("unmask", UNIT)


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


def aside(folder):
    """Set aside all there is. Interrupted inside a mount point, a folder that ends in .part has some of it."""
    if MOUNTED:
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
    os.chmod(DATA, 0o755)
    sync()


def seat():
    """Have what came say where it stands in its database, so that its server goes on with the others from there.

    The history of its binary logs, which it has not, is read by a server that has none (sql/log.cc,
    do_binlog_recovery); the last one of a domain is its position. Of a Galera group: its state file.
    """
    known, incoming = json.load(sys.stdin), place("incoming")
    if not os.path.exists(os.path.join(incoming, WHOLE)):
        raise RefusedError("nothing came that could go on with the others")
    texts = {"binlog.state": "".join(f"{each}\n" for each in known["history"])}
    if known["group"]:
        texts["grastate.dat"] = GALERA_STATE.format(known["group"], known["seqno"])
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
    systemctl("enable", UNIT)
    systemctl("reset-failed", UNIT)
    systemctl("start", "--no-block", UNIT)


def sync():
    """Have the names on the disk."""
    for folder in (DATA, os.path.dirname(DATA)):
        if os.path.isdir(folder):
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)


def begin(sequence, domain):
    """Run on what came, as the first of the database, with GTIDs beyond all there ever were.

    A Galera group gets a new name of its own then: it is begun without a state, so that nobody with data of the
    old one can take part without a whole copy.
    """
    galera = bool(value("mysqld", "wsrep_on"))
    if active() != "active":
        release()
        systemctl("enable", UNIT)
        systemctl("reset-failed", UNIT)
        if galera:
            may_begin()
        words = ["galera_new_cluster"] if galera else ["systemctl", "start", UNIT]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(f"the server does not start on the restored data: {last_words()}")
    answers()
    if reached(domain) < int(sequence):
        (go_on_in_a_group if galera else go_on)(sequence, domain)
    if (now := reached(domain)) < int(sequence):
        raise RefusedError(f"its GTIDs go on from {now}, not from {sequence}")
    return {"position": sql("SELECT @@gtid_binlog_pos")}


def may_begin():
    """Let Galera begin a group here, where this node was part of the new one already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(DATA, "gvwstate.dat"))
    state = os.path.join(DATA, "grastate.dat")
    if os.path.exists(state):
        with open(state, encoding="utf-8") as handle:
            text = handle.read()
        with open(state, "w", encoding="utf-8") as handle:
            handle.write(re.sub(r"safe_to_bootstrap: *\d", "safe_to_bootstrap: 1", text))


def go_on(sequence, domain):
    """The next transaction comes after that position, which is given to none."""
    position = f"{domain}-{sql('SELECT @@server_id')}-{sequence}"
    sql(
        "STOP SLAVE; RESET SLAVE ALL; RESET MASTER;"
        f"SET GLOBAL gtid_binlog_state = '{position}'; SET GLOBAL gtid_slave_pos = '{position}'"
    )


def go_on_in_a_group(sequence, _domain):
    """The same where all nodes number together: by a transaction that has the number."""
    sql(
        f"SET SESSION wsrep_gtid_seq_no = {sequence}; CREATE SCHEMA cluster_restored; DROP SCHEMA cluster_restored"
    )


def reached(domain):
    """The last sequence in the binary log, 0 for none."""
    words = sql("SELECT @@gtid_binlog_pos").strip().split(",")
    return max((int(word.split("-")[2]) for word in words if word.startswith(f"{domain}-")), default=0)


def answers():
    """Wait until the server does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return sql("SELECT 1")
        except RefusedError:
            if time.monotonic() > deadline or active() in ("failed", "inactive"):
                raise
            time.sleep(0.5)


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
    return subprocess.run(["systemctl", "is-active", UNIT], capture_output=True, text=True).stdout.strip()


def systemctl(*words):
    """Tell systemd something."""
    subprocess.run(["systemctl", *words], capture_output=True, check=False)


def value(section, name):
    """A setting of the server's configuration; empty where it is not there."""
    found = subprocess.run(["my_print_defaults", section, "mariadbd"], capture_output=True, text=True, check=False)
    rows = [line[2:].partition("=")[2] for line in found.stdout.splitlines()
            if line[2:].partition("=")[0].replace("-", "_") == name]  # fmt: skip
    return rows[-1] if rows else ""


def sql(text):
    """Statements to the server; what it says."""
    done = subprocess.run(CLIENT, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"its server: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def last_words():
    """The server's last lines in the journal."""
    words = ["journalctl", "-u", UNIT, "-n", "8", "--no-pager", "-o", "cat"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


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
    "back": back, "release": release, "begin": begin, "seat": seat, "join": join, "forget": forget,
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
