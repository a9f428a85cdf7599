"""The rules of role audit in a kernel of its own, which no container has: they load, and they record."""

import base64
import os
from collections.abc import Iterator

import pytest

from tests.audit.image import image
from tests.audit.machine import Machine, missing
from tests.e2e.command import CHECKOUT, wait_for

RULES = CHECKOUT / "roles/audit/files/cluster.rules"
PLACE = "/etc/audit/rules.d/50-cluster.rules"
PERSON = """
useradd --create-home --shell /bin/bash person
install -d -m 700 -o person /home/person/.ssh
install -m 600 -o person /root/.ssh/authorized_keys /home/person/.ssh/
echo 'person ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/person
mkdir -p /etc/cluster /var/lib/cluster
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with somebody who may use sudo."""
    if lacks := missing():
        assert os.environ.get("CI") != "true", f"this needs {lacks}"
        pytest.skip(f"this needs {lacks}")
    found = Machine(image(), tmp_path_factory.mktemp("kernel"), "cluster-kernel")
    found.plug()
    try:
        found.power_on()
        found.ssh(PERSON)
        yield found
        found.power_off()
    finally:
        found.unplug()


def recorded(machine: Machine, key: str) -> str:
    """What the kernel recorded under a key."""
    return machine.ssh(f"ausearch --input-logs -k {key} -i 2>/dev/null", check=False)


def test_the_rules_load(machine: Machine) -> None:
    text = base64.b64encode(RULES.read_bytes()).decode()
    machine.ssh(f"echo {text} | base64 -d > {PLACE}; augenrules --load")
    loaded = machine.ssh("auditctl -l").splitlines()
    written = [line for line in RULES.read_text().splitlines() if line.startswith("-")]
    assert len(loaded) == len(written), loaded
    assert "No change" in machine.ssh("augenrules --load 2>&1"), "a second time there is nothing to do"


def test_what_a_person_runs_as_root_is_recorded_with_the_persons_name(machine: Machine) -> None:
    as_person = "ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR -i /root/key person@localhost"
    machine.ssh(
        f"echo {base64.b64encode(machine.key.read_bytes()).decode()} | base64 -d > /root/key; chmod 600 /root/key"
    )
    machine.ssh(f"{as_person} sudo -n touch /etc/cluster/by-person")
    wait_for("the record", lambda: "by-person" in recorded(machine, "people-as-root"), 30, every=1)
    assert "auid=person" in recorded(machine, "people-as-root")
    assert "by-person" in recorded(machine, "cluster")


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("accounts", "touch /etc/sudoers.d/more"),
        ("ssh", "touch /etc/ssh/sshd_config.d/more.conf"),
        ("audit", "touch /etc/rsyslog.d/more.conf"),
        ("modules", "modprobe dummy"),
        ("time", "date -s +1sec"),
    ],
)
def test_a_change_is_recorded(machine: Machine, key: str, command: str) -> None:
    machine.ssh(command)
    wait_for(f"a record of {key}", lambda: recorded(machine, key).count("type=SYSCALL") > 0, 30, every=1)
