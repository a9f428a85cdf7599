"""What every way back is made of: a lock, a token, a timer of systemd, and files that are replaced at once."""

import contextlib
import fcntl
import os
import time


@contextlib.contextmanager
def locked(path):
    """One at a time: a run, or the timer that goes off. path: the lock's, in a folder for root alone."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def new_token():
    """A name for one change."""
    return f"{os.getpid()}-{time.monotonic_ns()}"


def start(module, unit, seconds, script, *words):
    """Run a script apart from us, in so many seconds. A file: several lines do not survive a daemon-reload."""
    call = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds}"]
    rc, out, err = module.run_command([*call, "--timer-property=AccuracySec=100ms", "/bin/sh", script, *words])
    if rc != 0:
        module.fail_json(msg=f"no timer could be started, so nothing was touched: {(err or out).strip()}")


def stop(module, unit):
    """Take a timer away; one that went off already finds its token gone."""
    module.run_command(["systemctl", "stop", f"{unit}.timer"])


def read(path):
    """The text of a file; empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


def write(path, text, mode=0o600):
    """Replace a file at once, and for good."""
    draft = path + ".new"
    with open(draft, "w", encoding="utf-8", errors="surrogateescape") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(draft, path)
