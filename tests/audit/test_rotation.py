"""A secret gets another value while clients work, is killed half-way, and goes on."""

import base64
import http.client
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster_cli.secrets.secret import Secret
from cluster_cli.secrets.store import Secrets
from tests.audit.labs import both_engines
from tests.e2e.client import Load
from tests.e2e.command import cluster, start, wait_for
from tests.e2e.conftest import Stack, running

LAB = both_engines("audit-rotation", "10.89.70.0/24")
PAGES = {"10.89.70.11": "/metrics", "10.89.70.12": "/status"}  # haproxy's and nginx's
PATIENCE = 1500  # seconds a verb may take on a busy machine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("rotation"), LAB) as found:
        yield found


def secret(stack: Stack, name: str) -> Secret:
    """As it is now."""
    places = stack.workspace.places
    return Secrets.open(places.secrets, places.name).entry(name)


def opens(address: str, value: str) -> int:
    """The status a balancer's own page gives to somebody with this password; 0 for no answer."""
    known = base64.b64encode(f"stats:{value}".encode()).decode()
    connection = http.client.HTTPConnection(address, 8404, timeout=10)
    try:
        connection.request(
            "GET", PAGES[address], headers={"Authorization": f"Basic {known}", "Connection": "close"}
        )
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@dataclass
class Reader:
    """Somebody who reads the statistics all the time with the value that is to be used.

    steps: those seen; refused: when a value was not let in that ought to be.
    """

    stack: Stack
    steps: set[str | None] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    asked: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Reader":
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._over.wait(0.02):
            now = secret(self.stack, "stats_password")
            both = (now.value, now.other) if now.step == "use" else (now.value,)
            answers = {(address, place): opens(address, v) for address in PAGES for place, v in enumerate(both)}
            if secret(self.stack, "stats_password").step != now.step:
                continue  # it went on while we asked
            self.steps.add(now.step)
            self.asked += len(answers)
            self.refused += [f"{now.step}: {where} {code}" for where, code in answers.items() if code != 200]


def test_no_reader_and_no_client_is_turned_away(stack: Stack) -> None:
    before = secret(stack, "stats_password").value
    with Reader(stack) as reader, Load("10.89.70.11", clients=2) as load:
        done = cluster("secrets", "rotate", "stats_password", "-C", stack.folder, timeout=PATIENCE)
    print(f"{reader.asked} reads of the statistics, {load.good.total()} requests, {len(load.bad)} failed")
    assert done.code == 0, done
    assert reader.refused == []
    assert reader.steps >= {"accept", "use", "drop"}
    assert not load.bad
    assert {opens(address, before) for address in PAGES} == {401}
    assert {opens(address, secret(stack, "stats_password").value) for address in PAGES} == {200}


def test_a_killed_rotation_goes_on_and_an_up_between_does_no_harm(stack: Stack) -> None:
    before = secret(stack, "ntp_key")
    running = start("secrets", "rotate", "ntp_key", "-C", str(stack.folder))
    wait_for("the second step", lambda: secret(stack, "ntp_key").step == "use", PATIENCE, every=0.5)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    there = secret(stack, "ntp_key")
    assert set(there.valid) == {before.number + 1, before.number}
    up = cluster("up", stack.folder, timeout=PATIENCE)
    assert up.code == 0, up
    assert secret(stack, "ntp_key") == there
    assert numbers(stack) == {"lb1": [1, 2], "lb2": [1, 2], "web1": [1, 2]}
    done = cluster("secrets", "rotate", "ntp_key", "-C", stack.folder, timeout=PATIENCE)
    assert done.code == 0, done
    assert numbers(stack) == {"lb1": [2], "lb2": [2], "web1": [2]}
    assert secret(stack, "ntp_key").value == there.value
    assert secret(stack, "ntp_key").step is None


def numbers(stack: Stack) -> dict[str, list[int]]:
    """The keys each node's chrony knows, by their numbers."""
    listed = {name: stack.on(name, "grep -v ^# /etc/chrony/cluster.keys") for name in ("lb1", "lb2", "web1")}
    return {name: [int(line.split()[0]) for line in text.splitlines()] for name, text in listed.items()}


@pytest.mark.parametrize("name", ["ssh_host_authority", "ssh_user_authority", "operator_key"])
def test_who_trusts_it_goes_on_trusting(stack: Stack, name: str) -> None:
    before = secret(stack, name).value
    done = cluster("secrets", "rotate", name, "-C", stack.folder, timeout=PATIENCE)
    assert done.code == 0, done
    assert secret(stack, name).value != before
    known_hosts = stack.workspace.places.known_hosts.read_text()
    assert known_hosts.count("@cert-authority") == 1
    assert stack.on("web1", "cat /etc/ssh/ssh_known_hosts").count("@cert-authority") == 1
    assert len(stack.on("web1", "cat /etc/ssh/cluster_user_authority.pub").splitlines()) == 1
    assert stack.on("web1", "cat ~admin/.ssh/authorized_keys").count("operator of") == 1
    again = cluster("up", stack.folder, "-o", "json", timeout=PATIENCE)
    assert again.code == 0, again
    assert again.json["changed"] == 0


def test_nothing_is_left_of_it(stack: Stack) -> None:
    rows = cluster("secrets", "list", "-C", stack.folder, "-o", "json").json["secrets"]
    assert {row["rotation"] for row in rows} == {None}
    names = {path.name for path in Path(stack.folder).iterdir()}
    assert names <= {"topology.yml", "secrets.yml", ".secrets.yml.lock"}
