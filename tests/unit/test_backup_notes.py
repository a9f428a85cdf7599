"""The note of a restore that did not end, or is not confirmed: read among other answers, and told."""

import re
from dataclasses import replace

import pytest

from cluster_cli.backups import notes, replacing
from cluster_cli.backups.notes import Note
from cluster_cli.backups.restoring import Wish
from cluster_cli.backups.stages import release
from cluster_cli.errors import ClusterError

NOTE = Note("main", notes.RESTORING, "db1", "bak1", "1-1-42", at="1-1-42", began="2026-11-27T14:03:27+00:00")


def test_a_note_is_read_among_other_lines() -> None:
    said = f"wsrep_local_state\t4\nrestore {NOTE.text()}\nfenced\n"
    assert notes.heard(said) == NOTE
    assert notes.heard("fenced\n") is None
    assert notes.heard("restore {half") is None
    assert notes.read({**NOTE.__dict__, "newer": 1}) == NOTE


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (notes.RESTORING, "did not end; it goes on with: cluster restore main --to cluster; back with: .* --undo"),
        (notes.UNDOING, "an undo of a restore did not end"),
        (notes.RESTORED, "was restored to 1-1-42; what it held before is kept: .*--confirm, or --undo"),
        (notes.UNDONE, "what was restored is kept: cluster restore main --confirm"),
    ],
)
def test_what_next_is_told(phase: str, told: str) -> None:

    assert re.search(told, notes.sentence(replace(NOTE, phase=phase)))


def test_only_what_was_begun_goes_on() -> None:
    assert replacing.goes_on(NOTE, Wish("main"))["gtid"] == "1-1-42"
    assert replacing.goes_on(NOTE, Wish("main", at="1-1-42"))["gtid"] == "1-1-42"
    with pytest.raises(ClusterError, match="another restore of main is under way"):
        replacing.goes_on(NOTE, Wish("main", at="1-1-43"))
    with pytest.raises(ClusterError, match="main cannot be restored now"):
        replacing.goes_on(replace(NOTE, phase=notes.RESTORED), Wish("main"))


def test_releases_are_compared_as_numbers() -> None:
    assert release("10.11.19-MariaDB-0+deb12u1") < release("11.8.6-MariaDB")
    assert release("9.7.4-1") == release("9.7.10")
