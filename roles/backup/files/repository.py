"""The repository, by restic: streams go in and come out, and snapshots say by their tags what they are."""

import hashlib
import json
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from functools import cached_property

import catalogue
import s3
from places import place
from settings import HOME, BusyError, RefusedError, held

LOCK = "repository"
SUFFIXES = {"mariadb": "xbstream", "mysql": "tar"}  # of copies, as they are streamed
LOCKS_TAGS = (0, 17)  # since then restic changes tags under a lock of its own (restic pull request 4709)
PATIENCE = "6h"  # for others to end who hold it
PIPE = 1 << 20  # bytes that wait for restic while the next ones are fetched; no account may have more (pipe(7))
WORDS = {
    "wrong password": "the key does not open the repository",
    "no key found": "the key does not open the repository",
    "ciphertext verification failed": "something in the repository was changed or is damaged",
    "is too small": "a file of the repository is cut short",
    "unexpected EOF": "a file of the repository is cut short",
    "invalid data returned": "something in the repository was changed or is damaged",
    "hash mismatch": "something in the repository was changed or is damaged",
    "does not match": "something in the repository was changed or is damaged",
    "no space left": "there is no room left",
    **s3.WORDS,
}


class RepositoryError(RefusedError):
    """The repository does not do as it is told, or is not what it was."""


class Repository:
    """A restic repository. known: the settings."""

    def __init__(self, known):
        self.known, self.place = known, place(known)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "HOME": HOME,
            "RESTIC_REPOSITORY": known["store"],
            "RESTIC_PASSWORD_FILE": known["key"],
            "RESTIC_CACHE_DIR": f"{HOME}/cache",
            "RESTIC_COMPRESSION": known["compression"],
            **self.place.environment,
        }

    def popen(self, *words, **how):
        """restic, begun. Raises StoreError where the store does not answer, RepositoryError where it is empty."""
        if words[0] != "init" and not self.there:
            raise self.missing()
        words = ["restic", *self.place.words, *words]
        return subprocess.Popen(words, env=self.environment, stderr=subprocess.PIPE, **how)

    def run(self, *words):
        """What restic printed. Raises RepositoryError with its last words."""
        process = self.popen(*words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        out, err = process.communicate()
        if process.returncode != 0:
            raise RepositoryError(complaint(words[0], err.decode(errors="replace")))
        return out.decode()

    @cached_property
    def patient(self):
        """How restic is told to wait for others, where it locks them out when it changes tags; else nothing."""
        found = re.search(r"restic (\d+)\.(\d+)", self.run("version"))
        return ["--retry-lock", PATIENCE] if found and (int(found[1]), int(found[2])) >= LOCKS_TAGS else []

    def snapshots(self):
        """(whole backups, snapshots that are none), as catalogue.read has them."""
        return catalogue.read(json.loads(self.run("snapshots", "--json", "--no-lock") or "[]") or [])

    def open(self):
        """Have a repository that our key opens; begin one only where there never was one. Whether it was begun."""
        known = f"{HOME}/repository"  # its id, once there is one
        if self.place.has_repository():
            found = json.loads(self.run("cat", "config", "--no-lock"))["id"]
        elif os.path.exists(known):
            raise self.missing()
        else:
            self.place.takes()
            self.run("init", "--repository-version", "2")
            self.open()
            return True
        with open(f"{known}.new", "w", encoding="utf-8") as handle:
            handle.write(found)
        os.rename(f"{known}.new", known)
        return False

    @cached_property
    def there(self):
        """Whether there is a repository, asked once."""
        return self.place.has_repository()

    def missing(self):
        """The error where there is none."""
        before = os.path.exists(f"{HOME}/repository")
        told = f", where there was one: {self.place.lost}" if before else ": cluster up begins one"
        return RepositoryError(f"there is no repository at {self.known['store']}{told}")

    def put(self, chunks, name, tags):
        """Keep a stream under a file name; returns {snapshot, bytes, stored, digest}.

        It is not whole before `commit` says so: restic keeps also what broke off.
        """
        self.place.takes()
        words = ["backup", "--json", "--stdin", "--stdin-filename", name, "--host", self.known["cluster"]]
        words += [word for tag in tags for word in ("--tag", tag)] + self.patient
        with held(LOCK, shared=True):
            process = self.popen(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=PIPE)
            heard = Listening(process)
            digest, count = hashlib.sha256(), 0
            try:
                for chunk in chunks:
                    process.stdin.write(chunk)
                    digest.update(chunk)
                    count += len(chunk)
                process.stdin.close()
            except BrokenPipeError:
                pass  # its last words say why
            except BaseException:
                process.kill()
                process.wait()
                raise
            if process.wait() != 0:
                raise RepositoryError(complaint("backup", heard.err()))
        said = json.loads(heard.out().strip().splitlines()[-1])
        found = {"snapshot": said["snapshot_id"], "bytes": count, "digest": digest.hexdigest()}
        return {**found, "stored": said.get("data_added", 0)}

    def commit(self, backup):
        """Say that a backup is whole: the last thing that is done to it."""
        self.tag([word for tag in catalogue.tags(backup) for word in ("--set", tag)], [backup])

    def prove(self, backups):
        """Note at copies that a restore of them was proven, for who has nothing but the repository."""
        if backups:  # restic would take none for all there are
            self.tag(["--add", catalogue.PROVEN], backups)

    def tag(self, words, backups):
        """Change the tags of backups."""
        with held(LOCK, shared=True):  # ours, against prune; restic's own waits for every copy that is made
            if self.patient:
                self.run("unlock")  # what a killed run left
            self.run("tag", *(self.patient or ["--no-lock"]), *words, *(each.snapshot for each in backups))

    def forget(self, snapshots):
        """Remove snapshots, if nobody is at work here; what they alone held goes with the next `prune`."""
        if snapshots:
            try:
                with held(LOCK, wait=False):
                    self.run("unlock")
                    self.run("forget", *snapshots)
            except BusyError:
                return

    def kept(self, tags, keep):
        """The ids of snapshots with all of these tags that the policy keeps, by restic's own count."""
        chosen = [f"--keep-{name}={keep[name]}" for name in ("daily", "weekly", "monthly") if keep[name]]
        words = ["--group-by", "", "--tag", ",".join([catalogue.WHOLE, *tags]), "--keep-last=1", *chosen]
        said = self.run("forget", "--dry-run", "--no-lock", "--json", *words)
        groups = json.loads(said.strip().splitlines()[-1]) if said.strip() else []
        return {row["id"] for group in groups or [] for row in group["keep"] or []}

    def prune(self):
        """Give room back."""
        with held(LOCK):
            self.run("unlock")
            self.run("prune")

    def check(self):
        """Read and verify all of it. Raises RepositoryError naming what is wrong."""
        with held(LOCK, shared=True):
            self.run("check", "--read-data", "--no-lock")

    @contextmanager
    def taken(self, backup):
        """The bytes of a backup as a file object, verified: against restic's own sums, and the digest in its tags.

        Raises RepositoryError on the way out when they are not what was put in.
        """
        with held(LOCK, shared=True):
            process = self.popen(
                "dump", "--no-lock", backup.snapshot, f"/{file_name(backup)}", stdout=subprocess.PIPE
            )
            heard, reading = Listening(process, out=False), Reading(process.stdout)
            try:
                yield reading
                reading.rest()
            except BaseException:
                process.kill()
                if process.wait() not in (0, -9):
                    raise RepositoryError(f"{backup.id}: {complaint('dump', heard.err())}") from None
                raise
            if process.wait() != 0:
                raise RepositoryError(f"{backup.id}: {complaint('dump', heard.err())}")
            if reading.digest.hexdigest() != backup.digest:
                raise RepositoryError(f"{backup.id} is not what was put into the repository: its digest differs")


class Reading:
    """A stream that is counted and summed while it is read."""

    def __init__(self, stream):
        self.stream, self.digest, self.count = stream, hashlib.sha256(), 0

    def read(self, size=1 << 20):
        """The next bytes."""
        chunk = self.stream.read(size)
        self.digest.update(chunk)
        self.count += len(chunk)
        return chunk

    def rest(self):
        """Read to the end."""
        while self.read():
            pass


class Listening:
    """What a process says while it is fed, so that it never waits for us."""

    def __init__(self, process, *, out=True):
        self.said = {"out": [], "err": []}
        streams = {"err": process.stderr, **({"out": process.stdout} if out else {})}
        self.threads = [
            threading.Thread(target=self.hear, args=(name, stream), daemon=True)
            for name, stream in streams.items()
        ]
        for thread in self.threads:
            thread.start()

    def hear(self, name, stream):
        for line in (raw.decode(errors="replace") for raw in stream):
            if name == "out" or not of_a_trace(line):  # its first words are the reason
                self.said[name] = [*self.said[name][-20:], line]

    def text(self, name):
        for thread in self.threads:
            thread.join(10)
        return "".join(self.said[name])

    def out(self):
        return self.text("out")

    def err(self):
        return self.text("err")


def file_name(backup):
    """What the one file of a snapshot is called."""
    if backup.kind == catalogue.CLUSTER:
        return "cluster.vault"
    if backup.kind == catalogue.FILES:
        return f"{backup.files}.files.tar"
    return (
        f"{backup.database}.{backup.kind}.{'tar' if backup.kind == catalogue.BINLOGS else SUFFIXES[backup.engine]}"
    )


def of_a_trace(line):
    """Whether a line is of a trace of Go's, which has no spaces in it."""
    return " " not in line.strip()


def complaint(word, text):
    """restic's last words, after what they mean where we know."""
    lines = [line.strip() for line in text.strip().splitlines() if not of_a_trace(line)]
    meaning = next((meaning for words, meaning in WORDS.items() if words in text), "")
    said = f"restic {word}: {' / '.join(lines[-3:])[:400]}"
    return f"{meaning} ({said})" if meaning else said
