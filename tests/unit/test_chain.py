"""The history: added to, cut by a kill, tampered with in every way we could think of."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_cli.history import chain
from cluster_cli.history.chain import Head
from cluster_cli.history.chain_check import check

Lines = list[bytes]


def run(state: Path, name: str, *, ends: bool = True, reports: bool = True) -> Head:
    """One run with its directory; the head the nodes were told of."""
    folder = state / "runs" / name
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text(f"journal of {name}\n")
    head = chain.add(chain.of(state), "started", {"run": name, "verb": "up", "who": "eva@desk"})
    if ends:
        digest = chain.digest_of(folder / "journal.jsonl")
        chain.add(chain.of(state), "ended", {"run": name, "code": 0, "journal_sha256": digest})
    if ends and reports:
        (folder / "report.json").write_text(f"report of {name}")
        chain.add(
            chain.of(state), "reported", {"run": name, "report_sha256": chain.digest_of(folder / "report.json")}
        )
    return head


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for name in ("first", "second", "third"):
        run(tmp_path, name)
    return tmp_path


def test_an_untouched_history_fits(state: Path) -> None:
    verdict = check(state)
    assert (verdict.records, verdict.fault, verdict.unfinished) == (9, None, ())
    assert verdict.head == chain.digest(chain.read(chain.of(state))[-1])


def test_no_history_fits_too(tmp_path: Path) -> None:
    assert check(tmp_path).records == 0


def test_it_is_ours_alone(state: Path) -> None:
    assert chain.of(state).stat().st_mode & 0o777 == 0o600


def edited(lines: Lines) -> Lines:
    return [line.replace(b"eva@desk", b"bob@desk") if n == 3 else line for n, line in enumerate(lines)]


def forged(lines: Lines) -> Lines:
    """Edited, and every later record linked anew: only who heard of the old heads can tell."""
    made: Lines = []
    for line in edited(lines):
        record = json.loads(line) | {"previous": chain.digest(made[-1]) if made else ""}
        made.append(json.dumps(record, separators=(",", ":")).encode())
    return made


TAMPERING: dict[str, tuple[Callable[[Lines], Lines], int, str]] = {
    "edited": (edited, 4, "it was edited"),
    "removed": (lambda lines: lines[:3] + lines[4:], 4, "records were removed, added or moved"),
    "first removed": (lambda lines: lines[1:], 1, "records were removed, added or moved"),
    "moved": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4, "removed, added or moved"),
    "added": (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4, "removed, added or moved"),
    "spoilt": (lambda lines: [*lines[:3], b"{}", *lines[4:]], 4, "no record"),
    "last edited": (lambda lines: [*lines[:8], lines[8].replace(b'"n":9', b'"n":8')], 9, "it says it is record 8"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_the_first_record_that_does_not_fit_is_named(state: Path, how: str) -> None:
    tamper, n, why = TAMPERING[how]
    path = chain.of(state)
    path.write_bytes(b"".join(line + b"\n" for line in tamper(chain.read(path))))
    fault = check(state).fault
    assert fault
    assert fault.n == n
    assert why in fault.why


@pytest.mark.parametrize(
    ("file", "n", "why"),
    [("journal.jsonl", 5, "its journal was changed"), ("report.json", 6, "its report was changed")],
)
def test_a_journal_or_report_changed_afterwards_is_found(state: Path, file: str, n: int, why: str) -> None:
    with (state / "runs" / "second" / file).open("a") as text:
        text.write("more")
    fault = check(state).fault
    assert fault
    assert (fault.n, fault.run) == (n, "second")
    assert why in fault.why


def test_a_run_that_vanished_is_found_and_a_pruned_one_is_well(state: Path) -> None:
    (state / "runs" / "first").rename(state / "elsewhere")
    fault = check(state).fault
    assert fault
    assert (fault.n, fault.run) == (2, "first")
    chain.add(chain.of(state), "pruned", {"runs": ["first"]})
    assert check(state).fault is None


def test_a_killed_run_is_told_and_no_fault(state: Path) -> None:
    run(state, "killed", ends=False)
    run(state, "after")
    verdict = check(state)
    assert (verdict.fault, verdict.unfinished) == (None, ("killed",))


@pytest.mark.parametrize("torn", [b"{", b'{"n":10,"previous":"ab', b"\xff\xfe"])
def test_a_record_torn_by_a_kill_is_taken_off(state: Path, torn: bytes) -> None:
    with chain.of(state).open("ab") as file:
        file.write(torn)
    assert check(state).fault is None
    assert run(state, "after").n == 10
    assert check(state).fault is None


def test_a_tail_cut_off_is_seen_by_who_was_told(state: Path) -> None:
    heard = {"web1": [run(state, "fourth")]}
    assert check(state, heard).fault is None
    path = chain.of(state)
    path.write_bytes(b"".join(line + b"\n" for line in chain.read(path)[:9]))
    assert check(state).fault is None, "the file alone cannot tell"
    fault = check(state, heard).fault
    assert fault
    assert fault.why == "web1 was told of record 10, the history ends with 9"


def test_a_history_linked_anew_is_seen_by_who_was_told(state: Path) -> None:
    heard = {"web1": [run(state, "fourth")]}
    path = chain.of(state)
    path.write_bytes(b"".join(line + b"\n" for line in forged(chain.read(path))))
    assert check(state).fault is None, "the file alone cannot tell"
    fault = check(state, heard).fault
    assert fault
    assert fault.why == "web1 was told of another record 10"


def test_heads_of_other_histories_do_not_count(state: Path) -> None:
    assert check(state, {"web1": [Head("another", 99, "ab")]}).fault is None


def test_two_processes_may_add_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: chain.add(chain.of(tmp_path), "started", {"run": str(n)}), range(50)))
    verdict = check(tmp_path)
    assert (verdict.records, verdict.fault) == (50, None)
