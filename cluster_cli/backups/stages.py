"""The stages of a restore into a running database, and of taking it back.

All that can fail is done first, beside everything: the data is restored on a backup node, and copied to the seed,
in a Galera group to one more. Only then is the database fenced, its servers stopped and the data exchanged.
Applications may write once a write outlives a node; the nodes that are left copy the data beside them.
A note on the nodes tells how far it is. Each stage may be done again, and does only what is left to do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster_cli import ssh
from cluster_cli.backups import exchange, notes, numbers
from cluster_cli.backups.counting import beyond, given
from cluster_cli.backups.exchange import everywhere, looks, step
from cluster_cli.backups.nodes import PROGRAM, backup_nodes, document, fetch, ssh_run, work
from cluster_cli.backups.notes import Note
from cluster_cli.backups.numbers import MILLION
from cluster_cli.backups.restoring import Asked, restored_beside
from cluster_cli.databases.fence import mark, unmark
from cluster_cli.databases.galera.readmit import goes_on
from cluster_cli.databases.group_replication import fence as group
from cluster_cli.databases.group_replication.gtid import GtidSet
from cluster_cli.databases.live import Live
from cluster_cli.databases.operation import verb_of
from cluster_cli.databases.replication.nodes import looks as replication_looks
from cluster_cli.databases.replication.nodes import step as replication_step
from cluster_cli.databases.replication.nodes import writers
from cluster_cli.databases.seat import Seat
from cluster_cli.errors import ClusterError
from cluster_cli.inventory import Host
from cluster_cli.render.databases import domain_id
from cluster_cli.run import Run

MARK_SECONDS = 600.0
CLOSE_SECONDS = 60.0
SHUT = 'mariadb --no-defaults --connect-timeout=3 -e "SET GLOBAL read_only = ON"'
NAMES = {"mariadb": "MariaDB", "mysql": "MySQL"}


@dataclass
class Job:
    """A restore under way. note: as the nodes have it, or will; results: for who asked."""

    run: Run
    live: Live
    source: Host
    note: Note
    asked: Asked
    results: dict[str, Any]

    @property
    def seed(self) -> str:
        """The node that is given the data."""
        return self.note.seed

    def keep(self, **changes: Any) -> None:
        """Have the nodes keep a changed note."""
        self.note = exchange.note(self.live, replace(self.note, **changes))


Stage = tuple[str, str, Callable[[Job], None]]


def bring(job: Job) -> None:
    """Restore on the backup node, and copy that to who begins with it. Nothing live is touched."""
    look, nodes = looks(job.live), given_data(job.live, job.note)
    came = all(look[node]["incoming"] for node in nodes)
    if came or look[job.seed]["before"] or job.note.phase != notes.RESTORING:
        return
    result = restored_beside(job.run, job.source, job.live.name, as_asked(job, look), serve=False)
    job.results["restored"] = result
    weight = exchange.weigh(job.source, job.live.name)
    for node in nodes:
        fits(weight["version"], look[node]["version"], node, NAMES[job.live.database.engine])
    job.keep(to=result["to"], seqno=result["seat"]["seqno"] if job.note.group else 0)
    for node in job.live.nodes:
        step(job.live, node, "room", str(weight["bytes"]))
    for node in nodes:
        exchange.stream(job.source, job.live, node, weight["bytes"], job.live.tell)
    job.results["bytes"] = weight["bytes"]
    work(job.source, "discard", job.live.name, lambda _node, _text: None)


def as_asked(job: Job, look: Mapping[str, exchange.Look]) -> Asked:
    """The wish; where a Galera group begins on several nodes, with its name, and where its GTIDs begin."""
    if not job.note.group:
        return job.asked
    job.keep(sequence=beyond(job.live, [node for node, each in look.items() if each["running"]]))
    return {**job.asked, "group": job.note.group, "sequence": job.note.sequence}


def given_data(live: Live, note: Note) -> tuple[str, ...]:
    """The nodes that begin with what a backup node restored, the seed first; the others copy it from these.

    Those of a Galera group, whose name and number stand in it, are one group without a copy from each other.
    """
    return enough(live, note.seed) if note.group else (note.seed,)


def fits(written: str, runs: str, node: str, engine: str = NAMES["mariadb"]) -> None:
    """Raise ClusterError where data was written by a newer server than is to run on it."""
    if release(written) > release(runs):
        raise ClusterError(
            f"{node} cannot run on the restored data",
            why=f"it has {engine} {runs}, and {written} prepared the data",
            hint="upgrade the database's nodes first, or have the backup node be of the same release",
        )


def release(version: str) -> tuple[int, ...]:
    """10.11 of 10.11.6-MariaDB-..."""
    return tuple(int(word) for word in version.split("-")[0].split(".")[:2])


def close(job: Job) -> None:
    """Let nobody write any more, and fetch what was written last, so that no moment of this history is lost."""
    live, look = job.live, looks(job.live)
    if job.note.phase == notes.FILLING:
        return  # applications use it
    mark(live, live.nodes)
    if job.note.phase not in notes.HALF:
        return
    running = [node for node, each in look.items() if each["running"]]
    shut(live, running)
    if running and look[job.seed]["before"] == (job.note.phase == notes.UNDOING):  # what runs is about to go
        fetched(job)
    count_on(job, running)
    if job.note.group and look[job.seed]["incoming"]:
        refuse_given(job, beyond(live, running))


def shut(live: Live, running: Sequence[str]) -> None:
    """Have servers that run take no writes; one that does not answer is stopped soon anyhow."""
    if live.database.mode == "galera":
        answers = live.on_all(running, lambda node: live.run(node, SHUT, seconds=CLOSE_SECONDS))
        for node, answer in answers.items():
            if answer.rc != 0:
                live.tell(node, f"its server was not asked to take no writes: {answer.err.strip()[-200:]}")
    elif live.database.mode == "group_replication":
        try:
            group.close(live)
        except ClusterError as error:
            live.tell("", f"its primary was not asked to take no writes: {error.why}")
    else:
        for node in writers(replication_looks(live)):
            replication_step(live, node, "close")


def fetched(job: Job) -> None:
    """The last fetch of binary logs before the data changes. Without it the old data is still kept aside."""
    for host in backup_nodes(job.live.workspace, job.live.name):
        row = fetch(host, job.live.name)
        if not row["ok"]:
            job.live.tell(host.name, f"what was written last was not fetched: {row['why']}")


def count_on(job: Job, running: Sequence[str]) -> None:
    """Have the note say where numbers of transactions go on, beyond all that were ever given."""
    if job.live.database.engine == "mariadb":
        if not job.note.sequence:
            job.keep(sequence=beyond(job.live, running))
    elif job.note.phase == notes.RESTORING:
        if not job.note.spent:
            job.keep(spent=numbers.told(given(job.live, running, "")))
    elif job.note.spent and not job.note.unspent:
        before = job.note.spent
        job.keep(unspent=numbers.told(given(job.live, running, before) - GtidSet.parse(before)))


def refuse_given(job: Job, now: int) -> None:
    """What came begins with a number that was given since: then it is the seed's alone, and begins beyond that."""
    if now - MILLION > job.note.sequence:
        job.live.tell("", "more was written meanwhile than was left free: all others copy the data from the seed")
        job.keep(sequence=now, group="", seqno=0)


def swap(job: Job) -> None:
    """Stop the servers, mark the new history, exchange the data: first on the seed, then on the others."""
    live, look = job.live, looks(job.live)
    if job.note.phase != notes.RESTORING or settled(look):
        return
    halt(live)
    others = [node for node in live.nodes if node != job.seed]
    if not look[job.seed]["before"] or look[job.seed]["incoming"]:
        if not look[job.seed]["incoming"]:
            raise ClusterError(f"{job.seed} has no restored data", why="it was removed", hint="--undo, then again")
        new_history(job, job.note.to)
    seat(job, [node for node in given_data(live, job.note) if look[node]["incoming"]])
    aside = step(live, job.seed, "put")["aside"]
    everywhere(live, others, "put")
    job.results["aside"] = aside
    live.tell("", f"what {live.name} held is in {aside} on each of its nodes")


def settled(look: Mapping[str, exchange.Look]) -> bool:
    """Whether every node's own data is aside, and what came is in its place."""
    return all(each["before"] and not each["incoming"] for each in look.values())


def seat(job: Job, nodes: Sequence[str]) -> None:
    """Have what came to a Galera group's nodes say which group they are, and where it stands."""
    if job.note.group:
        here = Seat(job.note.to, job.note.group, job.note.seqno)
        everywhere(job.live, nodes, "seat", stdin=here.document(()))


def halt(live: Live) -> None:
    """Stop all servers, and have nobody start them; the arbiter, too: it would hold on to the group that was."""
    if arbiter := getattr(live.database, "arbiter", None):
        live.run(arbiter, "systemctl stop garb", seconds=60)
    everywhere(live, live.nodes, "stop")


def new_history(job: Job, to: str) -> None:
    """Tell every backup node. Raises ClusterError where one does not hear it: it would take two pasts for one."""
    text = json.dumps({"to": to, "node": job.seed, "began": job.note.began})
    for host in backup_nodes(job.live.workspace, job.live.name):
        answer = ssh.run(host, f"{PROGRAM} mark {job.live.name}", stdin=text, timeout=MARK_SECONDS)
        if "why" in (found := document(answer)):
            raise ClusterError(
                f"{host.name} does not keep in mind that {job.live.name} was restored",
                why=found["why"],
                hint="mend it, and run the same command again: it goes on",
            )


def start(job: Job) -> None:
    """The seed begins, and as many others copy its data as a write needs that outlives a node."""
    live, note = job.live, job.note
    if note.phase == notes.FILLING:
        return
    if note.phase == notes.RESTORING:
        if not looks(live)[note.seed]["running"]:
            halt(live)  # those that have its data already join again
        begin(job)
        live.tell("", f"{note.seed} runs on the restored data")
        everywhere(live, live.nodes, "release")
        job.keep(phase=notes.JOINING)
    join(live, enough(live, note.seed))
    for node in given_data(live, note)[1:]:
        goes_on(live, node)
    job.keep(phase=notes.OPENING)


def enough(live: Live, seed: str) -> tuple[str, ...]:
    """The nodes that must have the data before applications may write: a write is to outlive any one of them.

    Who leads replicas, and who begins a group of MySQL, is decided where all nodes were seen.
    """
    others = [node for node in live.nodes if node != seed]
    return (seed, *others[:1]) if live.database.mode == "galera" else live.nodes


def begin(job: Job) -> None:
    """Have the seed's server run on the restored data, and go on with numbers beyond all that were given."""
    live, note = job.live, job.note
    if live.database.engine == "mariadb":
        domain = domain_id(live.workspace.topology, live.name)
        step(live, note.seed, "begin", str(note.sequence), str(domain))
    else:
        step(live, note.seed, "begin", stdin=note.spent)


def join(live: Live, nodes: Sequence[str]) -> None:
    """These nodes take part, as in `up`; with all of them the arbiter."""
    arbiter = getattr(live.database, "arbiter", None) if set(nodes) == set(live.nodes) else None
    live.apply([*nodes, *([arbiter] if arbiter else [])], {})


def open_again(job: Job) -> None:
    """Let applications write, unless somebody had fenced the database before."""
    if job.note.phase == notes.FILLING:
        return
    opened(job)
    job.keep(phase=notes.FILLING)


def opened(job: Job) -> None:
    """No node has the mark of a fence, be it that its server runs; those that run take writes."""
    live = job.live
    if job.note.fenced:
        live.tell("", f"it was fenced before, and stays so: cluster db unfence {live.name}")
        return
    unmark(live, live.nodes)
    unfence = verb_of(live.database.mode, "unfence")
    unfence.carry_out(live, unfence.weigh(live))


def fill(job: Job) -> None:
    """The nodes that are left copy the data, while applications use it; then a copy is made for the repository."""
    live = job.live
    if set(enough(live, job.note.seed)) != set(live.nodes):
        join(live, live.nodes)
    job.keep(phase=notes.RESTORED)
    copied_anew(live)


def copied_anew(live: Live) -> None:
    """Have full copies made of what runs now."""
    for host in backup_nodes(live.workspace, live.name):
        ssh_run(host, f"systemctl start --no-block cluster-backup@full:{live.name}.service")
    live.tell("", f"a full copy of {live.name} is being made: what was kept before does not lead on")


def take_back(job: Job) -> None:
    """Each node has its own data again."""
    live = job.live
    look = looks(live)
    if job.note.phase != notes.UNDOING or not exchanged(look):
        return
    halt(live)
    if look[job.seed]["before"]:
        new_history(job, f"before {job.note.to}")
    found = everywhere(live, live.nodes, "back")
    job.results["aside"] = found[job.seed]["aside"]


def exchanged(look: Mapping[str, exchange.Look]) -> bool:
    """Whether the data of some node is not where it was."""
    return any(each["before"] or each["undone"] or each["moving"] for each in look.values())


def begin_undo(job: Job) -> None:
    """Note it, and let nobody write."""
    if job.note.phase not in (notes.UNDOING, notes.REOPENING):
        job.keep(phase=notes.UNDOING)
    if job.note.phase == notes.UNDOING and exchanged(looks(job.live)):
        close(job)


def start_again(job: Job) -> None:
    """The servers run on what they had. Those of MySQL give no number that was given since."""
    live, note = job.live, job.note
    if note.phase == notes.UNDOING and note.unspent and exchanged(looks(live)):
        everywhere(live, live.nodes, "spend", stdin=note.unspent)
    everywhere(job.live, job.live.nodes, "release")
    job.keep(phase=notes.REOPENING)
    join(job.live, job.live.nodes)


def reopen(job: Job) -> None:
    """Let applications write; where nothing was exchanged, nothing is left to be confirmed."""
    kept = exchanged(looks(job.live))
    opened(job)
    job.keep(phase=notes.UNDONE)
    copied_anew(job.live)
    if not kept:
        forget(job)


def forget(job: Job) -> None:
    """Remove what is kept aside, and the note."""
    everywhere(job.live, job.live.nodes, "forget")


RESTORE: tuple[Stage, ...] = (
    ("restore", "Restore {} beside everything, and bring it to a node", bring),
    ("fence", "Stop the writes of {}", close),
    ("exchange", "Exchange the data of {}", swap),
    ("start", "Start {} on the restored data", start),
    ("open", "Let applications use {} again", open_again),
    ("fill", "Have the other nodes of {} copy the data", fill),
)
UNDO: tuple[Stage, ...] = (
    ("fence", "Stop the writes of {}", begin_undo),
    ("exchange", "Have the data of {} back", take_back),
    ("start", "Start {} on what it had", start_again),
    ("open", "Let applications use {} again", reopen),
)
CONFIRM: tuple[Stage, ...] = (("forget", "Remove what was kept aside of {}", forget),)
