"""ansible-runner's events as ours: pure."""

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

from cluster_cli.events import StageEnded, StageStarted, Step, TaskEnded, TaskStarted, TaskStatus
from cluster_cli.stages import REMOVE, STAGES, Stage

STATUSES: dict[str, TaskStatus] = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}
Raw = dict[str, Any]
SPEC_TASK = "Validating arguments against arg spec"
MAX_DIFF = 20_000
PROGRESS = re.compile(r"progress of (?P<node>\S+): (?P<text>.+)")  # plugin_utils/progress.py says it


class Translator:
    """Turns the stream of one run into ours, keeping the counts of the running stage.

    clock: seconds, monotonic. emit: where our events go. redact: takes secrets out of a text, before it is cut.
    """

    def __init__(
        self,
        emit: Callable[[object], None],
        clock: Callable[[], float],
        redact: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.emit, self.clock, self.redact = emit, clock, redact
        self.stage: Stage | None = None
        self.started = 0.0
        self.counts = {"changed": 0, "failed": 0, "unreachable": 0}
        self.failures: list[TaskEnded] = []
        self.stats: Raw = {}

    def __call__(self, raw: Raw) -> None:
        """Take one event of ansible-runner."""
        kind, data = raw.get("event", ""), raw.get("event_data", {})
        if kind == "playbook_on_play_start":
            self.play(data)
        elif kind == "playbook_on_task_start":
            self.emit(TaskStarted(self.name, data.get("role", ""), plain_task(data.get("task", ""))))
        elif kind in STATUSES:
            self.result(STATUSES[kind], data)
        elif kind == "playbook_on_stats":
            self.stats = data
        elif kind == "verbose" and (told := PROGRESS.search(raw.get("stdout", ""))):
            self.emit(Step(self.name, self.redact(told["text"]), told["node"]))

    @property
    def name(self) -> str:
        """The running stage's name."""
        return self.stage.name if self.stage else ""

    def play(self, data: Raw) -> None:
        """A play began; its name tells the stage."""
        stage = stage_of(data.get("play", ""))
        if stage != self.stage:
            self.end()
            self.stage, self.started = stage, self.clock()
            if stage:
                self.emit(StageStarted(stage.name, stage.title))

    def result(self, status: TaskStatus, data: Raw) -> None:
        """A task ended on a node."""
        res = data.get("res") or {}
        if status == "ok" and res.get("changed"):
            status = "changed"
        ended = TaskEnded(
            stage=self.name,
            role=data.get("role", ""),
            task=plain_task(data.get("task", "")),
            node=data.get("host", ""),
            status=status,
            seconds=round(float(data.get("duration") or 0), 3),
            message=self.redact(message_of(res)) if status in ("failed", "unreachable") else "",
            diff=self.redact(diff_of(res))[:MAX_DIFF] if status == "changed" else "",
            ignored=bool(data.get("ignore_errors")),
        )
        if status in self.counts and not ended.ignored:
            self.counts[status] += 1
        if status in ("failed", "unreachable") and not ended.ignored:
            self.failures.append(ended)
        self.emit(ended)

    def end(self) -> None:
        """The running stage, if any, is over."""
        if self.stage:
            self.emit(StageEnded(self.name, round(self.clock() - self.started, 3), **self.counts))
        self.stage, self.counts = None, dict.fromkeys(self.counts, 0)


def stage_of(play: str) -> Stage | None:
    """The stage a play belongs to: its name begins with the stage's title."""
    return next((stage for stage in (*STAGES, REMOVE) if play.startswith(stage.title)), None)


def plain_task(name: str) -> str:
    """A task's name without the role Ansible puts before it."""
    plain = name.split(" : ", 1)[-1]
    return "Check the variables" if plain.startswith(SPEC_TASK) else plain


def message_of(res: Raw) -> str:
    """The module's own words, on few lines; never a JSON dump."""
    if "censored" in res:
        return "the output is hidden, since secrets pass through this task"
    for item in res.get("results") or ():
        if isinstance(item, dict) and item.get("failed"):
            return message_of(item)
    words = [str(res.get("msg") or "").strip()]
    if words[0] in ("", "non-zero return code", "MODULE FAILURE") or words[0].startswith("MODULE FAILURE"):
        words += [
            str(res.get(key) or "").strip() for key in ("stderr", "module_stderr", "stdout", "module_stdout")
        ]
    words += [str(res.get("journal") or "").strip()]
    return "\n".join(dict.fromkeys(word for word in words if word)) or "the task failed without a word"


def diff_of(res: Raw) -> str:
    """What changed, as a unified diff."""
    found = res.get("diff") or []
    rows = [found] if isinstance(found, dict) else found
    return "\n".join(filter(None, (one_diff(row) for row in rows if isinstance(row, dict))))


def one_diff(row: Raw) -> str:
    """One entry of Ansible's diff."""
    if "prepared" in row:
        return str(row["prepared"])
    before, after = (text_lines(row.get(key)) for key in ("before", "after"))
    names = [str(row.get(f"{key}_header") or key) for key in ("before", "after")]
    return "\n".join(difflib.unified_diff(before, after, names[0], names[1], lineterm=""))


def text_lines(value: Any) -> list[str]:
    """A side of a diff as lines."""
    return value.splitlines() if isinstance(value, str) else [] if value is None else [str(value)]


def failed_hosts(stats: Raw, keys: Iterable[str] = ("failures", "dark")) -> set[str]:
    """The hosts that ended badly, by Ansible's own count: rescued failures are not among them."""
    return {host for key in keys for host in stats.get(key) or {}}
