"""A node's note of how its files were left, which the program that tells metrics compares."""

import json
from pathlib import Path

import pytest

from cluster_cli.collections.ansible_collections.cluster.core.plugins.module_utils import ledger


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cluster"
    monkeypatch.setattr(ledger, "FOLDER", str(folder))
    monkeypatch.setattr(ledger, "DIGESTS", str(folder / "files.json"))
    return folder / "files.json"


def test_each_file_is_noted_as_it_was_left_last(note: Path) -> None:
    ledger.note_digests({"/etc/a": "1", "/etc/b": "2"})
    ledger.note_digests({"/etc/b": "3", "/etc/c": None})
    assert json.loads(note.read_text()) == {"/etc/a": "1", "/etc/b": "3"}
    ledger.note_digests({"/etc/a": None})
    assert json.loads(note.read_text()) == {"/etc/b": "3"}
    assert note.parent.stat().st_mode & 0o777 == 0o700


def test_what_did_not_change_is_not_written(note: Path) -> None:
    ledger.note_digests({"/etc/a": "1"})
    before = note.stat().st_ino
    ledger.note_digests({"/etc/a": "1", "/etc/b": None})
    assert note.stat().st_ino == before


def test_a_note_that_was_cut_short_begins_anew(note: Path) -> None:
    ledger.note_digests({"/etc/a": "1"})
    note.write_text("{")
    ledger.note_digests({"/etc/b": "2"})
    assert json.loads(note.read_text()) == {"/etc/b": "2"}
