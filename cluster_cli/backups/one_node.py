"""`cluster restore --node`: one node of a running database put back from a backup, while the others go on.

What is looked at and asked first; the stages are in one_node_stages.py.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import click

from cluster_cli import ssh
from cluster_cli.backups import exchange, notes
from cluster_cli.backups.exchange import MEGA, Look, step
from cluster_cli.backups.nodes import backup_nodes, chosen
from cluster_cli.backups.notes import Note
from cluster_cli.backups.one_node_stages import CONFIRM, PUT_BACK, UNDO
from cluster_cli.backups.replacing import done, live_of
from cluster_cli.backups.restoring import Asked, Done, Wish, evidence, one_of, planned, where
from cluster_cli.databases.asked import known
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import Plan
from cluster_cli.databases.replication import gtid
from cluster_cli.databases.seat import Seat
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.show.run import confirm_name
from cluster_cli.topology.makers import backed_up
from cluster_cli.workspace import Workspace

PLAN_SECONDS = 900.0  # what was written last is fetched first


def put_back(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Put a node back from the newest copy; what was begun and did not end goes on.

    Raises ClusterError: exit 2 for what is not there, 4 while the node or all backup nodes are out of reach, 1 for
    what is not done. Nothing was touched then.
    """
    live, node = of_node(workspace, wish)
    look = seen(live, node)
    if note := notes.read(look["note"]):
        asked = goes_on(note, wish)
        if wish.dry:
            return Done(live.name, note.source, True, {"seed": node, "to": note.to})
        return done(workspace, wish, live, note, asked, PUT_BACK)
    refuse_kept(live, node, look)
    decided = mode_of(live).weigh(live, node)
    source, plan, asked = best_source(workspace, wish, live)
    for line in (*decided.evidence, *shown(node, look, source.name, plan)):
        click.echo(line, err=True)
    click.echo(mode_of(live).refuse_cut_off(live, node, seat_of(plan)), err=True)
    step(live, node, "room", str(plan["bytes"]))
    if wish.dry:
        click.echo(f"would: {decided.will}\n{stake(decided, look)}", err=True)
        return Done(live.name, source.name, True, {"seed": node, **plan})
    confirm_name(node, stake(decided, look), yes)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note = Note(
        live.name, notes.RESTORING, node, source.name, plan["to"], "", wish.backup or "", began=now, node=node
    )
    return done(workspace, wish, live, note, asked, PUT_BACK)


def undo(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Have a node on what it held before it was put back, be it that this ended or not."""
    live, node = of_node(workspace, wish)
    note = noted(live, node, "to take back")
    if note.phase == notes.UNDONE:
        hint = f"cluster restore {live.name} --node {node} --confirm"
        raise ClusterError(f"putting back {node} was taken back already", hint=hint, code=Exit.USAGE)
    confirm_name(node, f"{node} gets what it held before again; what came is kept aside", yes)
    return done(workspace, wish, live, note, {}, UNDO)


def confirm(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Let go of what a node keeps aside."""
    live, node = of_node(workspace, wish)
    note = noted(live, node, "to be confirmed")
    if note.phase not in notes.ENDED:
        raise ClusterError(
            f"nothing of {node} is to be confirmed",
            why=notes.sentence(note),
            hint="end that first",
            code=Exit.USAGE,
        )
    kept = "what it held before" if note.phase == notes.RESTORED else "what came from the backup"
    confirm_name(node, f"{kept} is removed for good on {node}", yes)
    return done(workspace, wish, live, note, {}, CONFIRM)


def of_node(workspace: Workspace, wish: Wish) -> tuple[Live, str]:
    """The database and the node that are meant. Raises ClusterError (exit 2)."""
    name, node = named(workspace, wish), str(wish.target)
    live = live_of(workspace, replace(wish, database=name))
    known(live, node)
    return live, node


def named(workspace: Workspace, wish: Wish) -> str:
    """The named database, else that of the node. Raises ClusterError (exit 2) where no backups are made of it."""
    among = backed_up(workspace.topology)
    mine = [name for name, each in among.items() if wish.target in each.nodes]
    return mine[0] if mine and not wish.database else one_of(chosen(workspace, wish.database))


def mode_of(live: Live) -> ModuleType:
    """How a node of its mode takes part again."""
    return importlib.import_module(f"cluster_cli.databases.{live.database.mode}.readmit")


def seen(live: Live, node: str) -> Look:
    """What the node has. Raises ClusterError where it does not tell, or nothing of ours is installed there."""
    answer = live.run(node, f"test -e {exchange.EXCHANGE.split()[-1]}", seconds=60)
    if answer.reached and answer.rc != 0:
        raise ClusterError(
            f"{node} has nothing installed that could take the data",
            why="a machine that was replaced by an empty one is given all by the others",
            hint=f"cluster trust {node}, then: cluster up",
        )
    return step(live, node, "look", seconds=60)


def refuse_kept(live: Live, node: str, look: Mapping[str, Any]) -> None:
    """Raise ClusterError where something is set aside there of which no note tells: it would be taken for ours."""
    if look["before"] or look["undone"] or look["moving"]:
        raise ClusterError(
            f"{node} keeps data aside already",
            where=look["place"],
            why="what is there now would have no place",
            hint=f"look at it, and move it away; of a restore that ended: cluster restore {live.name} --confirm",
        )


def noted(live: Live, node: str, what: str) -> Note:
    """The note of the node. Raises ClusterError (exit 2) where there is none, or it is of the whole database."""
    note = notes.read(seen(live, node)["note"])
    if note is None or not note.node:
        raise ClusterError(
            f"there is nothing {what} on {node}",
            why=f"{live.name} {notes.sentence(note)}" if note else "it was not put back alone",
            hint="see: cluster status",
            code=Exit.USAGE,
        )
    return note


def goes_on(note: Note, wish: Wish) -> Asked:
    """What was asked for when it began. Raises ClusterError where it ended, or is something else."""
    if not note.node or note.phase not in (notes.RESTORING, notes.JOINING):
        raise ClusterError(
            f"{wish.target} cannot be put back now",
            where=f"database {note.database}",
            why=f"it {notes.sentence(note)}",
            hint="end that first",
        )
    if wish.backup and wish.backup != note.backup:
        raise ClusterError(
            f"{note.node} is being put back from {note.backup or 'the newest copy'}",
            hint="end that first, or: --undo",
        )
    click.echo(f"putting back {note.node}, begun {note.began}, goes on", err=True)
    return asked_for(note.backup)


def asked_for(backup: str | None) -> Asked:
    """The wish as a backup node takes it: as far as a node can go on from."""
    return {"backup": backup or "", "gtid": "", "at": "", "seat": True}


def best_source(workspace: Workspace, wish: Wish, live: Live) -> tuple[Host, dict[str, Any], Asked]:
    """(the backup node that does it, what it would do, as it is asked): the named one, or that which has the most.

    Raises ClusterError with the reason of the first of them where none can.
    """
    hosts = (where(workspace, wish),) if wish.node else backup_nodes(workspace, live.name)
    asked = asked_for(wish.backup)

    def one(host: Host) -> dict[str, Any] | ClusterError:
        try:
            return planned(host, live.name, asked, PLAN_SECONDS)
        except ClusterError as error:
            return error

    found = ssh.on_all(hosts, one)
    plans = {name: plan for name, plan in found.items() if isinstance(plan, dict)}
    if not plans:
        raise next(each for each in found.values() if isinstance(each, ClusterError))
    best = furthest({name: str(plan["seat"]["gtid"]) for name, plan in plans.items()})
    return next(host for host in hosts if host.name == best), plans[best], asked


def furthest(reached: Mapping[str, str]) -> str:
    """The backup node that goes furthest, the first of several. reached: position by node.

    Sets may each have what the other has not: then the one that has more.
    """
    best = next(iter(reached))
    for name, position in reached.items():
        if gtid.distance(position, reached[best]) > gtid.distance(reached[best], position):
            best = name
    return best


def seat_of(plan: Mapping[str, Any]) -> Seat:
    """Up to where the data would go; its group is known once it is restored."""
    found = plan["seat"]
    return Seat(found["gtid"], found.get("group", ""), found["seqno"])


def shown(node: str, look: Look, source: str, plan: Mapping[str, Any]) -> Sequence[str]:
    """From what it would be made, and what room there is, a line each."""
    return (
        f"from {source}: {', '.join(evidence(plan))}",
        f"{node}: {look['data'] // MEGA} MB go aside, {look['room'] // MEGA} MB are free, "
        f"about {plan['bytes'] // MEGA} MB come",
    )


def stake(decided: Plan, look: Mapping[str, Any]) -> str:
    """What is asked about."""
    return f"{decided.stake}; it is kept on the node, in {look['place']}, until you confirm"
