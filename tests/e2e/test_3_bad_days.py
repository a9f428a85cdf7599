"""Bad input and bad luck: each ends in a message that says what to do, and the next run converges."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .client import Load
from .command import CLUSTER, Done, cluster, start, wait_for
from .conftest import Stack


def four_parts(done: Done) -> None:
    """An error says what, and what next; no traceback, no JSON dump."""
    assert "error: " in done.err, done
    assert "next:" in done.err, done
    assert "Traceback" not in done.err, done
    assert '{"' not in done.err, done


@pytest.fixture
def existing(stack: Stack, tmp_path: Path) -> Path:
    """Two of the lab's nodes as machines somebody already has: reached over SSH, made by nobody."""
    key = stack.workspace.places.operator_key
    (tmp_path / "topology.yml").write_text(
        f"name: {re.sub('[^a-z0-9]+', '-', tmp_path.name.lower()).strip('-')}\n"
        "network: {subnet: 10.89.60.0/24}\n"
        f"ssh: {{user: admin, key: {key}}}\n"
        "nodes:\n  web1: {address: 10.89.60.21}\n  web2: {address: 10.89.60.22}\n"
    )
    return tmp_path


def change(folder: Path, old: str, new: str) -> None:
    """Edit a topology."""
    path = folder / "topology.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_existing_machines_are_pinned_at_first_contact_and_converged(existing: Path) -> None:
    done = cluster("up", existing, "--only", "base")
    assert done.code == 0, done
    assert "host key pinned: SHA256:" in done.err
    again = cluster("up", existing, "--only", "base", "-o", "json")
    assert again.code == 0, again
    assert again.json["changed"] == 0
    assert "host key pinned" not in again.err


def test_unreachable_node_is_a_row_and_the_others_are_done(existing: Path) -> None:
    change(existing, "web2: {address: 10.89.60.22}", "ghost: {address: 10.89.60.250}")
    done = cluster("up", existing, "--only", "base", "--no-verify", "-o", "json")
    assert done.code == 4, done
    four_parts(done)
    assert "ghost: does not answer" in done.err
    assert done.json["unreachable"] == 1
    assert done.json["failed"] == 0


def test_wrong_key_is_named(existing: Path, tmp_path: Path, stack: Stack) -> None:
    other = tmp_path / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    change(existing, f"key: {stack.workspace.places.operator_key}", f"key: {other}")
    done = cluster("up", existing)
    assert done.code == 4, done
    four_parts(done)
    assert "refuses our key" in done.err
    assert "Permission denied" in done.err


def test_changed_host_key_stops_everything_and_shows_both(existing: Path, stack: Stack) -> None:
    assert cluster("up", existing, "--only", "base", "--no-verify").code == 0
    key = "/etc/ssh/ssh_host_ed25519_key"
    stack.on(
        "web2",
        f"rm -f {key} {key}.pub && ssh-keygen -q -t ed25519 -N '' -f {key} && rm -f /etc/ssh/ssh_host_rsa_key* "
        "/etc/ssh/ssh_host_ecdsa_key* && systemctl restart ssh",
    )
    offered = stack.on("web2", f"ssh-keygen -lf {key}.pub").split()[1]
    try:
        done = cluster("up", existing, "--only", "base")
        assert done.code == 4, done
        four_parts(done)
        assert "the host key changed" in done.err
        assert offered in done.err
        assert len(set(re.findall(r"SHA256:[A-Za-z0-9+/]{43}", done.err))) == 2
        trusted = cluster("trust", "-C", existing, "--yes", "web2")
        assert trusted.code == 0, trusted
        assert cluster("up", existing, "--only", "base", "--no-verify").code == 0
    finally:
        healed = cluster("up", stack.folder, "--only", "base", "-o", "json")  # a lab trusts its own channel
    assert healed.code == 0, healed


def test_missing_engine_is_told_with_its_cure(stack: Stack, tmp_path: Path) -> None:
    for name in ("ssh", "ssh-keygen", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = cluster("up", stack.folder, env={"PATH": str(tmp_path)})
    assert done.code == 1, done
    four_parts(done)
    assert "podman" in done.err
    assert "install" in done.err


def test_full_disk_is_told_before_anything_is_touched(stack: Stack) -> None:
    stack.on("web3", "mount -t tmpfs -o size=1m none /var/cache/apt/archives")
    try:
        done = cluster("up", stack.folder, "--only", "base", "--node", "web3", "--no-verify")
        assert done.code == 1, done
        four_parts(done)
        assert "web3" in done.err
        assert "/var/cache/apt/archives" in done.err
    finally:
        stack.on("web3", "umount /var/cache/apt/archives")
    assert cluster("up", stack.folder, "--only", "base", "--no-verify", "-o", "json").json["changed"] == 0


def test_stale_index_and_interrupted_dpkg_heal_themselves(stack: Stack) -> None:
    stack.on(
        "web3",
        "dpkg --purge --force-depends nginx-light >/dev/null 2>&1; systemctl reset-failed nginx || true",
    )
    stack.on(
        "web3",
        "sed -i 's/^Filename: .*nginx-light.*$/Filename: pool\\/gone.deb/' /var/lib/apt/lists/*Packages || true",
    )
    stack.on(
        "web3",
        "touch /var/lib/dpkg/updates/0001 && dpkg --unpack --force-depends /dev/null 2>/dev/null || true",
    )
    done = cluster("up", stack.folder, "--node", "web3", "-o", "json")
    assert done.code == 0, done
    stack.settle()


def test_second_operator_is_told_who_works(stack: Stack) -> None:
    first = start("up", str(stack.folder), "--only", "base")
    note = stack.workspace.places.lock.with_suffix(".owner.json")
    try:
        wait_for("the first run to hold the lock", note.exists, 10)
        done = cluster("up", stack.folder)
        assert done.code == 75, done
        four_parts(done)
        assert f"process {first.pid}" in done.err
    finally:
        first.communicate(timeout=120)
    assert first.returncode == 0


def begin(stack: Stack, stage: str) -> "subprocess.Popen[str]":
    """Start an `up`, and wait until its journal says that this stage began."""
    runs = stack.workspace.places.state / "runs"
    before = set(runs.iterdir())
    running = start("up", str(stack.folder), "--plain")

    def there() -> bool:
        journals = [run / "journal.jsonl" for run in set(runs.iterdir()) - before]
        return any(path.exists() and f'"stage":"{stage}"' in path.read_text() for path in journals)

    wait_for(f"the stage {stage}", there, 60)
    return running


def test_one_ctrl_c_stops_after_the_task_and_up_goes_on(stack: Stack) -> None:
    stack.on("web1", "echo broken > /etc/nginx/nginx.conf")
    running = begin(stack, "base")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "stopping after the current task" in err
    assert "next" in err or "go on with" in err
    assert "broken" in stack.on("web1", "cat /etc/nginx/nginx.conf")
    done = cluster("up", stack.folder, "-o", "json")
    assert done.code == 0, done
    assert "broken" not in stack.on("web1", "cat /etc/nginx/nginx.conf")


def test_two_ctrl_c_stop_at_once(stack: Stack) -> None:
    running = begin(stack, "base")
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert time.monotonic() - began < 5
    assert cluster("up", stack.folder, "--only", "base", "-o", "json").code == 0


def test_kill_9_in_the_middle_leaves_nothing_that_up_cannot_mend(stack: Stack) -> None:
    stack.on("lb1", "sed -i 's/maxconn 4000/maxconn 3000/' /etc/haproxy/haproxy.cfg && systemctl reload haproxy")
    running = begin(stack, "ssh_trust")
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    done = cluster("up", stack.folder, "-o", "json")
    assert done.code == 0, done
    assert "maxconn 4000" in stack.on("lb1", "cat /etc/haproxy/haproxy.cfg")
    limit = stack.on("lb1", "echo 'show info' | socat - /run/haproxy/admin.sock | grep ^Maxconn:")
    assert limit.split()[1] == "4000"
    rows = cluster("history", stack.folder, "-o", "json").json["runs"]
    assert rows[1]["code"] is None  # the killed run is there, and says that it never ended


def test_a_failed_reload_stops_the_walk_and_clients_notice_nothing(stack: Stack) -> None:
    path = stack.folder / "topology.yml"
    good = path.read_text()
    folder = "/run/systemd/system/haproxy.service.d"
    for node in ("lb1", "lb2"):
        stack.on(
            node,
            f"mkdir -p {folder}; printf '[Service]\\nExecReload=\\nExecReload=/bin/false\\n' >{folder}/bad.conf",
        )
        stack.on(node, "systemctl daemon-reload")
    line = "engine: haproxy"
    assert line in good
    path.write_text(good.replace(line, f"{line}\n    max_connections: 3900"))
    try:
        with Load("10.89.60.100") as load:
            done = cluster("up", stack.folder, "--only", "load_balancer")
        assert done.code == 1, done
        four_parts(done)
        assert "systemctl reload haproxy failed" in done.err
        assert "was not touched here, because it failed on" in done.err
        assert load.good.total() > 50
        assert not load.bad
    finally:
        for node in ("lb1", "lb2"):
            stack.on(node, f"rm {folder}/bad.conf && systemctl daemon-reload")
    # the configuration lies there since the failed run; a handler would have forgotten it
    healed = cluster("up", stack.folder, "--only", "load_balancer", "-o", "json")
    assert healed.code == 0, healed
    limits = {
        stack.on(node, "echo 'show info' | socat - /run/haproxy/admin.sock | grep ^Maxconn:")
        for node in ("lb1", "lb2")
    }
    assert {limit.split()[1] for limit in limits} == {"3900"}
    path.write_text(good)
    assert cluster("up", stack.folder, "--only", "load_balancer", "-o", "json").code == 0


def test_a_balancer_that_leaves_the_topology_draws_nobody(stack: Stack) -> None:
    """It would go on as it was told last, and hold a virtual IP that others think is theirs."""
    path, address = stack.folder / "topology.yml", "10.89.60.100"
    good = path.read_text()
    assert stack.holder(address) == "lb1"
    change(stack.folder, "nodes: [lb1, lb2]", "nodes: [lb2, ops1]")
    change(stack.folder, "prefer: lb1", "prefer: lb2")
    try:
        planned = cluster("plan", stack.folder, "--only", "base").out
        assert {"-keepalived", "-haproxy"} <= set(planned.split()), planned
        done = cluster("up", stack.folder, "--only", "base", "-o", "json")
        assert done.code == 0, done
        assert set(stack.on("lb1", "systemctl is-active keepalived haproxy || true").split()) == {"inactive"}
        wait_for("the other one to hold it", lambda: stack.holder(address) == "lb2", 5, every=0.2)
        assert cluster("up", stack.folder, "--only", "base", "-o", "json").json["changed"] == 0
    finally:
        path.write_text(good)
    assert cluster("up", stack.folder, "--only", "load_balancer", "--only", "keepalived").code == 0
    wait_for("its return", lambda: stack.holder(address) == "lb1", 30, every=0.5)
    assert set(stack.on("lb1", "systemctl is-enabled keepalived haproxy").split()) == {"enabled"}


MACHINES = """
name: e2e-machines
network: {{subnet: 10.89.63.0/24}}
ssh: {{user: admin, key: {key}}}
nodes: {{n1: {{address: 10.89.63.11}}, n2: {{address: 10.89.63.12}}}}
time: {{servers: [n1]}}
load_balancers:
  edge:
    nodes: [n1, n2]
    virtual_ips: [{{address: 10.89.63.100}}]
    frontends: {{shop: {{bind: 80, backend: shop}}}}
    backends: {{shop: {{nodes: [n1, n2], port: 8080}}}}
web: {{shop: {{nodes: [n1, n2], engine: apache, port: 8080}}}}
"""
STATE = (
    "cd /etc && find . -type f ! -path './ssl/*' ! -name '*-' ! -name passwd ! -name group ! -name 'shadow' "
    "! -name gshadow ! -name subuid ! -name subgid ! -name ld.so.cache ! -name mailcap ! -path './alternatives/*' "
    "! -path './rc?.d/*' ! -name machine-id ! -name .pwd.lock ! -name hostname | sort | xargs sha256sum"
)


def test_down_puts_machines_back_as_they_were(tmp_path: Path) -> None:
    """Two machines with something of their own on them, set up and left again."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "topology.yml").write_text(
        "name: e2e-base\nprovider: podman\nnetwork: {subnet: 10.89.63.0/24}\nnodes:\n  n1: {}\n  n2: {}\n"
    )
    assert cluster("up", base, "--only", "lab").code == 0
    try:
        made = Stack(base, cluster("validate", base))
        (tmp_path / "topology.yml").write_text(MACHINES.format(key=made.workspace.places.operator_key))
        made.on("n1", "echo '10.9.9.9 printer' >> /etc/hosts")
        before = {node: made.on(node, STATE) for node in ("n1", "n2")}
        done = cluster("up", tmp_path, "-o", "json")
        assert done.code == 0, done
        refused = cluster("down", tmp_path)
        assert refused.code == 130 or refused.code == 2, refused
        removed = cluster("down", tmp_path, "--yes")
        assert removed.code == 0, removed
        for node, was in before.items():
            now = made.on(node, STATE)
            assert set(now.splitlines()) ^ set(was.splitlines()) == set()
            gone = made.on(
                node, "dpkg-query -Wf '${db:Status-Abbrev} ${Package}\n' haproxy keepalived chrony apache2 || true"
            )
            assert "ii" not in gone
            assert ":80 " not in made.on(node, "ss -Hltn")
            assert made.on(node, "nft list ruleset") == ""
        again = cluster("up", tmp_path, "-o", "json")
        assert again.code == 0, again
    finally:
        cluster("down", base, "--yes")


def test_down_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "topology.yml").write_text(
        "name: e2e-down\nprovider: podman\nnetwork: {subnet: 10.89.63.0/24}\nnodes:\n  n1: {}\n  n2: {}\n"
    )
    assert cluster("up", tmp_path, "--only", "lab").code == 0
    refused = subprocess.run(
        [str(CLUSTER), "down", str(tmp_path)],
        input="wrong\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert cluster("down", tmp_path, "--yes").code == 0
    for kind in (["ps", "-a"], ["network", "ls"], ["volume", "ls"]):
        left = subprocess.run(
            ["podman", *kind, "--format", "json"], capture_output=True, text=True, check=True
        ).stdout
        assert "e2e-down" not in left
    assert "nothing to remove" in cluster("down", tmp_path, "--yes").out


def test_port_jump_host_and_root_login(existing: Path, stack: Stack, tmp_path: Path) -> None:
    """ops1 as bastion, web1 behind it on another port, root without sudo: as machines in a rack are."""
    daemon = "/usr/sbin/sshd -f /dev/null -o Port=2222 -o AllowTcpForwarding=yes -o PidFile=/run/second.pid"
    for node in ("ops1", "web1"):
        stack.on(node, f"{daemon} -o HostKey=/etc/ssh/ssh_host_ed25519_key -o UsePAM=yes")
        stack.on(node, "nft insert rule inet cluster input tcp dport 2222 accept")
    stack.on("web1", "install -D -m 600 ~admin/.ssh/authorized_keys /root/.ssh/authorized_keys")
    try:
        home = tmp_path / "ssh"
        home.mkdir(mode=0o700)
        key = stack.workspace.places.operator_key
        bastion = stack.on("ops1", "cat /etc/ssh/ssh_host_ed25519_key.pub").split()
        (home / "known_hosts").write_text(f"[10.89.60.31]:2222 {bastion[0]} {bastion[1]}\n")
        (home / "config").write_text(f"Host 10.89.60.31\n  User admin\n  Port 2222\n  IdentityFile {key}\n")
        (home / "config").chmod(0o600)
        change(existing, "ssh: {user: admin,", "ssh: {user: root, sudo: false, port: 2222, jump: 10.89.60.31,")
        change(existing, "  web2: {address: 10.89.60.22}\n", "")
        # the operator's own ~/.ssh speaks for the bastion; here it is another one, for this command only
        Path("~/.ssh").expanduser().mkdir(mode=0o700, exist_ok=True)
        script = (
            f"mount --bind {home} ~/.ssh && {CLUSTER} up {existing} --only base --no-verify >&2 && "
            f"{CLUSTER} exec -C {existing} 'id -un; hostname; echo $SSH_CONNECTION'"
        )
        words = ["unshare", "--mount", "sh", "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done
        assert "root" in done.stdout
        assert "web1" in done.stdout
        assert "10.89.60.31" in done.stdout  # the node sees the bastion, not us
    finally:
        for node in ("ops1", "web1"):
            stack.on(node, "kill $(cat /run/second.pid); systemctl reload cluster-firewall")
        stack.on("web1", "rm -rf /root/.ssh")
