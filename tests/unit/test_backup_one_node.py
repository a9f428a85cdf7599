"""A node put back from a backup while the others go on, killed before and after everything it does.

The node, and what is told to it, are a model here; tests/e2e/test_backup.py has real ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import click
import pytest

from cluster_cli.backups import notes, one_node, one_node_stages
from cluster_cli.backups.notes import Note
from cluster_cli.backups.restoring import Wish
from cluster_cli.backups.stages import Job, Stage
from cluster_cli.commands.restore import chosen_nodes
from cluster_cli.databases.fence import refuse_half_restored
from cluster_cli.databases.modes import restore
from cluster_cli.databases.seat import Seat
from cluster_cli.errors import ClusterError
from cluster_cli.topology.load import parse
from tests.unit.exchange_model import NEW, OLD, Alone, killed_at_every_point

NOTE = Note("main", notes.RESTORING, "db3", "bak1", "1-1-42", began="2026-11-27T14:03:27+00:00", node="db3")
SEAT = {"gtid": "1-1-44", "group": "g", "seqno": 51}
UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
TOPOLOGY = """
name: shop
provider: podman
nodes: {db1: {}, db2: {}, db3: {}, bak1: {}}
databases: {main: {nodes: [db1, db2, db3]}}
backup: {nodes: [bak1]}
"""


@dataclass
class Model(Alone):
    """The node that is put back, and what its peers say."""

    seated: Seat | None = None
    takes_part: bool = True
    within_reach: bool = True
    leads: bool = False

    def stop(self) -> None:
        assert self.incoming or self.before or self.undone, "stopped before anything came"
        self.takes_part = False
        super().stop()

    def seat(self, text: str) -> None:
        assert self.incoming
        assert '"seqno": 51' in text
        self.seated = Seat(**SEAT)  # type: ignore[arg-type]

    def put(self) -> dict[str, Any]:
        assert self.seated or not self.incoming
        return super().put()

    def forget(self) -> None:
        self.masked = False
        super().forget()

    def mode(self) -> Any:
        """As cluster_cli/databases/galera/readmit.py."""
        return SimpleNamespace(
            weigh=self.weigh, refuse_cut_off=self.refuse_cut_off, carry_out=self.carry_out,
            history=lambda *_: ["1-1-44"], start_again=self.start_again,
        )  # fmt: skip

    def weigh(self, *_: Any) -> None:
        if self.leads:
            raise ClusterError("db3 takes writes")

    def refuse_cut_off(self, *_: Any) -> str:
        if not self.within_reach:
            raise ClusterError("db3 cannot be put back from a backup")
        return "it fetches the rest"

    def carry_out(self, _live: Any, _node: str, seat: Seat) -> None:
        assert seat == self.seated
        self.start_again()

    def start_again(self, *_: Any) -> None:
        self.happens()
        self.masked = False
        assert self.data
        self.running = self.takes_part = True
        self.happens()


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the stages work on a model."""

    def on(model: Model) -> Model:
        for name, what in {
            "step": model.step, "mode_of": lambda _: model.mode(), "fits": lambda *_: None, "work": lambda *_: {},
            "restored_beside": lambda *_, **__: {"to": "1-1-44", "seat": SEAT},
        }.items():  # fmt: skip
            monkeypatch.setattr(one_node_stages, name, what)
        monkeypatch.setattr(one_node_stages.exchange, "note", model.keep_note)
        monkeypatch.setattr(one_node_stages.exchange, "stream", model.stream)
        monkeypatch.setattr(
            one_node_stages.exchange, "weigh", lambda *_: {"bytes": 1, "version": "10.11.1", "seat": SEAT}
        )
        return model

    return on


def done(model: Model, what: tuple[Stage, ...]) -> Job:
    """All stages, by the note the node has."""
    live: Any = SimpleNamespace(
        name="main",
        nodes=("db1", "db2", "db3"),
        tell=lambda *_: None,
        database=SimpleNamespace(mode="galera", engine="mariadb"),
    )
    run: Any = None
    source: Any = SimpleNamespace(name="bak1")
    job = Job(run, live, source, model.note or NOTE, {}, {})
    for _, _, stage in what:
        stage(job)
    return job


def killed(patch: Any, what: tuple[Stage, ...], make: Any) -> Iterator[Model]:
    """Models in which it was killed, each one thing later than the one before."""
    return killed_at_every_point(lambda: patch(make()), lambda model: done(model, what))


def well(model: Model, data: str | None) -> None:
    assert model.data == data
    assert model.running
    assert model.takes_part
    assert not model.masked


def dead() -> Model:
    """A node whose data is lost."""
    return Model(data=None, running=False, takes_part=False)


@pytest.mark.parametrize("make", [Model, dead])
def test_killed_anywhere_it_goes_on(patch: Any, make: Any) -> None:
    points = 0
    for model in killed(patch, one_node_stages.PUT_BACK, make):
        if model.note is None or model.note.phase != notes.RESTORED:
            done(model, one_node_stages.PUT_BACK)
        well(model, NEW)
        assert model.before == (make().data or "nothing")
        points += 1
    assert points > 20


def test_what_was_kept_is_let_go_of(patch: Any) -> None:
    model = patch(Model())
    done(model, one_node_stages.PUT_BACK)
    done(model, one_node_stages.CONFIRM)
    well(model, NEW)
    assert model.look() == Model().look()


def test_killed_anywhere_it_is_taken_back(patch: Any) -> None:
    for model in killed(patch, one_node_stages.PUT_BACK, Model):
        exchanged = bool(model.before)
        if model.note:  # before that, nothing was done
            done(model, one_node_stages.UNDO)
        well(model, OLD)
        assert not model.incoming
        assert (model.note.phase if model.note else None) == (notes.UNDONE if exchanged else None)


def test_an_undo_that_is_killed_anywhere_goes_on(patch: Any) -> None:
    def restored() -> Model:
        return Model(data=NEW, before=OLD, note=replace(NOTE, phase=notes.RESTORED))

    points = 0
    for model in killed(patch, one_node_stages.UNDO, restored):
        assert model.note
        if model.note.phase != notes.UNDONE or not model.running:
            done(model, one_node_stages.UNDO)
        well(model, OLD)
        points += 1
    assert points > 10


@pytest.mark.parametrize("what", ["within_reach", "leads"])
def test_its_server_is_not_stopped_where_it_could_not_go_on(patch: Any, what: str) -> None:
    """The others let go of what it would need while it was restored, or writes moved to it."""
    model = patch(Model())
    real = model.stream

    def later(*_: Any) -> None:
        real()
        setattr(model, what, what == "leads")

    one_node_stages.exchange.stream = later
    with pytest.raises(ClusterError):
        done(model, one_node_stages.PUT_BACK)
    well(model, OLD)
    done(model, one_node_stages.UNDO)
    well(model, OLD)
    assert model.look() == {**Model().look(), "running": True}


def test_only_what_was_begun_goes_on() -> None:
    wish = Wish("main", target="db3")
    assert one_node.goes_on(NOTE, wish) == {"backup": "", "gtid": "", "at": "", "seat": True}
    for note, told in (
        (replace(NOTE, phase=notes.RESTORED), "db3 cannot be put back now"),
        (replace(NOTE, phase=notes.UNDOING), "db3 cannot be put back now"),
        (replace(NOTE, node="", phase=notes.RESTORING), "db3 cannot be put back now"),
    ):
        with pytest.raises(ClusterError, match=told):
            one_node.goes_on(note, wish)
    with pytest.raises(ClusterError, match="is being put back from the newest copy"):
        one_node.goes_on(NOTE, replace(wish, backup="main-1-full"))


def test_the_backup_node_that_goes_furthest_does_it() -> None:
    assert one_node.furthest({"bak1": "1-7-9", "bak2": "1-7-12"}) == "bak2"
    assert one_node.furthest({"bak1": "1-7-12", "bak2": "1-7-12"}) == "bak1"
    sets = {"bak1": f"{UUID}:1-9", "bak2": f"{UUID}:1-4:6-12", "bak3": f"{UUID}:1-12"}
    assert one_node.furthest(sets) == "bak3"
    assert one_node.furthest({name: sets[name] for name in ("bak1", "bak2")}) == "bak2"


def test_data_that_is_kept_already_is_not_overwritten() -> None:
    live: Any = SimpleNamespace(name="main")
    look = {"before": False, "undone": False, "moving": False, "place": "/var/lib/mysql.before-restore"}
    one_node.refuse_kept(live, "db3", look)
    for name in ("before", "undone", "moving"):
        with pytest.raises(ClusterError, match="db3 keeps data aside already"):
            one_node.refuse_kept(live, "db3", {**look, name: True})


def test_a_node_is_one_of_the_database_or_one_that_makes_backups() -> None:
    workspace: Any = SimpleNamespace(topology=parse(TOPOLOGY))
    assert chosen_nodes(workspace, "main", "db3", None) == ("db3", None)
    assert chosen_nodes(workspace, None, "db3", "bak1") == ("db3", "bak1")
    assert chosen_nodes(workspace, "main", "bak1", None) == (None, "bak1")
    assert chosen_nodes(workspace, "main", None, "bak1") == (None, "bak1")
    with pytest.raises(click.UsageError, match="bak1 is no node of main"):
        chosen_nodes(workspace, "main", "bak1", "bak1")


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (notes.RESTORING, "did not end; it goes on with: cluster restore main --node db3; back with: .* --undo"),
        (notes.JOINING, "did not end; it goes on with: cluster restore main --node db3;"),
        (notes.UNDOING, "goes on with: cluster restore main --node db3 --undo"),
        (notes.RESTORED, "what that held before is kept: cluster restore main --node db3 --confirm, or --undo"),
        (notes.UNDONE, "what came is kept: cluster restore main --node db3 --confirm"),
    ],
)
def test_what_next_is_told(phase: str, told: str) -> None:
    said = SimpleNamespace(stdout=f"restore {replace(NOTE, phase=phase).text()}\n")
    found = restore({"db1": SimpleNamespace(stdout=""), "db3": said})  # type: ignore[dict-item]
    assert found
    assert found["node"] == "db3"
    assert re.search(told, found["told"])


def test_what_concerns_all_is_told_first() -> None:
    whole = replace(NOTE, node="", phase=notes.RESTORED)
    ended = replace(NOTE, node="db2", phase=notes.RESTORED)
    assert notes.told([ended, NOTE, whole]) == whole
    assert notes.told([ended, NOTE]) == NOTE
    assert notes.told([]) is None


def test_a_database_is_opened_though_a_node_of_it_is_put_back() -> None:
    """Its other nodes serve; only an exchange of all data keeps it shut."""

    def live(note: Note) -> Any:
        return SimpleNamespace(
            name="main", nodes=("db3",), run=lambda *_: SimpleNamespace(out=f"restore {note.text()}\n"),
            on_all=lambda nodes, work: {node: work(node) for node in nodes},
        )  # fmt: skip

    refuse_half_restored(live(NOTE))
    with pytest.raises(ClusterError, match="main cannot be opened now"):
        refuse_half_restored(live(replace(NOTE, node="")))
