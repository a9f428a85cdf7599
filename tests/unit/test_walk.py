"""The order in which nodes are changed: those that carry clients wait for those that carry less."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils import walk as module
from cluster_cli.collections.ansible_collections.cluster.core.plugins.plugin_utils.walk import Walk

NODES = ["lb1", "lb2", "lb3"]


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Walk]:
    monkeypatch.setattr(module.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return lambda node: Walk("haproxy", {"inventory_hostname": node, "ansible_play_hosts": NODES})


def waits(holder: Walk, carries: int = 1) -> threading.Thread:
    """The holder, waiting in a thread of its own."""
    thread = threading.Thread(target=holder.let_others_go_first, args=(carries,), daemon=True)
    thread.start()
    return thread


def test_the_holder_waits_for_all_who_change(walk: Callable[[str], Walk]) -> None:
    walk("lb1").say("looked")
    thread = waits(walk("lb1"))
    walk("lb2").say("looked", "0")
    thread.join(0.3)
    assert thread.is_alive(), "lb3 has not looked yet"
    walk("lb3").say("looked", "0")
    walk("lb2").say("proven")
    thread.join(0.3)
    assert thread.is_alive(), "lb3 is not through yet"
    walk("lb3").say("proven")
    thread.join(5)
    assert not thread.is_alive()


def test_who_takes_writes_waits_for_those_who_are_read_and_they_not_for_it(walk: Callable[[str], Walk]) -> None:
    for node, carries in zip(NODES, ("2", "1", "1"), strict=True):
        walk(node).say("looked", carries)
    writer, reader = waits(walk("lb1"), 2), waits(walk("lb2"), 1)
    reader.join(5)
    assert not reader.is_alive()
    for node in ("lb2", "lb3"):
        writer.join(0.2)
        assert writer.is_alive(), f"{node} is not through yet"
        walk(node).say("proven")
    writer.join(5)
    assert not writer.is_alive()


def test_nobody_waits_for_nodes_that_do_not_change(walk: Callable[[str], Walk]) -> None:
    for node in NODES:
        walk(node).say("looked")
    thread = waits(walk("lb1"))
    thread.join(5)
    assert not thread.is_alive()


def test_a_failure_ends_the_waiting(walk: Callable[[str], Walk]) -> None:
    for node in NODES:
        walk(node).say("looked", "1" if node == "lb1" else "0")
    walk("lb2").say("failed")
    thread = waits(walk("lb1"))
    thread.join(5)
    assert not thread.is_alive()
    assert walk("lb1").said("failed") == ["lb2"]


def test_a_silent_node_is_waited_for_only_so_long(
    walk: Callable[[str], Walk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    walk("lb1").say("looked")
    thread = waits(walk("lb1"))
    thread.join(5)
    assert not thread.is_alive()
