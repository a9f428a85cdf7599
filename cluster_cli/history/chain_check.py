"""Whether the history is as it was written: the chain's lines, the run directories, and what nodes heard."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster_cli.history import chain
from cluster_cli.history.chain import Head, Line


@dataclass(frozen=True)
class Fault:
    """A record that does not fit. n: its number as counted in the file, 0 for what is about none of them."""

    n: int
    run: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """What came of the check. fault: the first record that does not fit; unfinished: runs without an end."""

    records: int
    head: str
    fault: Fault | None
    unfinished: tuple[str, ...]


def check(state: Path, heard: Mapping[str, Iterable[Head]] | None = None) -> Verdict:
    """Check the history below a state directory. heard: by node, the heads its journal was told of."""
    lines = chain.read(chain.of(state))
    records = [record for line in lines if (record := chain.parsed(line))]
    faults = (*broken_links(lines), *changed_runs(state, records), *unheard(lines, heard or {}))
    first = min(faults, key=lambda fault: fault.n or len(lines) + 1, default=None)
    return Verdict(
        records=len(lines),
        head=chain.digest(lines[-1]) if lines else "",
        fault=first,
        unfinished=unfinished(records),
    )


def broken_links(lines: list[bytes]) -> Iterator[Fault]:
    """The first line that does not follow from the one before: edited, or one was removed, added or moved."""
    before = ""
    for n, line in enumerate(lines, 1):
        record = chain.parsed(line)
        if record is None:
            yield Fault(n, "", "it is no record: it was edited")
            return
        run = str(record.get("run", ""))
        if record["n"] != n:
            yield Fault(n, run, f"it says it is record {record['n']}: records were removed, added or moved")
            return
        if record.get("previous") != before:
            yield Fault(n - 1 or 1, "", f"record {n} holds another digest for it: it was edited")
            return
        before = chain.digest(line)


def changed_runs(state: Path, records: list[Line]) -> Iterator[Fault]:
    """Journals and reports that are not what they were when their run ended, and directories that are gone."""
    pruned = {name for record in records if record["what"] == "pruned" for name in record.get("runs", ())}
    reports = {record.get("run"): record for record in records if record["what"] == "reported"}
    for record in records:
        run = str(record.get("run", ""))
        folder = state / "runs" / run
        if record["what"] != "ended" or "journal_sha256" not in record or run in pruned:
            continue
        if not folder.is_dir():
            yield Fault(record["n"], run, "its directory is gone, and nothing says that it was pruned")
        elif chain.digest_of(folder / "journal.jsonl") != record["journal_sha256"]:
            yield Fault(record["n"], run, "its journal was changed after the run")
        elif run in reports and chain.digest_of(folder / "report.json") != reports[run].get("report_sha256"):
            yield Fault(reports[run]["n"], run, "its report was changed after it was written")


def unheard(lines: list[bytes], heard: Mapping[str, Iterable[Head]]) -> Iterator[Fault]:
    """Heads that nodes were told of and the chain does not have: it was cut short, or written anew."""
    name = chain.name_of(lines)
    for node, heads in heard.items():
        for head in heads:
            if head.chain != name:
                continue
            if head.n > len(lines):
                yield Fault(0, "", f"{node} was told of record {head.n}, the history ends with {len(lines)}")
            elif chain.digest(lines[head.n - 1]) != head.digest:
                yield Fault(head.n, "", f"{node} was told of another record {head.n}")


def unfinished(records: list[Line]) -> tuple[str, ...]:
    """Runs that began and have no end: killed, or still at work."""
    ended = {record.get("run") for record in records if record["what"] == "ended"}
    return tuple(
        str(record["run"]) for record in records if record["what"] == "started" and record.get("run") not in ended
    )
