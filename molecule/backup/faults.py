"""Makes copies in a bucket, on its backup node, while the store fails in every way.

Each fault is told in words, nothing of what failed is listed, and the next run is good.
"""

import configparser
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

PROGRAM = ["python3", "-B", "/usr/local/lib/cluster/backup"]
SETTINGS, ACCESS = Path("/etc/cluster/backup.json"), Path("/etc/cluster/backup-s3.ini")
AUTHORITY, ANOTHER = Path("/etc/cluster/backup-s3.pem"), Path("/etc/cluster/certificates/ca.pem")
S3 = json.loads(SETTINGS.read_text())["s3"]
STORE = urlsplit(S3["endpoint"])


def unit(what: str) -> None:
    """A run as its timer starts it. Raises CalledProcessError when it fails."""
    subprocess.run(["systemctl", "start", f"cluster-backup@{what}:main.service"], check=True)


def listed() -> list[str]:
    """The ids of the backups that count, without binary logs."""
    said = subprocess.run([*PROGRAM, "list"], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [each["id"] for each in json.loads(said)["backups"] if each["kind"] != "binlogs"]


def refused(verb: str, words: str) -> None:
    """A run that fails for a reason that is told."""
    done = subprocess.run([*PROGRAM, *verb.split()], capture_output=True, text=True, check=False)
    print(done.stderr.strip())
    assert done.returncode == 1, done
    assert words in done.stderr, done
    state = json.loads(Path("/var/lib/cluster-backup/state.json").read_text())
    assert verb == "init" or words in state["databases"]["main"]["copies"]["bad"]["why"]


@contextmanager
def changed(file: Path, old: str, new: str) -> Iterator[None]:
    """Another text in a file, for a while. Its owner stays."""
    text = file.read_text()
    assert old in text, file
    file.write_text(text.replace(old, new))
    try:
        yield
    finally:
        file.write_text(text)


@contextmanager
def out_of_reach() -> Iterator[None]:
    """No way to the store, for a while."""
    route = f"{STORE.hostname}/32"
    subprocess.run(["ip", "route", "add", "unreachable", route], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "route", "del", "unreachable", route], check=True)


@contextmanager
def quota(count: int) -> Iterator[None]:
    """No more than so many bytes in the bucket, for a while."""
    set_quota(str(count))
    try:
        yield
    finally:
        set_quota("")


def set_quota(count: str) -> None:
    """By Swift's own interface, which takes the same key."""
    name, key = keys()
    trust = ssl.create_default_context(cafile=S3["authority"])
    link = http.client.HTTPSConnection(STORE.hostname or "", STORE.port, context=trust)
    link.request("GET", "/auth/v1.0", headers={"X-Auth-User": name, "X-Auth-Key": key})
    found = link.getresponse()
    found.read()
    token = found.getheader("X-Auth-Token", "")
    about = {"X-Auth-Token": token, "X-Container-Meta-Quota-Bytes": count}
    link.request("POST", f"/v1/AUTH_{name.partition(':')[0]}/{S3['bucket']}", headers=about)
    assert link.getresponse().status == http.client.NO_CONTENT


def keys() -> tuple[str, str]:
    """(access key id, secret access key)."""
    file = configparser.RawConfigParser()
    file.read(ACCESS)
    return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]


def main() -> None:
    subprocess.run(["systemctl", "stop", "cluster-backup.target"], check=True)
    for what in ("binlogs", "full", "incremental", "prove", "verify"):  # the first one may be under way: it ends
        unit(what)
    before = listed()
    assert len(before) > 1, before
    name, key = keys()
    with changed(ACCESS, key, key[::-1]):
        refused("incremental:main", "the secret access key does not belong to the access key id")
    with changed(AUTHORITY, AUTHORITY.read_text(), ANOTHER.read_text()):
        refused("incremental:main", "its certificate is not trusted")
    with out_of_reach():
        refused("incremental:main", "it does not answer")
    with quota(0):
        refused("incremental:main", "takes nothing more: it has a quota, and is full")
    with changed(SETTINGS, S3["bucket"], "none"):
        refused("full:main", "there is no bucket none")
    with changed(SETTINGS, f"/{S3['bucket']}/m-backup", f"/{S3['bucket']}/elsewhere"):
        refused("init", "where there was one: was it removed?")
    assert listed() == before
    unit("incremental")
    unit("prove")
    assert len(listed()) == len(before) + 1
    said = subprocess.run(["journalctl", "-u", "cluster-backup@*"], stdout=subprocess.PIPE, check=True).stdout
    assert b"incremental" in said
    assert key.encode() not in said
    subprocess.run(["systemctl", "start", "cluster-backup.target"], check=True)


if __name__ == "__main__":
    sys.exit(main())
