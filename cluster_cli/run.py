"""One recorded run: the lock, its directory, its journal, and the progress on screen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from cluster_cli import lock, rundir
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Listener, RunEnded, RunStarted, StageEnded, StageStarted, fan_out
from cluster_cli.journal import Journal, read
from cluster_cli.progress import for_stderr
from cluster_cli.runner import write_private
from cluster_cli.timing import estimate
from cluster_cli.workspace import Workspace

KEEP_DAYS, KEEP_RUNS = 90, 20


@dataclass
class Run:
    """A run that is under way. emit: the listeners; code and summary: set before it ends."""

    workspace: Workspace
    folder: rundir.RunDir
    emit: Listener
    code: Exit = Exit.OK
    summary: dict[str, object] = field(default_factory=dict)

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
) -> Iterator[Run]:
    """Hold the cluster's lock and record what happens until the block ends.

    Raises ClusterError (exit 75) when another run holds the lock. An error
    that leaves the block ends the run with its code and goes on upwards.
    """
    state = workspace.places.state
    with lock.held(workspace.places.lock, verb):
        expected = estimate(read(run.journal) for run in rundir.newest_first(state) if run.verb == verb)
        folder = rundir.create(state, verb)
        facts = lock.owner(verb) | {"topology_sha256": workspace.sha256, "args": dict(arguments)}
        write_private(folder.path / "run.json", json.dumps(facts, default=str))
        began = monotonic()
        with Journal(folder.journal) as journal, for_stderr(expected, stage_nodes or {}, plain) as progress:
            run = Run(workspace, folder, fan_out(journal, progress))
            nodes = tuple(workspace.topology.nodes)
            run.emit(RunStarted(folder.name, workspace.topology.name, verb, tuple(stages), nodes))
            try:
                yield run
            except BaseException as error:
                run.code = error.code if isinstance(error, ClusterError) else ending_of(error)
                raise
            finally:
                run.emit(RunEnded(int(run.code), round(monotonic() - began, 3), run.summary))
        rundir.prune(state, days=KEEP_DAYS, keep=KEEP_RUNS, running=[folder.name])


def ending_of(error: BaseException) -> Exit:
    """The exit code of a run that an exception ended."""
    return Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.FAILED
