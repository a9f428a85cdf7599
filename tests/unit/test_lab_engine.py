"""Calls of the engine and what is said when they cannot be made; no engine is run."""

import json
import os
import subprocess
import sys
from ipaddress import IPv4Address

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.lab import command, engine
from cluster_cli.lab.command import Done
from cluster_cli.lab.dialect import DOCKER, PODMAN
from cluster_cli.lab.engine import DEAD, Engine
from cluster_cli.lab.settle import parse


def test_argv_carries_sudo_and_runtime():
    assert Engine(PODMAN, sudo=("sudo", "-n"), runtime="runc").argv("ps") == [
        *("sudo", "-n", "podman", "--runtime", "runc", "ps")
    ]
    assert Engine(DOCKER).argv("ps") == ["docker", "ps"]


def test_a_missing_engine_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(engine.host, "program_path", lambda _: None)
    with pytest.raises(ClusterError, match="podman is not installed") as caught:
        Engine.detect("podman")
    assert "apt-get install podman" in caught.value.hint


def test_rootless_says_why_it_does_not_do(monkeypatch):
    monkeypatch.setattr(engine.host, "program_path", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError) as caught:
        Engine.detect("podman")
    assert "VRRP" in caught.value.why
    assert "bridge" in caught.value.why


def test_a_silent_daemon_is_named(monkeypatch):
    monkeypatch.setattr(engine.host, "program_path", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(engine, "_daemon_refusal", lambda *_: "Cannot connect to the Docker daemon")
    with pytest.raises(ClusterError, match="docker daemon does not answer") as caught:
        Engine.detect("docker")
    assert caught.value.why == "Cannot connect to the Docker daemon"


def test_a_failing_program_is_told_in_its_own_words():
    with pytest.raises(ClusterError) as caught:
        command.run([sys.executable, "-c", "import sys; sys.exit('no such thing')"], timeout=20)
    assert caught.value.why == "no such thing"


def test_a_program_that_hangs_is_cut_off():
    with pytest.raises(ClusterError, match="did not answer in 0 s"):
        command.attempt([sys.executable, "-c", "import time; time.sleep(30)"], timeout=0.2)


def test_the_command_is_called_as_a_person_calls_it():
    assert command.program(["sudo", "-n", "podman", "--runtime", "runc", "run", "--rm"]) == "podman run"
    assert command.program(["docker", "ps", "--all"]) == "docker ps"


def test_the_report_of_a_node():
    settled = parse("failed nginx.service\ncarrier 1\nkey ssh-ed25519 AAAA\n")
    assert settled.host_keys == ("ssh-ed25519 AAAA",)
    assert settled.failed_units == ("nginx.service",)
    assert settled.plugged
    assert not parse("carrier 0\n").plugged
    assert not parse("carrier 1\ncarrier 0\n").plugged


WAYS = [("net", IPv4Address("10.0.0.11")), ("net-service", IPv4Address("10.0.2.11"))]


@pytest.mark.parametrize(
    ("dialect", "calls"),
    [
        (
            PODMAN,
            ["run --detach --network net:ip=10.0.0.11,interface_name=eth0 "
             "--network net-service:ip=10.0.2.11,interface_name=eth1 image"],
        ),
        (
            DOCKER,
            [
                "create --network net --ip 10.0.0.11 image",
                "network connect --ip 10.0.2.11 net-service n1",
                "start n1",
            ],
        ),
    ],
)  # fmt: skip
def test_a_node_is_on_all_its_networks_before_it_boots(monkeypatch, dialect, calls):
    made = []
    monkeypatch.setattr(Engine, "run", lambda _, *words, **__: made.append(" ".join(words)))
    Engine(dialect).run_node("n1", WAYS, ["image"], "")
    assert made == calls


def test_one_network_needs_no_more_than_it_did(monkeypatch):
    made = []
    monkeypatch.setattr(Engine, "run", lambda _, *words, **__: made.append(" ".join(words)))
    Engine(DOCKER).run_node("n1", WAYS[:1], ["image"], "")
    assert made == ["run --detach --network net --ip 10.0.0.11 image"]


def test_a_network_that_goes_while_they_are_looked_at_is_no_error(monkeypatch):
    lists = iter(["mine\ntheirs\n", "mine\n"])
    monkeypatch.setattr(Engine, "run", lambda *_, **__: next(lists))
    gone, there = Done((), 125, "", "network theirs not found"), Done((), 0, "mine 10.0.0.0/24\n", "")
    monkeypatch.setattr(Engine, "attempt", lambda _, *words, **__: gone if "theirs" in words else there)
    assert Engine(PODMAN).networks() == {"mine": ["10.0.0.0/24"]}


def test_an_engine_that_cannot_look_is_told_in_its_words(monkeypatch):
    monkeypatch.setattr(Engine, "run", lambda *_, **__: "mine\n")
    monkeypatch.setattr(Engine, "attempt", lambda *_, **__: Done((), 125, "", "database is locked"))
    with pytest.raises(ClusterError, match="inspect failed") as caught:
        Engine(PODMAN).networks()
    assert "database is locked" in (caught.value.why or "")


def test_a_container_whose_processes_are_gone_does_not_run(monkeypatch):
    """As after a machine went on from an image of itself: the engine was told of no death."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    rows = [
        {
            "Name": name,
            "State": {"Status": "running", "Pid": pid},
            "Config": {"Labels": None},
            "NetworkSettings": {"Networks": None},
        }
        for name, pid in (("live", os.getpid()), ("ghost", ended.pid))
    ]
    monkeypatch.setattr(Engine, "run", lambda *_, **__: "live\nghost\n")
    monkeypatch.setattr(Engine, "attempt", lambda *_, **__: Done((), 0, json.dumps(rows), ""))
    states = {each.name: each.state for each in Engine(PODMAN).containers("lab")}
    assert states == {"live": "running", "ghost": DEAD}
