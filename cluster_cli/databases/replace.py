"""Have a spare take the place of a node that is lost or given up: in the topology, which `up` makes true."""

from collections.abc import Sequence

from cluster_cli.collect import Outcome
from cluster_cli.databases import balancers
from cluster_cli.databases.asked import known
from cluster_cli.databases.fence import refuse_half_restored
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import described, question
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.ssh import Answer
from cluster_cli.topology import edit
from cluster_cli.topology.databases import DATABASE_PORT, GROUP

ASK_SECONDS = 6.0
PROBE = "timeout 3 bash -c '</dev/tcp/{}/{}'"
FIRST = {
    "galera": "cluster recover",
    "group_replication": "cluster recover",
    "replication": "cluster failover",
}


def weigh(live: Live, node: str, by: str | None) -> Plan:
    """Which spare takes the node's place. ClusterError while the node takes writes, or may be alive unseen."""
    known(live, node)
    refuse_half_restored(live)
    asked = question(live.database)
    answers = live.on_all(live.nodes, lambda name: live.run(name, asked, seconds=ASK_SECONDS))
    found = {name: Outcome(answer.rc, answer.out, answer.err) for name, answer in answers.items()}
    row = described(live.workspace.topology, live.name, found, balancers.writer(live))
    told = tuple(
        f"{name}: {each['state'] or silent(answers[name])}{' (takes writes)' if name == row['primary'] else ''}"
        for name, each in row["nodes"].items()
    )
    if row["primary"] == node:
        hint = f"have another node take them: cluster switchover {live.name}"
        raise refused(f"{node} takes the writes of {live.name}", "it cannot be given up now:", hint, told)
    if not row["writable"] and not row.get("writers"):  # one whose writes wait for the dead node is whom to copy
        hint = f"{FIRST[live.database.mode]} {live.name}; or, of a fence: cluster db unfence {live.name}"
        raise refused(f"no node of {live.name} takes writes", "there is nobody to copy from:", hint, told)
    if not answers[node].reached:
        refuse_alive(live, node, [name for name in live.nodes if name != node and answers[name].reached], told)
    spare = free(live, by, told)
    will = f"have {spare} in the place of {node} in {live.name}, and {node} among its spares, in the topology"
    stake = f"{node} holds no data of {live.name} any more once `cluster up` was said; its files stay on it"
    return Plan(node, will, (*told, f"{spare}: answers, and is free"), stake, {"spare": spare}, then="up")


def silent(answer: Answer) -> str:
    """What is to be said of a node whose server says nothing."""
    return "its server does not answer" if answer.reached else "does not answer"


def refuse_alive(live: Live, node: str, others: Sequence[str], told: tuple[str, ...]) -> None:
    """Raise ClusterError when others reach the server of a node we do not: it would go on having a say."""
    port = GROUP if live.database.mode == "galera" else DATABASE_PORT
    answers = live.on_all(others, lambda name: live.run(name, PROBE.format(live.address(node), port)))
    by = sorted({name for name, answer in answers.items() if answer.rc == 0} | seen_by_balancers(live, node))
    if by:
        why = f"its server answers {', '.join(by)}, and would go on to acknowledge or to vote:"
        hint = "bring it in reach from here, or cut its power"
        raise refused(f"{node} cannot be reached from here, and is alive", why, hint, told)


def seen_by_balancers(live: Live, node: str) -> set[str]:
    """The balancers, in a word, where one finds the node fit for writes."""
    return {"the balancers"} if node in balancers.reached(live) else set()


def free(live: Live, by: str | None, told: tuple[str, ...]) -> str:
    """The spare that is taken: the one that is wished, or the first that answers. Raises ClusterError for none."""
    spares = live.database.spares
    if by and by not in spares:
        has = f"it has {', '.join(spares)}" if spares else "it has none"
        hint = f"name one of them, or add it to `spares` of {live.name}"
        raise ClusterError(f"{by} is no spare of database {live.name}", why=has, hint=hint, code=Exit.USAGE)
    if not spares:
        hint = f"add a node without a database to `spares` of {live.name} in the topology"
        raise refused(f"database {live.name} has no spare", "there is nobody to take a place:", hint, told)
    wanted = (by,) if by else spares
    answers = live.on_all(wanted, lambda name: live.run(name, "true", seconds=ASK_SECONDS))
    able = [name for name in wanted if answers[name].rc == 0]
    if not able:
        raise refused(
            f"{' and '.join(wanted)} cannot be reached", "no spare answers:", "see: cluster status", told
        )
    return able[0]


def carry_out(live: Live, plan: Plan) -> None:
    """Exchange the two names in the topology."""
    spare, path = str(plan.details["spare"]), live.workspace.places.topology
    for line in edit.exchange(path, plan.node, spare).splitlines():
        live.tell("", line)
    live.tell("", f"{path} says so now, and nothing else was changed; to undo it, exchange the two names again")
