"""Chromium, headless, with a person's certificate imported as `cluster certs browser` says."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Else somebody has to choose a certificate in a window (Chrome's enterprise policies).
POLICY = Path("/etc/chromium/policies/managed/cluster-e2e.json")
SECONDS = 120


@dataclass(frozen=True)
class Chromium:
    """A browser with a home of its own: nobody else's certificates, and no network beyond this machine's."""

    home: Path

    def run(self, *words: str) -> str:
        """What it printed. Raises CalledProcessError."""
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--timeout=30000")
        done = subprocess.run(
            ["chromium", *flags, f"--user-data-dir={self.home}/profile", *words],
            env={**os.environ, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        return done.stdout

    def dom(self, address: str) -> str:
        """The document it made of a page, as HTML."""
        return self.run("--dump-dom", address)

    def drawn(self, address: str, place: Path) -> bytes:
        """A picture of the page, as PNG."""
        self.run("--window-size=1280,1800", f"--screenshot={place}", address)
        return place.read_bytes()


@contextmanager
def chromium(home: Path, bundle: Path, passphrase: str, root: str, addresses: list[str]) -> Iterator[Chromium]:
    """One that shows the bundle's certificate to these addresses. root: PEM; home: an empty folder."""
    if missing := [name for name in ("chromium", "certutil", "pk12util") if not shutil.which(name)]:
        pytest.fail(f"this machine has no {', '.join(missing)}: scripts/setup browser")
    store, authority, words = home / ".pki/nssdb", home / "root.pem", home / "passphrase"
    store.mkdir(parents=True)
    authority.write_text(root)
    words.write_text(passphrase)
    where = ("-d", f"sql:{store}")
    for command in (
        ("certutil", "-N", *where, "--empty-password"),
        ("certutil", "-A", *where, "-n", "root", "-t", "C,,", "-i", str(authority)),
        ("pk12util", *where, "-i", str(bundle), "-w", str(words)),
    ):
        subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    choose = [json.dumps({"pattern": address, "filter": {}}) for address in addresses]
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(json.dumps({"AutoSelectCertificateForUrls": choose}))
    try:
        yield Chromium(home)
    finally:
        POLICY.unlink()
