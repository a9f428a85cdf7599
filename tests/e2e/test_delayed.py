"""A node that stays behind is in nobody's way, keeps what a mistake destroyed, and is promoted last."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .command import Done, cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills

NODES = ("db1", "db2", "db3")
LATE = "db3"
TOPOLOGY = """
name: e2e-late-{engine}
provider: podman
network: {{subnet: 10.89.{subnet}.0/24}}
nodes:
  db1: {{release: {release}}}
  db2: {{release: {release}}}
  db3: {{release: {release}}}
databases:
  main:
    engine: {engine}
    mode: replication
    nodes: [db1, db2, db3]
    delayed: {{db3: 1h}}
    schemas: [shop]
    settings: {{innodb_buffer_pool_size: 64M, performance_schema: "OFF"}}
"""
ENGINES = {"mariadb": ("bookworm", 133), "mysql": ("sid", 134)}
pytestmark = only_in_drills


@dataclass(frozen=True)
class Shop:
    """A database one of whose nodes is late."""

    stack: Stack
    engine: str

    def sql(self, node: str, text: str) -> str:
        return self.stack.on(node, f'{self.engine} --no-defaults -BNe "{text}"').strip()

    def look(self, node: str) -> dict:  # type: ignore[type-arg]
        found: dict = json.loads(self.stack.on(node, "python3 /usr/local/lib/cluster/replication look"))  # type: ignore[type-arg]
        return found

    def has(self, node: str, schema: str) -> bool:
        return schema in self.sql(node, "SHOW SCHEMAS").split()

    def told(self, schema: str) -> None:
        """Write on the primary; both replicas have it, one of them in its relay log only."""
        primary = self.stack.status()["databases"]["main"]["primary"]
        self.sql(primary, f"CREATE SCHEMA {schema}")
        for node in set(NODES) - {primary, LATE}:
            wait_for(f"{schema} on {node}", lambda node=node: self.has(node, schema), 20)
        if primary != LATE:
            self.is_late(schema)

    def is_late(self, schema: str) -> None:
        """The late node has received that, and does not show it."""
        wait_for(f"{schema} in the relay log", lambda: self.received(schema), 30)
        assert not self.has(LATE, schema)

    def received(self, schema: str) -> bool:
        return bool(self.stack.on(LATE, f"grep -ls {schema} /var/lib/mysql/relay.0* || true"))

    def runs_since(self, node: str) -> str:
        return self.stack.on(node, f"systemctl show -p InvocationID {self.engine}")

    def well(self) -> None:
        self.stack.settle(120)
        assert self.stack.status()["databases"]["main"]["replicas"][LATE]["delay_seconds"] in (3600, 7200)

    def run(self, *words: str) -> Done:
        done = cluster(*words, "-C", self.stack.folder, timeout=600)
        assert done.code == 0, done
        return done

    def up(self) -> int:
        done = cluster("up", self.stack.folder, "-o", "json", timeout=900)
        assert done.code == 0, done
        changed: int = done.json["changed"]
        return changed


@pytest.fixture(scope="module", params=list(ENGINES))
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    engine = request.param
    release, subnet = ENGINES[engine]
    text = TOPOLOGY.format(engine=engine, release=release, subnet=subnet)
    with running(tmp_path_factory.mktemp(f"late-{engine}"), text) as stack:
        yield Shop(stack, engine)


def test_it_is_late_and_all_is_well(shop: Shop) -> None:
    shop.told("first")
    assert shop.up() == 0
    shop.well()
    assert "db3 replica (delayed by 1h)" in cluster("status", shop.stack.folder).out
    assert shop.look(LATE)["acknowledges"]


def test_it_is_as_late_after_a_restart(shop: Shop) -> None:
    shop.stack.on(LATE, f"systemctl restart {shop.engine}", 120)
    shop.is_late("first")
    shop.well()


def test_it_follows_the_next_primary_as_late(shop: Shop) -> None:
    refused = cluster("switchover", "main", "--to", LATE, "-C", shop.stack.folder)
    assert refused.code == 1, refused
    assert "db3 is delayed" in refused.err
    shop.run("switchover", "main")
    assert shop.stack.status()["databases"]["main"]["primary"] == "db2"
    assert shop.look(LATE)["follows"] == "db2"
    shop.is_late("first")
    shop.told("second")
    shop.well()


def test_it_is_held_until_it_is_released(shop: Shop) -> None:
    shop.run("db", "hold", LATE)
    assert cluster("status", shop.stack.folder).code == 1
    assert shop.up() == 0
    shop.stack.on(LATE, f"systemctl restart {shop.engine}", 120)
    assert shop.look(LATE)["sql"] == "No"
    shop.run("db", "release", LATE)
    shop.is_late("second")
    shop.well()


def test_another_delay_restarts_nothing(shop: Shop) -> None:
    since = {node: shop.runs_since(node) for node in NODES}
    path = shop.stack.folder / "topology.yml"
    text = path.read_text()
    path.write_text(text.replace("1h", "2h"))
    assert shop.up() > 0
    assert shop.up() == 0
    assert shop.look(LATE)["delay"] == 7200
    shop.is_late("first")
    path.write_text(text.replace("    delayed: {db3: 1h}\n", ""))
    assert shop.up() > 0
    wait_for("all of it applied", lambda: shop.has(LATE, "second"), 30)
    path.write_text(text)
    assert shop.up() > 0
    assert shop.up() == 0
    shop.told("third")
    shop.well()
    assert since == {node: shop.runs_since(node) for node in NODES}


def test_the_last_one_is_promoted_with_all_it_received(shop: Shop) -> None:
    shop.told("fourth")
    for node in ("db1", "db2"):
        shop.stack.lab.kill(node)
    shop.run("failover", "main", "--accept-loss", "--yes")
    assert shop.has(LATE, "third")
    assert shop.has(LATE, "fourth")
    for node in ("db1", "db2"):
        shop.stack.lab.start(node)
    for node in ("db2", "db1"):
        wait_for(f"{node} answers", lambda node=node: shop.stack.status()["nodes"][node]["reachable"], 60)
        shop.run("rejoin", node, "--yes")
    shop.run("switchover", "main", "--to", "db1")
    shop.told("fifth")
    shop.well()
