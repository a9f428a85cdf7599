"""Begin a group again after all of its nodes were lost, from the node that has all there is."""

import time
from collections.abc import Mapping
from typing import Any

from cluster_cli.databases.asked import known
from cluster_cli.databases.balancers import refuse_reached
from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.databases.group_replication.nodes import (
    evidence,
    hold,
    let_join,
    living,
    members,
    wait_joined,
)
from cluster_cli.databases.group_replication.state import is_primary, takes_part
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.errors import ClusterError

BEGIN_SECONDS, JOIN_SECONDS, COMPANY_SECONDS = 120.0, 180.0, 15.0


def weigh(live: Live, without: tuple[str, ...]) -> Plan:
    """Who begins. Raises ClusterError where it lives, or where not all were heard and none is left out."""
    known(live, *without)
    nodes = members(live)
    seen, asked = evidence(nodes), {name: row for name, row in nodes.items() if name not in without}
    if alive := living(nodes):
        why = f"{', '.join(alive)} {'are' if len(alive) > 1 else 'is'} in it"
        raise refused("the group lives", why, "a node that is out of it: cluster rejoin NODE", seen)
    refuse_reached(live, without, seen)
    if not asked:
        raise refused("nobody is left to begin", "all nodes are left out", "leave out fewer", seen)
    if silent := [name for name, row in asked.items() if row["state"] is None]:
        raise refused(
            f"{', '.join(silent)} did not answer",
            "it may have writes the others have not:",
            f"start it; its server alone: cluster exec -n {silent[0]} 'systemctl start mysql'; "
            "only if it never comes back, or you accept the loss: --without NODE",
            seen,
        )
    first = holder(asked)
    if not first:
        why = "each has writes another one has not:"
        raise refused("no node has all there is", why, "choose whose are given up: --without NODE", seen)
    return Plan(first, f"begin the group of {live.name} again at {first}", seen, stake(nodes, asked, without))


def holder(asked: Mapping[str, Mapping[str, Any]]) -> str:
    """The first node that has all that any of these has; empty when none has."""
    everything = union(GtidSet.parse(row["has"]) for row in asked.values())
    return next((name for name, row in asked.items() if everything <= GtidSet.parse(row["has"])), "")


def stake(
    nodes: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Mapping[str, Any]], without: tuple[str, ...]
) -> str:
    """What is given up with the nodes that are left out; empty when nobody is."""
    if not without:
        return ""
    kept = union(GtidSet.parse(row["has"]) for row in asked.values())
    words = []
    for name in without:
        own = GtidSet.parse(nodes[name]["has"]) - kept
        if nodes[name]["state"] is None:
            words.append(f"whatever {name} alone has, which nobody knows")
        elif own:
            words.append(f"{len(own)} transactions that only {name} has ({own})")
    return f"{' and '.join(words)} may be lost" if words else ""


def carry_out(live: Live, plan: Plan) -> None:
    """All leave what is left of the group; one begins it, and the others join it by themselves.

    Clients come in when a second one has, or after some seconds: until then a write would be on one disk, and
    commits that meet a change of the group were seen to wait for good (9.7.4).
    """
    there = [name for name, row in members(live).items() if row["state"] is not None]
    others = [name for name in there if name != plan.node]
    live.on_all(there, lambda node: hold(live, node))
    live.on_all(there, lambda node: leave(live, node))
    begin(live, plan.node)
    live.tell("", f"{plan.node} began the group of {live.name}")
    for node in others:
        let_join(live, node)
    wait_for_company(live, others)
    let_join(live, plan.node)  # and clients in
    for node in there:
        try:
            wait_joined(live, node, JOIN_SECONDS)
        except ClusterError as late:
            live.tell("", f"{node} is not back yet ({late.why}); why not: cluster rejoin {node} --dry-run")


def wait_for_company(live: Live, others: list[str]) -> None:
    """Wait until one of the others has joined, for some seconds at most."""
    deadline = time.monotonic() + COMPANY_SECONDS
    while others and time.monotonic() < deadline:
        nodes = members(live)
        if any(takes_part(nodes[name]) for name in others):
            return
        live.tell("", "waits for a second member before clients come in")
        time.sleep(1)


def leave(live: Live, node: str) -> None:
    """End what is left of its membership, and of an attempt to join."""
    live.ask(node, "STOP GROUP_REPLICATION", BEGIN_SECONDS)


def begin(live: Live, node: str) -> None:
    """Have a node begin the group, shut to clients. Raises ClusterError with the server's words."""
    try:
        shut = "SET GLOBAL offline_mode = ON; SET GLOBAL group_replication_bootstrap_group = ON"
        live.ask(node, f"{shut}; START GROUP_REPLICATION", BEGIN_SECONDS)
    except ClusterError:
        live.ask(node, "SET GLOBAL offline_mode = OFF")
        raise
    finally:
        live.ask(node, "SET GLOBAL group_replication_bootstrap_group = OFF")
    deadline = time.monotonic() + BEGIN_SECONDS
    while not is_primary({**members(live)[node], "offline": False}):
        if time.monotonic() > deadline:
            raise ClusterError(f"{node} did not become primary", hint="see: cluster status")
        time.sleep(1)
