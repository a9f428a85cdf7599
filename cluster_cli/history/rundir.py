"""Run directories: `<state>/runs/<UTC stamp>-<verb>-<6 hex>/`, mode 0700, one per run of a verb."""

import json
import re
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

STAMP = "%Y%m%dT%H%M%SZ"
_VERB = re.compile(r"[a-z][a-z0-9-]*")
# With a space in its verb, a name stands in old histories only.
_NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<verb>[a-z][a-z0-9 -]*)-(?P<hex>[0-9a-f]{6})")


@dataclass(frozen=True, order=True)
class RunDir:
    """One run's directory. Sorts by age, oldest first, as its name begins with the time."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name, as shown to people and used as `RunStarted.run`."""
        return self.path.name

    @property
    def verb(self) -> str:
        """The verb that made it."""
        return _NAME.fullmatch(self.name)["verb"]  # type: ignore[index]  # only made from matching names

    @property
    def started(self) -> datetime:
        """When it was made (UTC, whole seconds)."""
        return datetime.strptime(self.name.split("-", 1)[0], STAMP).replace(tzinfo=UTC)

    @property
    def journal(self) -> Path:
        """Where its journal lies."""
        return self.path / "journal.jsonl"

    def facts(self) -> dict[str, Any]:
        """What `run.json` says of who ran it; empty when it is missing or torn."""
        try:
            facts = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}


def new_name(verb: str, now: datetime | None = None) -> str:
    """A name for a run of `verb` that begins now. Raises ValueError for what is no verb."""
    if not _VERB.fullmatch(verb):
        raise ValueError(f"not a verb: {verb!r}")
    stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime(STAMP)
    return f"{stamp}-{verb}-{secrets.token_hex(3)}"


def create(state: Path, verb: str, now: datetime | None = None) -> RunDir:
    """Make the directory of a new run of `verb` below the state directory and return it."""
    runs = state / "runs"
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = RunDir(runs / new_name(verb, now))
    run.path.mkdir(mode=0o700)
    run.path.chmod(0o700)
    return run


def newest_first(state: Path) -> list[RunDir]:
    """All runs below the state directory; anything else that lies there is left out."""
    runs = state / "runs"
    if not runs.is_dir():
        return []
    found = (p for p in runs.iterdir() if _NAME.fullmatch(p.name) and p.is_dir() and not p.is_symlink())
    return sorted(map(RunDir, found), reverse=True)


def latest(state: Path, verb: str | None = None) -> RunDir | None:
    """The newest run (of that verb), or None."""
    return next((run for run in newest_first(state) if verb in (None, run.verb)), None)


def outdated(state: Path, *, days: int, keep: int, now: datetime | None = None) -> list[RunDir]:
    """Runs older than `days`, the newest `keep` always left out."""
    oldest = (now or datetime.now(UTC)) - timedelta(days=days)
    return [run for run in newest_first(state)[max(keep, 0) :] if run.started < oldest]


def remove(runs: Iterable[RunDir]) -> None:
    """Remove the directories of runs."""
    for run in runs:
        shutil.rmtree(run.path, ignore_errors=True)
