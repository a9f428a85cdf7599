"""Past runs of a cluster, newest first, as rows for a table or JSON."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster_cli.collect import collect_all
from cluster_cli.contact import NOTES
from cluster_cli.history import chain, rundir
from cluster_cli.history.chain import Head, Line
from cluster_cli.history.journal import Record, read
from cluster_cli.inventory import Host
from cluster_cli.report.checks import verification

HEARD = f"journalctl -q -o cat --no-pager -t {NOTES} _UID=0"


@dataclass(frozen=True)
class PastRun:
    """One run. code and seconds are None when it never ended (killed, or still going on).

    recorded: whether the chained history has it; kept: whether its directory is still there. login: who logged
    in before sudo; from_address, terminal: where that person sat.
    """

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
    login: str
    from_address: str
    terminal: str
    topology_sha256: str
    recorded: bool
    kept: bool


def rows(state: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The newest `limit` runs below the state directory (all when None), JSON-able."""
    folders = {run.name: run for run in rundir.newest_first(state)}
    begun, ended = records(state, "started"), records(state, "ended")
    names = sorted({*folders, *begun}, reverse=True)[:limit]
    return [asdict(past_run(name, folders.get(name), begun.get(name, {}), ended.get(name, {}))) for name in names]


def records(state: Path, what: str) -> dict[str, Line]:
    """The records of a kind in the history, by run."""
    found = (chain.parsed(line) for line in chain.read(chain.of(state)))
    return {str(record.get("run")): record for record in found if record and record["what"] == what}


def past_run(name: str, folder: rundir.RunDir | None, begun: Line, ended: Line) -> PastRun:
    """What the history and its directory, where it is still there, tell of a run."""
    journal = list(read(folder.journal)) if folder else []
    facts = folder.facts() if folder else {}
    last: Record = next((r for r in reversed(journal) if r["type"] == "RunEnded"), ended)
    checks = verification(journal)
    run = folder or rundir.RunDir(Path(name))
    who = begun.get("who") or "@".join(str(facts[key]) for key in ("who", "host") if facts.get(key))
    return PastRun(
        run=name,
        verb=run.verb,
        started=run.started.isoformat(),
        seconds=last.get("seconds"),
        code=last.get("code"),
        changed=_count(journal, "changed"),
        failed=_count(journal, "failed"),
        unreachable=_count(journal, "unreachable"),
        verify_passed=checks["passed"],
        verify_failed=checks["failed"],
        who=str(who),
        login=str(begun.get("login", "")),
        from_address=str(begun.get("from", "")),
        terminal=str(begun.get("terminal", "")),
        topology_sha256=str(begun.get("topology_sha256") or facts.get("topology_sha256", "")),
        recorded=bool(begun),
        kept=folder is not None,
    )


def heard(hosts: Iterable[Host]) -> tuple[dict[str, list[Head]], dict[str, str]]:
    """By node, the heads its journal was told of; and why the others could not be asked."""
    answers = collect_all((host, {"heard": HEARD}) for host in hosts)
    told = {name: list(heads(row["heard"].stdout)) for name, row in answers.items() if row["heard"].rc != 255}
    silent = {name: row["heard"].stderr.strip() for name, row in answers.items() if row["heard"].rc == 255}
    return told, silent


def heads(text: str) -> Iterator[Head]:
    """The heads in a node's lines, as Head writes them."""
    for line in text.splitlines():
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if {"chain", "n", "sha256"} <= words.keys() and words["n"].isdecimal():
            yield Head(words["chain"], int(words["n"]), words["sha256"])


def _count(records: list[Record], status: str) -> int:
    """Results of that status, rescued failures left out."""
    results = (r for r in records if r["type"] == "TaskEnded" and r["status"] == status)
    return sum(not r.get("ignored", False) for r in results)
