"""The stages of putting one node back from a backup, and of taking that back. The others serve all the while.

What may fail comes first: the data is restored on a backup node, and whether the node can go on with the others
from there is asked again before its server is stopped. A note on the node tells how far it is; each stage may be
done again.
"""

import importlib
from types import ModuleType

from cluster_cli.backups import exchange, notes
from cluster_cli.backups.exchange import step
from cluster_cli.backups.nodes import work
from cluster_cli.backups.restoring import restored_beside
from cluster_cli.backups.stages import NAMES, Job, Stage, exchanged, fits
from cluster_cli.databases.seat import Seat
from cluster_cli.errors import ClusterError


def mode_of(job: Job) -> ModuleType:
    """How a node of the database's mode takes part again."""
    return importlib.import_module(f"cluster_cli.databases.{job.live.database.mode}.readmit")


def seat_of(job: Job) -> Seat:
    """Up to where the data goes that comes, or came."""
    return Seat(job.note.to, job.note.group, job.note.seqno)


def bring(job: Job) -> None:
    """Restore on the backup node, and copy that beside what the node has. Its server goes on, if it does."""
    live, node = job.live, job.seed
    look = step(live, node, "look")
    if look["incoming"] or look["before"] or job.note.phase != notes.RESTORING:
        return
    result = restored_beside(job.run, job.source, live.name, job.asked, serve=False)
    job.results["restored"], found = result, result["seat"]
    seat = Seat(found["gtid"], found.get("group", ""), found["seqno"])
    live.tell("", mode_of(job).refuse_cut_off(live, node, seat))
    weight = exchange.weigh(job.source, live.name)
    fits(weight["version"], look["version"], node, NAMES[live.database.engine])
    step(live, node, "room", str(weight["bytes"]))
    job.keep(to=seat.gtid, group=seat.group, seqno=seat.seqno)
    exchange.stream(job.source, live, node, weight["bytes"], live.tell)
    job.results["bytes"] = weight["bytes"]
    work(job.source, "discard", live.name, lambda _node, _text: None)


def swap(job: Job) -> None:
    """Stop the server, set aside what the node has, and have what came in its place."""
    live, node, seat = job.live, job.seed, seat_of(job)
    if job.note.phase != notes.RESTORING:
        return
    look = step(live, node, "look")
    if not look["before"] and not look["incoming"]:
        raise ClusterError(f"{node} has no restored data", why="it was removed", hint="--undo, then again")
    if not look["before"]:
        mode_of(job).weigh(live, node)
        mode_of(job).refuse_cut_off(live, node, seat)
    step(live, node, "stop")
    if look["incoming"]:
        step(live, node, "seat", stdin=seat.document(mode_of(job).history(live, node, seat)))
    job.results["aside"] = step(live, node, "put")["aside"]
    live.tell("", f"what {node} held is in {job.results['aside']}")
    job.keep(phase=notes.JOINING)


def start(job: Job) -> None:
    """The node goes on with the others from where its data ends."""
    if job.note.phase == notes.JOINING:
        mode_of(job).carry_out(job.live, job.seed, seat_of(job))
        job.keep(phase=notes.RESTORED)


def take_back(job: Job) -> None:
    """The node has its own data again; where that never left its place, nothing is stopped for it."""
    live, node = job.live, job.seed
    job.keep(phase=notes.UNDOING)
    look = step(live, node, "look")
    if not look["before"] and not look["moving"]:
        return
    step(live, node, "stop")
    job.results["aside"] = step(live, node, "back")["aside"]


def start_again(job: Job) -> None:
    """Its server runs on what it had, unless that does not let it: then it is as it was."""
    live, node = job.live, job.seed
    step(live, node, "release")
    look = step(live, node, "look")
    try:
        if not look["running"]:
            mode_of(job).start_again(live, node)
    except ClusterError as error:
        live.tell("", f"{node} has what it held before, on which its server does not take part: {error.why}")
    if exchanged({node: look}):
        job.keep(phase=notes.UNDONE)
    else:
        step(live, node, "forget")


def forget(job: Job) -> None:
    """Remove what is kept aside, and the note."""
    step(job.live, job.seed, "forget")


PUT_BACK: tuple[Stage, ...] = (
    ("restore", "Restore beside everything, and bring it to {}", bring),
    ("exchange", "Exchange the data of {}", swap),
    ("start", "Start {}, which fetches what it misses", start),
)
UNDO: tuple[Stage, ...] = (
    ("exchange", "Have the data of {} back", take_back),
    ("start", "Start {} on what it had", start_again),
)
CONFIRM: tuple[Stage, ...] = (("forget", "Remove what was kept aside of {}", forget),)
