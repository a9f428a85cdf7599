"""Who is told of alerts: a receiver that keeps what it hears, and faults that stay until it has heard of them."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster_cli.secrets.store import Secrets

from .command import cluster, wait_for
from .conftest import Stack, place, running

TOKEN = "a-token-for-this-test"
ABOUT = ("instance", "address", "proxy", "database")  # labels that say what an alert is about; the first counts
PATIENCE = 60  # seconds; an alert takes five or so, and this machine may be busy


@dataclass
class Receiver:
    """Who is told: keeps what each alert was last told to be."""

    port: int = 0
    state: dict[tuple[str, str], str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    strangers: int = 0
    deaf: bool = False  # it answers with an error

    def take(self, document: dict[str, list[dict[str, dict[str, str]]]]) -> None:
        """A call of Alertmanager's."""
        for alert in document["alerts"]:
            labels = alert["labels"]
            about = next((labels[each] for each in ABOUT if labels.get(each)), "")
            self.state[labels["alertname"], about] = str(alert["status"])
            self.heard.append(alert["annotations"]["summary"])

    def waited(self, wanted: set[tuple[str, str]], status: str, seconds: float) -> float:
        """Wait until each of these was last told to be so; the seconds it took. AssertionError: which were not."""

        def lacking() -> set[tuple[str, str]]:
            return {each for each in wanted if self.state.get(each) != status}

        try:
            return wait_for(f"{wanted} to be {status}", lambda: not lacking(), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; lacking: {lacking()}") from None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take calls meanwhile, on all addresses of this machine."""
        receiver = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                receiver.strangers += not known
                if known and not receiver.deaf:
                    receiver.take(json.loads(body))
                self.send_response((500 if receiver.deaf else 200) if known else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("", 0), Hook)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextmanager
def stand(receiver: Receiver, folder: Path, text: str) -> Iterator[Stack]:
    """A lab whose alerts come to a receiver, by a token that is among its secrets."""
    name = re.findall(r"^name: (\S+)", text, re.MULTILINE)[0]
    Secrets.open(place(folder) / "secrets.yml", name).ensure("hook_token", lambda: TOKEN)
    with running(folder, text.replace("PORT", str(receiver.port))) as found:
        yield found


def firing(stack: Stack) -> dict[tuple[str, str], str]:
    """By `cluster alerts`: what fires, with its severity."""
    done = cluster("alerts", "-C", stack.folder, "-o", "json")
    assert done.code in (0, 1), done
    rows = [row for row in done.json["alerts"] if row["state"] == "firing"]
    assert (done.code == 1) == bool(rows)
    return {(row["name"], row["labels"].get("instance", "")): row["severity"] for row in rows}


def provoke(
    stack: Stack,
    receiver: Receiver,
    faults: Mapping[str, str],
    wanted: set[tuple[str, str]],
    seconds: float = PATIENCE,
) -> None:
    """Run a command on each node, and wait until the receiver was told of what is wanted."""
    for node, command in faults.items():
        stack.on(node, command)
    took = receiver.waited(wanted, "firing", seconds)
    print(f"told of {len(wanted)} alerts {took:.1f} s after the faults")


def over(receiver: Receiver, wanted: set[tuple[str, str]]) -> None:
    """Wait until the receiver was told that these are over."""
    took = receiver.waited(wanted, "resolved", PATIENCE)
    print(f"told of their end {took:.1f} s after the faults were gone")
