"""Faults put into a running stack under clients that measure: the same for every engine."""

import time
from collections.abc import Callable

from .client import Load, Poller
from .command import wait_for
from .conftest import Stack

RELOADS = 4


def kill_holder(stack: Stack, address: str) -> float:
    """Cut the holder's power under a polling client; returns its longest silence from then on, in seconds."""
    stack.settle()
    holder = stack.holder(address)
    gap = silence(address, lambda: stack.lab.kill(holder))
    assert stack.holder(address) != holder
    stack.lab.start(holder)
    return gap


def silence(address: str, fault: Callable[[], object]) -> float:
    """The longest silence a polling client sees from the fault on, in seconds."""
    with Poller(address) as poller:
        wait_for("a first answer", lambda: poller.good, 5)
        began = time.monotonic()
        fault()
        wait_for(f"{address} to answer again", lambda: poller.answered_since(began + 0.5), 10)
    return poller.gap(began)


def kill_server(stack: Stack, address: str, name: str) -> Load:
    """Cut a web server's power under load, and bring it back; returns what the clients met."""
    stack.settle()
    with Load(address) as load:
        load.run(1.0)
        stack.lab.kill(name)
        load.run(4.0)
    stack.lab.start(name)
    print(f"{name} killed under load: {load.good.total()} answers, {len(load.bad)} failed {load.bad[:3]}")
    return load


def reload(stack: Stack, address: str, service: str) -> Load:
    """Reload the holder's balancer several times under load; returns what the clients met."""
    stack.settle()
    holder = stack.holder(address)
    with Load(address) as load:
        for _ in range(RELOADS):
            load.run(0.7)
            stack.on(holder, f"systemctl reload {service}")
        load.run(1.0)
    print(f"{RELOADS} reloads of {service} under load: {load.good.total()} answers, {len(load.bad)} failed")
    return load
