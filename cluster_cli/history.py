"""Past runs of a cluster, newest first, as rows for a table or JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster_cli import rundir
from cluster_cli.journal import Record, read
from cluster_cli.report.checks import verification


@dataclass(frozen=True)
class PastRun:
    """One run. code and seconds are None when it never ended (killed, or still going on)."""

    run: str
    verb: str
    started: str
    seconds: float | None
    code: int | None
    changed: int
    failed: int
    unreachable: int
    verify_passed: int
    verify_failed: int
    who: str
    topology_sha256: str


def rows(state: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The newest `limit` runs below the state directory (all when None), JSON-able."""
    return [asdict(past_run(run)) for run in rundir.newest_first(state)[:limit]]


def past_run(run: rundir.RunDir) -> PastRun:
    """What one run directory tells of its run."""
    records, facts = list(read(run.journal)), run.facts()
    ended: Record = next((r for r in reversed(records) if r["type"] == "RunEnded"), {})
    checks = verification(records)
    return PastRun(
        run=run.name,
        verb=run.verb,
        started=run.started.isoformat(),
        seconds=ended.get("seconds"),
        code=ended.get("code"),
        changed=_count(records, "changed"),
        failed=_count(records, "failed"),
        unreachable=_count(records, "unreachable"),
        verify_passed=checks["passed"],
        verify_failed=checks["failed"],
        who="@".join(str(facts[key]) for key in ("who", "host") if facts.get(key)),
        topology_sha256=str(facts.get("topology_sha256", "")),
    )


def _count(records: list[Record], status: str) -> int:
    """Results of that status, rescued failures left out."""
    results = (r for r in records if r["type"] == "TaskEnded" and r["status"] == status)
    return sum(not r.get("ignored", False) for r in results)
