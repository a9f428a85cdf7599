"""The note a restore into a running database keeps on its nodes: how far it is, for whoever comes after. Pure."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

PATH = "/var/lib/cluster/restore.json"
QUESTION = f"test -e {PATH} && echo restore $(cat {PATH})"
RESTORING, JOINING, OPENING, FILLING, RESTORED = "restoring", "joining", "opening", "filling", "restored"
UNDOING, REOPENING, UNDONE = "undoing", "reopening", "undone"
HALF = (RESTORING, UNDOING)  # data is being exchanged: no server may be started
SHUT = (*HALF, JOINING)  # nobody may write
ENDED = (RESTORED, UNDONE)


@dataclass(frozen=True)
class Note:
    """What is done to a database.

    phase: see above. seed: the node that is given the data, from which the others have it. source: the backup
    node. to: the moment or position, in words. at, backup: as it was asked for. sequence: where GTIDs go on, 0
    while that is not known. fenced: whether it was before, and is to stay so. began: ISO 8601. node: the one that
    is put back alone, empty where the whole database is. group, seqno: as Seat (databases/seat.py) has them; of a
    whole Galera database, the new group that begins with the data. spent: of MySQL, the GTIDs that are given to
    none in the restored history (numbers.py); unspent: those that are not given to any after an undo, which were,
    or may have been, in the restored one.
    """

    database: str
    phase: str
    seed: str
    source: str
    to: str
    at: str = ""
    backup: str = ""
    sequence: int = 0
    fenced: bool = False
    began: str = ""
    node: str = ""
    group: str = ""
    seqno: int = 0
    spent: str = ""
    unspent: str = ""

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self))


def read(document: Mapping[str, Any] | None) -> Note | None:
    """A note as a node has it; None for none. One of a newer version of ours may have more in it."""
    if not document:
        return None
    names = {each.name for each in fields(Note)}
    return Note(**{name: value for name, value in document.items() if name in names})


def heard(text: str) -> Note | None:
    """The note in an answer to QUESTION, among other lines."""
    line = next((each for each in text.splitlines() if each.startswith("restore {")), "")
    try:
        return read(json.loads(line.removeprefix("restore "))) if line else None
    except (ValueError, TypeError):
        return None


def told(notes: Iterable[Note]) -> Note | None:
    """Which of several to tell first: that on the whole database, then what did not end."""
    return min(notes, key=lambda note: (bool(note.node), note.phase in ENDED), default=None)


def sentence(note: Note) -> str:
    """What is to be said of it in `status`."""
    name = shlex.quote(note.database)
    if note.node:
        return of_node(note, f"cluster restore {name} --node {shlex.quote(note.node)}")
    if note.phase == RESTORED:
        kept = "what it held before is kept"
        return f"was restored to {note.to}; {kept}: cluster restore {name} --confirm, or --undo"
    if note.phase == UNDONE:
        return (
            f"has its data of before a restore again; what was restored is kept: cluster restore {name} --confirm"
        )
    if note.phase == FILLING:
        return (
            f"was restored to {note.to} and is in use, but not all its nodes have the data yet; "
            f"that goes on with: cluster restore {name} --to cluster; back with: cluster restore {name} --undo"
        )
    if note.phase in (UNDOING, REOPENING):
        return f"an undo of a restore did not end; it goes on with: cluster restore {name} --undo"
    return (
        f"a restore to {note.to} did not end; it goes on with: cluster restore {name} --to cluster; "
        f"back with: cluster restore {name} --undo"
    )


def of_node(note: Note, verb: str) -> str:
    """The same of a node that is put back alone. verb: with what it was begun."""
    if note.phase == RESTORED:
        return (
            f"has {note.node} put back from a backup; what that held before is kept: {verb} --confirm, or --undo"
        )
    if note.phase == UNDONE:
        return f"has {note.node} on what it held before a restore again; what came is kept: {verb} --confirm"
    if note.phase == UNDOING:
        return f"an undo of putting back {note.node} did not end; it goes on with: {verb} --undo"
    return f"putting back {note.node} from a backup did not end; it goes on with: {verb}; back with: {verb} --undo"
