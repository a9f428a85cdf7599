"""A restore into a running database, killed before and after everything it does: it goes on, or is taken back.

Nodes, and what is told to them, are a model here; tests/e2e/test_backup.py has real ones.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_cli.backups import notes, stages
from cluster_cli.backups.notes import Note
from cluster_cli.databases.group_replication.gtid import GtidSet
from tests.unit import exchange_model
from tests.unit.exchange_model import NEW, OLD, KilledError, Mortal, killed_at_every_point

ENGINES = ("mariadb", "mysql")
GROUP = "6f1b6f9a-8f0c-5f6f-9a53-0a4a52f0c0de"
SPENT, WHOLE, UNSPENT = f"{GROUP}:1-2000000", f"{GROUP}:1-4000000", f"{GROUP}:2000001-4000000"
NOTE = Note("main", notes.RESTORING, "db1", "bak1", "1-1-42")
Stages = tuple[stages.Stage, ...]


@dataclass
class Node(exchange_model.Node):
    """What a node has. spent: the numbers of MySQL that are given to none."""

    spent: str = ""

    def put(self) -> dict[str, Any]:
        if not self.before:
            self.spent = ""
        return super().put()

    def back(self) -> dict[str, Any]:
        if self.before:
            self.spent = ""
        return super().back()


@dataclass
class Model(Mortal):
    """A database of two nodes. seen: by history, which data was run on."""

    engine: str = "mariadb"
    nodes: dict[str, Node] = field(default_factory=lambda: {"db1": Node(), "db2": Node()})
    fenced: bool = False
    marks: int = 0
    seen: dict[int, set[str]] = field(default_factory=lambda: {0: {OLD}})

    def step(self, _live: Any, name: str, *words: str, **_more: Any) -> dict[str, Any]:
        """As roles/backup_source/files/exchange.py."""
        self.happens()
        if words[0] in ("begin", "spend") and self.engine == "mysql":
            assert _more["stdin"] == (SPENT if words[0] == "begin" else UNSPENT)
        node = self.nodes[name]
        ours: Callable[[Node], None] | None = getattr(self, words[0], None)
        answer: dict[str, Any] = (ours(node) if ours else getattr(node, words[0])()) or {}
        self.happens()
        return answer

    def begin(self, node: Node) -> None:
        assert node.data == NEW
        node.masked = False
        self.runs(node)
        node.spent = {"mariadb": "", "mysql": SPENT}[self.engine]

    def spend(self, node: Node) -> None:
        assert self.engine == "mysql"
        assert node.data == OLD
        node.masked = False
        self.runs(node)
        node.spent = UNSPENT

    def runs(self, node: Node) -> None:
        """Its server does, and what backups are made of is known to be of this history."""
        assert not node.masked
        assert node.data
        node.running = True
        self.seen.setdefault(self.marks, set()).add(node.data)

    def join(self, _live: Any) -> None:
        """As `up`: those without data copy that of one that runs; without any, nobody may begin."""
        self.happens()
        begun = [node for node in self.nodes.values() if node.running]
        for node in self.nodes.values():
            assert node.data or begun, "an empty node would begin"
            if not node.data:
                node.data, node.spent = begun[0].data, begun[0].spent
            self.runs(node)
            self.happens()
        assert len({node.data for node in self.nodes.values()}) == 1, "two groups"
        assert len({node.spent for node in self.nodes.values()}) == 1, "a node lacks what is nowhere"

    def new_history(self, *_: Any) -> None:
        self.happens()
        assert not any(node.running for node in self.nodes.values())
        self.marks += 1
        self.happens()

    def keep_note(self, _live: Any, what: Note) -> Note:
        for node in self.nodes.values():
            self.happens()
            node.note = what
        self.happens()
        return what

    def stream(self, *_: Any) -> None:
        self.happens()
        self.nodes["db1"].incoming = True
        self.happens()

    def fence(self, *_: Any) -> None:
        self.happens()
        self.fenced = True

    def unfence(self, *_: Any) -> None:
        note = self.noted()
        assert note is None or note.phase not in notes.SHUT
        self.happens()
        self.fenced = False

    def noted(self) -> Note | None:
        return next((node.note for node in self.nodes.values() if node.note), None)


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Model], None]:
    """Have the stages work on a model."""

    def patch(model: Model) -> None:
        verb = SimpleNamespace(weigh=lambda _: None, carry_out=model.unfence)
        for name, what in {
            "step": model.step,
            "looks": lambda live: {node: model.step(live, node, "look") for node in live.nodes},
            "everywhere": lambda live, nodes, *words, **more: {
                node: model.step(live, node, *words, **more) for node in nodes
            },
            "mark": model.fence, "shut": lambda *_: None, "fetched": lambda *_: None,
            "beyond": lambda *_: 2_000_000,
            "given": lambda _live, _running, before: GtidSet.parse(WHOLE if before else SPENT),
            "new_history": model.new_history, "join": model.join, "verb_of": lambda *_: verb,
            "restored_beside": lambda *_, **__: {"to": NOTE.to}, "backup_nodes": lambda *_: (),
            "work": lambda *_: {}, "domain_id": lambda *_: 1,
        }.items():  # fmt: skip
            monkeypatch.setattr(stages, name, what)
        monkeypatch.setattr(stages.exchange, "note", model.keep_note)
        monkeypatch.setattr(stages.exchange, "stream", model.stream)
        monkeypatch.setattr(stages.exchange, "weigh", lambda *_: {"bytes": 1, "version": "10.11.1"})

    return patch


def done(model: Model, what: Stages) -> None:
    """All stages, by the note the nodes have."""
    database = SimpleNamespace(mode="galera", arbiter=None, engine=model.engine)
    live: Any = SimpleNamespace(
        name="main", nodes=("db1", "db2"), database=database, workspace=SimpleNamespace(topology=None),
        tell=lambda *_: None, run=lambda *_, **__: None,
    )  # fmt: skip
    run: Any = None
    job = stages.Job(run, live, SimpleNamespace(name="bak1"), model.noted() or NOTE, {}, {})  # type: ignore[arg-type]
    for _, _, stage in what:
        stage(job)


def killed(patched: Callable[[Model], None], what: Stages, make: Callable[[], Model]) -> Iterator[Model]:
    """Models in which it was killed, each one thing later than the one before."""

    def begin(model: Model) -> None:
        patched(model)
        done(model, what)

    return killed_at_every_point(make, begin)


def well(model: Model, data: str) -> None:
    """Every node runs on this data, applications may write, and no history has two pasts."""
    assert [node.data for node in model.nodes.values()] == [data] * 2
    assert all(node.running and not node.masked for node in model.nodes.values())
    assert not model.fenced
    assert all(len(found) == 1 for found in model.seen.values()), model.seen


def restored(engine: str) -> Model:
    """A database that was put back, and is not confirmed."""
    model, more = Model(engine=engine, marks=1, seen={0: {OLD}, 1: {NEW}}), {"sequence": 2_000_000}
    if engine == "mysql":
        more = {"spent": SPENT}
    for node in model.nodes.values():
        node.data, node.before, node.note = NEW, OLD, replace(NOTE, phase=notes.RESTORED, **more)
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_anywhere_it_goes_on(patched: Callable[[Model], None], engine: str) -> None:
    points = 0
    for model in killed(patched, stages.RESTORE, partial(Model, engine=engine)):
        note = model.noted()
        if note is None or note.phase != notes.RESTORED:
            done(model, stages.RESTORE)
        well(model, NEW)
        assert {node.spent for node in model.nodes.values()} == {SPENT if engine == "mysql" else ""}
        points += 1
    assert points > 40


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_anywhere_it_is_taken_back(patched: Callable[[Model], None], engine: str) -> None:
    for model in killed(patched, stages.RESTORE, partial(Model, engine=engine)):
        if model.noted():  # before that, nothing was done
            done(model, stages.UNDO)
        well(model, OLD)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_undo_that_is_killed_anywhere_goes_on(patched: Callable[[Model], None], engine: str) -> None:
    points = 0
    for model in killed(patched, stages.UNDO, partial(restored, engine)):
        note = model.noted()
        if note is None or note.phase != notes.UNDONE:
            done(model, stages.UNDO)
        well(model, OLD)
        assert {node.spent for node in model.nodes.values()} == {UNSPENT if engine == "mysql" else ""}
        points += 1
    assert points > 25


@pytest.mark.parametrize("engine", ENGINES)
def test_an_undo_of_what_was_killed_that_is_killed_goes_on(patched: Callable[[Model], None], engine: str) -> None:
    """Two kills: every point of the restore, and every point of the undo after it."""
    for point in range(0, 10**6, 3):

        def half(point: int = point) -> Model:
            model = Model(left=point, engine=engine)
            patched(model)
            with contextlib.suppress(KilledError):
                done(model, stages.RESTORE)
            return model

        if half().left:
            return
        if not half().noted():
            continue
        for model in killed(patched, stages.UNDO, half):
            note = model.noted()
            if note and note.phase != notes.UNDONE:
                done(model, stages.UNDO)
            well(model, OLD)
