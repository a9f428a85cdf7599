"""The database server of this node as root has it: its unit, and statements over its own client."""

import subprocess
import time

DATA = "/var/lib/mysql"
START_SECONDS = 600


class RefusedError(Exception):
    """What is not done, in words for a person."""


def systemctl(*words):
    """Tell systemd something."""
    subprocess.run(["systemctl", *words], capture_output=True, check=False)


def active(unit):
    """systemd's word for a unit."""
    return subprocess.run(["systemctl", "is-active", unit], capture_output=True, text=True).stdout.strip()


def may_start(unit):
    """Have a unit that was kept from starting be startable again, also at a boot."""
    systemctl("unmask", unit)
    systemctl("enable", unit)
    systemctl("reset-failed", unit)


def started(unit, words):
    """Have a server run, by these words. Raises RefusedError with its last ones."""
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        raise RefusedError(f"the server does not start on the restored data: {last_words(unit)}")


def sql(client, text):
    """Statements to the server; what it says."""
    done = subprocess.run(client, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError(f"its server: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def answers(unit, client):
    """Wait until the server does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return sql(client, "SELECT 1")
        except RefusedError:
            if time.monotonic() > deadline or active(unit) in ("failed", "inactive"):
                raise
            time.sleep(0.5)


def last_words(unit):
    """The server's last lines in the journal."""
    words = ["journalctl", "-u", unit, "-n", "8", "--no-pager", "-o", "cat"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
