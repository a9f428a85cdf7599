"""One recorded run: the lock, its directory, its journal, and the progress on screen."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import click

from cluster_cli import lock
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Event, Listener, RunEnded, RunStarted, StageEnded, StageStarted, fan_out
from cluster_cli.history import chain, last_runs, rundir
from cluster_cli.history.journal import Journal, read
from cluster_cli.history.timing import estimate
from cluster_cli.history.who import who
from cluster_cli.progress import for_stderr
from cluster_cli.runner import write_private
from cluster_cli.secrets.redact import NOTHING_SECRET, Redactor
from cluster_cli.secrets.store import Secrets
from cluster_cli.workspace import Workspace

KEEP_DAYS, KEEP_RUNS = 90, 20


@dataclass
class Run:
    """A run that is under way.

    listener: the listeners; head: where the history ends; code and summary: set before it ends. redact: takes
    the secrets out of what is told.
    """

    workspace: Workspace
    folder: rundir.RunDir
    listener: Listener
    head: chain.Head
    redact: Redactor = NOTHING_SECRET
    code: Exit = Exit.OK
    summary: dict[str, object] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        """Tell the listeners, without secrets."""
        self.listener(self.redact.event(event))

    def learn_secrets(self) -> None:
        """Know what must not be told. Raises ClusterError when the secrets cannot be read."""
        places = self.workspace.places
        self.redact = Redactor(Secrets.open(places.secrets, places.name).texts())

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """A stage that is not Ansible's: its start, its time, and its failure."""
        began = monotonic()
        self.emit(StageStarted(name, title))
        failed = 1
        try:
            yield
            failed = 0
        finally:
            self.emit(StageEnded(name, round(monotonic() - began, 3), 0, failed, 0))


@contextmanager
def recorded(
    workspace: Workspace,
    verb: str,
    stages: Sequence[str],
    *,
    arguments: Mapping[str, object],
    stage_nodes: Mapping[str, Sequence[str]] | None = None,
    plain: bool = False,
    unsealed: bool = False,
    locked: bool = True,
) -> Iterator[Run]:
    """Hold the cluster's lock and record what happens until the block ends.

    unsealed: go on although the secrets cannot be read, for a run that uses none. locked: hold the lock; a run
    that changes nothing need not.

    Raises ClusterError (exit 75) when another run holds the lock. An error
    that leaves the block ends the run with its code and goes on upwards. At
    the end the nodes that watch are told of it.
    """
    state = workspace.places.state
    with lock.held(workspace.places.lock, verb) if locked else nullcontext(), shown(workspace):
        expected = estimate(read(run.journal) for run in rundir.newest_first(state) if run.verb == verb)
        folder = rundir.create(state, verb)
        facts = lock.owner(verb) | {"topology_sha256": workspace.sha256, "args": dict(arguments)}
        write_private(folder.path / "run.json", json.dumps(facts, default=str))
        began = monotonic()
        with (
            linked(workspace, verb, folder.name, arguments) as link,
            Journal(folder.journal) as journal,
            for_stderr(expected, stage_nodes or {}, plain) as progress,
        ):
            run = Run(workspace, folder, fan_out(journal, progress), link.head)
            nodes = tuple(workspace.topology.nodes)
            run.emit(RunStarted(folder.name, workspace.topology.name, verb, tuple(stages), nodes))
            try:
                if not unsealed:
                    run.learn_secrets()
                yield run
            except BaseException as error:
                run.code = error.code if isinstance(error, ClusterError) else ending_of(error)
                run.redact.error(error)
                raise
            finally:
                run.emit(RunEnded(int(run.code), round(monotonic() - began, 3), run.summary))
                link.code, link.journal = run.code, folder.journal
        prune(state, folder.name)


@contextmanager
def shown(workspace: Workspace) -> Iterator[None]:
    """Leave the run in this block on the nodes that watch, however it ended; where that fails, say so."""
    try:
        yield
    finally:
        if not isinstance(sys.exception(), KeyboardInterrupt):  # the next run tells of this one, too
            for node, why in last_runs.leave(workspace).items():
                click.echo(f"{node or 'who watches'} was not told of this run: {why}", err=True)


@contextmanager
def noted(
    workspace: Workspace, verb: str, arguments: Mapping[str, object], *, locked: bool = True
) -> Iterator["Link"]:
    """The history of a verb without stages: who began it, its end. locked: hold the cluster's lock."""
    held = lock.held(workspace.places.lock, verb) if locked else nullcontext()
    with held, linked(workspace, verb, rundir.new_name(verb), arguments) as link:
        yield link


@dataclass
class Link:
    """The two records of a run in the history. journal: what the second vouches for; code: how it ended."""

    head: chain.Head
    code: int = Exit.OK
    journal: Path | None = None


@contextmanager
def linked(workspace: Workspace, verb: str, run: str, arguments: Mapping[str, object]) -> Iterator[Link]:
    """Write to the history that a run began, before it does anything, and that it ended."""
    path, began = chain.of(workspace.places.state), monotonic()
    facts = {"run": run, "verb": verb, **who(), "topology_sha256": workspace.sha256, "args": dict(arguments)}
    link = Link(chain.add(path, "started", facts))
    try:
        yield link
    except BaseException as error:
        link.code = error.code if isinstance(error, ClusterError) else ending_of(error)
        raise
    finally:
        ending: dict[str, object] = {"run": run, "code": int(link.code), "seconds": round(monotonic() - began, 3)}
        if link.journal:
            ending["journal_sha256"] = chain.digest_of(link.journal)
        chain.add(path, "ended", ending)


def prune(state: Path, running: str) -> None:
    """Remove the directories of old runs; the history says so first."""
    old = [run for run in rundir.outdated(state, days=KEEP_DAYS, keep=KEEP_RUNS) if run.name != running]
    if old:
        chain.add(chain.of(state), "pruned", {"runs": [run.name for run in old]})
        rundir.remove(old)


def ending_of(error: BaseException) -> Exit:
    """The exit code of a run that an exception ended."""
    return Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.FAILED
