"""What the nodes of a Galera group say of themselves, and what the group therefore guarantees now: pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.topology.databases import Database

# Galera's documentation, "Galera status variables".
QUESTION = "mariadb --no-defaults -BNe \"SHOW STATUS LIKE 'wsrep%'; SELECT 'read_only', @@read_only\""
SYNCED = "Synced"


def member(outcome: Outcome | None) -> dict[str, Any]:
    """One node, by its own word."""
    rows = (line.split("\t", 1) for line in outcome.stdout.splitlines()) if outcome and outcome.rc == 0 else ()
    known = {row[0]: row[1] for row in rows if len(row) == 2}
    return {
        "state": known.get("wsrep_local_state_comment"),
        "primary": known.get("wsrep_cluster_status") == "Primary",
        "members": int(known.get("wsrep_cluster_size", 0)),
        "waiting": int(known.get("wsrep_local_recv_queue", 0)),
        "position": known.get("wsrep_last_committed"),
        "read_only": known.get("read_only") == "1",
    }


def takes_part(row: Mapping[str, Any]) -> bool:
    """Whether a node is with the majority and has all data."""
    return bool(row["primary"]) and row["state"] == SYNCED


def describe(database: Database, nodes: Mapping[str, Mapping[str, Any]], chosen: str | None) -> dict[str, Any]:
    """What can be said of the whole. chosen: the node to which the balancers lead writes now, if any."""
    good = [name for name, row in nodes.items() if takes_part(row)]
    votes = max([nodes[name]["members"] for name in good], default=0)
    spare = votes - (len(database.voters) // 2 + 1)
    writable = [name for name in good if not nodes[name]["read_only"]]
    position = max((int(nodes[name]["position"] or 0) for name in good), default=0)
    return {
        "primary": chosen if chosen in writable else None,
        "writable": bool(writable),
        "quorum": {"votes": len(database.voters), "present": votes, "has": bool(good)},
        "may_fail": max(0, min(spare, len(good) - 1)),
        "replicas": {
            name: {
                "running": takes_part(row),
                "behind": max(0, position - int(row["position"] or 0)) if takes_part(row) else None,
            }
            for name, row in nodes.items()
            if name != chosen
        },
        "guarantee": guarantee(len(good), min(spare, len(good) - 1)),
    }


def guarantee(good: int, spare: int) -> str:
    """What is promised, in a sentence. good: nodes with all data; spare: how many more may be lost."""
    if not good:
        return "no node takes writes; what was acknowledged is on the nodes' disks"
    more = f"{spare} more may fail" if spare > 0 else "if one more fails, writes stop until it is back"
    return f"every acknowledged write is on {good} node{'s' if good > 1 else ''}; {more}"


def problems(database: Database, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is not well, as (node, sentence); node is "" for the whole."""
    for node, each in row["nodes"].items():
        if not takes_part(each):
            yield node, f"takes no part ({each['state'] or 'its server does not answer'})"
    if row["quorum"]["present"] > len(database.voters):
        count = row["quorum"]["present"]
        yield (
            "",
            f"{count} nodes vote in it, and the topology has {len(database.voters)}: end the other's server",
        )
    complete = all(takes_part(each) for each in row["nodes"].values())
    if database.arbiter and complete and row["quorum"]["present"] < len(database.voters):
        yield database.arbiter, "does not vote"
