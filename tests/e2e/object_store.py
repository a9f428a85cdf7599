"""An S3 store of a test's own, which outlives the cluster: OpenStack Swift behind TLS, in a lab of one node."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .command import CHECKOUT, cluster
from .conftest import KEPT, Stack, place

NODE, ADDRESS = "store1", "10.89.141.11"
ENDPOINT = f"https://{ADDRESS}:8443"
ACCOUNT, USER, BUCKET = "backup", "bak1", "backups"
TOPOLOGY = f"""
name: e2e-s3-store
provider: podman
network: {{subnet: 10.89.141.0/24}}
nodes:
  {NODE}: {{address: {ADDRESS}}}
"""
HOME, DISK = "/srv/store", "/srv/node/d1"
SWIFT = "memcached swift-account swift-container swift-object swift-proxy"
PREPARE = f"""set -e; install -d -m 750 {HOME}; cd {HOME}; cat > make.sh
apt-get -qq update; apt-get -qq install -y --no-install-recommends openssl >/dev/null
new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
$new -subj '/CN=Authority of a store' -keyout ca.key -out authority.pem
$new -CA authority.pem -CAkey ca.key -subj /CN=store -addext subjectAltName=IP:{ADDRESS} \\
  -addext basicConstraints=critical,CA:FALSE -keyout server.key -out server.pem"""
ANSWERS = "\n".join(
    f"curl -sk --retry 100 --retry-delay 1 --retry-connrefused --output /dev/null {address}"
    for address in (*(f"http://127.0.0.1:{port}" for port in (6200, 6201, 6202)), f"{ENDPOINT}/info")
)


@dataclass
class ObjectStore:
    """The store, and the access key of its one user. stack: its machine."""

    stack: Stack
    secret: str = field(repr=False)
    key_id: str = f"{ACCOUNT}:{USER}"

    @property
    def authority(self) -> str:
        """Who signed its certificate (PEM)."""
        return self.stack.on(NODE, f"cat {HOME}/authority.pem")

    def objects(self) -> int:
        """How many it holds."""
        return int(self.stack.on(NODE, f"find {DISK}/objects -name '*.data' | wc -l"))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Nobody listens there, for a while."""
        self.stack.on(NODE, "systemctl stop swift-proxy")
        try:
            yield
        finally:
            self.stack.on(NODE, f"systemctl start swift-proxy\n{ANSWERS}")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and answers nothing, for a while."""
        self.stack.lab.pause(NODE)
        try:
            yield
        finally:
            self.stack.lab.unpause(NODE)

    @contextmanager
    def without(self, what: str) -> Iterator[None]:
        """Part of what is on its disk is gone, for a while: objects, or * with the buckets themselves."""
        self._at_rest(f"mkdir /srv/node/aside; mv {DISK}/{what} /srv/node/aside")
        try:
            yield
        finally:
            self._at_rest(f"rm -rf {DISK}/{what}; mv /srv/node/aside/* {DISK}; rmdir /srv/node/aside")

    def _at_rest(self, command: str) -> None:
        """Run a command while nothing of it runs; what it remembered is forgotten, too."""
        self.stack.on(NODE, f"systemctl stop {SWIFT}; {command}; systemctl start {SWIFT}\n{ANSWERS}", 120)


@contextmanager
def standing(folder: Path) -> Iterator[ObjectStore]:
    """A store with an empty bucket, until the test is over. folder: for its machine's topology and key."""
    folder = place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "topology.yml").write_text(TOPOLOGY)
    if not KEPT:
        cluster("down", folder, "--yes")  # what an earlier, aborted test left
    done = cluster("up", folder, "--only", "lab", timeout=600)
    try:
        assert done.code == 0, done
        stack = Stack(folder, done)
        yield ObjectStore(stack, made(stack, folder / "key"))
    finally:
        if not KEPT:
            cluster("down", folder, "--yes")


def made(stack: Stack, known: Path) -> str:
    """The secret of the access key of a store, which is made where there is none yet. known: a file for it."""
    if not known.exists():
        script = (CHECKOUT / "molecule/backup/store/make.sh").read_text()
        done = stack.lab.exec(NODE, ["sh", "-c", PREPARE], stdin=script, timeout=300)
        assert done.returncode == 0, done
        secret = secrets.token_urlsafe(30)
        words = ["sh", f"{HOME}/make.sh", ACCOUNT, USER, BUCKET]
        done = stack.lab.exec(NODE, words, stdin=f"{secret}\n", timeout=1200)
        assert done.returncode == 0, done
        known.touch(mode=0o600)
        known.write_text(secret)
    return known.read_text()
