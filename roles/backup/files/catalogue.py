"""What a repository holds: which copies build on which, what is between them, what may go. Pure.

A backup is known by the tags of its snapshot, and counts only once they say that it is whole.

A database that was put back to an earlier moment has a new history from there on: its GTIDs may be those of other
transactions. So it has where something that was written is lost. A mark in the repository says when that was, and
each copy and fetch says to which history it belongs, by the id of the mark it begins with (kind `restored`).
Nothing leads from one history to another.
"""

import base64
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import gtid

WHOLE, META, PROVEN = "whole", "meta:", "proven"
FULL, INCREMENTAL, BINLOGS, RESTORED = "full", "incremental", "binlogs", "restored"
CLUSTER, FILES = "cluster", "files"  # of no database: the cluster's own files, files of a node
COPIES = (FULL, INCREMENTAL)


class BrokenError(Exception):
    """A backup that cannot be restored, in words for a person."""


@dataclass(frozen=True)
class Backup:
    """One backup.

    at: when it began, seconds since 1970. base: the copy an incremental one builds on. lineage: of the data files
    whose log its LSNs count. start, position: GTID positions; of binlogs, what they begin after and reach; of a
    copy, what it holds, and where that is not known exactly, what it holds at least and at most. digest: SHA-256
    of all its bytes. topology: hash of how the database was described. history: the mark it comes after, empty
    before the first; of a mark, the one before. until: of a mark, when what was written before was fetched last.
    plain: of what was sealed before it came, SHA-256 before that. files: their common name. proven: whether a
    restore of it was ever proven.
    """

    id: str
    database: str
    kind: str
    at: float
    node: str
    engine: str = "mariadb"
    version: str = ""
    base: str = ""
    lineage: str = ""
    from_lsn: int = 0
    to_lsn: int = 0
    start: str = ""
    position: str = ""
    topology: str = ""
    digest: str = ""
    bytes: int = 0
    stored: int = 0
    seconds: float = 0.0
    history: str = ""
    until: float = 0.0
    plain: str = ""
    files: str = ""
    proven: bool = False
    snapshot: str = ""


def tags(backup):
    """The tags of a whole backup; none of them may have a comma."""
    known = {name: value for name, value in asdict(backup).items() if name not in ("snapshot", "proven")}
    packed = base64.urlsafe_b64encode(json.dumps(known, separators=(",", ":")).encode()).decode()
    named = [f"files:{backup.files}", f"node:{backup.node}"] if backup.kind == FILES else []
    return [WHOLE, f"database:{backup.database}", f"kind:{backup.kind}", *named, META + packed]


def begun(database, kind, run):
    """The tags of one that is being made."""
    return ["part", f"database:{database}", f"kind:{kind}", f"run:{run}"]


def read(snapshots):
    """(whole backups from old to new, snapshots that are none) of what `restic snapshots --json` printed."""
    whole, parts = [], []
    for row in snapshots:
        found = row.get("tags") or []
        packed = next((each.removeprefix(META) for each in found if each.startswith(META)), "")
        if WHOLE in found and packed:
            known = json.loads(base64.urlsafe_b64decode(packed))
            known = {name: value for name, value in known.items() if name in Backup.__dataclass_fields__}
            whole.append(replace(Backup(**known), snapshot=row["id"], proven=PROVEN in found))
        else:
            parts.append((row["id"], found))
    return sorted(whole, key=lambda each: each.at), parts


def left_over(parts, database, kinds):
    """The snapshots of runs that did not end, of these kinds."""
    return [
        snapshot
        for snapshot, found in parts
        if f"database:{database}" in found and any(f"kind:{kind}" in found for kind in kinds)
    ]


def of(backups, database, *kinds):
    """Those of a database, of these kinds (of all without any), from old to new."""
    return [each for each in backups if each.database == database and (not kinds or each.kind in kinds)]


def chain(backups, backup):
    """The copies to restore one after the other: a full one and all that build on it, up to this one.

    Raises BrokenError when one of them is missing or does not fit the one before.
    """
    known, found = {each.id: each for each in backups}, [backup]
    while found[0].kind == INCREMENTAL:
        here = found[0]
        if here.base not in known:
            raise BrokenError(f"{here.id} builds on {here.base}, which is not in the repository")
        before = known[here.base]
        if (before.lineage, before.to_lsn) != (here.lineage, here.from_lsn):
            raise BrokenError(f"{here.id} does not begin where {before.id} ends")
        found.insert(0, before)
    if found[0].kind != FULL:
        raise BrokenError(f"{found[0].id} is no copy")
    return found


def history(backups, database, moment=None):
    """The history a database was in at a moment (now): the last mark until then, empty before the first."""
    marks = [each.id for each in of(backups, database, RESTORED) if moment is None or each.at <= moment]
    return marks[-1] if marks else ""


def within(backups, database, name):
    """What belongs to one history, from old to new."""
    return [each for each in of(backups, database, *COPIES, BINLOGS) if each.history == name]


def ending(backups, database, name):
    """The mark with which a history ended; None for the one that goes on."""
    return next((each for each in of(backups, database, RESTORED) if each.history == name), None)


def newest(backups, database):
    """The last copy of a database as it goes on now; None when there is none."""
    return next(reversed(of(within(backups, database, history(backups, database)), database, *COPIES)), None)


def copy_before(backups, database, *, moment=None, position=""):
    """The last copy that is not past a moment (seconds since 1970) or position. Raises BrokenError without one.

    A moment is in the history that went on then. A position is looked for in the newest history first.
    """
    names = [history(backups, database, moment)]
    if position:
        names += [each.history for each in reversed(of(backups, database, RESTORED))]
    found = [
        [
            each
            for each in of(within(backups, database, name), database, *COPIES)
            if (moment is None or each.at + each.seconds <= moment)
            and (not position or gtid.reaches(position, each.position))
        ]
        for name in names
    ]
    able = [fits[-1] for fits in found if fits]
    for copy in able:
        if not position or reaches(backups, database, copy.history, position):
            return copy
    if able:
        return able[0]
    when = position or (datetime.fromtimestamp(moment).astimezone().isoformat() if moment else "now")
    since = f", and none since it was restored ({names[0]})" if names[0] and not position else ""
    raise BrokenError(f"there is no copy of {database} from before {when}{since}")


def reaches(backups, database, name, position):
    """Whether what is kept of a history goes as far as a position."""
    return any(gtid.reaches(each.position, position) for each in within(backups, database, name))


def line(backups, database, start, goal="", name=None, moment=None):
    """The binlogs that lead from a position on without a gap, as far as a goal (as far as there are any).

    name: the history they are of, that which goes on where it is left away. moment: seconds since 1970; the first
    one that was fetched after it is the last. Raises BrokenError where something is missing on the way.
    """
    found, here = [], start
    mine = within(backups, database, history(backups, database) if name is None else name)
    for each in of(mine, database, BINLOGS):
        if goal and gtid.reaches(here, goal):
            break
        if moment is not None and found and found[-1].at > moment:
            break
        if gtid.reaches(here, each.position):
            continue  # all of it is in the copy, or was fetched before
        if not gtid.reaches(here, each.start):
            raise BrokenError(f"binlogs are missing: {each.id} begins after {each.start}, but {here} comes before")
        found.append(each)
        here = gtid.further(here, each.position)
    if goal and not gtid.reaches(here, goal):
        raise BrokenError(f"binlogs are missing: they reach {here}, not {goal}")
    return found


def reached(backups, database):
    """Up to where what was written is here, in the history that goes on; empty without a copy.

    Not the newest copy counts but the last fetch: what lies between leads to moments before that copy.
    """
    if newest(backups, database) is None:
        return ""
    here = within(backups, database, history(backups, database))
    logs = of(here, database, BINLOGS)
    return logs[-1].position if logs else begins(of(here, database, *COPIES)[0])


def begins(copy):
    """The position from which what was written leads on from a copy: that of the copy, or what it surely has."""
    return copy.start or copy.position
