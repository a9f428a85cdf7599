"""The modes of databases, and the one way to describe a database of any of them: pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from cluster_cli.backups import notes
from cluster_cli.collect import Outcome
from cluster_cli.databases.galera import state as galera
from cluster_cli.databases.group_replication import state as group_replication
from cluster_cli.databases.replication import state as replication
from cluster_cli.databases.standby import state as standby
from cluster_cli.topology.databases import Database
from cluster_cli.topology.model import Topology

FENCES = {"mariadb": "/etc/mysql/mariadb.conf.d/99-fenced.cnf", "mysql": "/etc/mysql/conf.d/99-fenced.cnf"}

NO_ROOM = "/run/cluster-room/ended"  # role doorbell's, of a server that was ended because of its full disk


class Mode(Protocol):
    """What a mode's state.py has."""

    QUESTION: str

    def member(self, outcome: Outcome | None) -> dict[str, Any]:
        """One node, by its own word; it has `state`, a word or None where its server does not answer."""

    def describe(
        self, database: Database, nodes: Mapping[str, Mapping[str, Any]], chosen: str | None
    ) -> dict[str, Any]:
        """primary, writable, quorum, may_fail, replicas, guarantee. chosen: where balancers lead writes now."""

    def problems(self, database: Database, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is not well, as (node, sentence); node is "" for the whole."""


MODES: Mapping[str, Mode] = {
    "galera": galera,
    "group_replication": group_replication,
    "replication": replication,
}


def question(database: Database) -> str:
    """The shell command that has a node tell all we want to know of it."""
    fenced = f"test -e {FENCES[database.engine]} && echo fenced"
    no_room = f"test -e {NO_ROOM} && echo no_room"
    return f"{MODES[database.mode].QUESTION}; {notes.QUESTION}; {no_room}; {fenced}; true"


def described(
    topology: Topology,
    name: str,
    found: Mapping[str, Outcome],
    chosen: str | None = None,
    beside: Mapping[str, Outcome] | None = None,
) -> dict[str, Any]:
    """One database: its nodes, who writes, what is promised, who stands by.

    found: answers to `question`, by node; beside: those of nodes that stand by, to their question.
    """
    database = topology.databases[name]
    mode = MODES[database.mode]
    nodes = {node: mode.member(found.get(node)) for node in database.nodes}
    row: dict[str, Any] = {
        "engine": database.engine,
        "mode": database.mode,
        "through": database.through,
        "addresses": doors(topology, database),
        "fenced": any(answer.stdout.endswith("fenced\n") for answer in found.values()),
        "restore": restore(found),
        "no_room": [node for node, answer in found.items() if "no_room" in answer.stdout.splitlines()],
        "nodes": nodes,
        "standby": {
            node: standby.member(standby.rows((beside or {}).get(node)).get(name)) for node in database.standby
        },
    }
    row["spares"] = list(database.spares)
    return row | mode.describe(database, nodes, chosen)


def restore(found: Mapping[str, Outcome]) -> dict[str, str] | None:
    """The restore of a database that is not confirmed yet: phase, to, began, and what to do; None for none.

    node: the one that is put back alone; empty for the whole database.
    """
    note = notes.told(each for answer in found.values() if (each := notes.heard(answer.stdout)))
    if note is None:
        return None
    row = {"phase": note.phase, "to": note.to, "began": note.began, "node": note.node}
    return {**row, "told": notes.sentence(note)}


def doors(topology: Topology, database: Database) -> dict[str, str]:
    """Where clients find it: `write` and `read` as ADDRESS:PORT; empty where they go to the nodes themselves."""
    balancer = topology.load_balancers.get(database.through or "")
    if balancer is None or not balancer.virtual_ips:
        return {}
    address, ports = balancer.virtual_ips[0].address, database.ports
    return {"write": f"{address}:{ports.write}", "read": f"{address}:{ports.read}"}


def fenced(name: str) -> str:
    """What is to be said of a fenced database."""
    return f"database {name} is fenced: it takes no writes until `cluster db unfence {name}`"


def problems(
    topology: Topology, rows: Mapping[str, Mapping[str, Any]], reachable: Mapping[str, bool]
) -> Iterator[str]:
    """What is not well, a sentence each. reachable: by node; one out of reach is told elsewhere."""
    for name, row in rows.items():
        database = topology.databases[name]
        if row["restore"] and row["restore"]["phase"] not in notes.ENDED:
            yield f"database {name}: {row['restore']['told']}"
        if row["fenced"]:
            yield fenced(name)
        elif not row["writable"]:
            yield f"database {name}: no node takes writes"
        for node in row["no_room"]:
            yield f"{node}: its disk is full, so its server of {name} was ended; with room it starts by itself"
        beside = standby.problems(name, database, row["standby"])
        for node, text in (*MODES[database.mode].problems(database, row), *beside):
            if node in row["no_room"]:
                continue
            if not node:
                yield f"database {name}: {text}"
            elif reachable.get(node):
                yield f"{node}: {text} in database {name}"
