"""Runs rsyslog as a receiver of logs as long as there is room to keep them.

rsyslog forgets what it cannot write (measured: "message lost" for each record once a disk was full). So it is
ended before the disk is full: the senders keep on their own disks what nobody acknowledges, and it comes later.

Usage: log-receiver CONFIG RESERVE_MEGABYTES FOLDER...
"""

import os
import signal
import subprocess
import sys
import threading

EVERY = 2.0  # seconds between two looks
RSYSLOG = ("/usr/sbin/rsyslogd", "-n", "-iNONE", "-f")
PATIENCE = 10  # seconds rsyslog may take to end
SMALL = 10  # of a small disk this part is the reserve
FILES = 64  # inodes that have to be free


def short(folder, reserve):
    """What is missing to keep more in a folder; empty when nothing is. reserve: bytes."""
    found = os.statvfs(folder)
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    needed = min(reserve, size // SMALL)
    if free < needed:
        return f"{folder} has {free >> 20} MiB left, and {needed >> 20} are kept free"
    if found.f_files and found.f_favail < FILES:
        return f"{folder} has {found.f_favail} inodes left"
    return ""


def shortage(folders, reserve):
    """The first shortage of several folders; empty when there is none."""
    return next(filter(None, (short(folder, reserve) for folder in folders)), "")


def say(text):
    """A line for the journal."""
    print(text, flush=True)


class Receiver:
    """rsyslog, running or not."""

    def __init__(self, config):
        self.config, self.child, self.over = config, None, threading.Event()

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def start(self):
        self.child = subprocess.Popen(
            [*RSYSLOG, self.config], stderr=subprocess.DEVNULL
        )  # it tells the journal too

    def end(self):
        if self.running:
            self.child.terminate()
            try:
                self.child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child = None

    def rotated(self, *_):
        """Files were renamed."""
        if self.running:
            self.child.send_signal(signal.SIGHUP)

    def leave(self, *_):
        self.over.set()

    def run(self, folders, reserve):
        """Run it whenever there is room, until we are told to leave; 1 when it ended by itself."""
        told = ""
        while not self.over.is_set():
            why = shortage(folders, reserve)
            if why and self.running:
                self.end()
            if why and not told:
                say(f"no more logs are taken: {why}; the nodes keep theirs")
            if not why and self.child is None:
                say("logs are taken" + (" again" if told else ""))
                self.start()
            told = why
            if self.child is not None and not self.running:
                return 1
            self.over.wait(EVERY)
        return 0


def main(config, megabytes, *folders):
    receiver = Receiver(config)
    signal.signal(signal.SIGHUP, receiver.rotated)
    signal.signal(signal.SIGTERM, receiver.leave)
    try:
        return receiver.run(folders, int(megabytes) << 20)
    finally:
        receiver.end()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
