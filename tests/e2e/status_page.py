"""The status page as a person's browser gets it, with the certificate of `cluster certs browser`, read as HTML."""

import ssl
import time
import urllib.request
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from cluster_cli.page import addresses
from cluster_cli.show.status import colour

from .chromium import Chromium, chromium
from .command import cluster
from .conftest import Stack

PASSPHRASE = "only for this test"


class Shown(HTMLParser):
    """What stands on it, in the words of `cluster status -o json` as far as both say it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.state = ""
        self.nodes: dict[str, str] = {}
        self.holders: dict[str, list[str]] = {}
        self.backends: dict[str, list[str]] = {}
        self.writes: dict[str, list[str]] = {}
        self.alerts: set[str] = set()
        self.runs: list[tuple[str, str]] = []  # run, and what came of it
        self.problems: list[str] = []
        self._row: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "body":
            self.state = known["data-state"]
        elif "data-node" in known:
            self.nodes[known["data-node"]] = known["data-state"]
        elif "data-alert" in known:
            self.alerts.add(known["data-alert"])
        elif "data-run" in known:
            self.runs.append((known["data-run"], known["data-result"]))
        for mark, rows in (("virtual-ip", self.holders), ("backend", self.backends), ("writes", self.writes)):
            if f"data-{mark}" in known:
                self._row = rows.setdefault(known[f"data-{mark}"], [])
        if tag in ("tr", "section") and not any(mark.startswith("data-") for mark in known):
            self._row = []
        if tag == "li":
            self._within = "problem"
        elif tag == "span" and "pill" in known.get("class", ""):
            self._within = "pill"

    def handle_data(self, data: str) -> None:
        if self._within == "problem":
            self.problems.append(data)
        elif self._within == "pill" and data != "nobody":
            self._row.append(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._within = ""


class Browser:
    """A person's browser: with the root the person trusts, and the certificate the person imported."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        words, bundle, pem = folder / "passphrase", folder / "browser.p12", folder / "browser.pem"
        words.write_text(PASSPHRASE)
        done = cluster("certs", "browser", "-C", stack.folder, "--passphrase-file", words, bundle)
        assert done.code == 0, done
        assert bundle.stat().st_mode & 0o077 == 0
        found = load_pkcs12(bundle.read_bytes(), PASSPHRASE.encode())
        assert found.key
        assert found.cert
        chain = [found.cert, *found.additional_certs]
        key = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.touch(0o600)
        pem.write_bytes(key + b"".join(each.certificate.public_bytes(Encoding.PEM) for each in chain))
        self.root = cluster("certs", "authority", "-C", stack.folder).out
        self.addresses = addresses(stack.workspace.inventory)
        assert all(address in done.err for address in self.addresses)
        self.certificate, self.bundle = pem, bundle

    def as_chromium(self, home: Path) -> AbstractContextManager[Chromium]:
        """A real browser that has imported the same. home: an empty folder."""
        return chromium(home, self.bundle, PASSPHRASE, self.root, self.addresses)

    def get(self, address: str = "", *, shows: bool = True) -> str:
        """The text of the page, over a connection of its own. shows: the certificate."""
        context = ssl.create_default_context(cadata=self.root)
        if shows:
            context.load_cert_chain(self.certificate)
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        opener = urllib.request.build_opener(*handlers)
        with opener.open(address or self.addresses[0], timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/html")
            text: str = answer.read().decode()
        return text

    def shown(self) -> Shown:
        """What stands on it now."""
        return Shown(self.get())

    def seconds(self, times: int) -> list[float]:
        """How long it takes, from the first packet to the last, the longest last."""
        found = []
        for _ in range(times):
            began = time.monotonic()
            self.get()
            found.append(time.monotonic() - began)
        return sorted(found)


def differences(shown: Shown, status: Mapping[str, Any]) -> list[str]:
    """In what the page and `cluster status` do not agree."""
    backends = {
        f"{balancer}/{name}": sorted(server for server, each in backend["servers"].items() if each["up"])
        for balancer, row in status["load_balancers"].items()
        for name, backend in row["backends"].items()
    }
    up = {
        name: sorted(word.removesuffix(" up") for word in words if word.endswith(" up"))
        for name, words in shown.backends.items()
    }
    said = {
        "healthy": (shown.state in ("ok", "warn"), status["healthy"]),
        "nodes": (shown.nodes, {name: colour(name, row, status) for name, row in status["nodes"].items()}),
        "holders": (
            {address: sorted(names) for address, names in shown.holders.items()},
            {address: sorted(row["holders"]) for address, row in status["virtual_ips"].items()},
        ),
        "backends": (up, backends),
        "runs": (shown.runs, [(row["run"], row["result"]) for row in status["runs"]]),
        "alerts": (shown.alerts, {row["name"] for row in status["alerts"] if row["state"] != "silenced"}),
        "writes": (
            shown.writes,
            {name: [row["primary"]] if row["writable"] else [] for name, row in status["databases"].items()},
        ),
    }
    return [f"{what}: page {page}, status {status}" for what, (page, status) in said.items() if page != status]
