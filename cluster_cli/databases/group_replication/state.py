"""What the nodes of a MySQL group say of themselves, and what the group therefore guarantees now: pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.topology.databases import Database

# MySQL's manual, "Performance Schema Replication Tables". An age is that of the oldest write being applied now.
SQL = """
SELECT 'uuid', @@server_uuid;
SELECT 'read_only', @@GLOBAL.super_read_only;
SELECT 'offline', @@GLOBAL.offline_mode;
SELECT 'member', CONCAT_WS(' ', member_id, member_state, IF(member_role = '', '-', member_role), member_host)
  FROM performance_schema.replication_group_members;
SELECT 'has', REPLACE(@@GLOBAL.gtid_executed, '\\n', '');
SELECT 'has', REPLACE(received_transaction_set, '\\n', '') FROM performance_schema.replication_connection_status
  WHERE channel_name = 'group_replication_applier';
SELECT 'waiting', COALESCE(SUM(count_transactions_remote_in_applier_queue), 0)
  FROM performance_schema.replication_group_member_stats WHERE member_id = @@server_uuid;
SELECT 'lag', COALESCE(MAX(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, applying_transaction_original_commit_timestamp,
  NOW(6)))), 0) / 1000000 FROM performance_schema.replication_applier_status_by_worker
  WHERE channel_name = 'group_replication_applier' AND applying_transaction <> '';
"""
QUESTION = f'mysql --no-defaults --connect-timeout=3 -BN --raw -e "{" ".join(SQL.split())}"'
ONLINE, PRIMARY, UNREACHABLE = "ONLINE", "PRIMARY", "UNREACHABLE"


def member(outcome: Outcome | None) -> dict[str, Any]:
    """One node, by its own word. group: what it sees of all members, as (uuid, state, role, address)."""
    lines = outcome.stdout.splitlines() if outcome and outcome.rc == 0 else []
    rows = [line.split("\t", 1) for line in lines if "\t" in line]
    said = {row[0]: row[1] for row in rows}
    group = [row[1].split(" ") for row in rows if row[0] == "member"]
    mine = next((each for each in group if each[0] == said.get("uuid")), None)
    return {
        "state": (mine[1] if mine else "OFFLINE") if "uuid" in said else None,
        "role": mine[2] if mine else "",
        "uuid": said.get("uuid", ""),
        "read_only": said.get("read_only") == "1",
        "offline": said.get("offline") == "1",
        "members": len(group),
        "unreachable": sum(each[1] == UNREACHABLE for each in group),
        "has": str(union(GtidSet.parse(row[1]) for row in rows if row[0] == "has")),
        "waiting": int(said.get("waiting", 0)),
        # A primary's appliers may still show what they applied last before it was elected.
        "lag_seconds": 0.0 if mine and mine[2] == PRIMARY else float(said.get("lag", 0)),
    }


def takes_part(row: Mapping[str, Any]) -> bool:
    """Whether a node is with the majority and has all data."""
    return row["state"] == ONLINE and 2 * row["unreachable"] < row["members"] and not row["offline"]


def is_primary(row: Mapping[str, Any]) -> bool:
    """Whether the group chose it for writes."""
    return takes_part(row) and row["role"] == PRIMARY


def describe(
    database: Database,
    nodes: Mapping[str, Mapping[str, Any]],
    chosen: str | None,  # noqa: ARG001
) -> dict[str, Any]:
    """What can be said of the whole. chosen: where balancers lead writes now; here the group itself says who."""
    good = [name for name, row in nodes.items() if takes_part(row)]
    primary = next((name for name in good if is_primary(nodes[name])), None)
    votes = max((nodes[name]["members"] - nodes[name]["unreachable"] for name in good), default=0)
    spare = max(0, (votes - 1) // 2)
    everything = union(GtidSet.parse(nodes[name]["has"]) for name in good)
    return {
        "primary": primary,
        "writable": primary is not None and not nodes[primary]["read_only"],
        "quorum": {"votes": len(database.nodes), "present": votes, "has": bool(good)},
        "may_fail": spare,
        "replicas": {
            name: {
                "running": takes_part(row),
                "lag_seconds": row["lag_seconds"] if takes_part(row) else None,
                "behind": len(everything - GtidSet.parse(row["has"])) if row["state"] else None,
            }
            for name, row in nodes.items()
            if name != primary
        },
        "guarantee": guarantee(len(good), votes, spare),
    }


def guarantee(good: int, votes: int, spare: int) -> str:
    """What is promised, in a sentence. good: nodes with all data; votes: members in reach; spare: that may go."""
    if not good:
        return "no node takes writes; what was acknowledged is on the disks of a majority of the nodes"
    more = f"{spare} more may fail" if spare else "if one more fails, writes stop until it is back"
    if votes == 1:
        return "every acknowledged write is on 1 node, the only one left; if it fails, writes stop"
    return f"a majority of {votes} nodes received every write before it was acknowledged; {more}"


def problems(database: Database, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is not well, as (node, sentence); node is "" for the whole."""
    for node, each in row["nodes"].items():
        if not takes_part(each):
            yield node, f"takes no part ({each['state'] or 'its server does not answer'})"
    if (count := row["quorum"]["present"]) > len(database.nodes):
        yield (
            "",
            f"{count} nodes are in its group, and the topology has {len(database.nodes)}: end the other's server",
        )
    primaries = [name for name, each in row["nodes"].items() if is_primary(each)]
    if len(primaries) > 1:
        yield "", f"{' and '.join(primaries)} both call themselves primary"
