"""A node of MySQL put back from a backup: with what it is let join or follow, killed before and after everything.

The node and its group are a model here; tests/e2e/test_backup_mysql.py has real ones.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_cli.backups import exchange, notes, one_node_stages
from cluster_cli.backups.notes import Note
from cluster_cli.backups.stages import Job, Stage
from cluster_cli.databases.group_replication import login, readmit
from cluster_cli.databases.group_replication.gtid import GtidSet
from cluster_cli.databases.replication import readmit as replication
from cluster_cli.databases.replication.look import Look
from cluster_cli.databases.seat import Seat
from cluster_cli.databases.sql import text
from cluster_cli.errors import ClusterError
from tests.unit.exchange_model import NEW, OLD, Alone, killed_at_every_point

GROUP, OTHER = "e17933a0-eb61-11f1-88da-abb6e7012816", "99999999-2222-3333-4444-555555555555"
SEAT = {"gtid": f"{GROUP}:1-40", "seqno": 0}
NOTE = Note("main", notes.RESTORING, "db3", "bak1", f"{GROUP}:1-38", began="2026-11-29T10:00:00+00:00", node="db3")
MEMBER = {"members": 3, "unreachable": 0, "waiting": 0, "offline": False, "role": "SECONDARY", "read_only": True}
NEVER, CONFIGURED = "9223372036854775807", "1000000"


def member(state: str | None, has: str, **more: Any) -> dict[str, Any]:
    return {**MEMBER, "state": state, "has": has, **more}


@dataclass
class Model(Alone):
    """The node that is put back, and its group. joins: whether the unit that joins is at work."""

    joins: bool = True
    member: bool = True
    settled: bool = False
    taught: bool = False
    threshold: str = CONFIGURED
    gone: str = ""
    group: str = f"{GROUP}:1-60"
    given: bool = False

    def look(self) -> dict[str, Any]:
        return {**super().look(), "unit": "active" if self.running else "inactive", "own": not self.given}

    def stop(self) -> None:
        self.joins = self.member = False
        super().stop()

    def seat(self, text: str) -> None:
        assert self.incoming
        assert json.loads(text)["history"] == [SEAT["gtid"]]

    def settle(self, text: str) -> dict[str, Any]:
        assert self.data == NEW
        assert self.settled or not self.joins, "a server that is not the node's own yet would be let join"
        assert json.loads(text)["history"] == [SEAT["gtid"]]
        if not self.running:
            self.threshold = CONFIGURED
        self.masked, self.running, self.settled = False, True, True
        return {"position": SEAT["gtid"]}

    def join(self) -> None:
        assert self.data
        self.release()
        self.running, self.threshold = True, CONFIGURED

    def ask(self, _node: str, sql: str, *_: Any) -> None:
        self.happens()
        assert self.running
        self.threshold = sql.split(" = ")[1]
        self.happens()

    def teach(self, *_: Any) -> None:
        self.happens()
        assert self.settled
        assert not self.member, "a member is not to be opened"
        self.taught = True
        self.happens()

    def hold(self, *_: Any) -> None:
        self.happens()
        self.joins = False
        self.happens()

    def let_join(self, *_: Any) -> None:
        self.happens()
        assert self.running
        if self.data == NEW and not self.member:
            assert self.settled
            assert self.taught, "it would come with the password of another day"
            assert self.threshold == NEVER, "it might be given a copy"
        self.joins = self.member = True
        self.happens()

    def members(self, *_: Any) -> dict[str, Any]:
        state = "ONLINE" if self.member and self.running else "OFFLINE" if self.running else None
        here = self.group if self.member else str(SEAT["gtid"])
        return {"db1": member("ONLINE", self.group, role="PRIMARY"), "db2": member("ONLINE", self.group),
                "db3": member(state, here if state else "")}  # fmt: skip


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Model], Model]:
    """Have the stages, and how a member is let in, work on a model."""

    def on(model: Model) -> Model:
        stages = {
            "step": model.step, "fits": lambda *_: None, "work": lambda *_: {},
            "restored_beside": lambda *_, **__: {"to": SEAT["gtid"], "seat": SEAT},
        }  # fmt: skip
        mode = {
            "step": model.step, "members": model.members, "told": lambda *_: CONFIGURED,
            "hold": model.hold, "let_join": model.let_join,
            "purged": lambda *_: {"db1": GtidSet.parse(model.gone), "db2": GtidSet.parse(f"{GROUP}:1-50")},
        }  # fmt: skip
        for where, names in ((one_node_stages, stages), (readmit, mode)):
            for name, what in names.items():
                monkeypatch.setattr(where, name, what)
        monkeypatch.setattr(login, "teach", model.teach)
        monkeypatch.setattr(exchange, "note", model.keep_note)
        monkeypatch.setattr(exchange, "stream", model.stream)
        monkeypatch.setattr(exchange, "weigh", lambda *_: {"bytes": 1, "version": "9.7.4"})
        return model

    return on


def done(model: Model, what: tuple[Stage, ...], tell: Callable[..., None] = lambda *_: None) -> None:
    """All stages, by the note the node has."""
    database = SimpleNamespace(mode="group_replication", engine="mysql")
    live: Any = SimpleNamespace(
        name="main", nodes=("db1", "db2", "db3"), database=database, tell=tell, ask=model.ask,
        run=lambda *_, **__: SimpleNamespace(out=""),
    )  # fmt: skip
    nobody: Any = None
    job = Job(nobody, live, SimpleNamespace(name="bak1"), model.note or NOTE, {}, {})  # type: ignore[arg-type]
    for _, _, stage in what:
        stage(job)


def killed(patch: Callable[[Model], Model], what: tuple[Stage, ...], make: Any) -> Iterator[Model]:
    """Models in which it was killed, each one thing later than the one before."""
    return killed_at_every_point(lambda: patch(make()), lambda model: done(model, what))


def well(model: Model, data: str) -> None:
    assert model.data == data
    assert model.running
    assert model.member
    assert model.joins
    assert not model.masked
    assert model.threshold == CONFIGURED


@pytest.mark.parametrize("make", [Model, partial(Model, data=None, running=False, member=False)])
def test_killed_anywhere_it_goes_on(patch: Callable[[Model], Model], make: Callable[[], Model]) -> None:
    points = 0
    for model in killed(patch, one_node_stages.PUT_BACK, make):
        if model.note is None or model.note.phase != notes.RESTORED:
            done(model, one_node_stages.PUT_BACK)
        well(model, NEW)
        assert model.note
        assert model.note.to == SEAT["gtid"]
        points += 1
    assert points > 30


def test_killed_anywhere_and_then_its_server_too(patch: Callable[[Model], Model]) -> None:
    """What was said to the server only is said again; the unit that joins begins with the node."""
    for model in killed(patch, one_node_stages.PUT_BACK, Model):
        if model.note and model.note.phase == notes.JOINING and not model.masked:
            model.running, model.threshold = True, CONFIGURED
            model.member = model.joins and model.taught
        if model.note is None or model.note.phase != notes.RESTORED:
            done(model, one_node_stages.PUT_BACK)
        well(model, NEW)


def test_killed_anywhere_it_is_taken_back(patch: Callable[[Model], Model]) -> None:
    for model in killed(patch, one_node_stages.PUT_BACK, Model):
        exchanged = bool(model.before)
        if model.note:  # before that, nothing was done
            done(model, one_node_stages.UNDO)
        well(model, OLD)
        assert not model.incoming
        assert (model.note.phase if model.note else None) == (notes.UNDONE if exchanged else None)


def test_it_is_not_let_join_where_it_would_be_given_a_copy(patch: Callable[[Model], Model]) -> None:
    """The others removed binary logs after its server was stopped; it stays apart, and may have its own back."""
    model = patch(Model())
    done(model, one_node_stages.PUT_BACK[:2])
    model.gone = f"{GROUP}:1-45"
    with pytest.raises(ClusterError, match="db3 cannot be put back from a backup"):
        done(model, one_node_stages.PUT_BACK)
    assert not model.joins
    done(model, one_node_stages.UNDO)
    well(model, OLD)


def test_a_copy_that_came_all_the_same_is_told(patch: Callable[[Model], Model]) -> None:
    said: list[str] = []
    done(patch(Model(given=True)), one_node_stages.PUT_BACK, lambda _, text: said.append(text))
    assert any("was given a whole copy" in text for text in said)


@pytest.mark.parametrize(
    ("here", "gone", "why"),
    [
        (f"{GROUP}:1-40", {"db1": f"{GROUP}:1-40", "db2": f"{GROUP}:1-50"}, ""),
        (f"{GROUP}:1-40", {"db1": "", "db2": ""}, ""),
        (f"{GROUP}:1-40", {"db1": f"{GROUP}:1-41", "db2": f"{GROUP}:1-50"}, f"db1 1 of them ({GROUP}:41)"),
        (f"{GROUP}:1-61", {"db1": "", "db2": ""}, f"what the group has not: {GROUP}:61"),
        (f"{GROUP}:1-9,{OTHER}:3", {"db1": ""}, f"what the group has not: {OTHER}:3"),
        (f"{GROUP}:1-40", {}, "nobody told"),
    ],
)
def test_binary_logs_lead_on_or_it_is_refused(here: str, gone: dict[str, str], why: str) -> None:
    removed = {name: GtidSet.parse(text) for name, text in gone.items()}
    found = readmit.refusal(GtidSet.parse(here), GtidSet.parse(f"{GROUP}:1-60"), removed)
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"db1": None, "db2": None}, "no other node than db3 takes part"),
        ({"db1": "ONLINE", "db2": None}, "db3 takes the writes"),
    ],
)
def test_who_is_needed_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, others: dict[str, str | None], told: str
) -> None:
    rows = {name: member(state, f"{GROUP}:1-9" if state else "") for name, state in others.items()}
    rows["db3"] = member("ONLINE", f"{GROUP}:1-9", role="PRIMARY")
    monkeypatch.setattr(readmit, "members", lambda _: rows)
    live: Any = SimpleNamespace(name="main", nodes=("db1", "db2", "db3"))
    with pytest.raises(ClusterError, match=told):
        readmit.weigh(live, "db3")


def test_who_has_less_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"db1": member("ONLINE", f"{GROUP}:1-9", role="PRIMARY"), "db2": member("ONLINE", f"{GROUP}:1-9"),
            "db3": member(None, "")}  # fmt: skip
    monkeypatch.setattr(readmit, "members", lambda _: rows)
    monkeypatch.setattr(readmit, "purged", lambda *_: {"db1": GtidSet.parse(f"{GROUP}:1-3")})
    live: Any = SimpleNamespace(name="main", nodes=("db1", "db2", "db3"))
    assert "meanwhile main is on db1 and db2" in readmit.weigh(live, "db3").stake
    said = readmit.refuse_cut_off(live, "db3", Seat(f"{GROUP}:1-7"))
    assert "the 2 transactions it lacks by now" in said
    assert "nobody gives a copy" in said


@pytest.mark.parametrize("passwords", [("it's",), ("new", "old")])
def test_the_password_is_that_of_today(passwords: tuple[str, ...]) -> None:
    """While it is rotated both are let in, and the first is used; nothing of it is logged."""
    said = list(login.statements("cluster_replication", passwords))
    assert said[0] == "SET GLOBAL super_read_only = OFF"
    assert said[1] == "SET SESSION sql_log_bin = 0"
    altered = [each for each in said if " BY " in each]
    assert [text(each) in line for each, line in zip(reversed(passwords), altered, strict=True)] == [True] * len(
        passwords
    )
    assert [line.endswith("RETAIN CURRENT PASSWORD") for line in altered] == [False, True][: len(passwords)]
    assert said[-2] == "SET GLOBAL super_read_only = ON"
    assert f"SOURCE_PASSWORD = {text(passwords[0])} FOR CHANNEL" in said[-1]


def test_a_note_of_before_goes_on(patch: Callable[[Model], Model]) -> None:
    """The phases are those of any node."""
    model = patch(Model(data=NEW, before=OLD, running=False, joins=False, member=False))
    model.note = replace(NOTE, phase=notes.JOINING, to=str(SEAT["gtid"]))
    done(model, one_node_stages.PUT_BACK)
    well(model, NEW)


def replicas(shows: str, gone: str, did: list[str]) -> Any:
    """A primary db1 that shows a set, and has no binary logs of another one, and a replica db2."""
    answer = SimpleNamespace(rc=0, out=f"{gone}\n", err="")
    database = SimpleNamespace(mode="replication", engine="mysql", delayed={})
    return SimpleNamespace(
        name="main", nodes=("db1", "db2"), database=database, run=lambda *_, **__: answer,
        tell=lambda _, text: did.append(text), shows=shows,
    )  # fmt: skip


@pytest.fixture
def follower(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a replica is told, in order."""
    did: list[str] = []

    def told(_live: Any, node: str, *words: str, **_: Any) -> dict[str, Any]:
        assert node == "db2"
        did.append(" ".join(words))
        return {}

    def looks(live: Any) -> dict[str, Look]:
        leads = Look(running=True, read_only=False, master=True, position=live.shows, history=live.shows)
        follows = Look(running=True, follows="db1", io="Yes", sql="Yes", position=live.shows, history=live.shows)
        return {"db1": leads, "db2": follows}

    monkeypatch.setattr(replication, "exchange_step", told)
    monkeypatch.setattr(replication, "step", told)
    monkeypatch.setattr(replication, "looks", looks)
    return did


def test_a_replica_is_settled_before_it_follows(follower: list[str]) -> None:
    live = replicas(f"{OTHER}:1-60", "", follower)
    replication.carry_out(live, "db2", Seat(f"{OTHER}:1-40"))
    assert follower == ["settle", "release", "start", "follow db1", "db2 follows db1"]


@pytest.mark.parametrize(
    ("here", "gone", "why"),
    [
        (f"{OTHER}:1-40", f"{OTHER}:1-40", ""),
        (f"{OTHER}:1-40", f"{OTHER}:1-41", "no binary logs any more that go on from there"),
        (f"{OTHER}:1-61", "", f"it would have what db1 has not: {OTHER}:61"),
        (f"{OTHER}:1-40,{GROUP}:1", "", f"it would have what db1 has not: {GROUP}:1"),
    ],
)
def test_a_replica_goes_on_by_what_its_primary_keeps(follower: list[str], here: str, gone: str, why: str) -> None:
    live = replicas(f"{OTHER}:1-60", gone, follower)
    if not why:
        assert "nobody gives a copy" in replication.refuse_cut_off(live, "db2", Seat(here))
        return
    with pytest.raises(ClusterError) as raised:
        replication.refuse_cut_off(live, "db2", Seat(here))
    assert why in str(raised.value.why)
    assert "cluster rejoin db2 --clone" in str(raised.value.hint)


@pytest.mark.parametrize("words", readmit.ONGOING)
@pytest.mark.parametrize(("until", "joined", "asked"), [(3, False, 3), (9, True, 2)])
def test_a_try_to_join_that_is_under_way_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, until: int, joined: bool, asked: int, words: str
) -> None:
    """Of a run that was killed: the server takes no settings meanwhile. It ends, or it has joined."""
    said: list[str] = []

    def ask(_node: str, sql: str) -> None:
        said.append(sql)
        if len(said) < until:
            raise ClusterError("db3 did not do what it was told", why=f"ERROR: {words}.")

    states = iter(["OFFLINE", "RECOVERING" if joined else "OFFLINE"])
    monkeypatch.setattr(readmit, "members", lambda _: {"db3": {"state": next(states)}})
    monkeypatch.setattr(login, "teach", lambda *_: None)
    monkeypatch.setattr(readmit.time, "sleep", lambda _: None)
    live: Any = SimpleNamespace(ask=ask, tell=lambda *_: None)
    readmit.prepare(live, "db3")
    assert said == [readmit.NO_COPY] * asked


def test_what_else_a_server_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: str) -> None:
        raise ClusterError("db3 did not do what it was told", why="ERROR 1227: access denied")

    monkeypatch.setattr(login, "teach", lambda *_: None)
    live: Any = SimpleNamespace(ask=ask, tell=lambda *_: None)
    with pytest.raises(ClusterError, match="did not do"):
        readmit.prepare(live, "db3")
