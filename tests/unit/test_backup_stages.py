"""A restore into a running database, killed before and after everything it does: it goes on, or is taken back.

Nodes, and what is told to them, are a model here; tests/e2e/test_backup.py has real ones.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
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
NODES = ("db1", "db2", "db3")
Stages = tuple[stages.Stage, ...]


@dataclass
class Node(exchange_model.Node):
    """What a node has. spent: the numbers of MySQL that are given to none; group: the one Galera's data names."""

    spent: str = ""
    group: str = ""

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
    """A database of three nodes. seen: by history, which data was run on."""

    engine: str = "mariadb"
    group: str = ""
    nodes: dict[str, Node] = field(default_factory=lambda: {name: Node() for name in NODES})
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
        assert node.group == self.group
        node.masked = False
        self.runs(node)
        node.spent = {"mariadb": "", "mysql": SPENT}[self.engine]

    def spend(self, node: Node) -> None:
        assert self.engine == "mysql"
        assert node.data == OLD
        node.masked = False
        self.runs(node)
        node.spent = UNSPENT

    def seat(self, node: Node) -> None:
        note = self.noted()
        assert note
        assert note.seqno == 43
        assert node.incoming
        assert not node.running
        node.group = GROUP

    def runs(self, node: Node) -> None:
        """Its server does, and what backups are made of is known to be of this history."""
        assert not node.masked
        assert node.data
        node.running = True
        self.seen.setdefault(self.marks, set()).add(node.data)

    def join(self, _live: Any, names: Sequence[str]) -> None:
        """As `up`: those without data copy that of one that runs; without any, nobody may begin."""
        self.happens()
        begun = [node for node in self.nodes.values() if node.running]
        for node in map(self.nodes.__getitem__, names):
            assert node.data or begun, "an empty node would begin"
            if not node.data:
                node.data, node.spent = begun[0].data, begun[0].spent
            self.runs(node)
            self.happens()
        taking_part = [node for node in self.nodes.values() if node.running]
        assert len({node.data for node in taking_part}) == 1, "two groups"
        assert len({node.spent for node in taking_part}) == 1, "a node lacks what is nowhere"

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

    def stream(self, _source: Any, _live: Any, node: str, *_: Any) -> None:
        self.happens()
        self.nodes[node].incoming = True
        self.happens()

    def restored(self, *asked: Any, **_: Any) -> dict[str, Any]:
        assert asked[3].get("group", "") == self.group
        return {"to": NOTE.to, "seat": {"seqno": 43}}

    def fence(self, *_: Any) -> None:
        self.happens()
        self.fenced = True

    def unfence(self, *_: Any) -> None:
        note = self.noted()
        assert note is None or note.phase not in notes.SHUT
        assert sum(node.running for node in self.nodes.values()) > 1, "a write would not outlive its node"
        self.happens()
        self.fenced = False

    def unmark(self, *_: Any) -> None:
        self.happens()

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
            "mark": model.fence, "unmark": model.unmark, "shut": lambda *_: None, "fetched": lambda *_: None,
            "beyond": lambda *_: 2_000_000,
            "given": lambda _live, _running, before: GtidSet.parse(WHOLE if before else SPENT),
            "new_history": model.new_history, "join": model.join, "verb_of": lambda *_: verb,
            "restored_beside": model.restored, "goes_on": lambda *_: None, "backup_nodes": lambda *_: (),
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
        name="main", nodes=NODES, database=database, workspace=SimpleNamespace(topology=None),
        tell=lambda *_: None, run=lambda *_, **__: None,
    )  # fmt: skip
    run: Any = None
    job = stages.Job(
        run, live, SimpleNamespace(name="bak1"), model.noted() or replace(NOTE, group=model.group), {}, {}
    )  # type: ignore[arg-type]
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
    assert [node.data for node in model.nodes.values()] == [data] * len(NODES)
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


@pytest.mark.parametrize(("engine", "group"), [("mariadb", ""), ("mariadb", GROUP), ("mysql", "")])
def test_killed_anywhere_it_goes_on(patched: Callable[[Model], None], engine: str, group: str) -> None:
    points = 0
    for model in killed(patched, stages.RESTORE, partial(Model, engine=engine, group=group)):
        note = model.noted()
        if note is None or note.phase != notes.RESTORED:
            done(model, stages.RESTORE)
        well(model, NEW)
        assert {node.spent for node in model.nodes.values()} == {SPENT if engine == "mysql" else ""}
        points += 1
    assert points > 40


def test_writes_are_let_in_before_all_nodes_have_the_data(patched: Callable[[Model], None]) -> None:
    model = Model()
    patched(model)
    done(model, stages.RESTORE[:-1])
    assert not model.fenced
    assert [node.data for node in model.nodes.values()] == [NEW, NEW, None]
    done(model, stages.RESTORE)
    well(model, NEW)


def test_a_group_begins_with_data_on_two_nodes(patched: Callable[[Model], None]) -> None:
    model = Model(group=GROUP)
    patched(model)
    done(model, stages.RESTORE[:3])
    assert [node.data for node in model.nodes.values()] == [NEW, NEW, None]
    assert [node.group for node in model.nodes.values()] == [GROUP, GROUP, ""]
    done(model, stages.RESTORE)
    well(model, NEW)


def test_what_begins_with_a_number_that_was_given_since_is_for_one_node(
    patched: Callable[[Model], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, most = Model(group=GROUP), iter((2_000_000, 4_000_000))
    patched(model)
    monkeypatch.setattr(stages, "beyond", lambda *_: next(most))
    done(model, stages.RESTORE[:2])
    note = model.noted()
    assert note
    assert (note.group, note.sequence) == ("", 4_000_000)
    model.group = ""
    done(model, stages.RESTORE)
    well(model, NEW)


def test_who_goes_on_with_a_database_in_use_does_not_fence_it(patched: Callable[[Model], None]) -> None:
    model = Model()
    patched(model)
    done(model, stages.RESTORE[:-1])
    done(model, stages.RESTORE[:2])
    assert not model.fenced


def test_a_write_is_to_outlive_its_node() -> None:
    live: Any = SimpleNamespace(nodes=NODES, database=SimpleNamespace(mode="galera"))
    assert stages.enough(live, "db2") == ("db2", "db1")
    for mode in ("replication", "group_replication"):
        live.database.mode = mode
        assert stages.enough(live, "db2") == NODES


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
