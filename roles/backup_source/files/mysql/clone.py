"""All data as a tar to stdout, by MySQL's clone plugin: into a folder beside the server's, and from there.

A process of its own, so that it can be ended at any moment, and has last words. How much room it takes is known
and asked for before; where it gets scarce all the same, the copy ends (MySQL's manual, "Cloning Data Locally").
"""

import json
import os
import shutil
import sys
import threading
import time

from binlogs import header
from engine import PLACE, POSITION, TOLD, plain
from server import DATA, RefusedError, Server

HOURS = 6 * 3600.0
SPARE, LEAST = 512 << 20, 128 << 20  # bytes that must be free beside the copy before, and all the time
ALIVE_SECONDS = 30  # so that who waits for the copy knows that it is being made
SETTINGS = "cluster-backup.cnf"
# What the files need to be read again, as mariabackup's backup-my.cnf has it.
NEEDED = ("innodb_page_size", "innodb_data_file_path", "lower_case_table_names")
NOT_COPIED = ("binlog.", "relay", "#innodb_temp", "ibtmp", "cluster-aside", ".cluster-aside")


def main(folder):
    """Make it, and become who packs it. folder: for what is told of it."""
    try:
        fits(needed(), shutil.disk_usage(os.path.dirname(PLACE)).free)
        make(folder)
    except RefusedError as error:
        sys.exit(str(error))
    os.execvp("tar", ["tar", "--create", "--file=-", "--sort=name", f"--directory={PLACE}", "."])


def needed():
    """Bytes of what is copied."""
    count = 0
    for at, folders, names in os.walk(DATA):
        folders[:] = [name for name in folders if not name.startswith(NOT_COPIED)]
        for name in names:
            if not name.startswith(NOT_COPIED):
                count += allocated(os.path.join(at, name))
    return count


def allocated(path):
    """Bytes a file takes; none where it is gone by now."""
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def fits(count, free):
    """Refuse where a copy has no room."""
    if free < count + SPARE:
        raise RefusedError(
            f"there is no room for a copy in {os.path.dirname(PLACE)}: {(count + SPARE) >> 20} MB are needed, "
            f"{free >> 20} MB are free"
        )


def make(folder):
    """Have the server make the copy, and note what it holds."""
    with Server(HOURS) as server, Server(60.0) as beside:
        start, failed = plain(server.value(POSITION)), []
        number = server.connection.thread_id()
        work = threading.Thread(target=cloned, args=(server, failed), daemon=True)
        work.start()
        wait(work, beside, number)
        if failed:
            raise RefusedError(failed[0])
        known = {
            "start": start,
            "position": plain(beside.value(POSITION)),
            "version": beside.value("SELECT VERSION()"),
        }
        with open(os.path.join(PLACE, SETTINGS), "w", encoding="utf-8") as handle:
            handle.write("[mysqld]\n" + "".join(f"{name}={beside.value(f'SELECT @@{name}')}\n" for name in NEEDED))
    with open(os.path.join(folder, TOLD), "w", encoding="utf-8") as handle:
        json.dump(known, handle)


def cloned(server, failed):
    """Say it to the server; what went wrong goes into `failed`."""
    try:
        server.rows(f"CLONE LOCAL DATA DIRECTORY = '{PLACE}'")
    except RefusedError as error:
        failed.append(str(error))


def wait(work, beside, number):
    """Wait for the end, and tell that we live; end it where room gets scarce. Raises RefusedError."""
    began = spoke = time.monotonic()
    while work.is_alive():
        work.join(0.2)
        now, free = time.monotonic(), shutil.disk_usage(os.path.dirname(PLACE)).free
        if free < LEAST or now - began > HOURS:
            beside.tried(f"KILL {number}")
            work.join(60)
            raise RefusedError(f"the copy was ended after {now - began:.0f} s: {free >> 20} MB are free")
        if now - spoke > ALIVE_SECONDS:
            spoke = now
            sys.stdout.buffer.write(header(SETTINGS, 0))  # empty; the real one comes in its place
            sys.stdout.buffer.flush()
