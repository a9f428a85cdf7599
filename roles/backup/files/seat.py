"""What is restored for a node that goes on from there with the others: up to which transaction, and that it is so.

With replicas, and in a group of MySQL: as far as there is anything; a position is all that such a node needs. A
Galera group: up to a transaction whose number in the group is known.
"""

import os
from contextlib import contextmanager

import catalogue
import engine
import galera
import gtid
import restore
from prove import emptied
from settings import SCRATCH, RefusedError, held

GALERA = "galera"


def refuse_past(backups, copy):
    """Refuse a copy from which nothing leads to what the database is now."""
    if copy.history != (now := catalogue.history(backups, copy.database)):
        raise RefusedError(f"{copy.id} is of before {now}: a node with it would have what the others never had")


def found(database, repository, line, start):
    """(the binary logs to replay, {gtid: up to where, seqno: its number in a group, 0 where that is told later}).

    line: all that lead on from a copy; start: its position.
    """
    if database["mode"] != GALERA:
        return line, {"gtid": line[-1].position if line else start, "seqno": 0}
    last = galera.goal(numbered(database, repository, line), start)
    if last is None:
        return [], {"gtid": start, "seqno": 0}
    position, seqno, count = last
    return line[:count], {"gtid": position, "seqno": seqno}


def numbered(database, repository, line):
    """(GTID, seqno, how many of the fetches reach it) of the last transaction that has a number; None without."""
    name = database["name"]
    with held(f"seat-{name}"), emptied(os.path.join(SCRATCH, f"{name}-seat")) as folder:
        for count in range(len(line), 0, -1):
            for _, paths, _ in restore.unpack_logs(repository, [line[count - 1]], folder):
                if last := galera.read(paths, database["domain"]):
                    return *last, count
    return None


@contextmanager
def taken(database, data, wanted):
    """What has files say of themselves, after a replay, that they go up to the wanted transaction.

    wanted: as `found` says it, or None where no node goes on from there. It is completed, and compared with what
    the files say when their server has ended: RefusedError where that is not the same. Of MySQL it becomes the set
    the server has then: nothing else tells exactly what a copy holds.
    """
    if wanted and gtid.is_set(wanted["gtid"]):
        yield lambda server: wanted.update(gtid=gtid.further(engine.holds(server, ""), ""))
        return
    if wanted is None or database["mode"] != GALERA:
        yield lambda _server: None
        return
    group, seqno = galera.checkpoint(data)
    wanted.update(group=group, seqno=wanted["seqno"] or seqno)

    def settle(server):
        if wanted["seqno"] > seqno:
            galera.number(server, group, wanted["seqno"], wanted["gtid"])

    yield settle
    refuse_other(data, group, wanted["seqno"])


@contextmanager
def begun(data, wanted, start):
    """What has files say of themselves that they are those of a new group, wanted["group"].

    Nodes that have such files are one group without a copy from each other. Its first number comes after that of
    the group the files are of, since the highest number in them counts, whichever group it is of (InnoDB's
    trx_rseg_read_wsrep_checkpoint). Their GTIDs go on after wanted["sequence"]: what a node is told later does not
    reach those that get it from the group's cache. start: a position that is in them.
    """
    group, seqno = wanted["group"], galera.checkpoint(data)[1] + 1
    wanted["seqno"] = seqno
    yield lambda server: galera.first(server, group, seqno, gtid.at(start, wanted["sequence"]))
    refuse_other(data, group, seqno)


def refuse_other(data, group, seqno):
    """Raise RefusedError unless files go up to this number of this group, by their own word."""
    if (now := galera.checkpoint(data)) != (group, seqno):
        raise RefusedError(f"the restored files go up to {now[0]}:{now[1]}, not {group}:{seqno}")
