"""What a client of the cluster sees: plain requests from the control machine, no proxy in between."""

import base64
import http.client
import socket
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import tls
from tls import Tls

from cluster_cli.secrets.store import Secrets

SECONDS = 3.0
PATIENCE = 4.0
HELD = 7.0  # longer than a balancer holds a connection back (roles/haproxy: __haproxy_wait_seconds)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. server: the node that says it served this, '' when it does not say."""

    status: int
    headers: Message
    body: str

    @property
    def server(self) -> str:
        return str(self.headers.get("X-Served-By", ""))


def connect(address: str, port: int, over: Tls | None = None) -> socket.socket:
    """A connection of its own; over TLS the certificate is checked."""
    connection = socket.create_connection((address, port), timeout=SECONDS)
    return over.context.wrap_socket(connection, server_hostname=over.name or address) if over else connection


def get(address: str, port: int, path: str = "/", over: Tls | None = None, **headers: str) -> Answer:
    """Ask for a page over a connection of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    connection.sock = connect(address, port, over)
    try:
        connection.request("GET", path, headers={"Connection": "close", **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
    finally:
        connection.close()


def patience(backend: dict[str, Any]) -> float:
    """After how many seconds a connection that is still open leads somewhere. A database speaks first, at once."""
    return HELD if backend.get("one_at_a_time") else 0.5


def stays_open(address: str, port: int, over: Tls | None, seconds: float) -> bool:
    """Whether a connection is kept. A balancer without a server behind accepts it and closes it at once."""
    with connect(address, port, over) as connection:
        connection.settimeout(seconds)
        try:
            return connection.recv(1) != b""
        except TimeoutError:
            return True


@dataclass(frozen=True)
class Door:
    """Where clients come in to a backend."""

    name: str
    backend: dict[str, Any]
    address: str
    port: int
    over: Tls | None

    @property
    def path(self) -> str:
        """A path that is known to answer."""
        check = self.backend["check"]
        return str(check["path"]) if check["type"] == "http" else "/"

    def get(self, **headers: str) -> Answer:
        """Ask for that page."""
        return get(self.address, self.port, self.path, self.over, **headers)


def doors(node: Any, engine: str, mode: str) -> Iterator[Door]:
    """The frontends of a balancer in one mode that lead to a backend."""
    backends = {backend["name"]: backend for backend in node.vars[f"{engine}_backends"]}
    for frontend in node.vars[f"{engine}_frontends"]:
        if frontend["mode"] == mode and "backend" in frontend:
            address, port = place(node, frontend)
            over = tls.of_frontend(node, frontend)
            yield Door(frontend["name"], backends[frontend["backend"]], address, port, over)


def place(node: Any, frontend: dict[str, Any]) -> tuple[str, int]:
    """An address and the port of a frontend."""
    address, port = frontend["binds"][0].rsplit(":", 1)
    return node.address if address in ("*", "0.0.0.0") else address, int(port)


def active(backend: dict[str, Any]) -> list[dict[str, Any]]:
    """The servers of a backend that get traffic while all is well."""
    weighty = [server for server in backend["servers"] if server.get("weight", 1) > 0]  # the others are drained
    return [server for server in weighty if not server.get("backup")] or weighty[:1]


def servers_seen(door: Door) -> set[str]:
    """Who answers when asked often enough for every active server to have its turn twice, and for a while.

    The while is for a server whose last check was late: it is out of turn until two checks passed.
    """
    wanted = len(active(door.backend))
    turns = 2 * sum(server.get("weight", 1) for server in active(door.backend))
    patience = time.monotonic() + PATIENCE
    seen: set[str] = set()
    while len(seen) < wanted and (turns > 0 or time.monotonic() < patience):
        turns -= 1
        answer = door.get()
        assert answer.status == 200, f"{door.address}:{door.port}{door.path} answers {answer.status}"
        seen.add(answer.server)
        if "" in seen:
            break  # they do not say who they are
    return seen


def http_frontends_reach_their_servers(node: Any, engine: str) -> None:
    """Each answers; one that takes its servers in turn reaches all of them."""
    for door in doors(node, engine, "http"):
        if door.backend["balance"] != "roundrobin" or door.backend["sticky"] == "source":
            assert door.get().status == 200, door.name
            continue
        seen = servers_seen(door)
        assert seen == {""} or len(seen) == len(active(door.backend)), f"{door.name} reaches only {seen}"


def tcp_frontends_reach_a_server(node: Any, engine: str, shut: Container[str] = ()) -> None:
    """Each keeps a connection open; one to a backend that is shut on purpose closes it."""
    for door in doors(node, engine, "tcp"):
        kept = stays_open(door.address, door.port, door.over, patience(door.backend))
        if door.backend["name"] in shut:
            assert not kept, f"{door.name} leads to a fenced database"
        else:
            assert kept, f"{door.name} closes at once: no server is up"


def clients_stick(node: Any, engine: str) -> None:
    """A client meets the same server again; skipped where no backend promises it."""
    sticky = [door for door in doors(node, engine, "http") if door.backend["sticky"] != "none"]
    if not sticky:
        pytest.skip("no backend of this node is sticky")
    for door in sticky:
        first = door.get()
        cookie = first.headers.get("Set-Cookie", "").split(";")[0]
        if door.backend["sticky"] == "cookie":
            assert cookie.startswith(f"{door.backend['cookie']}="), f"{door.name} sets no cookie"
        again = {door.get(Cookie=cookie).server for _ in range(4)}
        assert again == {first.server}, f"{door.name} sent one client to {again | {first.server}}"


def redirects_lead_to_tls(node: Any, engine: str) -> None:
    """Who comes over plain HTTP is sent to the same page over TLS; skipped where no frontend does that."""
    redirects = [row for row in node.vars[f"{engine}_frontends"] if "redirect_port" in row]
    if not redirects:
        pytest.skip("no frontend of this node redirects")
    for row in redirects:
        answer = get(*place(node, row), "/a/page?x=1", Host="shop.example.com")
        port = "" if row["redirect_port"] == 443 else f":{row['redirect_port']}"
        assert answer.status == 308, row["name"]
        assert answer.headers["Location"] == f"https://shop.example.com{port}/a/page?x=1"


def statistics(node: Any, engine: str, path: str) -> tuple[int, int]:
    """The status a balancer's own page gives to somebody without and with the password; 0 for no answer."""
    secrets = Secrets.open(Path(node.vars["cluster_secrets"]), node.vars["cluster_name"])
    known = base64.b64encode(f"stats:{secrets.get('stats_password')}".encode()).decode()
    stats = node.vars[f"{engine}_stats"]
    address = node.address if stats["address"] in ("*", "0.0.0.0") else stats["address"]
    try:
        without = get(address, stats["port"], path).status
        return without, get(address, stats["port"], path, Authorization=f"Basic {known}").status
    except OSError:
        return 0, 0


def statistics_need_the_password(answers: tuple[int, int]) -> None:
    """Skipped where the control machine may not even ask."""
    if answers in ((0, 0), (403, 403)):
        pytest.skip("this machine is not among those that may read the statistics")
    assert answers == (401, 200)
