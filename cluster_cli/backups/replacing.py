"""`cluster restore --to cluster`, `--undo`, `--confirm`: what is looked at and asked first, then the stages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from uuid import uuid4

import click

from cluster_cli.backups import exchange, notes
from cluster_cli.backups.exchange import looks, noted, step
from cluster_cli.backups.nodes import backup_nodes, chosen, listed
from cluster_cli.backups.notes import Note
from cluster_cli.backups.restoring import Asked, Done, Wish, evidence, one_of, planned, request, where
from cluster_cli.backups.stages import CONFIRM, RESTORE, UNDO, Job, Stage, given_data
from cluster_cli.databases.asked import outcomes
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import FENCES, described, question
from cluster_cli.databases.operation import applier, teller
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.run import recorded
from cluster_cli.show.run import confirm_name
from cluster_cli.workspace import Workspace


def replace_data(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Put a database back to a moment; what was begun and did not end goes on.

    Raises ClusterError: exit 2 for what is not there, 4 while a node is out of reach, 1 for what is not done.
    """
    live = live_of(workspace, wish)
    found = looks(live)
    note = noted(found)
    if note is None:
        refuse_nodes(live, found)
        note, asked = begun(live, workspace, wish, found)
    else:
        asked = goes_on(note, wish)
    if wish.dry:
        return Done(live.name, note.source, True, {"seed": note.seed, "to": note.to, "at": wish.at or ""})
    confirm_name(live.name, stake(live, note), yes)
    return done(workspace, wish, live, note, asked, RESTORE)


def undo(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Have back what a database held before a restore, be it that it ended or not."""
    live = live_of(workspace, wish)
    found = looks(live)
    note = noted(found)
    if note is None:
        refuse_nodes(live, found)
    if note is None or note.phase == notes.UNDONE:
        raise ClusterError(
            f"there is no restore of {live.name} to take back",
            why="its nodes know of none" if note is None else "it was taken back",
            hint="see: cluster status" if note is None else f"cluster restore {live.name} --confirm",
            code=Exit.USAGE,
        )
    confirm_name(
        live.name,
        f"{live.name} is taken back to what it held before it was restored to {note.to}; what was written since "
        "is kept aside, and applications cannot write meanwhile",
        yes,
    )
    return done(workspace, wish, live, note, {}, UNDO)


def confirm(workspace: Workspace, wish: Wish, yes: bool) -> Done:
    """Let go of what was kept aside."""
    live = live_of(workspace, wish)
    found = looks(live)
    note = noted(found)
    if note is None:
        refuse_nodes(live, found)
    if note is None or note.phase not in notes.ENDED:
        raise ClusterError(
            f"nothing of {live.name} is to be confirmed",
            why="its nodes know of no restore" if note is None else notes.sentence(note),
            hint="see: cluster status",
            code=Exit.USAGE,
        )
    kept = "what it held before" if note.phase == notes.RESTORED else "what was restored"
    confirm_name(live.name, f"{kept} is removed for good on {', '.join(live.nodes)}", yes)
    return done(workspace, wish, live, note, {}, CONFIRM)


def refuse_nodes(live: Live, found: Mapping[str, exchange.Look]) -> None:
    """Raise ClusterError where one of its nodes alone is put back, or keeps what it held before that."""
    if note := notes.told(each for look in found.values() if (each := notes.read(look["note"]))):
        raise ClusterError(
            f"{note.node} alone is put back, or was",
            where=f"database {live.name}",
            why=f"it {notes.sentence(note)}",
            hint="end that first",
            code=Exit.USAGE,
        )


def live_of(workspace: Workspace, wish: Wish) -> Live:
    """The database that is meant. Raises ClusterError (exit 2) where it is not known."""
    name = one_of(chosen(workspace, wish.database))
    return Live(name, workspace.topology.databases[name], workspace)


def begun(live: Live, workspace: Workspace, wish: Wish, found: Mapping[str, exchange.Look]) -> tuple[Note, Asked]:
    """A new restore, by what the nodes say. Raises ClusterError before anything is touched."""
    source, asked = where(workspace, wish), request(wish)
    plan = planned(source, live.name, asked)
    note = Note(
        live.name,
        notes.RESTORING,
        seed_of(live),
        source.name,
        plan["to"],
        wish.at or "",
        wish.backup or "",
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        group=str(uuid4()) if live.database.mode == "galera" else "",
    )
    for line in (*evidence(plan), *shown(live, found, note, plan["bytes"])):
        click.echo(line, err=True)
    refuse_silent(live)
    for node in live.nodes:
        step(live, node, "room", str(plan["bytes"]))
    marks = outcomes(live, live.nodes, f"test -e {FENCES[live.database.engine]}")
    fenced = any(answer.rc == 0 for answer in marks.values())
    return replace(note, fenced=fenced), asked


def refuse_silent(live: Live) -> None:
    """Raise ClusterError (exit 4) unless every backup node answers: each has to know that a new history begins."""
    for node, said in listed(backup_nodes(live.workspace, live.name)).items():
        if said.get("why"):
            hint = "bring it in reach, or take it out of the topology; nothing was changed"
            raise ClusterError(
                f"{node} does not tell what it has", why=said["why"], hint=hint, code=Exit.UNREACHABLE
            )


def goes_on(note: Note, wish: Wish) -> Asked:
    """What was asked for when it began. Raises ClusterError where that is not what is asked for now."""
    if note.phase not in (notes.RESTORING, notes.JOINING, notes.OPENING, notes.FILLING):
        raise ClusterError(
            f"{note.database} cannot be restored now", why=f"it {notes.sentence(note)}", hint="see: cluster status"
        )
    if (wish.at and wish.at != note.at) or (wish.backup and wish.backup != note.backup):
        raise ClusterError(
            f"another restore of {note.database} is under way",
            why=f"it {notes.sentence(note)}",
            hint=f"end that first, or take it back: cluster restore {note.database} --undo",
        )
    click.echo(f"a restore to {note.to}, begun {note.began}, goes on", err=True)
    return request(Wish(note.database, note.at or None, note.backup or None, note.source))


def seed_of(live: Live) -> str:
    """The node that is given the data first: that which takes writes, or the first one."""
    row = described(live.workspace.topology, live.name, outcomes(live, live.nodes, question(live.database)))
    return str(row["primary"] or live.nodes[0])


def shown(live: Live, found: Mapping[str, exchange.Look], note: Note, count: int) -> Sequence[str]:
    """What will be done where, a line each."""
    first = given_data(live, note)
    others = [node for node in live.nodes if node not in first]
    lines = [f"to: {' and '.join(first)}, from which {', '.join(others) or 'nobody'} copies it"]
    for node, look in found.items():
        lines.append(
            f"{node}: {look['data'] // exchange.MEGA} MB go aside, {look['room'] // exchange.MEGA} MB are free, "
            f"about {count // exchange.MEGA} MB come"
        )
    return lines


def stake(live: Live, note: Note) -> str:
    """What is asked about."""
    return (
        f"{live.name} goes back to {note.to}: what was written since is no longer in it (it is kept aside on "
        f"{', '.join(live.nodes)} until you confirm), and applications cannot use it meanwhile"
    )


def done(
    workspace: Workspace,
    wish: Wish,
    live: Live,
    note: Note,
    asked: Asked,
    stages: Sequence[Stage],
) -> Done:
    """Do the stages, one after the other, recorded."""
    names, began, seconds = [name for name, *_ in stages], monotonic(), {}
    arguments = {"database": live.name, "to": note.to, "stages": names}
    with recorded(workspace, "restore", names, arguments=arguments, plain=wish.plain) as run:
        if exchange.kept(live, note) not in (None, note):
            raise ClusterError("things changed while you were asked", hint="look again: cluster status")
        source = next(host for host in backup_nodes(workspace) if host.name == note.source)
        at_work = replace(live, tell=teller(run, "restore"), apply=applier(run))
        under_way = Job(run, at_work, source, note, asked, {})
        for name, title, stage in stages:
            start = monotonic()
            with run.stage(name, title.format(note.node or live.name)):
                stage(under_way)
            seconds[name] = round(monotonic() - start, 1)
    whole = round(monotonic() - began, 1)
    click.echo(", ".join(f"{name} {each:.1f} s" for name, each in seconds.items()) + f": {whole:.1f} s", err=True)
    result = {"to": note.to, "seed": note.seed, "stages": seconds, "seconds": whole, **under_way.results}
    return Done(live.name, note.source, False, result)
