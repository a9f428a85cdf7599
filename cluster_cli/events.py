"""What happens during a run, as plain values. Listeners turn them into a display or a journal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

TaskStatus = Literal["ok", "changed", "failed", "unreachable", "skipped"]


@dataclass(frozen=True)
class RunStarted:
    """A run began. stages: their names in order; nodes: all nodes of the topology."""

    run: str
    cluster: str
    verb: str
    stages: tuple[str, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class StageStarted:
    """A stage began; also the lab ("lab"), first contact ("contact") and verification ("verify")."""

    stage: str
    title: str


@dataclass(frozen=True)
class Step:
    """One line of progress inside a stage that is not an Ansible task (building an image, say).

    keep: worth reading afterwards, so it stays on screen.
    """

    stage: str
    text: str
    node: str = ""
    keep: bool = False


@dataclass(frozen=True)
class TaskStarted:
    """An Ansible task began on some nodes."""

    stage: str
    role: str
    task: str


@dataclass(frozen=True)
class TaskEnded:
    """An Ansible task ended on one node. seconds: wall time; message: the module's own words."""

    stage: str
    role: str
    task: str
    node: str
    status: TaskStatus
    seconds: float
    message: str = ""
    diff: str = ""
    ignored: bool = False  # the failure was rescued and does not count


@dataclass(frozen=True)
class StageEnded:
    """A stage ended. seconds: wall time; changed, failed, unreachable: counts over tasks and nodes."""

    stage: str
    seconds: float
    changed: int
    failed: int
    unreachable: int


@dataclass(frozen=True)
class TestEnded:
    """One verification test ended. role: the folder it stands in; node: empty for cluster-wide tests.

    message: why it failed or was skipped, or what one that passed has to tell.
    """

    __test__ = False  # not a pytest class

    role: str
    node: str
    test: str
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class RunEnded:
    """A run ended. code: the exit code; seconds: wall time."""

    code: int
    seconds: float
    summary: dict[str, object] = field(default_factory=dict)


Event = RunStarted | StageStarted | Step | TaskStarted | TaskEnded | StageEnded | TestEnded | RunEnded
Listener = Callable[[Event], None]


def fan_out(*listeners: Listener) -> Listener:
    """One listener that hands every event to each of the given ones, in order."""

    def to_all(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return to_all
