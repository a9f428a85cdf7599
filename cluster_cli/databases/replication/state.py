"""What the nodes of a database with a primary say of themselves, and what is therefore guaranteed now: pure."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from cluster_cli.collect import Outcome
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.replication.look import Look, read, span
from cluster_cli.topology.databases import Database

PROGRAM = "python3 /usr/local/lib/cluster/replication"  # roles/replication installs it
QUESTION = f"{PROGRAM} look"


def member(outcome: Outcome | None) -> dict[str, Any]:
    """One node, by its own word: a Look as a dict, and `state`, its part in a word or two."""
    look = heard(outcome)
    return asdict(look) | {"state": part(look) if look.running else None}


def heard(outcome: Outcome | None) -> Look:
    """What a node shows; that of a server that does not run where it says nothing."""
    if outcome and outcome.rc == 0:
        with suppress(ValueError, TypeError):
            return read(outcome.stdout)
    return Look(why="it does not answer")


def look_of(row: Mapping[str, Any]) -> Look:
    """The Look a row was made from."""
    return Look(**{name: value for name, value in row.items() if name != "state"})


def part(look: Look) -> str:
    """What a node whose server runs is now."""
    if look.blank:
        return "empty"
    if look.head:
        return "primary" if look.master or look.writable else "alone"
    if look.held and look.io == "Yes":
        return "held"
    return "replica" if look.replicates else "cut off"


def describe(database: Database, nodes: Mapping[str, Mapping[str, Any]], chosen: str | None) -> dict[str, Any]:  # noqa: ARG001
    """What can be said of the whole; balancers follow the servers here, so `chosen` says nothing more."""
    looks = {name: look_of(row) for name, row in nodes.items()}
    writers = [name for name, look in looks.items() if look.writable]
    closed = [name for name, look in looks.items() if look.head and look.master]  # fenced, or about to hand over
    primary = next(iter(writers or closed), None) if len(writers or closed) == 1 else None
    good = [name for name, look in looks.items() if primary and look.follows == primary and look.replicates]
    clients = looks[primary].clients if primary else 0
    takes = len(writers) == 1 and clients > 0 and looks[writers[0]].master
    return {
        "primary": primary,
        "writers": writers,
        "writable": takes and not looks[writers[0]].stuck,
        "quorum": None,
        "may_fail": max(0, min(clients, len(good)) - 1) if primary else 0,
        "acknowledging": clients,
        "replicas": {
            name: replica(look, looks[primary] if primary else None, running=name in good)
            for name, look in looks.items()
            if name != primary
        },
        "guarantee": guarantee(looks[primary] if primary else None, len(database.nodes)),
    }


def replica(look: Look, primary: Look | None, *, running: bool) -> dict[str, Any]:
    """A node that is not the primary. behind: transactions, of those the primary has."""
    return {
        "running": running,
        "lag_seconds": look.lag if running else None,
        "behind": gtid.distance(primary.position, look.position) if primary and look.running else None,
        "position": look.position,
        "received": look.received,
        "acknowledges": look.acknowledges,
        "delay_seconds": look.delay,
        "why": look.error,
    }


def guarantee(primary: Look | None, nodes: int) -> str:
    """What is promised, in a sentence."""
    if primary is None:
        return "no node takes writes; what was acknowledged is on the nodes' disks"
    if not primary.master:
        return "writes are acknowledged before a replica has them: they are lost with this node"
    if primary.clients == 0:
        return "no replica acknowledges, so writes wait until one does; none is lost"
    if primary.stuck:
        return (
            f"writes have waited for a replica for {primary.stalled_seconds} s; none is lost: cluster failover, "
            "unless its replicas come back at once"
        )
    if primary.clients == 1:
        return "every acknowledged write is on the primary and one replica; if that one fails, writes wait"
    return (
        f"every acknowledged write is on the primary and one of {min(primary.clients, nodes - 1)} replicas; "
        "after a loss, ask all that are left"
    )


def problems(database: Database, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is not well, as (node, sentence); node is "" for the whole."""
    if len(row["writers"]) > 1:
        where = " and ".join(f"{name} (at {row['nodes'][name]['position']})" for name in row["writers"])
        yield "", f"{where} both take writes: cluster db fence, then cluster rejoin NODE"
    primary = row["nodes"].get(row["primary"] or "")
    if primary and (not (primary["master"] and primary["clients"]) or look_of(primary).stuck):
        yield "", row["guarantee"]
    for address in primary["strangers"] if primary else ():
        yield "", f"{address} is no node of it and acknowledges its writes (cluster up --only database)"
    for name, each in row["nodes"].items():
        if each["state"] is None:
            yield name, f"its server does not run ({each['why'] or 'no reason given'})"
        elif each["held"]:
            yield name, f"applies nothing until `cluster db release {name}`"
        elif name not in (*row["writers"], row["primary"]) and not row["replicas"].get(name, {}).get("running"):
            yield name, f"does not follow {row['primary'] or 'anybody'} ({trouble(each)})"
        elif name in row["replicas"] and each["delay"] != (wanted := database.delay(name)):
            now, wish = (
                f"delayed by {span(delay)}" if delay else "not delayed" for delay in (each["delay"], wanted)
            )
            yield name, f"is {now}, but is to be {wish} (cluster up --only database)"


def trouble(each: Mapping[str, Any]) -> str:
    """Why a node does not follow, in short."""
    if each["follows"]:
        return each["error"] or f"it follows {each['follows']}: receives {each['io']}, applies {each['sql']}"
    return "it holds no data: cluster rejoin" if each["blank"] else "it follows nobody: cluster rejoin"
