"""What a database says of itself, and what it therefore guarantees now: pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.topology.databases import Database

QUESTION = "mariadb --no-defaults -BNe \"SHOW STATUS LIKE 'wsrep%'\""
SYNCED = "Synced"


def group(database: Database, found: Mapping[str, Outcome]) -> dict[str, Any]:
    """One database: its nodes, who of them takes part, and what is promised of its writes at this moment."""
    nodes = {name: member(found.get(name)) for name in database.nodes}
    taking_part = [name for name, row in nodes.items() if row["primary"] and row["state"] == SYNCED]
    spare = len(taking_part) - (len(database.nodes) // 2 + 1)
    return {
        "engine": database.engine,
        "mode": database.mode,
        "through": database.through,
        "nodes": nodes,
        "writable": bool(taking_part),
        "may_fail": max(0, spare),
        "guarantee": guarantee(len(taking_part), spare),
    }


def member(outcome: Outcome | None) -> dict[str, Any]:
    """One node, from SHOW STATUS LIKE 'wsrep%' (Galera's documentation, "Galera status variables")."""
    rows = (line.split("\t", 1) for line in outcome.stdout.splitlines()) if outcome and outcome.rc == 0 else ()
    known = {row[0]: row[1] for row in rows if len(row) == 2}
    return {
        "state": known.get("wsrep_local_state_comment"),
        "primary": known.get("wsrep_cluster_status") == "Primary",
        "members": int(known.get("wsrep_cluster_size", 0)),
        "waiting": int(known.get("wsrep_local_recv_queue", 0)),
        "position": known.get("wsrep_last_committed"),
    }


def guarantee(taking_part: int, spare: int) -> str:
    """What is promised, in a sentence."""
    if not taking_part:
        return "no node takes writes; what was acknowledged is on the nodes' disks"
    more = f"{spare} more may fail" if spare > 0 else "if one more fails, writes stop until it is back"
    return f"every acknowledged write is on {taking_part} nodes; {more}"


def problems(databases: Mapping[str, Any], reachable: Mapping[str, bool]) -> Iterator[str]:
    """What is not well, a sentence each. reachable: by node; one out of reach is told elsewhere."""
    for name, row in databases.items():
        if not row["writable"]:
            yield f"database {name}: no node takes writes"
        for node, member in row["nodes"].items():
            if reachable.get(node) and not (member["primary"] and member["state"] == SYNCED):
                state = member["state"] or "its server does not answer"
                yield f"{node}: takes no part in database {name} ({state})"
