"""A server of our own on restored files: nobody reaches it but through a socket, and it writes no logs."""

import os
import subprocess
import time

import engine
from settings import RefusedError

START_SECONDS, STOP_SECONDS = 600, 120


class Scratch:
    """One that runs for as long as it is used."""

    def __init__(self, data):
        self.data, self.socket = data, f"{data}.sock"

    def client(self, *more):
        """The words of its client."""
        return engine.client(self.socket, *more)

    def __enter__(self):
        self.process = subprocess.Popen(engine.words(self.data, self.socket), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RefusedError(f"a server does not start on the restored files: {self.last_words()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """End it, gently at first."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def answers(self):
        """Whether it can be asked."""
        if not os.path.exists(self.socket):
            return False
        done = subprocess.run(self.client("-e", "SELECT 1"), capture_output=True, check=False)
        return done.returncode == 0

    def rows(self, sql):
        """Rows of texts of some statements. Raises RefusedError with the server's words."""
        done = subprocess.run(self.client(), input=sql, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(f"the restored server refused: {done.stderr.strip()[-300:]}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def last_words(self):
        """The end of its log."""
        try:
            with open(f"{self.data}.log", encoding="utf-8", errors="replace") as handle:
                lines = [line.strip() for line in handle if "[ERROR]" in line] or ["it says nothing"]
        except FileNotFoundError:
            lines = ["it wrote no log"]
        return " / ".join(lines[-3:])[-400:]
