"""Clients that see what users see: one that polls every 10 ms, and one that loads."""

import http.client
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

POLL_SECONDS = 0.010
PATIENCE = 0.1  # a poll that takes longer has failed; it bounds what a gap can be off by


def get(address: str, path: str = "/", timeout: float = 3.0) -> tuple[int, str]:
    """One GET over a connection of its own: the status, and the node that says it answered."""
    connection = http.client.HTTPConnection(address, 80, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("X-Served-By", "")
    finally:
        connection.close()


@dataclass(frozen=True)
class Secure:
    """A client that comes over TLS on port 443, checks the certificate, and asks for this name."""

    context: ssl.SSLContext
    name: str

    def get(self, address: str, path: str = "/", timeout: float = 3.0) -> tuple[int, str]:
        """One GET over a connection of its own, as `get`."""
        connection = http.client.HTTPConnection(address, 443, timeout=timeout)
        plain = socket.create_connection((address, 443), timeout=timeout)
        connection.sock = self.context.wrap_socket(plain, server_hostname=self.name)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("X-Served-By", "")
        finally:
            connection.close()


@dataclass
class Poller:
    """Asks an address every 10 ms and notes when it answered.

    good: the moments (monotonic seconds) of good answers, in order.
    """

    address: str
    good: list[float] = field(default_factory=list)
    failed: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Poller":
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                if get(self.address, timeout=PATIENCE)[0] == 200:
                    self.good.append(time.monotonic())
                else:
                    self.failed += 1
            except OSError:
                self.failed += 1
            self._over.wait(max(0.0, POLL_SECONDS - (time.monotonic() - began)))

    def gap(self, since: float) -> float:
        """The longest time between two good answers after `since`, in seconds."""
        moments = [since, *(moment for moment in self.good if moment > since)]
        return max((later - sooner for sooner, later in zip(moments, moments[1:], strict=False)), default=0.0)

    def answered_since(self, moment: float) -> bool:
        """Whether there was a good answer after that moment."""
        return bool(self.good) and self.good[-1] > moment


@dataclass
class Load:
    """Clients in a closed loop, each request over a connection of its own.

    good: answers per node; bad: failures with their reasons.
    """

    address: str
    clients: int = 8
    get: Callable[..., tuple[int, str]] = get
    good: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                status, server = self.get(self.address, timeout=10)
                if status == 200:
                    self.good[server] += 1
                else:
                    self.bad.append(f"status {status}")
            except (OSError, http.client.HTTPException) as error:
                self.bad.append(f"{type(error).__name__}: {error}")

    def run(self, seconds: float) -> None:
        """Let it run for some seconds."""
        self._over.wait(seconds)
