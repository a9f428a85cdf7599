"""What sslyze, an auditor we did not write, says of the TLS that haproxy and nginx speak with clients."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import cluster
from tests.e2e.conftest import Stack, running

VERSION = "6.3.1"
SECONDS = 300
LAB = """\
name: audit-tls
provider: podman
network: {subnet: 10.89.69.0/24}
nodes: {lb1: {}, lb2: {}, web1: {}}
load_balancers:
  edge:
    nodes: [lb1]
    frontends: &frontends
      plain: {bind: 80, redirect: secure}
      secure: {bind: 443, backend: shop, tls: {names: [shop.example.com]}}
      strict: {bind: 8443, backend: shop, tls: {minimum: "1.3"}}
      wire: {bind: 9443, mode: tcp, backend: wire, tls: {}}
    backends: &backends
      shop: {nodes: [web1], port: 80}
      wire: {nodes: [web1], port: 80, mode: tcp}
  side: {engine: nginx, nodes: [lb2], frontends: *frontends, backends: *backends}
web: {shop: {nodes: [web1]}}
"""
ADDRESSES = {"haproxy": "10.89.69.11", "nginx": "10.89.69.12"}
INTERMEDIATE, MODERN = (443, 9443), (8443,)
OLD = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("tls")
    with running(folder, LAB) as found:
        (folder / "root.pem").write_text(cluster("certs", "authority", "-C", folder).out)
        yield found


@pytest.fixture(scope="module")
def sslyze() -> Path:
    """The scanner in an environment of its own: it wants an older `cryptography` than we do."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cluster" / f"sslyze-{VERSION}"
    program = folder / "bin" / "sslyze"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, timeout=SECONDS)
        words = [folder / "bin" / "pip", "install", "--quiet", f"sslyze=={VERSION}"]
        subprocess.run(words, check=True, timeout=SECONDS)
    return program


def scan(sslyze: Path, stack: Stack, profile: str, address: str, port: int) -> tuple[dict[str, Any], str]:
    """The scanner's report of one endpoint, as it is and as people read it."""
    report = stack.folder / f"sslyze-{address}-{port}.json"
    words = [sslyze, f"--mozilla_config={profile}", "--certinfo_ca_file", stack.folder / "root.pem"]
    words += ["--compression", "--reneg", "--heartbleed", "--json_out", report, f"{address}:{port}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    verdict = done.stdout[done.stdout.index("COMPLIANCE") :] if "COMPLIANCE" in done.stdout else done.stdout
    (result,) = json.loads(report.read_text())["server_scan_results"]
    return result["scan_result"], verdict


@pytest.mark.parametrize("port", [*INTERMEDIATE, *MODERN])
@pytest.mark.parametrize("engine", ADDRESSES)
def test_no_weak_protocol_cipher_or_habit(stack: Stack, sslyze: Path, engine: str, port: int) -> None:
    profile = "modern" if port in MODERN else "intermediate"
    found, verdict = scan(sslyze, stack, profile, ADDRESSES[engine], port)
    ciphers = {version: accepted(found, version) for version in (*OLD, "tls_1_2", "tls_1_3")}
    print(
        f"sslyze {VERSION}, {engine} on port {port}, Mozilla {profile}: {verdict.strip().splitlines()[-1].strip()}"
    )
    for version in ("tls_1_2", "tls_1_3"):
        print(f"  {version}: {' '.join(ciphers[version]) or 'none'}")
    assert not any(ciphers[version] for version in OLD)
    assert ciphers["tls_1_3"]
    assert bool(ciphers["tls_1_2"]) is (port in INTERMEDIATE)
    assert all("ECDHE" in name and ("GCM" in name or "CHACHA20" in name) for name in ciphers["tls_1_2"])
    assert not found["tls_compression"]["result"]["supports_compression"]
    assert not found["heartbleed"]["result"]["is_vulnerable_to_heartbleed"]
    if port in INTERMEDIATE:
        assert found["session_renegotiation"]["result"]["supports_secure_renegotiation"]
    assert not found["session_renegotiation"]["result"]["is_vulnerable_to_client_renegotiation_dos"]
    assert ": OK" in verdict or "Compliant" in verdict, verdict


@pytest.mark.parametrize("engine", ADDRESSES)
def test_the_scanner_believes_the_chain(stack: Stack, sslyze: Path, engine: str) -> None:
    found, _ = scan(sslyze, stack, "intermediate", ADDRESSES[engine], 443)
    (deployment,) = found["certificate_info"]["result"]["certificate_deployments"]
    assert deployment["received_chain_has_valid_order"]
    assert not deployment["received_chain_contains_anchor_certificate"]
    believed = {
        Path(row["trust_store"]["path"]).name: row["was_validation_successful"]
        for row in deployment["path_validation_results"]
    }
    assert believed["root.pem"]


def accepted(found: dict[str, Any], version: str) -> list[str]:
    """The cipher suites a server takes in one version of the protocol."""
    rows = found[f"{version}_cipher_suites"]["result"]["accepted_cipher_suites"]
    return [row["cipher_suite"]["name"] for row in rows]
