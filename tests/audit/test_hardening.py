"""What auditors we did not write say of a balancer, a web server and a time server: lynis and ssh-audit."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, running

LYNIS_SECONDS = 600  # it is installed first, and looks at everything on a machine that does other things, too
INDEX = 75  # lynis, of 100; a bare node has 60
REPORT = "/var/log/lynis-report.dat"
RUN_LYNIS = f"""export LC_ALL=C DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -yqq --no-install-recommends install lynis >/dev/null 2>&1
lynis audit system --quick --quiet --no-colors >/dev/null 2>&1
cat {REPORT}"""
SSH_AUDIT = Path(sys.executable).parent / "ssh-audit"
LAB = """\
name: audit-hardening
provider: podman
network: {subnet: 10.89.67.0/24}
nodes: {lb1: {}, web1: {}, time1: {}}
time: {servers: [time1]}
load_balancers:
  edge:
    nodes: [lb1]
    frontends: {shop: {bind: 80, backend: shop}}
    backends: {shop: {nodes: [web1], port: 80}}
web: {shop: {nodes: [web1]}}
"""


KEY_AND_CERTIFICATE = {"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"}  # one host key, signed by the cluster


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("hardening"), LAB) as found:
        yield found


def lynis(stack: Stack, node: str) -> dict[str, list[str]]:
    """The report of one node: each key with its values."""
    found: dict[str, list[str]] = {}
    for line in stack.on(node, RUN_LYNIS, seconds=LYNIS_SECONDS).splitlines():
        key, _, value = line.partition("=")
        found.setdefault(key.removesuffix("[]"), []).append(value)
    return found


def test_lynis_finds_hardened_nodes_and_warns_of_nothing(stack: Stack) -> None:
    nodes = [host.name for host in stack.workspace.inventory.hosts]
    with ThreadPoolExecutor(2) as pool:
        reports = dict(zip(nodes, pool.map(lambda node: lynis(stack, node), nodes), strict=True))
    for node, report in reports.items():
        print(f"lynis {report['lynis_version'][0]}, {node}: index {report['hardening_index'][0]}")
        print(*(f"  warning: {line}" for line in report.get("warning", [])), sep="\n")
    left = Counter("|".join(line.split("|")[:3]) for report in reports.values() for line in report["suggestion"])
    print("suggestions left:", *(f"  {count} nodes: {line}" for line, count in left.items()), sep="\n")
    assert {node: report["warning"] for node, report in reports.items() if "warning" in report} == {}
    assert min(int(report["hardening_index"][0]) for report in reports.values()) >= INDEX


def test_ssh_audit_finds_no_failure(stack: Stack) -> None:
    for host in stack.workspace.inventory.hosts:
        words = [str(SSH_AUDIT), "-jj", "--skip-rate-test", host.address]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        report = json.loads(done.stdout)
        kinds = ("kex", "key", "enc", "mac")
        notes = [(row["algorithm"], row.get("notes", {})) for kind in kinds for row in report[kind]]
        failures = [(name, note["fail"]) for name, note in notes if "fail" in note]
        warnings = [(name, note["warn"]) for name, note in notes if "warn" in note]
        print(f"ssh-audit, {host.name}: exit {done.returncode}, {len(failures)} failures, warnings: {warnings}")
        assert failures == []
        assert done.returncode in (0, 2), "1 is no connection, 3 a failure"
        assert report["kex"][0]["algorithm"].startswith(("mlkem", "sntrup")), "post-quantum comes first"
        assert {row["algorithm"] for row in report["key"]} == KEY_AND_CERTIFICATE


def test_a_replaced_library_is_in_use_no_more_after_the_updates(stack: Stack) -> None:
    process = "systemctl show --property=MainPID --value haproxy"
    replaced = f"file=$(awk '/libcrypto/ {{print $6; exit}}' /proc/$({process})/maps)"
    before = stack.on("lb1", process)
    stack.on("lb1", f"{replaced}; cp -a $file $file.new && mv $file.new $file")
    said = stack.on(
        "lb1", "systemctl start apt-daily-upgrade.service; journalctl -u apt-daily-upgrade -o cat -n 20"
    )
    assert "haproxy.service: restarted" in said
    assert stack.on("lb1", process) != before
    assert "haproxy" not in stack.on("lb1", "/usr/local/lib/cluster/restart-outdated list")
