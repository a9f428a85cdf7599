"""A copy of a database for a standby: from a node that can spare it, put in place when it is whole."""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import subprocess
import time
from contextlib import suppress

from following import COPY
from settings import RUN, RefusedError, copied, data, database, follower, held, place, settings, unit
from source import HOURS, SourceError, ranked, states

BUSY, BUSY_SECONDS = 409, 3.0  # it gives a copy to somebody else
PREPARE = ["mariabackup", "--prepare", "--use-memory=128M"]
TOLD_SECONDS = 0.5


def copy(name, again=""):
    """Have a copy where there is none; or, where `again` is a word, another one in place of what is there."""
    known = settings()
    wanted = database(known, name)
    if copied(name) and not again:
        return {"bytes": 0}
    if os.path.exists(held(name)):
        raise RefusedError(f"what is there of {name} is held. Next: cluster db release")
    os.makedirs(RUN, exist_ok=True)
    with open(os.path.join(RUN, f"standby-{name}.lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(f"a copy of {name} is on its way already: {progress(name)}") from error
        return taken(known, wanted, name)


def taken(known, wanted, name):
    """The same, alone."""
    began, found = time.monotonic(), states(known, wanted)
    order = ranked(found[0])
    if not order:
        lagging = [f"{each.name} lags or is not in good order" for each in found[0]]
        raise RefusedError(f"no node of {name} is fit to give a copy: {'; '.join([*found[1], *lagging])}")
    incoming = place(name, "incoming")
    shutil.rmtree(incoming, ignore_errors=True)
    os.mkdir(incoming, mode=0o700)
    made = filled(order[0], incoming, name)
    say(name, made["bytes"], "preparing")
    prepared(incoming)
    with open(os.path.join(incoming, COPY), "w", encoding="utf-8") as handle:
        json.dump({"position": made["position"], "donor": order[0].name}, handle)
    owned(incoming)
    aside = swap(name, incoming)
    say(name, made["bytes"], "done")
    seconds = round(time.monotonic() - began, 1)
    return {"bytes": made["bytes"], "seconds": seconds, "donor": order[0].name, "aside": aside}


def filled(source, incoming, name):
    """Let the stream in; what the node says of it. Raises RefusedError when it is not whole."""
    run = secrets.token_hex(8)
    try:
        stream, count, last = given(source, run), 0, 0.0
        into = subprocess.Popen(["mbstream", "-x", "-C", incoming], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            for chunk in stream:
                into.stdin.write(chunk)
                count += len(chunk)
                if time.monotonic() - last > TOLD_SECONDS:
                    say(name, count, "copying")
                    last = time.monotonic()
        finally:
            words = ended(into)
        made = source.ask("/made", run=run)
    except BrokenPipeError as error:
        raise RefusedError(f"the copy from {source.name} could not be written here: {words}") from error
    if not made["whole"] or made["bytes"] != count or into.returncode != 0 or not made["position"]:
        why = made.get("why") or words or "bytes are missing"
        raise RefusedError(f"{source.name} gave no whole copy: {why}")
    return made


def given(source, run):
    """The stream, once the node gives none to somebody else any more."""
    deadline = time.monotonic() + HOURS
    while True:
        try:
            return source.stream("/copy", run=run)
        except SourceError as error:
            if error.code != BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_SECONDS)


def ended(into):
    """Its last words, once a process has had all there is."""
    with suppress(BrokenPipeError):  # it ended before; its words say why
        into.stdin.close()
    words = into.stderr.read().decode(errors="replace").strip()[-300:]
    into.wait()
    return words


def prepared(incoming):
    """Make the files one consistent state."""
    done = subprocess.run([*PREPARE, f"--target-dir={incoming}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"the copy cannot be prepared: {done.stderr.strip()[-300:]}")


def owned(incoming):
    """Give all of it to the server."""
    owner = pwd.getpwnam("mysql")
    for folder, folders, names in os.walk(incoming):
        for name in (".", *folders, *names):
            os.chown(os.path.join(folder, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def swap(name, incoming):
    """Put a copy in place. What was there is kept beside it; returns where."""
    aside = ""
    if os.path.isdir(data(name)):
        systemctl("stop", follower(name), unit(name))
        aside = place(name, time.strftime("before-%Y%m%dT%H%M%S"))
        os.rename(data(name), aside)
    os.rename(incoming, data(name))
    if aside:
        systemctl("start", unit(name), follower(name))
    return aside


def systemctl(*words):
    """Tell systemd. Raises RefusedError with its words."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"systemctl {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def end_others():
    """End what stood by for databases this node does not stand by for any more; their data stays."""
    names = {each["name"] for each in settings()["databases"]}
    kinds = [unit("*"), follower("*")]
    running = systemctl("list-units", "--plain", "--no-legend", "--all", *kinds).split("\n")
    found = [line.split()[0] for line in running if line.strip()]
    gone = [each for each in found if each.split("@")[1].removesuffix(".service") not in names]
    if gone:
        systemctl("disable", "--now", *gone)
    return gone


def say(name, count, doing):
    """Let whoever asks know how far a copy is."""
    path = os.path.join(RUN, f"standby-{name}.json")
    with open(f"{path}.new", "w", encoding="utf-8") as handle:
        json.dump({"bytes": count, "doing": doing}, handle)
    os.rename(f"{path}.new", path)


def progress(name):
    """How far a copy is: {bytes, doing}; empty when none was made since the node started."""
    try:
        with open(os.path.join(RUN, f"standby-{name}.json"), encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return {}
