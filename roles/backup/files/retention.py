"""What a repository may let go of. Pure."""

import gtid
from catalogue import BINLOGS, COPIES, FULL, RESTORED, begins, ending, of, within


def expendable(backups, database, full_ids, since):
    """What may go when these full copies stay: copies that build on others, binlogs older than `since`.

    since: seconds since 1970 to which any moment is to be restored. In each history that went on then, the last
    full copy before it stays (without one, the first), and what leads on from there. Marks stay.
    """
    mine = of(backups, database)
    names = ["", *(each.id for each in of(mine, database, RESTORED))]
    stays, chains = {*full_ids, *names}, {}
    stays |= {anchor.id for name in names if (anchor := anchor_of(mine, database, name, since))}
    for each in of(mine, database, *COPIES):
        chains[each.id] = each.id if each.kind == FULL else chains.get(each.base, "")
    stays |= {name for name, full in chains.items() if full in stays}
    for name in names:
        stays |= {each.id for each in leading_on(mine, database, name, stays, since)}
    return [each for each in mine if each.id not in stays]


def anchor_of(backups, database, name, since):
    """The full copy with which the moments of a history that are to be restored begin; None for none."""
    end = ending(backups, database, name)
    full = of(within(backups, database, name), database, FULL)
    if not full or (end and end.at < since):
        return None
    before = [each for each in full if each.at <= since]
    return before[-1] if before else full[0]


def leading_on(backups, database, name, stays, since):
    """The binlogs of a history that lead on from the last copy before a moment that stays, or from the first."""
    here = within(backups, database, name)
    copies = [each for each in of(here, database, *COPIES) if each.id in stays]
    before = [each for each in copies if each.at <= since]
    if not copies:
        return of(here, database, BINLOGS) if not of(backups, database, *COPIES) else []
    first = before[-1] if before else copies[0]
    return [each for each in of(here, database, BINLOGS) if not gtid.reaches(begins(first), each.position)]
