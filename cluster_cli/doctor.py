"""Is this control machine fit? Each finding says how to mend it."""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cluster_cli.lab.probe import Check, checks
from cluster_cli.places import PACKAGE, shipped

NEEDED = ("ansible-core", "ansible-runner", "pytest-testinfra", "pydantic", "ruamel.yaml", "cryptography")
OLDEST = (3, 11)


def examine(cluster: Path | None, engine: str | None) -> list[Check]:
    """All findings. cluster: a topology whose provider is looked at; engine: or this one; else what is there."""
    found = [*python_checks(), *program_checks(), *shipped_checks()]
    if engine is None and cluster is not None:
        from cluster_cli.workspace import Workspace

        provider = Workspace.open(cluster).topology.provider
        engine = None if provider == "existing" else provider
        if engine is None:
            return found
    return found + checks(
        engine or ("docker" if shutil.which("docker") and not shutil.which("podman") else "podman")
    )


def python_checks() -> Iterator[Check]:
    """Python and the packages we stand on."""
    running = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info[:2] >= OLDEST
    yield Check("python", "ok" if fits else "fail", running, "install Python 3.11 or newer")
    for name in NEEDED:
        try:
            yield Check(name, "ok", version(name), "")
        except PackageNotFoundError:
            yield Check(name, "fail", "not installed", "pip install -r requirements.lock, or: make setup")


def program_checks() -> Iterator[Check]:
    """Programs we call."""
    for name, package in (("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
        path = shutil.which(name)
        yield Check(name, "ok" if path else "fail", path or "not found", f"apt-get install {package}")
    beside = Path(sys.executable).parent / "ansible-playbook"
    path = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    yield Check("ansible-playbook", "ok" if path else "fail", path or "not found", "make setup")


def shipped_checks() -> Iterator[Check]:
    """What ships with us: playbooks, roles, tests, and the cluster.core collection."""
    places = {
        "playbooks": shipped("playbooks") / "site.yml",
        "roles": shipped("roles") / "base",
        "verification": shipped("tests") / "testinfra" / "conftest.py",
        "collection cluster.core": PACKAGE / "collections/ansible_collections/cluster/core/README.md",
    }
    for name, path in places.items():
        there = path.exists()
        yield Check(
            name, "ok" if there else "fail", "there" if there else f"missing: {path}", "install cluster anew"
        )
