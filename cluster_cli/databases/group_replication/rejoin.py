"""Bring a node back into its group: let it follow, or give it a copy when it has what the group has not."""

from typing import Any

from cluster_cli.databases.asked import known
from cluster_cli.databases.group_replication.gtid import GtidSet, union
from cluster_cli.databases.group_replication.nodes import (
    evidence,
    hold,
    let_join,
    living,
    members,
    told,
    wait_answers,
    wait_joined,
)
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.topology.databases import DATABASE_PORT

JOIN_SECONDS, COPY_SECONDS = 180.0, 3600.0
ASIDE = "/var/lib/mysql-aside"
# The old data is kept whole beside the new one, on the file system of the data's own folder where that has room.
SET_ASIDE = f"""set -eu
systemctl stop mysql
need=$(du -s --block-size=1 /var/lib/mysql | cut -f1)
room=$(df --output=avail --block-size=1 /var/lib | tail -1)
[ "$room" -gt "$need" ] || {{ echo "no room to keep the old data: $need bytes, $room free" >&2; exit 1; }}
install -d -m 0700 -o mysql -g mysql {ASIDE}
kept={ASIDE}/$(date -u +%Y%m%dT%H%M%SZ)
cp -a /var/lib/mysql "$kept"
systemctl start mysql
echo "$kept"
"""


def weigh(live: Live, node: str, clone: bool) -> Plan:
    """Whether it can follow. Raises ClusterError when there is no group, or it is in it."""
    known(live, node)
    nodes = members(live)
    seen, row, alive = evidence(nodes), nodes[node], living(nodes)
    if not alive:
        raise refused("there is no group to join", "no node takes part", "see: cluster recover", seen)
    if node in alive and not clone:
        raise refused(f"{node} is in the group", "there is nothing to do", "see: cluster status", seen)
    if row["state"] is None:
        hint = f"cluster exec -n {node} 'systemctl start mysql'; an emptied one: cluster up --only database"
        raise refused(f"the server of {node} does not answer", "what it has cannot be told:", hint, seen)
    if node in alive and nodes[node]["role"] == "PRIMARY":
        raise refused(f"{node} takes the writes", "it cannot be copied over", "first: cluster switchover", seen)
    own = surplus(nodes, node, alive)
    if not own and not clone:
        return Plan(node, f"let {node} follow the group again: it only misses something", seen)
    more = f"; {len(own)} transactions that the group has not ({own}) are then only there" if own else ""
    stake = f"the data of {node} is set aside under {ASIDE} and replaced by a copy{more}"
    donor = next(name for name in sorted(alive, key=lambda name: nodes[name]["role"] == "PRIMARY") if name != node)
    return Plan(node, f"give {node} a copy of {donor}", seen, stake, details={"donor": donor})


def surplus(nodes: dict[str, dict[str, Any]], node: str, alive: list[str]) -> GtidSet:
    """What a node has and the group has not."""
    group = union(GtidSet.parse(nodes[name]["has"]) for name in alive if name != node)
    return GtidSet.parse(nodes[node]["has"]) - group


def carry_out(live: Live, plan: Plan) -> None:
    """Follow, or keep the old data, empty the server of what is only its own, and have it copied."""
    if donor := plan.details.get("donor"):
        hold(live, plan.node)
        kept = told(live, plan.node, SET_ASIDE, COPY_SECONDS).strip()
        live.tell(plan.node, f"its old data is kept in {kept}")
        copy(live, plan.node, donor)
    let_join(live, plan.node)
    wait_joined(live, plan.node, JOIN_SECONDS)
    live.tell("", f"{plan.node} takes part in {live.name}")


def copy(live: Live, node: str, donor: str) -> None:
    """Stream the donor's data over this node's own (MySQL's manual, "Cloning Remote Data").

    The password is what the server itself keeps for its recovery channel, and never leaves it but over TLS.
    """
    address, port = live.address(donor), DATABASE_PORT
    wait_answers(live, node)
    live.ask(node, f"SET GLOBAL super_read_only = OFF; SET GLOBAL clone_valid_donor_list = '{address}:{port}'")
    live.tell(node, f"copies the data of {donor}")
    statement = f"""SELECT CONCAT('CLONE INSTANCE FROM ', QUOTE(User_name), '@', QUOTE('{address}'), ':{port}',
        ' IDENTIFIED BY ', QUOTE(User_password), ' REQUIRE SSL')
        FROM mysql.slave_master_info WHERE Channel_name = 'group_replication_recovery'"""
    client = "mysql --no-defaults -BN --raw"
    # The server restarts at its end, so the client may see its connection cut: what counts is what it then has.
    said = live.run(node, f"{client} | {client}", stdin=" ".join(statement.split()), seconds=COPY_SECONDS)
    wait_answers(live, node)
    nodes = members(live)
    if surplus(nodes, node, living(nodes)) or not nodes[node]["has"]:
        raise refused(
            f"the copy for {node} failed", said.err.strip(), f"its old data is kept in {ASIDE} on {node}"
        )
