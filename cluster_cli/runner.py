"""Stages through ansible-runner, told as events. The only place that starts Ansible."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from cluster_cli.accelerator import collections, strategy
from cluster_cli.ansible_events import Translator, failed_hosts
from cluster_cli.events import Event, Listener, Step, TaskEnded
from cluster_cli.inventory import Inventory
from cluster_cli.places import PACKAGE, private, runtime_root, shipped
from cluster_cli.secrets.redact import NOTHING_SECRET, Redactor
from cluster_cli.stages import APART, Stage

FORKS = 25
KEPT_LINES = 200


@dataclass(frozen=True)
class Converged:
    """What a run of stages came to. failures: the tasks that failed and were not rescued."""

    changed: int = 0
    failures: tuple[TaskEnded, ...] = ()
    unreachable: tuple[str, ...] = ()
    interrupted: bool = False
    said: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything went wrong that is not merely a node out of reach."""
        return bool(self.failures or self.said) and not self.interrupted

    @property
    def stopped(self) -> bool:
        """Whether what others need was not done: it was interrupted, or failed in a stage that is not apart."""
        needed = [task for task in self.failures if task.stage not in APART]
        return bool(self.interrupted or self.said or needed)


@dataclass
class Brake:
    """Ctrl-C once: stop after the current task. Twice: at once."""

    stop_file: Path
    emit: Callable[[Event], None]
    presses: int = 0
    stage: Callable[[], str] = field(default=lambda: "")

    def press(self, _signal: int, _frame: FrameType | None) -> None:
        """One Ctrl-C."""
        self.presses += 1
        self.stop_file.touch()
        text = (
            "stopping after the current task; Ctrl-C again stops at once" if self.presses == 1 else "stopping now"
        )
        self.emit(Step(self.stage(), text))

    @property
    def at_once(self) -> bool:
        """Whether Ansible is to be ended now."""
        return self.presses > 1

    @contextmanager
    def fitted(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM."""
        before = {number: signal.signal(number, self.press) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def converge(
    inventory: Inventory,
    stages: Sequence[Stage],
    folder: Path,
    emit: Listener,
    *,
    limit: Sequence[str] = (),
    check: bool = False,
    debug: bool = False,
    redact: Redactor = NOTHING_SECRET,
) -> Converged:
    """Run the stages' playbooks in one Ansible process and tell `emit` what happens.

    folder: the run's directory; it receives the rendered inventory and, with
    debug, Ansible's own output. limit: only these nodes. check: change nothing.
    redact: takes the secrets out of all that is told or kept.
    """
    inventory_file = folder / "inventory.json"
    write_private(inventory_file, json.dumps(inventory.to_ansible(), indent=1))
    with scratch() as data, Words(folder / "ansible.log" if debug else None, redact) as words:
        brake = Brake(data / "stop", emit)
        translator = Translator(emit, time.monotonic, redact)  # type: ignore[arg-type]
        brake.stage = lambda: translator.name

        def take(raw: dict[str, Any]) -> bool:
            words(raw)
            translator(raw)
            return False  # our journal is kept, ansible-runner's artifacts are not

        with brake.fitted():
            done = run_ansible(data, inventory_file, stages, take, brake, limit=limit, check=check)
        translator.end()
        return outcome(translator, done, brake, words)


class Words:
    """What Ansible prints, without secrets: the last lines are kept, and all of it in a file if one is given."""

    def __init__(self, path: Path | None, redact: Redactor) -> None:
        self._redact = redact
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._file = open_private(path) if path else None

    def __call__(self, raw: dict[str, Any]) -> None:
        """Take one event of ansible-runner; it carries what was printed with it."""
        if said := self._redact(str(raw.get("stdout") or "")):
            self._lines += said.splitlines()
            if self._file:
                self._file.write(said + "\n")

    def last(self) -> str:
        """What Ansible printed when it ended without an event that tells why."""
        lines = [line.strip() for line in self._lines if line.strip()]
        errors = [line for line in lines if "ERROR" in line]
        return "\n".join((errors or lines)[-6:]) or "Ansible ended without a word"

    def __enter__(self) -> "Words":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()


def run_ansible(
    data: Path,
    inventory_file: Path,
    stages: Sequence[Stage],
    take: Callable[[dict[str, Any]], bool],
    brake: Brake,
    *,
    limit: Sequence[str],
    check: bool,
) -> Any:
    """One ansible-playbook over the stages' playbooks; returns ansible-runner's Runner.

    take: is handed each of its events. Of what Ansible prints nothing is written to the disk here.
    """
    import ansible_runner  # only where it runs: it is slow to import

    playbook = data / "run.yml"
    playbook.write_text(json.dumps([{"import_playbook": str(playbook_of(stage))} for stage in stages]))

    return ansible_runner.run(
        private_data_dir=str(data),
        playbook=str(playbook),
        inventory=str(inventory_file),
        limit=",".join(limit) or None,
        cmdline="--diff" + (" --check" if check else ""),
        envvars=environment(brake.stop_file, data / "collections"),
        settings={"pexpect_timeout": 1, "pexpect_use_poll": True, "suppress_output_file": True},
        event_handler=take,
        cancel_callback=lambda: brake.at_once,
        quiet=True,
    )


def playbook_of(stage: Stage) -> Path:
    """A stage's playbook."""
    return shipped("playbooks") / stage.playbook


def environment(stop_file: Path, links: Path) -> dict[str, str]:
    """What Ansible is told through its environment; nothing secret. links: a folder for links to collections.

    ansible-runner switches host key checking off unless this says otherwise.
    """
    return {
        "ANSIBLE_CONFIG": str(shipped("ansible.cfg")),
        "ANSIBLE_ROLES_PATH": str(shipped("roles")),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_FORKS": str(FORKS),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "CLUSTER_STOP_FILE": str(stop_file),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(PACKAGE.parent),
        **strategy(),
        **collections(links),
    }


def outcome(translator: Translator, done: Any, brake: Brake, words: Words) -> Converged:
    """What the run came to, by Ansible's own final count where there is one."""
    bad = failed_hosts(translator.stats)
    last = {task.node: task for task in translator.failures}
    failures = tuple(task for task in last.values() if task.status == "failed" and task.node in bad)
    dark = tuple(sorted(translator.stats.get("dark") or ()))
    interrupted = brake.presses > 0
    silent = done.rc != 0 and not bad and not interrupted
    return Converged(
        changed=sum((translator.stats.get("changed") or {}).values()),
        failures=failures,
        unreachable=dark,
        interrupted=interrupted,
        said=words.last() if silent else "",
    )


@contextmanager
def scratch() -> Iterator[Path]:
    """A private directory for ansible-runner, gone afterwards; remains of killed runs are swept first."""
    root = private(runtime_root() / "runner")
    for old in root.iterdir():
        if not Path(f"/proc/{old.name.split('-')[0]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    data = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    try:
        yield data
    finally:
        shutil.rmtree(data, ignore_errors=True)


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner may read."""
    with open_private(path) as target:
        target.write(text)


def open_private(path: Path) -> TextIO:
    """A new file only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
