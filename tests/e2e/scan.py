"""Calls every port of an address from somewhere in a lab: from a node, or from an address that is nobody's."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address

from cluster_cli.topology.listeners import listeners
from cluster_cli.topology.model import Topology

from .conftest import Stack

EVERY_TCP_PORT = range(1, 65536)
SOME_UDP_PORTS = (53, 67, 68, 111, 123, 137, 161, 323, 500, 514, 546, 694, 1900, 5353, 5405, 8404)
# Runs there with nothing but Python. A port answers when it accepts or refuses; silence is a filter's.
PROGRAM = """
import errno, json, select, socket, sys, time
target, protocol, ports = json.load(sys.stdin)
NTP = bytes([0x1B]) + bytes(47)

def answers(chunk, seconds):
    found, waiting, poll = set(), {}, select.epoll()
    for port in chunk:
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        call = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        call.connect_ex((target, port))
        if protocol == "udp":
            call.send(NTP)
        waiting[call.fileno()] = (call, port)
        poll.register(call, select.EPOLLOUT if protocol == "tcp" else select.EPOLLIN)
    end = time.monotonic() + seconds
    while waiting and time.monotonic() < end:
        for number, _ in poll.poll(max(0, end - time.monotonic())):
            call, port = waiting.pop(number)
            if call.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED):
                found.add(port)
            poll.unregister(call)
            call.close()
    for call, _ in waiting.values():
        call.close()
    return found

found = set()
for start in range(0, len(ports), 8000):
    found |= answers(ports[start:start + 8000], 1.0)
print(json.dumps(sorted(found)))
"""


@dataclass(frozen=True)
class Place:
    """Somewhere to call from. node: empty for an address that is nobody's."""

    address: IPv4Address
    node: str = ""


def calls(stack: Stack, place: Place, target: str, protocol: str, ports: "range | tuple[int, ...]") -> set[int]:
    """The ports of the target that answer."""
    words, stdin = ["python3", "-c", PROGRAM], json.dumps([target, protocol, list(ports)])
    if place.node:
        done = stack.lab.exec(place.node, words, stdin=stdin, timeout=300)
    else:
        engine, some = stack.lab.engine, next(iter(stack.workspace.topology.nodes))
        about = f"{stack.lab.name}-{some}"
        image = engine.run("inspect", "--format", "{{.Image}}", about).strip()
        network = engine.run(
            "inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", about
        )
        flags = ["--rm", "--interactive", "--network", network.split()[0], "--ip", str(place.address)]
        flags += engine.node_flags()
        done = engine.attempt("run", *flags, image, *words, stdin=stdin, timeout=300)
    assert done.returncode == 0, done
    return set(json.loads(done.stdout))


def declared(topology: Topology, place: Place, node: str, target: str, protocol: str) -> set[int]:
    """The ports of a node's address that are for callers from that place."""
    return {
        each.port
        for each in listeners(topology)
        if each.node == node and each.protocol == protocol and str(each.to or each.address or target) == target
        if any(place.address in network for network in each.sources)
    }
