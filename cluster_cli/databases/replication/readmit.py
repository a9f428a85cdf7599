"""Let a node follow the primary again whose data was put in place from a backup, from the position that is at."""

import time
from collections.abc import Sequence

from cluster_cli.backups.exchange import step as exchange_step
from cluster_cli.databases.asked import known
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.databases.replication import gtid, logs, positions
from cluster_cli.databases.replication.look import Look
from cluster_cli.databases.replication.nodes import Looks, evidence, looks, step, writers
from cluster_cli.databases.replication.rejoin import START_SECONDS, late
from cluster_cli.databases.seat import Seat
from cluster_cli.databases.sql import PURGED
from cluster_cli.errors import ClusterError
from cluster_cli.ssh import Answer

CATCH_UP_SECONDS = 86400.0
PERIOD = 1.0
LOOK_SECONDS = 60.0
# The first lines of the oldest file: where it begins, and the first transaction.
OLDEST = (
    'index=$(mariadb --no-defaults -BNe \'SELECT @@log_bin_index\') && cd "$(dirname "$index")" && '
    'mariadb-binlog --no-defaults -- "$(head -n 1 "$index")" 2>/dev/null | head -n 500'
)


def weigh(live: Live, node: str) -> Plan:
    """Whether the primary can spare it. Raises ClusterError where it is the primary, or there is none."""
    known(live, node)
    seen = looks(live)
    told, now, look = evidence(seen), primaries(seen), seen[node]
    if node in now:
        hint = f"first: cluster switchover {live.name}; where its data is bad: cluster failover {live.name}"
        raise refused(f"{node} takes the writes", "it follows nobody:", hint, told)
    if len(now) != 1:
        hint = "if the primary is back: cluster up --only database; if it is lost: cluster failover"
        raise refused("not exactly one node takes writes", "there is nobody to follow:", hint, told)
    if look is not None and look.held:
        raise refused(f"{node} is held", "it would apply nothing:", f"first: cluster db release {node}", told)
    primary = now[0]
    stake = f"what {node} holds is set aside"
    if alone(seen, primary, node):
        stake += f"; no other replica acknowledges, so writes of {live.name} wait from its stop until it follows"
    will = f"put {node} back from a backup, and have it follow {primary} from where that ends"
    return Plan(node, will, told, stake, {"primary": primary})


def primaries(seen: Looks) -> list[str]:
    """Who takes writes, or would if the database were not fenced."""
    fenced = [name for name, look in seen.items() if look and look.head and look.master and look.fenced]
    return writers(seen) or fenced


def alone(seen: Looks, primary: str, node: str) -> bool:
    """Whether a node is the only one that acknowledges writes."""
    look, leading = seen[node], seen[primary]
    return bool(look and look.acknowledges and leading and leading.clients <= 1)


def refuse_cut_off(live: Live, node: str, seat: Seat) -> str:
    """From whom it will fetch what, in a sentence. Raises ClusterError where it could not go on from there."""
    primary, look = leader(live)
    clone = f"have it copied from another node: cluster rejoin {node} --clone"
    if not gtid.contains(look.history, seat.gtid):
        why = f"it would have what {primary} has not: {', '.join(gtid.missing(seat.gtid, look.history))}"
        raise ClusterError(f"{node} cannot be put back from a backup", why=why, hint=clone)
    if not leads_on(live, primary, seat.gtid):
        why = f"it would be at {seat.gtid}, and {primary} has no binary logs any more that go on from there"
        raise ClusterError(f"{node} cannot be put back from a backup", why=why, hint=clone)
    rest = f"fetches the rest from the binary logs of {primary}"
    return f"{node} will be at {seat.gtid} of {look.position}, and {rest}; nobody gives a copy"


def leads_on(live: Live, node: str, position: str) -> bool:
    """Whether a node's binary logs hold all that comes after a position. Raises ClusterError where not told."""
    if not gtid.is_set(position):
        return positions.leads_on(*oldest(live, node), position)
    answer = live.run(node, PURGED, seconds=LOOK_SECONDS)
    if answer.rc != 0:
        raise untold(node, answer)
    return gtid.contains(position, answer.out.strip())


def leader(live: Live) -> tuple[str, Look]:
    """Who is to be followed, and what it shows. Raises ClusterError where there is not exactly one."""
    seen = looks(live)
    now = primaries(seen)
    if len(now) != 1 or (look := seen[now[0]]) is None:
        raise refused(
            "not exactly one node takes writes", "there is nobody to follow:", "cluster status", evidence(seen)
        )
    return now[0], look


def oldest(live: Live, node: str) -> tuple[str, str]:
    """(the position at which its oldest binary log begins, the first transaction in it); empty where not told.

    Read from the file: a server whose writes wait for a replica has no answer about its logs.
    """
    answer = live.run(node, OLDEST, seconds=LOOK_SECONDS)
    found = logs.begins(answer.out)
    if answer.rc != 0 or found is None:
        raise untold(node, answer)
    return found


def untold(node: str, answer: Answer) -> ClusterError:
    """A node whose logs are not known."""
    return refused(f"{node} does not tell what its binary logs hold", answer.err.strip()[-200:], "cluster status")


def history(live: Live, _node: str, seat: Seat) -> Sequence[str]:
    """What a node with this data had in its binary logs; of MySQL the set it was restored to, exactly."""
    if gtid.is_set(seat.gtid):
        return (seat.gtid,)
    return positions.until(leader(live)[1].history, seat.gtid)


def carry_out(live: Live, node: str, seat: Seat) -> None:
    """Have it follow, and wait until it has applied what the primary has now, unless it is to stay behind."""
    if gtid.is_set(seat.gtid):
        exchange_step(live, node, "settle", stdin=seat.document(history(live, node, seat)))
    start_again(live, node)
    primary, look = leader(live)
    step(live, node, "follow", primary, seconds=START_SECONDS)
    late(live, node)
    if node not in live.database.delayed:
        applied(live, node, look.position or seat.gtid)
    live.tell("", f"{node} follows {primary}")


def start_again(live: Live, node: str) -> None:
    """Have its server run on whatever data it has: it follows whom it followed."""
    exchange_step(live, node, "release")
    step(live, node, "start", seconds=START_SECONDS)


def applied(live: Live, node: str, goal: str) -> None:
    """Wait until it has applied everything up to a position. Raises ClusterError where it stops before."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while True:
        look = looks(live)[node]
        if look and look.running and gtid.contains(look.history, goal):
            return
        if look and look.sql == "No" and not look.held or time.monotonic() > deadline:
            why = (look and look.error) or "it was stopped"
            hint = f"back: cluster restore {live.name} --node {node} --undo; or: cluster rejoin {node} --clone"
            raise ClusterError(f"{node} does not apply what it is given", why=why, hint=hint)
        behind = gtid.distance(goal, look.position) if look else "?"
        live.tell(node, f"{behind} transactions behind")
        time.sleep(PERIOD)
