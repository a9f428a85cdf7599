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
from cluster_cli.errors import ClusterError
from cluster_cli.topology.databases import DATABASE_PORT

JOIN_SECONDS, COPY_SECONDS = 180.0, 3600.0
DATA, ASIDE, INSIDE = "/var/lib/mysql", "/var/lib/mysql-aside", "/var/lib/mysql/cluster-aside"
KEPT = "/var/lib/mysql/.cluster-aside"  # what it held before a restore (roles/backup_source)
# The old data is kept whole beside the new one; where only the file system of the data itself has room, as one
# file in it, since the server takes tablespaces it finds in any folder below for its own.
SET_ASIDE = f"""set -eu
megabytes() {{ echo $(($1 / 1048576)); }}
room() {{ df --output=avail --block-size=1 "$1" | tail -1; }}
need=$(du -s --block-size=1 --exclude={INSIDE} --exclude={KEPT} {DATA} | cut -f1)
beside=$(room /var/lib) inside=0 time=$(date -u +%Y%m%dT%H%M%SZ)
if mountpoint -q {DATA}; then inside=$(room {DATA}); fi
if [ "$beside" -gt "$need" ]; then kept={ASIDE}/$time
elif [ "$inside" -gt "$need" ]; then kept={INSIDE}/$time.tar
else
    most=$((beside > inside ? beside : inside)) lacking=$((need - most + 1048576))
    echo "there is no room to keep the old data: it has $(megabytes $need) MB, $(megabytes $beside) MB are free" \\
        "in /var/lib, $(megabytes $inside) MB in {DATA} itself (0: no mount point); $(megabytes $lacking) MB" \\
        "are missing: make room, or move elsewhere what was set aside before" >&2
    exit 1
fi
trap 'systemctl start mysql' EXIT
systemctl stop mysql
install -d -m 0700 -o mysql -g mysql "${{kept%/*}}"
rm -rf "${{kept%/*}}"/*.part
case $kept in
*.tar)
    tar -C {DATA} --exclude=./cluster-aside --exclude=./.cluster-aside --exclude=./lost+found -cf "$kept.part" .
    ;;
*)
    install -d -m 0700 "$kept.part"
    find {DATA} -mindepth 1 -maxdepth 1 ! -name cluster-aside ! -name .cluster-aside ! -name lost+found \\
        -exec cp -a -t "$kept.part" {{}} +
    ;;
esac
mv "$kept.part" "$kept"
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
    if own := surplus(nodes, node, alive):  # asked all at once: what was on its way to the others has come since
        own -= others_have(members(live), node, alive)
    if not own and not clone:
        return Plan(node, f"let {node} follow the group again: it only misses something", seen)
    more = f"; {len(own)} transactions that the group has not ({own}) are then only there" if own else ""
    where = f"{ASIDE} (in {INSIDE} where only that has room)"
    stake = f"the data of {node} is set aside under {where} and replaced by a copy{more}"
    donor = next(name for name in sorted(alive, key=lambda name: nodes[name]["role"] == "PRIMARY") if name != node)
    return Plan(node, f"give {node} a copy of {donor}", seen, stake, details={"donor": donor})


def surplus(nodes: dict[str, dict[str, Any]], node: str, alive: list[str]) -> GtidSet:
    """What a node has and the group has not."""
    return GtidSet.parse(nodes[node]["has"]) - others_have(nodes, node, alive)


def others_have(nodes: dict[str, dict[str, Any]], node: str, alive: list[str]) -> GtidSet:
    """What the others of the group have."""
    return union(GtidSet.parse(nodes[name]["has"] or "") for name in alive if name != node)


def carry_out(live: Live, plan: Plan) -> None:
    """Follow, or keep the old data, empty the server of what is only its own, and have it copied."""
    if donor := plan.details.get("donor"):
        kept = set_aside(live, plan.node)
        live.tell("", f"the old data of {plan.node} is kept: {kept}")
        copy(live, plan.node, donor, kept)
    let_join(live, plan.node)
    wait_joined(live, plan.node, JOIN_SECONDS)
    live.tell("", f"{plan.node} takes part in {live.name}")


def set_aside(live: Live, node: str) -> str:
    """Keep a node's data, with its server out of the group from now on; returns where.

    Raises ClusterError where that cannot be; the node is then left as it was.
    """
    hold(live, node)
    try:
        return told(live, node, SET_ASIDE, COPY_SECONDS).strip()
    except ClusterError as error:
        let_join(live, node)
        raise refused(f"{node} was not copied to", error.why, "see: cluster status") from error


def copy(live: Live, node: str, donor: str, kept: str) -> None:
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
        raise refused(f"the copy for {node} failed", said.err.strip(), f"its old data is kept: {kept} on {node}")
