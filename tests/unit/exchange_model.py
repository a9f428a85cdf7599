"""A node whose data is exchanged, as role backup_source leaves it, and a control machine that dies meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cluster_cli.backups.notes import Note

OLD, NEW = "old", "new"
EVER = 10**6  # more than ever happens


class KilledError(BaseException):
    """The control machine's process ends here."""


@dataclass
class Mortal:
    """Somebody of whom only so much is left to happen."""

    left: int = EVER

    def happens(self) -> None:
        """Something begins or ends."""
        if self.left == 0:
            raise KilledError
        self.left -= 1


@dataclass
class Node:
    """What a node has."""

    data: str | None = OLD
    running: bool = True
    masked: bool = False
    before: str | None = None
    undone: str | None = None
    incoming: bool = False
    note: Note | None = None

    def look(self) -> dict[str, Any]:
        return {"running": self.running, "incoming": self.incoming, "before": bool(self.before), "moving": False,
                "undone": bool(self.undone), "version": "10.11.1", "note": self.note}  # fmt: skip

    def room(self) -> None:
        """There is enough."""

    def stop(self) -> None:
        self.running, self.masked = False, True

    def release(self) -> None:
        self.masked = False

    def put(self) -> dict[str, Any]:
        assert not self.running
        if not self.before:
            self.before, self.data = self.data or "nothing", None
        if self.incoming:
            self.data, self.incoming = NEW, False
        return {"aside": "there"}

    def back(self) -> dict[str, Any]:
        assert not self.running
        if self.before:
            self.undone, self.data, self.before = self.undone or self.data or "nothing", self.before, None
        self.incoming = False
        return {"aside": self.undone or ""}

    def forget(self) -> None:
        self.before = self.undone = self.note = None
        self.incoming = False


@dataclass
class Alone(Node, Mortal):
    """One node, db3, that is put back while the others go on, as it is told to."""

    def step(self, _live: Any, name: str, *words: str, stdin: str = "", **_more: Any) -> dict[str, Any]:
        """As roles/backup_source/files/exchange.py."""
        assert name == "db3", "another node is told something"
        self.happens()
        answer: dict[str, Any] = getattr(self, words[0])(*([stdin] if stdin else [])) or {}
        self.happens()
        return answer

    def keep_note(self, _live: Any, what: Note) -> Note:
        self.happens()
        self.note = what
        self.happens()
        return what

    def stream(self, *_: Any) -> None:
        self.happens()
        self.incoming = True
        self.happens()


class HasLeft(Protocol):
    left: int


Model = TypeVar("Model", bound=HasLeft)


def killed_at_every_point(make: Callable[[], Model], done: Callable[[Model], object]) -> Iterator[Model]:
    """Models in which it was killed, each one thing later than the one before."""
    point = 0
    while True:
        model = make()
        model.left = point
        try:
            done(model)
        except KilledError:
            model.left = EVER
            yield model
            point += 1
            continue
        return
