"""Long tests side by side, each a process with a log of its own: what scripts/molecule and scripts/e2e share.

JOBS, an environment variable, says how many at once; 2 when it is not set.
What fails is run once more, alone, and told of: two at once meet their time
limits on a busy machine.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
LAST_LINES = 60
COLUMN = 18
AGAIN = 2  # more than that is no accident

running: dict[str, subprocess.Popen[str]] = {}
stopping = threading.Event()


def say(name: str, text: str) -> None:
    """One line, at once."""
    print(f"{name:{COLUMN}} {text}", flush=True)


def tell_why(log: Path, why: str) -> None:
    """The end of the log of what failed."""
    lines = log.read_text().splitlines()[-LAST_LINES:]
    print(f"--- {why}; the end of {log}:", *lines, "---", sep="\n", flush=True)


def follow(
    name: str, argv: list[str], log: Path, each: Callable[[str], None], env: Mapping[str, str] = TOOLS
) -> int | None:
    """Run a process, keep its log while it is written, show each line; its exit code, None once all is stopped."""
    if stopping.is_set():
        return None
    log.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    running[name] = process
    with log.open("w") as file:
        for line in process.stdout or ():
            file.write(line)
            file.flush()
            each(line.rstrip("\n"))
    code = process.wait()
    if stopping.is_set():
        return None
    del running[name]
    return code


def stopped_by(end: Callable[[str, subprocess.Popen[str]], None]) -> None:
    """Let Ctrl-C end what runs, by this, and wait for it."""

    def stop(_signal: int, _frame: object) -> None:
        stopping.set()
        print("interrupted: taking the nodes away", flush=True)
        for name, process in list(running.items()):
            end(name, process)
        os._exit(130)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def all_passed(names: Iterable[str], run: Callable[[str], bool], alone: Iterable[str] = ()) -> bool:
    """Run them in this order, then those that want the machine for themselves; whether all passed in the end."""
    began = time.monotonic()
    with ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        beside = list(names)
        passed = dict(zip(beside, pool.map(run, beside), strict=True))
    passed |= {name: run(name) for name in alone}
    failed = [name for name in beside if not passed[name]]
    again = [name for name in failed if len(failed) <= AGAIN and len(beside) > 1 and run(name)]
    if again:
        print(f"failed beside others, and passed alone: {', '.join(again)}")
    good = sum(passed.values()) + len(again)
    print(f"all of it took {time.monotonic() - began:.0f} s")
    print(f"{good} passed, {len(passed) - good} failed", flush=True)
    return good == len(passed)
