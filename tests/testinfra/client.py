"""What a client of the cluster sees: plain requests from the control machine, no proxy in between."""

import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

import pytest

SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. server: the node that says it served this, '' when it does not say."""

    status: int
    headers: Message
    body: str

    @property
    def server(self) -> str:
        return str(self.headers.get("X-Served-By", ""))


def get(address: str, port: int, path: str = "/", **headers: str) -> Answer:
    """Ask for a page over a connection of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
    finally:
        connection.close()


def stays_open(address: str, port: int, seconds: float = 0.5) -> bool:
    """Whether a connection is kept. A balancer without a server behind accepts it and closes it at once."""
    with socket.create_connection((address, port), timeout=SECONDS) as connection:
        connection.settimeout(seconds)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True


def pages(node: Any, engine: str) -> Iterator[tuple[str, dict[str, Any], str, int, str]]:
    """The HTTP frontends of a balancer: (name, backend, address, port, a path that is known to answer)."""
    for name, backend, address, port in ports(node, engine, "http"):
        check = backend["check"]
        yield name, backend, address, port, check["path"] if check["type"] == "http" else "/"


def ports(node: Any, engine: str, mode: str) -> Iterator[tuple[str, dict[str, Any], str, int]]:
    """The frontends of a balancer in one mode: (name, backend, address, port)."""
    backends = {backend["name"]: backend for backend in node.vars[f"{engine}_backends"]}
    for frontend in node.vars[f"{engine}_frontends"]:
        if frontend["mode"] == mode:
            address, port = frontend["binds"][0].rsplit(":", 1)
            own = address in ("*", "0.0.0.0")
            yield frontend["name"], backends[frontend["backend"]], node.address if own else address, int(port)


def active(backend: dict[str, Any]) -> list[dict[str, Any]]:
    """The servers of a backend that get traffic while all is well."""
    weighty = [server for server in backend["servers"] if server.get("weight", 1) > 0]  # the others are drained
    return [server for server in weighty if not server.get("backup")] or weighty[:1]


def servers_seen(backend: dict[str, Any], address: str, port: int, path: str) -> set[str]:
    """Who answers when asked often enough for every active server to have its turn twice."""
    wanted = len(active(backend))
    seen: set[str] = set()
    for _ in range(2 * sum(server.get("weight", 1) for server in active(backend))):
        answer = get(address, port, path)
        assert answer.status == 200, f"{address}:{port}{path} answers {answer.status}"
        seen.add(answer.server)
        if len(seen) == wanted:
            break
    return seen


def http_frontends_reach_their_servers(node: Any, engine: str) -> None:
    """Each answers; one that takes its servers in turn reaches all of them."""
    for name, backend, address, port, path in pages(node, engine):
        if backend["balance"] != "roundrobin" or backend["sticky"] == "source":
            assert get(address, port, path).status == 200, name
            continue
        seen = servers_seen(backend, address, port, path)
        assert seen == {""} or len(seen) == len(active(backend)), f"{name} reaches only {seen}"


def tcp_frontends_reach_a_server(node: Any, engine: str) -> None:
    """Each keeps a connection open."""
    for name, _, address, port in ports(node, engine, "tcp"):
        assert stays_open(address, port), f"{name} closes at once: no server is up"


def clients_stick(node: Any, engine: str) -> None:
    """A client meets the same server again; skipped where no backend promises it."""
    sticky = [page for page in pages(node, engine) if page[1]["sticky"] != "none"]
    if not sticky:
        pytest.skip("no backend of this node is sticky")
    for name, backend, address, port, path in sticky:
        first = get(address, port, path)
        cookie = first.headers.get("Set-Cookie", "").split(";")[0]
        if backend["sticky"] == "cookie":
            assert cookie.startswith(f"{backend['cookie']}="), f"{name} sets no cookie"
        again = {get(address, port, path, Cookie=cookie).server for _ in range(4)}
        assert again == {first.server}, f"{name} sent one client to {again | {first.server}}"
