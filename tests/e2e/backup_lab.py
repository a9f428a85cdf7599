"""A backup node of a lab as a test meets it: what it has, what is restored there, how it is damaged."""

import base64
import io
import json
import os
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import Done, cluster, kill_in, wait_for
from .conftest import Stack

PERIOD, SPARE_CORES, MANY = 100_000, 0.4, 64  # microseconds; cores left for clients, and that nobody runs out of
SETTLED = "until ! systemctl list-units --no-legend 'cluster-backup@*' | grep -q activating; do sleep 0.2; done"
SOCKET = "/var/lib/cluster-backup/scratch/main-look/0.sock"
FIND = """
import base64, json, sys
for row in json.load(sys.stdin):
    for tag in row.get("tags") or []:
        if tag.startswith("meta:") and json.loads(base64.urlsafe_b64decode(tag[5:]))["id"] == sys.argv[1]:
            print(row["id"])
"""
FLIP = """
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(1000)
    byte = file.read(1)
    file.seek(1000)
    file.write(bytes([byte[0] ^ 1]))
"""
FILL = """cp -a {0} {0}.big && mount -t tmpfs -o size=2g none {0} && cp -a {0}.big/. {0}/ && rm -rf {0}.big
chown mysql: {0} && chmod 700 {0} && mount -o remount,size=$(( $(du -sm {0} | cut -f1) + 3 ))m {0}
dd if=/dev/urandom of={0}/filler bs=64k status=none || true"""
EMPTY = "rm {0}/filler && mount -o remount,size=2g {0}"
DIGESTS = "sha256sum /srv/site/deep/page; tar -C / --sort=name --numeric-owner -c srv/site | sha256sum"
SITE = f"""mkdir -p /srv/site/deep && head -c 300000 /dev/urandom > /srv/site/deep/page
chown mysql /srv/site/deep/page && chmod 604 /srv/site/deep/page && ln -sf deep/page /srv/site/link && {DIGESTS}"""
SPOILED = "echo spoiled > /srv/site/deep/page; rm /srv/site/link; echo new > /srv/site/other; "
# Data of a server that runs becomes bad, and it ends.
ROT = """cd /var/lib/mysql && for name in ibdata1 shop/*.ibd; do
dd if=/dev/urandom of=$name bs=16k seek=3 count=60 conv=notrunc status=none; done
systemctl kill -s KILL {}"""
PURGE = """{0} -e 'FLUSH BINARY LOGS'
here() {{ {0} -BNe 'SHOW BINARY LOGS'; }}
until [ "$(here | wc -l)" = 1 ]; do
{0} -e "PURGE BINARY LOGS TO '$(here | tail -n 1 | cut -f1)'"; sleep 0.5; done"""
OWN = "python3 -I /usr/local/lib/cluster/exchanger look | grep -q '\"own\": true'"  # no copy of another node
LARGEST = "$(find {0}/data -type f -printf '%s %p\\n' | sort -n | tail -1 | cut -d' ' -f2)"


@dataclass(frozen=True)
class Backups:
    """The backups of one database on one node."""

    stack: Stack
    node: str = "bak1"
    database: str = "main"
    store: str = "/srv/cluster-backup"
    client: str = "mariadb --no-defaults"

    def verb(self, *words: str, code: int | None = 0) -> Done:
        """`cluster WORDS -C ...`, which must end with that code (None: with any)."""
        done = cluster(*words, "-C", self.stack.folder, timeout=600)
        assert code in (None, done.code), done
        return done

    def killed(self, stage: str, *words: str, after: float = 0.0) -> None:
        """`cluster WORDS -C ...`, killed with all its processes, so many seconds after a stage began."""
        assert kill_in(stage, (*words, "-C", self.stack.folder), after), f"{stage} was over"

    def run(self, *words: str) -> dict[str, Any]:
        """A backup made now, once the timers' own runs are over; what the node says of it."""
        self.stack.on(self.node, SETTLED, 300)
        done = self.verb("backup", "run", self.database, *words, "-o", "json")
        result: dict[str, Any] = done.json["runs"][0]["result"]
        return result

    def all(self) -> list[dict[str, Any]]:
        """Every backup that counts."""
        found = self.verb("backups", self.database, "-o", "json").json["nodes"][self.node]
        rows: list[dict[str, Any]] = found["databases"][self.database]["backups"]
        return rows

    def ids(self, *kinds: str) -> list[str]:
        """Their names."""
        return [each["id"] for each in self.all() if not kinds or each["kind"] in kinds]

    def restored(self, sql: str) -> str:
        """What the server on the restored files says."""
        client = f"{self.client} -BN --socket={SOCKET}"
        return self.stack.on(self.node, f"echo {shlex.quote(sql)} | {client}")

    def state(self) -> dict[str, Any]:
        """What the node noted of its runs."""
        text = self.stack.on(self.node, "cat /var/lib/cluster-backup/state.json")
        found: dict[str, Any] = json.loads(text)["databases"][self.database]
        return found

    def fetched_beyond(self, moment: float, seconds: float = 180) -> None:
        """Wait until the timer fetched what was written until then (seconds since 1970)."""
        wait_for("a fetch", lambda: self.last_fetch() > moment, seconds)

    def last_fetch(self) -> float:
        """When it last did, be it nothing."""
        return float((self.state().get("binlogs", {}).get("good") or {}).get("at", 0))

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """No timer runs meanwhile."""
        self.stack.on(self.node, f"systemctl stop cluster-backup.target; {SETTLED}", 300)
        try:
            yield
        finally:
            self.stack.on(self.node, "systemctl start cluster-backup.target")

    @contextmanager
    def with_cores_of_their_own(self) -> Iterator[None]:
        """Each node has a part of this machine's cores, and no more where the others have nothing to do."""
        engine, lab = self.stack.lab.engine, self.stack.lab.name
        names = [f"{lab}-{node}" for node in self.stack.workspace.topology.nodes]
        part = PERIOD * (len(os.sched_getaffinity(0)) - SPARE_CORES) / len(names)
        for name in names:
            engine.run("update", "--cpu-period", str(PERIOD), "--cpu-quota", f"{part:.0f}", name)
        try:
            yield
        finally:
            for name in names:
                engine.run("update", "--cpu-quota", str(MANY * PERIOD), name)  # podman 4 takes none back

    @contextmanager
    def bounded(self, megabytes: int) -> Iterator[None]:
        """At most so much is read a second, as `megabytes_per_second` has it."""
        settings = "/etc/cluster/backup.json"
        known = json.loads(self.stack.on(self.node, f"cp -p {settings} /root/unbounded && cat {settings}"))
        text = shlex.quote(json.dumps(known | {"megabytes_per_second": megabytes}))
        self.stack.on(self.node, f"printf %s {text} > {settings}")
        try:
            yield
        finally:
            self.stack.on(self.node, f"cp -p /root/unbounded {settings}")

    @contextmanager
    def small(self) -> Iterator[None]:
        """A store on a disk that is full; then there is room again."""
        with self.quiet():
            self.stack.on(self.node, FILL.format(self.store), 120)
        try:
            yield
        finally:
            self.stack.on(self.node, EMPTY.format(self.store))

    @contextmanager
    def away(self) -> Iterator[None]:
        """The store is not there, as a disk that is not mounted; then it is again."""
        with self.quiet():
            self.stack.on(self.node, f"cd {self.store} && mv config away && mv data data.away")
        try:
            yield
        finally:
            with self.quiet():
                self.stack.on(self.node, f"cd {self.store} && mv away config && mv data.away data")

    @contextmanager
    def damaged(self, command: str) -> Iterator[None]:
        """The repository after a command, and as it was again afterwards."""
        with self.quiet():
            self.stack.on(
                self.node, f"cp -a {self.store} {self.store}.good; cp -a /etc/cluster/backup.key /root/key"
            )
            try:
                self.stack.on(self.node, command)
                yield
            finally:
                self.stack.on(
                    self.node,
                    f"rm -rf {self.store}; mv {self.store}.good {self.store}; "
                    "cp -a /root/key /etc/cluster/backup.key",
                )

    @property
    def server(self) -> str:
        """The unit of the database's server."""
        return "mysql" if self.client.startswith("mysql") else "mariadb"

    def rot(self, node: str) -> None:
        """Have a node's data be bad, and its server end."""
        self.stack.on(node, ROT.format(self.server))

    def purge(self, node: str) -> None:
        """Have a node keep no binary log but that in use."""
        self.stack.on(node, PURGE.format(self.client))

    @contextmanager
    def nothing_fetched(self, nodes: Sequence[str]) -> Iterator[None]:
        """No node gives anything to backup nodes meanwhile."""
        for node in nodes:
            self.stack.on(node, "systemctl stop cluster-backup-source")
        try:
            yield
        finally:
            for node in nodes:
                self.stack.on(node, "systemctl start cluster-backup-source")

    def outlives(self, folder: Path) -> str:
        """What is left when all nodes are lost: the bucket, or a copy in a folder, as on a disk taken out."""
        if self.store.startswith("s3:"):
            return self.store
        with self.quiet():
            packed = self.stack.on(self.node, f"tar -c -C {self.store} . | base64 -w 0", 300)
        folder.mkdir()
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed))) as tar:
            tar.extractall(folder, filter="data")
        return str(folder)

    def restic(self, words: str) -> str:
        """A shell command with restic's settings as the node has them."""
        home = "/var/lib/cluster-backup"
        names = f"RESTIC_REPOSITORY={self.store} RESTIC_PASSWORD_FILE=/etc/cluster/backup.key HOME={home}"
        return f"runuser -u mysql -- env {names} RESTIC_CACHE_DIR={home}/cache sh -c {shlex.quote(words)}"

    def without(self, identity: str) -> str:
        """The command that takes one backup out of the repository, as somebody would who hides something."""
        find = f"restic snapshots --json | python3 -c {shlex.quote(FIND)} {identity}"
        return self.restic(f"{find} | xargs restic forget")

    def bit_flip(self) -> str:
        """One bit of the largest file."""
        place = LARGEST.format(self.store)
        return f"chmod u+w {place}; python3 -c {shlex.quote(FLIP)} {place}"

    def truncation(self) -> str:
        """The largest file is cut short."""
        return f"chmod u+w {LARGEST.format(self.store)}; truncate -s -1000 {LARGEST.format(self.store)}"

    def compressions(self) -> str:
        """Seconds and size of the newest full copy, kept anew with each choice of restic's."""
        script = f"""restic snapshots --json --tag kind:full | python3 -c '
import json, sys
print(json.load(sys.stdin)[-1]["id"])' > /var/tmp/id
restic dump $(cat /var/tmp/id) /{self.database}.full.xbstream > /var/tmp/stream
for choice in off auto max; do
  began=$(date +%s.%N); restic -r /var/tmp/$choice init -q
  restic -r /var/tmp/$choice backup -q --compression $choice --stdin < /var/tmp/stream
  took=$(echo "$(date +%s.%N) $began" | awk '{{print $1 - $2}}')
  echo compression $choice: $took s, $(du -sm /var/tmp/$choice | cut -f1) MB
done; rm -rf /var/tmp/off /var/tmp/auto /var/tmp/max /var/tmp/stream"""
        return self.stack.on(self.node, self.restic(script), 600)
