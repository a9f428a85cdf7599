"""When a server that has no room is taken from its group, and when it is brought back."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "roles/doorbell/files/room.py"
ENDED = [["kill", "--signal=KILL", "mysql"], ["stop", "mysql"]]
FULL, TIGHT, ROOM = 0, 10 * 2**20, 2**30


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("room", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.done = []
    monkeypatch.setattr(module.subprocess, "run", lambda words, **_: module.done.append(words[1:]))
    return module


def told(room: ModuleType, mark: Path, free: int, places: list[tuple[str, int] | None]) -> list[str]:
    """What is said, a second apart, of a node with so much room that stands at these places."""
    server, stall, said = room.Server("mysql", None), room.Stall(), []
    room.free_bytes = lambda: free
    for second, place in enumerate(places):
        server.position = lambda full, place=place: place if full else None
        said += [text] if (text := room.attend(server, str(mark), stall, float(second))) else []
    return said


@pytest.mark.parametrize(
    ("free", "places", "ends"),
    [
        (FULL, [("7", 5)] * 4, True),
        (FULL, [("7", 5)] * 3, False),  # not long enough
        (FULL, [(str(place), 5) for place in range(9)], False),  # it goes on
        (FULL, [("7", 0)] * 9, False),  # nobody waits for it, and it can be read from
        (FULL, [None] * 9, False),  # it says nothing
        (FULL, [("7", 0)] * 9 + [("7", 1)] * 2, False),  # since a moment ago
        (TIGHT, [("7", 5)] * 9, False),
        (ROOM, [("7", 5)] * 9, False),
    ],
)
def test_it_ends_where_its_group_waits_for_room(room, tmp_path, free, places, ends):
    mark = tmp_path / "ended"
    said = told(room, mark, free, places)
    assert [text for text in said if "ended the server" in text] == said
    assert (bool(said), mark.exists(), room.done) == (ends, ends, ENDED if ends else [])


def test_it_comes_back_when_there_is_room(room, tmp_path):
    mark = tmp_path / "ended"
    mark.touch()
    assert told(room, mark, FULL, [None] * 3) == told(room, mark, TIGHT, [None] * 3) == []
    assert told(room, mark, ROOM, [None] * 3) == ["there is room again: started the server"]
    assert (room.done, mark.exists()) == ([["start", "--no-block", "mysql"]], False)


def test_one_that_somebody_started_without_room_is_ended_again(room, tmp_path):
    mark = tmp_path / "ended"
    mark.touch()
    assert told(room, mark, FULL, [("7", 5)] * 4)
    assert room.done == ENDED


def test_a_lost_folder_has_no_room(room, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "DATA", str(tmp_path / "lost"))
    assert room.free_bytes() == 0
