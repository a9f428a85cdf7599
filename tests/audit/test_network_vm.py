"""The role network in a virtual machine: bonds, VLANs and routes that carry traffic, and the way back.

What a container cannot show: it has no bonds or VLANs of its own, loses no power, and never boots a kernel.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.image import image
from tests.audit.machine import Machine, missing, slow
from tests.audit.tagged import asked_over_vlan
from tests.e2e.command import CLUSTER, Done, wait_for

TOPOLOGY = """
name: audit-network
network: {{subnet: 10.89.124.0/24}}
networks:
  management: {{subnet: 10.89.134.0/24}}
  storage: {{subnet: 10.89.144.0/24}}
ssh: {{user: root, sudo: false, key: {key}}}
firewall: {{rollback: {rollback}}}
nodes:
  machine:
    address: 10.89.124.31
    addresses: {{management: 10.89.134.31, storage: 10.89.144.31}}
    take_over: {take_over}
    interfaces:
      bond0: {{bond: [enp0s5, enp0s6], network: cluster}}
      bond0.20: {{vlan: 20, link: bond0, network: storage}}
      {management}
    routes:
      - {{to: 10.99.0.0/24, via: 10.89.124.1}}
"""
RIGHT = "enp0s4: {network: management}"
SHUT_OUT = "enp0s4: {}\n      tagged: {vlan: 99, link: enp0s4, network: management}"  # nobody answers there
ROUTED = "10.99.0.1"
LINKS = "ip -brief -4 address | awk '{print $1, $3}' | sort; md5sum /etc/systemd/network/*"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that was just installed: ifupdown sees to its first cable."""
    if lacks := missing():
        assert os.environ.get("CI") != "true", f"this needs {lacks}"
        pytest.skip(f"this needs {lacks}")
    found = Machine(image(), tmp_path_factory.mktemp("machine"))
    found.plug()
    found.inside("ip", "address", "add", f"{ROUTED}/32", "dev", "brb")
    began = time.monotonic()
    found.power_on()
    print(f"the machine answers {time.monotonic() - began:.0f} s after power on")
    try:
        yield found
    finally:
        found.power_off()
        found.unplug()


def describe(machine: Machine, *, take_over: bool = True, management: str = RIGHT, rollback: str = "120s") -> Path:
    """Write the topology; the folder it is in."""
    text = TOPOLOGY.format(
        key=machine.key, rollback=rollback, take_over=str(take_over).lower(), management=management
    )
    (machine.folder / "topology.yml").write_text(text)
    return machine.folder


def up(machine: Machine, folder: Path) -> Done:
    """Set up the interfaces and nothing else."""
    return machine.cluster("up", folder, "--only", "network", "--no-verify", "--plain", "-o", "json")


def test_what_somebody_else_manages_is_refused_untouched(machine: Machine) -> None:
    before = machine.ssh("ip -brief address; ls -R /etc/systemd/network /etc/network")
    done = up(machine, describe(machine, take_over=False))
    assert done.code == 1, done
    assert "enp0s4 is managed by ifupdown (it stands in /etc/network/interfaces)" in done.err
    assert "add `take_over: true`" in done.err
    assert machine.ssh("ip -brief address; ls -R /etc/systemd/network /etc/network") == before


def test_interfaces_are_taken_over_and_verified(machine: Machine) -> None:
    done = up(machine, describe(machine))
    assert done.code == 0, done
    print(f"bond, VLAN and route set up in {done.seconds:.0f} s")
    verified = machine.cluster("verify", machine.folder, "--role", "network", "-o", "json")
    assert verified.code == 0, verified
    assert verified.json["verify"]["passed"] >= 7


def test_a_second_time_changes_nothing(machine: Machine) -> None:
    done = up(machine, machine.folder)
    assert done.code == 0, done
    assert done.json["changed"] == 0


def test_a_bond_outlives_either_cable(machine: Machine) -> None:
    for number in (1, 2):
        machine.cable(number, plugged=False)
        took = wait_for("the other cable to carry on", lambda: machine.greets("10.89.124.31"), 30)
        state = machine.ssh("cat /sys/class/net/bond0/bonding/active_slave")
        print(f"cable {number} pulled: SSH over the bond answers after {took:.2f} s, by {state}")
        assert state == {1: "enp0s6", 2: "enp0s5"}[number]
        machine.cable(number, plugged=True)
        wait_for("both cables", lambda: machine.ssh("cat /sys/class/net/bond0/bonding/mii_status") == "up", 30)
        wait_for("the cable", lambda: "0" not in machine.ssh("cat /sys/class/net/enp0s[56]/carrier"), 30)


def test_a_vlan_carries_its_own_traffic_and_no_other(machine: Machine) -> None:
    with machine.namespace():
        answer = asked_over_vlan("brb", 20, "10.89.144.31", "10.89.144.9")
        other = asked_over_vlan("brb", 21, "10.89.144.31", "10.89.144.9", seconds=2)
    assert answer == machine.ssh("cat /sys/class/net/bond0.20/address")
    assert other == ""


def test_a_route_leads_back(machine: Machine) -> None:
    assert machine.greets("10.89.124.31", source=ROUTED, seconds=10)
    machine.ssh("ip route del 10.99.0.0/24")
    assert not machine.greets("10.89.124.31", source=ROUTED)
    done = up(machine, machine.folder)
    assert done.code == 0, done
    assert machine.greets("10.89.124.31", source=ROUTED, seconds=10)


def test_a_change_that_shuts_us_out_is_taken_back(machine: Machine) -> None:
    before = machine.ssh(LINKS)
    done = up(machine, describe(machine, management=SHUT_OUT, rollback="20s"))
    assert done.code == 1, done
    assert "shut this control machine out" in done.err
    assert "it is as it was" in done.err
    assert machine.ssh(LINKS) == before


def test_power_lost_before_anybody_came_in_takes_it_back_too(machine: Machine) -> None:
    before = machine.ssh(LINKS)
    folder = describe(machine, management=SHUT_OUT, rollback="300s")
    words = ["ip", "netns", "exec", machine.space, CLUSTER, "up", folder, "--only", "network", "--plain"]
    running = subprocess.Popen([str(word) for word in words], env=slow(), start_new_session=True)
    try:
        wait_for("the change to shut us out", lambda: not machine.greets("10.89.134.31", seconds=3), 300)
        machine.power_off()
    finally:
        os.killpg(running.pid, 9)
        running.wait()
    machine.power_on()
    wait_for("the old interfaces", lambda: machine.ssh(LINKS, check=False) == before, 60, every=1)
    done = up(machine, describe(machine))
    assert done.code == 0, done
    assert done.json["changed"] == 0


def test_the_kernel_records_what_it_cannot_in_a_container(machine: Machine) -> None:
    path = machine.folder / "topology.yml"
    path.write_text(path.read_text() + "audit: {collectors: [machine]}\n")
    words = ("--only", "certificates", "--only", "audit", "--no-verify", "--plain")
    done = machine.cluster("up", machine.folder, *words)
    assert done.code == 0, done
    assert "enabled 1" in machine.ssh("auditctl -s")
    rules = machine.ssh("auditctl -l")
    assert "/etc/ssh" in rules, rules
    machine.ssh("touch /etc/ssh/sshd_config.d/99-seen.conf && rm /etc/ssh/sshd_config.d/99-seen.conf")
    assert "99-seen.conf" in machine.ssh("ausearch --input-logs -f 99-seen.conf")


def test_it_is_all_there_after_a_reboot(machine: Machine) -> None:
    before, rules = machine.ssh(LINKS), machine.ssh("auditctl -l")
    machine.reboot()
    wait_for("the interfaces", lambda: machine.ssh(LINKS, check=False) == before, 60, every=1)
    assert machine.greets("10.89.124.31", source=ROUTED, seconds=10)
    assert machine.ssh("auditctl -l") == rules
    verified = machine.cluster("verify", machine.folder, "--role", "network", "-o", "json")
    assert verified.code == 0, verified


def test_down_gives_the_machine_back(machine: Machine) -> None:
    done = machine.cluster("down", machine.folder, "--yes")
    assert done.code == 0, done
    assert machine.ssh("ls /etc/systemd/network") == ""
    assert "iface enp0s4 inet static" in machine.ssh("cat /etc/network/interfaces")
    machine.reboot()
    assert machine.ssh("ip -brief -4 address show enp0s4 | awk '{print $3}'") == "10.89.134.31/24"
    assert "bond0" not in machine.ssh("ls /sys/class/net")
