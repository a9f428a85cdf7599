"""Let a node take part in its group again whose data was put in place from a backup: it gets what it misses."""

import time
from collections.abc import Sequence

from cluster_cli.backups.exchange import step
from cluster_cli.databases import balancers
from cluster_cli.databases.asked import known, outcomes
from cluster_cli.databases.galera.nodes import evidence, members
from cluster_cli.databases.galera.reach import QUESTION, Cache, heard, least, refusal
from cluster_cli.databases.galera.state import takes_part
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import positions
from cluster_cli.databases.seat import Seat
from cluster_cli.errors import ClusterError

JOIN_SECONDS = 86400.0
PERIOD = 1.0
COMMITS = "SHOW STATUS LIKE 'wsrep_local_commits'"
SAMPLE = f'mariadb --no-defaults -BNe "{COMMITS}; DO SLEEP(1); {COMMITS}"'
SYNCED_POSITION = "SET SESSION wsrep_sync_wait = 1; SELECT @@gtid_binlog_pos"
LAST_WORDS = "journalctl -u mariadb -n 12 --no-pager -o cat | grep -E 'ERROR|FATAL|failed' | tail -n 3"
COPY = (
    "have it copied from another node: move what is in /var/lib/mysql aside on {node}, then: cluster up --only "
    "database; or make a copy that is newer: cluster backup run {database}"
)


def weigh(live: Live, node: str) -> Plan:
    """Whether the group can spare it. Raises ClusterError where it takes writes, or alone has all data."""
    known(live, node)
    nodes = members(live)
    seen = evidence(nodes)
    others = [name for name, row in nodes.items() if name != node and takes_part(row)]
    if not others:
        hint = "see: cluster status; after an outage of all nodes: cluster recover"
        raise refused(f"no other node than {node} takes part with all data", "what was seen:", hint, seen)
    if balancers.writer(live) == node or (nodes[node]["state"] and commits(live, node)):
        hint = f"first: cluster switchover {live.name}" if live.database.through else "lead its clients elsewhere"
        raise refused(f"{node} takes writes", "applications would be cut off:", hint, seen)
    stake = f"what {node} holds is set aside; meanwhile {live.name} is on {' and '.join(others)}"
    will = f"put {node} back from a backup, and have it fetch what came since from the cache of the others"
    return Plan(node, will, seen, stake)


def commits(live: Live, node: str) -> bool:
    """Whether applications write there, watched for a second."""
    answer = live.run(node, SAMPLE)
    return len({line.split("\t")[-1] for line in answer.out.splitlines()}) > 1


def caches(live: Live, node: str) -> dict[str, Cache]:
    """What the others keep. Raises ClusterError where none of them tells."""
    others = [name for name in live.nodes if name != node]
    found = {name: heard(answer) for name, answer in outcomes(live, others, QUESTION).items()}
    able = {name: each for name, each in found.items() if each and each.group}
    if not able:
        raise refused("no other node answers", "nobody tells what the group keeps:", "see: cluster status")
    return able


def refuse_cut_off(live: Live, node: str, seat: Seat) -> str:
    """What it will fetch and from where, in a sentence. Raises ClusterError where it could not go on so."""
    found = caches(live, node)
    if why := refusal(seat, found):
        hint = COPY.format(node=node, database=live.name)
        raise ClusterError(f"{node} cannot be put back from a backup", why=why, hint=hint)
    last = max(each.last for each in found.values())
    behind = f"will be at {seat.seqno} of {last}" if seat.seqno else "will be where its copy ends"
    cached = f"what comes after {least(found)} is in the others' cache"
    return f"{node} {behind}, and fetches the rest: {cached}; nobody gives a copy"


def history(live: Live, node: str, seat: Seat) -> Sequence[str]:
    """What a node with this data had in its binary logs."""
    return positions.until(next(iter(caches(live, node).values())).history, seat.gtid)


def carry_out(live: Live, node: str, _seat: Seat) -> None:
    """Start it, wait until it has all data, and see that it numbers transactions as the others do."""
    start_again(live, node)
    goes_on(live, node)
    live.tell("", f"{node} takes part in {live.name}")


def goes_on(live: Live, node: str) -> None:
    """Tell where it was given all by another one after all. Raises ClusterError where it counts another way."""
    if not step(live, node, "look")["own"]:
        live.tell("", f"the others' cache did not reach any more: {node} was given a whole copy by one of them")
    counts_alike(live, node)


def start_again(live: Live, node: str) -> None:
    """Start it on whatever data it has, and wait until it takes part. Raises ClusterError where it ends."""
    if not step(live, node, "look")["running"]:
        step(live, node, "join")
    deadline = time.monotonic() + JOIN_SECONDS
    while not takes_part(row := members(live)[node]):
        look = step(live, node, "look")
        if look["unit"] in ("failed", "inactive") or time.monotonic() > deadline:
            said = live.run(node, LAST_WORDS).out.strip() or f"its unit is {look['unit']}"
            hint = f"cluster logs {node}; back: cluster restore {live.name} --node {node} --undo"
            raise ClusterError(f"{node} does not join its group", why=said, hint=hint)
        live.tell(node, f"joins ({row['state'] or 'its server starts'}), {look['data'] >> 20} MB are there")
        time.sleep(PERIOD)


def counts_alike(live: Live, node: str) -> None:
    """Raise ClusterError where it gives a transaction another GTID than the others: backups go by these."""
    other = next(name for name, row in members(live).items() if name != node and takes_part(row))
    domain = int(live.ask(other, "SELECT @@wsrep_gtid_domain_id")[0][0])
    before, here, after = (
        positions.reached(live.ask(name, SYNCED_POSITION, JOIN_SECONDS)[0][0]).get(domain, 0)
        for name in (other, node, other)
    )
    if not before <= here <= after:
        raise ClusterError(
            f"{node} does not count as the others do",
            why=f"its last transaction is number {here}, theirs was {before} before and {after} after",
            hint=COPY.format(node=node, database=live.name),
        )
