"""Labs that several tests share: each is brought up once, and what a test breaks it puts right."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from cluster_cli.lab.lab import Lab
from cluster_cli.lab.stand import lab_of
from cluster_cli.workspace import Workspace

from .command import CHECKOUT, Done, cluster, wait_for


@dataclass
class Stack:
    """A running lab. first: the `up` that made it."""

    folder: Path
    first: Done

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.folder)

    @cached_property
    def lab(self) -> Lab:
        """Its containers; a change of the topology's text does not make them others."""
        return lab_of(self.workspace)

    def status(self) -> dict:  # type: ignore[type-arg]
        return cluster("status", self.folder, "-o", "json").json

    def holder(self, address: str) -> str:
        """The one node that holds a virtual IP now."""
        holders = self.status()["virtual_ips"][address]["holders"]
        assert len(holders) == 1, f"{address} is held by {holders}"
        return str(holders[0])

    def settle(self, seconds: float = 60) -> None:
        """Wait until everything is well."""
        wait_for("a healthy status", lambda: self.status()["healthy"], seconds, every=1)

    def on(self, node: str, command: str, seconds: float = 60) -> str:
        """Run a command in a node as root, past SSH."""
        done = self.lab.exec(node, ["sh", "-c", command], timeout=seconds)
        assert done.returncode == 0, done
        return str(done.stdout)


# Where labs stay up after the tests and are used again by the next: for who works on a fault, never in CI.
KEPT = os.environ.get("CLUSTER_LABS")
TOLD = 4000  # characters of a failure


@pytest.fixture(scope="session", autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory) -> None:
    """State, secrets and sockets of the tests' clusters stay apart from the user's."""
    root = Path(KEPT) / "xdg" if KEPT else tmp_path_factory.mktemp("xdg")
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        os.environ[name] = str(root / name.lower())
    os.environ.pop("CLUSTER_TOPOLOGY", None)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell why a test failed when it fails: the summary comes after an hour."""
    if report.failed and report.when == "call":
        print(f"\n{report.longreprtext[-TOLD:]}\n", flush=True)


UP: list[Path] = []  # the labs of this session, so that one gives way to the next


def make_room() -> None:
    """Take away the labs that earlier modules shared: a machine has memory and inotify instances for few."""
    while UP:
        cluster("down", UP.pop(), "--yes")


def bring_up(folder: Path, text: str) -> Done:
    """Write a topology and bring it up; remains of an earlier, aborted test are removed first."""
    if not KEPT:
        make_room()
        UP.append(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "topology.yml").write_text(text)
    if not KEPT:
        cluster("down", folder, "--yes")
    return cluster("up", folder, "-o", "json", timeout=1200)


def kept(folder: Path, text: str) -> Done | None:
    """What a lab that was left up says, where it is well and of this topology; None where there is none."""
    path = folder / "topology.yml"
    if not KEPT or not path.exists() or path.read_text() != text:
        return None
    done = cluster("status", folder, "-o", "json")
    return done if done.code == 0 else None


def place(folder: Path) -> Path:
    """Where a lab's files are: in a folder of the test's own, or where those are that stay up."""
    return Path(KEPT) / folder.name if KEPT else folder


@contextmanager
def running(folder: Path, text: str) -> Iterator[Stack]:
    """A lab of this topology, up and verified, and taken away afterwards."""
    folder = place(folder)
    done = kept(folder, text) or bring_up(folder, text)
    try:
        assert done.code == 0, done
        yield Stack(folder, done)
    finally:
        if not KEPT:
            cluster("down", folder, "--yes")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The seven-node lab of the README, under another name."""
    folder = tmp_path_factory.mktemp("e2e")
    text = (CHECKOUT / "inventories/lab/topology.yml").read_text()
    text = text.replace("name: lab", "name: e2e").replace("10.89.40.", "10.89.60.")
    with running(folder, text) as found:
        print(json.dumps(found.first.json["stages"]))
        yield found
