"""Backups in a bucket of a real S3 store: they come and are restored, and what is wrong with the store is told.

At the end all is lost but the bucket and the recovery sheet, and made again.

`make drill` runs it.
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster_cli.secrets.store import Secrets

from .backup_lab import DIGESTS, SITE, Backups
from .backup_lost import made_again
from .backup_points import all_are_exact
from .backup_shop import Shop
from .command import CLUSTER, cluster, wait_for
from .conftest import Stack, place, running
from .data_tier import only_in_drills
from .object_store import BUCKET, ENDPOINT, ObjectStore, standing

TOPOLOGY = f"""
name: e2e-s3
provider: podman
network: {{subnet: 10.89.140.0/24}}
nodes:
  db1: {{}}
  db2: {{}}
  bak1: {{}}
databases:
  main:
    mode: replication
    nodes: [db1, db2]
    schemas: [shop]
    accounts: {{shop: {{schemas: [shop], rights: owner}}}}
    settings: {{innodb_buffer_pool_size: 64M, performance_schema: "OFF"}}
backup:
  nodes: [bak1]
  store:
    s3:
      endpoint: {ENDPOINT}
      bucket: {BUCKET}
      authority: store.pem
      access_key_id: s3_key_id
      secret_access_key: s3_key
  schedule: {{binlogs: 10s, jitter: 0s}}
  files:
    site: {{nodes: [db1, db2], paths: [/srv/site]}}
"""
REPOSITORY = f"s3:{ENDPOINT}/{BUCKET}/e2e-s3/bak1"
POINTS, PATIENCE, LONG = 3, 300, 1200
# An editor, as a person who replaces or adds a line. The value comes from a file.
EDITOR = """import sys, yaml
name, value, file = sys.argv[1:]
known = yaml.safe_load(open(file))
known[name] = open(value).read()
yaml.safe_dump(known, open(file, "w"))
"""
NOISE = "SELECT RPAD(SHA2(RAND(), 512), 1200, SHA2(RAND(), 512)) FROM seq_1_to_40000"
Fault = Callable[["Site"], AbstractContextManager[None]]

pytestmark = only_in_drills


class Site:
    """The cluster's backups and their store."""

    def __init__(self, backups: Backups, store: ObjectStore) -> None:
        self.backups, self.store = backups, store

    @contextmanager
    def wrong_key(self) -> Iterator[None]:
        """Somebody put in a wrong secret key, for a while: `up` tells, too."""
        folder = self.backups.stack.folder
        edited(folder, "s3_key", self.store.secret[::-1])
        done = cluster("up", folder, "--only", "backup", timeout=600)
        assert done.code == 1, done
        assert "the secret access key does not belong to the access key id" in done.err
        try:
            yield
        finally:
            edited(folder, "s3_key", self.store.secret)
            done = cluster("up", folder, "--only", "backup", timeout=600)
        assert done.code == 0, done


FAULTS: dict[str, tuple[Fault, str]] = {
    "a wrong secret key": (Site.wrong_key, "the secret access key does not belong to the access key id"),
    "the store is stopped": (lambda site: site.store.stopped(), "it does not answer (Connection refused)"),
    "the store hangs": (lambda site: site.store.frozen(), "it does not answer within 20 s"),
    "the bucket is gone": (lambda site: site.store.without("*"), f"there is no bucket {BUCKET}: make it first"),
    "the bucket is empty": (
        lambda site: site.store.without("objects"),
        "there is no repository",
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with standing(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def lab(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = place(tmp_path_factory.mktemp("s3"))
    if not (folder / "secrets.yml").exists():
        put_in_by_hand(folder, store)
    with running(folder, TOPOLOGY) as stack:
        yield stack


@pytest.fixture(scope="module")
def site(lab: Stack, store: ObjectStore) -> Site:
    return Site(Backups(lab, store=REPOSITORY), store)


@pytest.fixture(scope="module")
def shop(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(lab, tmp_path_factory.mktemp("shop"), ("db1", "db2"))


def put_in_by_hand(folder: Path, store: ObjectStore) -> None:
    """Have the access key among the secrets of a cluster that is not there yet: `up` and `validate` say how."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "topology.yml").write_text(TOPOLOGY)
    (folder / "store.pem").write_text(store.authority)
    for verb, missing in (("up", "s3_key_id"), ("validate", "s3_key")):
        done = cluster(verb, folder)
        assert done.code == 2, done
        assert f"there is no secret {missing} (put it in: {secrets_of(folder).edit}, a line" in done.err, done
        edited(folder, missing, store.key_id if missing == "s3_key_id" else store.secret)
    assert cluster("validate", folder).code == 0


def secrets_of(folder: Path) -> Secrets:
    """Those of the cluster."""
    return Secrets.open(folder / "secrets.yml", "e2e-s3")


def edited(folder: Path, name: str, value: str) -> None:
    """Put in a secret with the command that errors name."""
    with TemporaryDirectory() as desk:
        typed, editor = Path(desk, "typed"), Path(desk, "editor.py")
        typed.write_text(value)
        editor.write_text(EDITOR)
        program, *words = shlex.split(secrets_of(folder).edit)
        environment = {**os.environ, "EDITOR": shlex.join([sys.executable, str(editor), name, str(typed)])}
        subprocess.run([CLUSTER.parent / program, *words], env=environment, check=True)


def test_copies_come_into_the_bucket(shop: Shop, site: Site) -> None:
    """Moments between them are restored to the row; the node keeps nothing."""
    backups = site.backups
    all_are_exact(shop, backups, POINTS)
    backups.fetched_beyond(time.time())
    kinds = [each["kind"] for each in backups.all()]
    assert {"full", "incremental", "binlogs"} <= set(kinds), kinds
    for name in ("main", "cluster"):
        backups.verb("backup", "verify", name)
    assert site.store.objects() > len(kinds)
    assert backups.stack.on("bak1", "ls -A /srv") == ""
    backups.stack.settle(PATIENCE)


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_wrong_with_the_store_is_told(shop: Shop, site: Site, what: str) -> None:
    """By the run and by status; nothing of what failed is listed, and the next run is good."""
    fault, words = FAULTS[what]
    backups, before = site.backups, site.backups.ids("full", "incremental")
    with fault(site):
        shop.say(f"CREATE TABLE {what.replace(' ', '_')} (id INT PRIMARY KEY)")
        done = backups.verb("backup", "run", "main", "--full", "-o", "json", code=1)
        print(f"{what}, told after {done.seconds:.0f} s: {done.json['error']['why']}")
        assert words in done.json["error"]["why"], done
        status = backups.stack.status()
        assert any(words in each for each in status["problems"]), status["problems"]
    goes_on(backups, before)


def test_a_store_that_goes_away_under_way(shop: Shop, site: Site) -> None:
    """It has some of a copy already. restic tries again for a while; then the run has failed."""
    backups, before = site.backups, site.backups.ids("full", "incremental")
    shop.say("CREATE TABLE noise (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(1200))")
    shop.say(f"INSERT INTO noise (v) {NOISE}")
    with backups.quiet(), backups.bounded(4):
        here = site.store.objects()
        backups.stack.on("bak1", "systemctl start --no-block cluster-backup@full:main")
        wait_for("a lock and a pack", lambda: site.store.objects() >= here + 2, PATIENCE)
        with site.store.stopped():
            took = wait_for("the run to end", lambda: backups.state()["copies"].get("bad"), LONG)
            why = backups.state()["copies"]["bad"]["why"]
            print(f"the store goes away, told after {took:.0f} s: {why}")
            assert "the S3 store does not answer" in why, why
    goes_on(backups, before)
    backups.verb("backup", "verify", "main")


def goes_on(backups: Backups, before: list[str]) -> None:
    """Nothing is listed that was not before; a run is good, and what was written meanwhile is fetched."""
    here = backups.ids("full", "incremental")
    assert set(here) <= set(before), "what did not come whole is listed"
    assert backups.run("--full")["id"] in backups.ids("full")
    backups.fetched_beyond(time.time())
    backups.stack.settle(PATIENCE)


def test_the_access_key_is_in_no_log(site: Site) -> None:
    journal = site.backups.stack.on("bak1", "journalctl --no-pager -o cat")
    assert "cluster-backup" in journal
    assert site.store.secret not in journal
    files = [each for each in Path(os.environ["XDG_STATE_HOME"]).rglob("*") if each.is_file()]
    assert files
    assert not [each for each in files if site.store.secret.encode() in each.read_bytes()]


@pytest.mark.parametrize("fault", [ObjectStore.stopped, ObjectStore.frozen])
def test_a_bucket_out_of_reach_is_told_before_anything_is_made(
    site: Site, tmp_path: Path, fault: Callable[[ObjectStore], AbstractContextManager[None]]
) -> None:
    sheet, folder = tmp_path / "sheet", tmp_path / "new"
    site.backups.verb("backup", "keys", "--print", "--to", str(sheet))
    with fault(site.store):
        done = cluster("up", folder, "--restore-from", REPOSITORY, "--recovery-sheet", sheet)
    print(f"told after {done.seconds:.0f} s: {done.err}")
    assert done.code == 1, done
    assert "is the store there, and can it be reached from here?" in done.err
    assert not folder.exists()


def test_a_lost_cluster_is_made_again(
    shop: Shop, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the bucket itself: what was fetched is there again, under the same keys, and the files."""
    stack = site.backups.stack
    files = {node: stack.on(node, SITE).strip() for node in shop.nodes}
    site.backups.verb("backup", "run", "site")
    made_again(shop, site.backups, tmp_path, monkeypatch)
    assert {node: stack.on(node, DIGESTS).strip() for node in files} == files
    assert stack.on("bak1", "ls -A /var/lib/cluster-backup/waiting; ls -A /srv") == ""
