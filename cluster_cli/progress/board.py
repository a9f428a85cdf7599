"""What a run looks like right now: a fold over its events. No clock, no terminal: times are handed in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cluster_cli.events import (
    Event,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Step,
    TaskEnded,
    TaskStarted,
    TestEnded,
)
from cluster_cli.history.timing import label

State = Literal["waiting", "running", "done", "failed"]

ENDINGS = {
    0: "done",
    3: "changes pending",
    4: "nodes unreachable",
    5: "verification failed",
    75: "locked by another run",
    130: "interrupted",
}


@dataclass(frozen=True)
class Failure:
    """One thing that went wrong, where it did. what: the task or test; message: its own words."""

    node: str
    what: str
    message: str
    status: Literal["failed", "unreachable"] = "failed"


@dataclass
class Stage:
    """One stage as the display needs it. began: seconds since the start of the run."""

    name: str
    title: str = ""
    state: State = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    changed: int = 0
    doing: str = ""
    waits_for: tuple[str, ...] = ()
    answered: int = 0
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tests: Counter[str] = field(default_factory=Counter)

    def elapsed(self, now: float) -> float:
        """Wall seconds so far."""
        return now - self.began if self.state == "running" else self.seconds


@dataclass
class Board:
    """The whole run. stage_nodes: who takes part in each stage, where known; estimate: seconds per stage."""

    estimate: Mapping[str, float] = field(default_factory=dict)
    stage_nodes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    started: RunStarted | None = None
    ended: RunEnded | None = None
    stages: dict[str, Stage] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def take(self, event: Event, now: float) -> None:
        """Fold one event in. now: seconds since the run began."""
        match event:
            case RunStarted():
                self.started = event
                self.stages |= {name: Stage(name) for name in event.stages if name not in self.stages}
            case StageStarted():
                stage = self.stage(event.stage)
                stage.title, stage.state, stage.began = event.title, "running", now
            case Step():
                stage = self.stage(event.stage)
                stage.doing = f"{event.node}: {event.text}" if event.node else event.text
                if event.keep:
                    stage.notes.append(stage.doing)
            case TaskStarted():
                self._task_started(event)
            case TaskEnded():
                self._task_ended(event)
            case StageEnded():
                self._stage_ended(event)
            case TestEnded():
                self._test_ended(event)
            case RunEnded():
                self.ended = event
                self._stop_running(now)

    def stage(self, name: str) -> Stage:
        """The stage of that name; one that was not planned is added."""
        return self.stages.setdefault(name, Stage(name))

    @property
    def running(self) -> Stage | None:
        """The stage that runs now."""
        return next((s for s in reversed(self.stages.values()) if s.state == "running"), None)

    def remaining(self, now: float) -> float | None:
        """Seconds still to go by the estimate; None when a stage still to come was never timed."""
        ahead = [s for s in self.stages.values() if s.state in ("waiting", "running")]
        if not self.estimate or any(s.name not in self.estimate for s in ahead):
            return None
        return sum(max(self.estimate[s.name] - s.elapsed(now), 0.0) for s in ahead)

    def totals(self) -> Counter[str]:
        """changed, failed, unreachable, passed, tests_failed, skipped over the whole run."""
        sums: Counter[str] = Counter()
        for stage in self.stages.values():
            sums["changed"] += stage.changed
            sums["passed"] += stage.tests["passed"]
            sums["tests_failed"] += stage.tests["failed"]
            sums["unreachable"] += sum(f.status == "unreachable" for f in stage.failures)
            sums["failed"] += sum(f.status == "failed" for f in stage.failures) - stage.tests["failed"]
        return sums

    def verdict(self) -> str:
        """How the run ended, in a word or two."""
        code = self.ended.code if self.ended else 1
        return ENDINGS.get(code, "failed")

    def _task_started(self, event: TaskStarted) -> None:
        stage = self.stage(event.stage)
        stage.doing, stage.answered = label(event.role, event.task), 0
        expected = self.stage_nodes.get(event.stage, self.seen.get(event.stage, []))
        stage.waits_for = tuple(node for node in expected if node not in self.lost)

    def _task_ended(self, event: TaskEnded) -> None:
        stage = self.stage(event.stage)
        nodes = self.seen.setdefault(event.stage, [])
        if event.node not in nodes:
            nodes.append(event.node)
        stage.waits_for = tuple(node for node in stage.waits_for if node != event.node)
        stage.answered += 1
        stage.changed += event.status == "changed"
        if event.status in ("failed", "unreachable") and not event.ignored:
            self.lost.add(event.node)
            status: Literal["failed", "unreachable"] = "failed" if event.status == "failed" else "unreachable"
            stage.failures.append(Failure(event.node, label(event.role, event.task), event.message, status))

    def _stage_ended(self, event: StageEnded) -> None:
        stage = self.stage(event.stage)
        broken = event.failed or event.unreachable or stage.failures
        stage.state = "failed" if broken else "done"
        stage.seconds, stage.changed = event.seconds, event.changed
        stage.doing, stage.waits_for = "", ()

    def _stop_running(self, now: float) -> None:
        for stage in self.stages.values():
            if stage.state == "running":
                stage.state, stage.seconds, stage.doing = "failed", now - stage.began, ""

    def _test_ended(self, event: TestEnded) -> None:
        stage = self.stage("verify")
        stage.tests[event.outcome] += 1
        if event.outcome == "failed":
            stage.failures.append(Failure(event.node, label(event.role, event.test), event.message))
