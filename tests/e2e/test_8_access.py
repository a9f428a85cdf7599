"""Operators: who gets in, as what, and who does not any more; and that nobody can hide what was done."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_cli.history import chain
from cluster_cli.ssh import argv

from .command import Done, cluster, wait_for
from .conftest import Stack, running

TOPOLOGY = """\
name: e2e-access
provider: podman
network: {{subnet: 10.89.64.0/24}}
nodes: {{n1: {{address: 10.89.64.11}}, n2: {{address: 10.89.64.12}}}}
web: {{shop: {{nodes: [n2]}}}}
load_balancers:
  edge:
    nodes: [n1]
    frontends: {{shop: {{bind: 80, backend: shop}}}}
    backends: {{shop: {{nodes: [n2], port: 80}}}}
access: # people
  operators:
    alice: {{role: admin, keys: [{alice}]}}
    bob: {{role: operator, keys: [{bob}]}} # on Mondays
    carol: {{role: read-only}}
audit: {{collectors: [n1, n2]}}
"""
DENIED = "Permission denied (publickey)"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key pair for each person, and one for a stranger."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("alice", "bob", "carol", "stranger"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True)
    return folder


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Stack]:
    """Two nodes with three operators."""
    folder = tmp_path_factory.mktemp("access")
    text = TOPOLOGY.format(**{name: (keys / f"{name}.pub").read_text().strip() for name in ("alice", "bob")})
    with running(folder, text) as found:
        yield found


def login(lab: Stack, key: Path, name: str, command: str, node: str = "n1") -> "subprocess.CompletedProcess[str]":
    """Log in with the real client and nothing but that key, and the certificate beside it."""
    host = lab.workspace.host(node)
    others = {key: value for key, value in host.vars.items() if key != "ansible_ssh_private_key_file"}
    options = ("ControlPath=none", "ControlMaster=no", f"IdentityFile={key}", "IdentityAgent=none", f"User={name}")
    words = argv(type(host)(host.name, host.address, host.groups, others), *options, "IdentitiesOnly=yes")
    return subprocess.run([*words, command], capture_output=True, text=True, timeout=60, check=False)


def grant(lab: Stack, keys: Path, name: str, *more: str) -> str:
    """Give a certificate; its id."""
    done = cluster("access", "grant", name, "-C", lab.folder, "--key", keys / f"{name}.pub", *more)
    assert done.code == 0, done
    return done.out.split(": ")[1].split(",")[0]


def certificates(lab: Stack) -> dict[str, str]:
    """By id, whether it counts."""
    rows = cluster("access", "-C", lab.folder, "-o", "json").json["certificates"]
    return {row["id"]: row["state"] for row in rows}


def test_keys_of_the_topology_let_in(lab: Stack, keys: Path) -> None:
    assert login(lab, keys / "alice", "alice", "sudo -n id -u").stdout == "0\n"
    assert login(lab, keys / "bob", "bob", "id -un", "n2").stdout == "bob\n"
    assert DENIED in login(lab, keys / "bob", "alice", "true").stderr
    assert DENIED in login(lab, keys / "bob", "admin", "true").stderr
    assert DENIED in login(lab, keys / "carol", "carol", "true").stderr, "she has no certificate yet"


def test_keys_in_the_home_do_not(lab: Stack, keys: Path) -> None:
    add = f"mkdir -p ~/.ssh; echo '{(keys / 'stranger.pub').read_text().strip()}' > ~/.ssh/authorized_keys"
    assert login(lab, keys / "bob", "bob", add).returncode == 0
    assert DENIED in login(lab, keys / "stranger", "bob", "true").stderr


ESCAPES = [
    "sudo -n sh",
    "sudo -n -s",
    "sudo -n -i",
    "sudo -n -u alice id",
    "sudo -n systemctl status nginx",
    "sudo -n journalctl",
    "sudo -n visudo",
    "sudoedit -n /etc/passwd",
    "sudo -n cluster-operate restart 'haproxy; touch /tmp/escaped'",
    "sudo -n cluster-operate restart ../../tmp/evil",
    "sudo -n cluster-operate restart ssh",
    "sudo -n cluster-operate restart --help",
    "sudo -n cluster-operate drain 'shop/n2; shutdown sessions'",
    "sudo -n cluster-observe logs haproxy '$(touch /tmp/escaped)'",
    "sudo -n cluster-observe logs -- --file=/etc/shadow",
    "sudo -n cluster-observe /bin/sh",
    "sudo -n PYTHONPATH=/tmp/evil cluster-observe status",
    "sudo -n -E env",
    "sudo -n PAGER=/tmp/evil/pager cluster-observe logs haproxy",
    "sudo -n LD_PRELOAD=/tmp/evil/x.so cluster-observe status",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_operator_gets_no_shell(lab: Stack, keys: Path, escape: str) -> None:
    done = login(lab, keys / "bob", "bob", f"{escape} </dev/null")
    assert done.returncode in (1, 2), done
    assert "uid=0" not in done.stdout
    assert lab.on("n1", "test -e /tmp/escaped || echo none") == "none\n"


def test_the_callers_environment_and_folder_do_not_count(lab: Stack, keys: Path) -> None:
    trap = (
        "mkdir -p /tmp/evil; cd /tmp/evil; for name in json csv socket sitecustomize; "
        "do echo 'import os; os.system(\"touch /tmp/escaped\")' > $name.py; done; "
        "printf '#!/bin/sh\\ntouch /tmp/escaped\\n' > systemctl; chmod +x systemctl; "
        "PATH=/tmp/evil:$PATH PYTHONPATH=/tmp/evil PYTHONSTARTUP=/tmp/evil/json.py sudo -n cluster-observe status"
    )
    done = login(lab, keys / "bob", "bob", trap)
    assert done.returncode == 0, done
    assert "haproxy.service" in done.stdout
    assert lab.on("n1", "test -e /tmp/escaped || echo none") == "none\n"


def test_an_operator_operates(lab: Stack, keys: Path) -> None:
    before = lab.on("n1", "systemctl show -P InvocationID haproxy")
    assert login(lab, keys / "bob", "bob", "sudo -n cluster-operate reload haproxy").returncode == 0
    assert lab.on("n1", "systemctl show -P InvocationID haproxy") == before, "a reload is no restart"
    assert login(lab, keys / "bob", "bob", "sudo -n cluster-operate restart haproxy").returncode == 0
    assert lab.on("n1", "systemctl show -P InvocationID haproxy") != before
    assert login(lab, keys / "bob", "bob", "sudo -n cluster-operate drain shop/n2").returncode == 0
    assert "DRAIN" in login(lab, keys / "bob", "bob", "sudo -n cluster-observe backends").stdout
    assert login(lab, keys / "bob", "bob", "sudo -n cluster-operate ready shop/n2").returncode == 0
    assert "DRAIN" not in login(lab, keys / "bob", "bob", "sudo -n cluster-observe backends").stdout


def test_a_broken_configuration_is_not_restarted_into(lab: Stack, keys: Path) -> None:
    lab.on("n1", "cp /etc/haproxy/haproxy.cfg /root/kept; echo nonsense >> /etc/haproxy/haproxy.cfg")
    try:
        done = login(lab, keys / "bob", "bob", "sudo -n cluster-operate restart haproxy")
        assert "was not touched" in done.stdout + done.stderr
        assert lab.on("n1", "systemctl is-active haproxy") == "active\n"
    finally:
        lab.on("n1", "cp /root/kept /etc/haproxy/haproxy.cfg")


def test_a_certificate_lets_in_to_look_and_no_more(lab: Stack, keys: Path) -> None:
    name = grant(lab, keys, "carol", "--for", "1h")
    assert certificates(lab)[name] == "good"
    assert "nginx" in login(lab, keys / "carol", "carol", "sudo -n cluster-observe status", "n2").stdout
    assert login(lab, keys / "carol", "carol", "sudo -n cluster-observe logs nginx 5", "n2").returncode == 0
    for command in ("cluster-operate restart nginx", "systemctl restart nginx", "sh", "cat /etc/shadow"):
        done = login(lab, keys / "carol", "carol", f"sudo -n {command}", "n2")
        assert done.returncode == 1, done
    assert DENIED in login(lab, keys / "carol", "bob", "true").stderr


@pytest.mark.parametrize("how", ["expired", "another authority"])
def test_a_wrong_certificate_is_refused(lab: Stack, keys: Path, how: str) -> None:
    if how == "expired":
        grant(lab, keys, "carol", "--for", "1m")
        assert login(lab, keys / "carol", "carol", "true").returncode == 0
        clock = lambda: DENIED in login(lab, keys / "carol", "carol", "true").stderr  # noqa: E731
        wait_for("the certificate to end", clock, 75, every=3)
        return
    words = ["ssh-keygen", "-q", "-s", str(keys / "stranger"), "-I", "x", "-n", "operator-carol", "-V", "+1h"]
    subprocess.run([*words, str(keys / "carol.pub")], check=True)
    assert DENIED in login(lab, keys / "carol", "carol", "true").stderr


def test_a_revoked_certificate_is_refused_while_the_account_lives(lab: Stack, keys: Path) -> None:
    name = grant(lab, keys, "carol")
    assert login(lab, keys / "carol", "carol", "true").returncode == 0
    before = (lab.folder / "topology.yml").read_text()
    done = cluster("access", "revoke", name, "-C", lab.folder)
    assert done.code == 0, done
    assert certificates(lab)[name] == "revoked"
    after = (lab.folder / "topology.yml").read_text()
    assert "# on Mondays" in after
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    for node in ("n1", "n2"):
        assert DENIED in login(lab, keys / "carol", "carol", "true", node).stderr
    grant(lab, keys, "carol")
    assert login(lab, keys / "carol", "carol", "true").returncode == 0, "only that certificate was void"


@pytest.mark.parametrize(
    ("damage", "lets_in"),
    [("echo nonsense >", False), ("rm", False), (":>", True)],  # to sshd an empty file is an empty list
)
def test_a_list_broken_by_hand_is_put_right(lab: Stack, keys: Path, damage: str, lets_in: bool) -> None:
    path = "/etc/ssh/cluster_revoked_keys"
    before = lab.on("n1", f"sha256sum {path}")
    lab.on("n1", f"{damage} {path}")
    done = login(lab, keys / "bob", "bob", "true")
    assert (done.returncode == 0) is lets_in, done
    assert cluster("up", lab.folder, "--only", "ssh_trust", "--no-verify").code == 0
    assert lab.on("n1", f"sha256sum {path}") == before
    assert login(lab, keys / "bob", "bob", "true").returncode == 0


def test_a_stolen_node_is_shut_out_by_the_others(lab: Stack) -> None:
    go = "runuser -u admin -- ssh -n -o BatchMode=yes -o ConnectTimeout=5 n1 hostname"
    assert lab.on("n2", go) == "n1\n"
    lab.on("n2", "cp -a /home/admin/.ssh/id_cluster* /root/")
    done = cluster("access", "revoke", "n2", "-C", lab.folder)
    assert done.code == 0, done
    stolen = (
        "ssh -n -F none -i /root/id_cluster -o BatchMode=yes -o StrictHostKeyChecking=no admin@10.89.64.11 true"
    )
    assert "denied" in lab.on("n2", f"{stolen} 2>&1; true")
    assert lab.on("n2", go) == "n1\n", "the node itself has a new key and a new certificate"


def test_logins_and_commands_arrive_at_both_collectors(lab: Stack, keys: Path) -> None:
    mark = f"mark-{time.time_ns()}"
    login(lab, keys / "alice", "alice", f"sudo -n true {mark}", "n2")

    def everywhere() -> bool:
        kept = [lab.on(node, "cat /var/log/cluster/audit/n2.log") for node in ("n1", "n2")]
        return all(mark in text and "Accepted publickey for alice" in text for text in kept)

    wait_for("the login and the command on both collectors", everywhere, 20, every=0.5)


def test_no_record_is_lost_while_a_collector_is_away(lab: Stack) -> None:
    mark, many = f"mark-{time.time_ns()}", 3000  # more than the 1000 of a queue without a size
    lab.on("n1", "systemctl stop syslog.socket rsyslog")
    lab.on("n2", f"for i in $(seq {many}); do echo {mark} $i; done | logger -p authpriv.notice -t cluster-test")
    lab.on("n1", "systemctl start syslog.socket rsyslog")
    count = f"grep -o '{mark} [0-9]*' /var/log/cluster/audit/n2.log | sort -u | wc -l"
    wait_for("all records", lambda: int(lab.on("n1", count)) == many, 60, every=0.5)


def test_history_tells_who_did_what(lab: Stack) -> None:
    rows = cluster("history", lab.folder, "--last", "50", "-o", "json").json["runs"]
    assert {"up", "access-grant", "access-revoke"} <= {row["verb"] for row in rows}
    assert all(row["who"] and row["recorded"] for row in rows)
    done = cluster("history", lab.folder, "--verify", "--nodes")
    assert done.code == 0, done


def tampered(lab: Stack, *words: str) -> Done:
    return cluster("history", lab.folder, "--verify", *words)


def test_history_that_was_tampered_with_is_found_out(lab: Stack) -> None:
    path = chain.of(lab.workspace.places.state)
    kept = path.read_bytes()
    lines = kept.splitlines(keepends=True)
    try:
        path.write_bytes(kept.replace(b'"access-revoke"', b'"up"', 1))
        done = tampered(lab)
        assert done.code == 5, done
        n = next(i for i, line in enumerate(lines, 1) if b'"access-revoke"' in line)
        assert f"record {n} does not fit" in done.err
        last = max(i for i, line in enumerate(lines) if json.loads(line)["what"] == "started")
        verb = json.loads(lines[last])["verb"]
        assert verb in ("up", "access-revoke")  # those that speak to the nodes
        path.write_bytes(b"".join(lines[:last]))
        assert tampered(lab).code == 0, "the file alone cannot tell that its end was cut off"
        done = tampered(lab, "--nodes")
        assert done.code == 5, done
        assert "was told of record" in done.err
    finally:
        path.write_bytes(kept)


def test_who_is_taken_out_of_the_topology_is_out(lab: Stack, keys: Path) -> None:
    login(lab, keys / "bob", "bob", "setsid sleep 1000 >/dev/null 2>&1 & echo started")
    path = lab.folder / "topology.yml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "    bob:" not in line))
    done = cluster("up", lab.folder, "--only", "access", "-o", "json", timeout=600)
    assert done.code == 0, done
    assert done.json["verify"]["failed"] == 0
    assert DENIED in login(lab, keys / "bob", "bob", "true").stderr
    assert lab.on("n1", "pgrep -u bob || echo none") == "none\n"
    assert lab.on("n1", "stat -c %U /home/bob") == "bob\n", "his files stay his"
    again = cluster("up", lab.folder, "--only", "access", "--no-verify", "-o", "json")
    assert again.json["changed"] == 0, again
