"""What switchover, failover, rejoin and unfence decide for a database with a primary, by what its nodes show."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from cluster_cli.backups import notes
from cluster_cli.databases.live import Live
from cluster_cli.databases.replication import failover, hold, rejoin, release, switchover, unfence
from cluster_cli.databases.replication.look import DIVERGED
from cluster_cli.errors import ClusterError
from cluster_cli.ssh import Answer
from cluster_cli.topology.databases import Database
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
TOPOLOGY = parse((ROOT / "tests/golden/inventories/replication.yml").read_text())
NOBODY = None  # a node that cannot be reached
STOPPED: dict[str, Any] = {"running": False, "why": "no server"}
BLANK: dict[str, Any] = {"running": True, "blank": True}


def primary(sequence: int = 9, **more: Any) -> dict[str, Any]:
    here = f"7-1-{sequence}"
    row = {"running": True, "read_only": False, "master": True, "clients": 2, "position": here, "history": here}
    return row | more


def replica(sequence: int = 9, received: int = 0, **more: Any) -> dict[str, Any]:
    here = f"7-1-{sequence}"
    row = {
        "running": True,
        "follows": "db1",
        "io": "Yes",
        "sql": "Yes",
        "position": here,
        "history": here,
        "lag": 0,
    }
    return row | {"received": f"7-1-{received or sequence}"} | more


def alone(sequence: int = 9, **more: Any) -> dict[str, Any]:
    """A replica whose primary is gone."""
    return replica(sequence, **{"io": "Connecting"} | more)


@dataclass
class Said:
    """A database whose nodes show what a test wants. did: the steps they were told; note: of a restore."""

    shows: dict[str, dict[str, Any] | None]
    stat: str = ""
    name: str = "main"
    database: Database = field(default_factory=lambda: TOPOLOGY.databases["main"])
    nodes: tuple[str, ...] = ("db1", "db2", "db3")
    did: list[str] = field(default_factory=list)
    note: str = ""

    def run(self, node: str, command: str, **_: Any) -> Answer:
        shown = self.shows[node]
        if shown is None:
            return Answer(node, 255, "", "no route")
        if command == notes.QUESTION:
            return Answer(node, 0, self.note, "")
        step = command.split("replication ")[1]
        if step != "look":
            self.did.append(f"{node}: {step}")
        return Answer(node, 0, json.dumps(shown) + "\n", "")

    def on_all(self, nodes: list[str], work: Any) -> dict[str, Any]:
        return {node: work(node) for node in nodes}

    def balancers(self) -> tuple[str, ...]:
        return ()

    def balance(self, *_: str) -> dict[str, str]:
        return {"lb1": self.stat} if self.stat else {}


def live(db1: Any, db2: Any, db3: Any, **more: Any) -> Live:
    return cast("Live", Said({"db1": db1, "db2": db2, "db3": db3}, **more))


def refusal(decide: Any, *words: Any) -> str:
    """Why nothing is done."""
    with pytest.raises(ClusterError) as caught:
        decide(*words)
    return str(caught.value)


def test_the_nearest_replica_takes_over() -> None:
    plan = switchover.weigh(live(primary(9), replica(7), replica(8)), None)
    assert (plan.node, plan.stake, plan.details["from"]) == ("db3", "", "db1")
    assert switchover.weigh(live(primary(9), replica(7), replica(8)), "db2").node == "db2"


def test_nobody_takes_over_who_is_not_well() -> None:
    broken = replica(io="No", error="broken")
    assert "db2 cannot take writes" in refusal(switchover.weigh, live(primary(), broken, replica()), "db2")
    assert "already" in refusal(switchover.weigh, live(primary(), replica(), replica()), "db1")
    assert "no node of database" in refusal(switchover.weigh, live(primary(), replica(), replica()), "db9")


def test_there_is_nothing_to_switch_from_without_one_primary() -> None:
    assert "cluster failover" in refusal(switchover.weigh, live(NOBODY, alone(), alone()), None)
    assert "cluster db fence" in refusal(switchover.weigh, live(primary(), primary(8), replica()), None)


def test_the_one_that_received_most_is_promoted() -> None:
    plan = failover.weigh(live(NOBODY, alone(9, received=12), alone(10, received=11)), None, False)
    assert (plan.node, plan.details["from"]) == ("db2", "db1")
    assert "7-1-12" in plan.will
    assert "cluster rejoin db1" in plan.stake


def test_of_equals_the_one_with_least_to_apply_is_promoted() -> None:
    assert failover.weigh(live(NOBODY, alone(5, received=12), alone(10, received=12)), None, False).node == "db3"


def test_who_did_not_answer_may_have_more() -> None:
    for silent in (NOBODY, STOPPED, BLANK):
        assert "db3 might have" in refusal(failover.weigh, live(NOBODY, alone(), silent), None, False)
        plan = failover.weigh(live(NOBODY, alone(), silent), None, True)
        assert plan.node == "db2"
        assert "what only db3 has received is lost" in plan.stake


def test_a_primary_that_is_well_is_not_failed_over() -> None:
    assert "cluster switchover" in refusal(failover.weigh, live(primary(), replica(), replica()), None, True)


def test_a_primary_its_replicas_have_left_is() -> None:
    plan = failover.weigh(live(primary(clients=0, stalled=3), alone(), alone()), None, False)
    assert plan.details["from"] == "db1"


def test_a_primary_that_does_not_hear_its_replicas_is() -> None:
    deaf = live(primary(stalled=3, stalled_seconds=5), replica(), replica())
    assert failover.weigh(deaf, None, False).details["from"] == "db1"
    busy = live(primary(stalled=3, stalled_seconds=1), replica(), replica())
    assert "cluster switchover" in refusal(failover.weigh, busy, None, True)


def test_an_interrupted_failover_is_not_begun_again() -> None:
    promoted = primary(12, clients=0)
    assert "cluster up" in refusal(failover.weigh, live(NOBODY, promoted, alone()), None, False)


def test_a_primary_others_still_see_is_told() -> None:
    stat = "# pxname,svname,status\nmain-write,db1,UP\nmain-write,db2,DOWN\n"
    plan = failover.weigh(live(NOBODY, alone(), replica(), stat=stat), None, False)
    assert "lb1, db3 still reach it" in plan.stake


def test_a_node_that_only_misses_something_follows() -> None:
    shows = live(replica(7, follows=""), primary(9), replica(follows="db2"))
    plan = rejoin.weigh(shows, "db1", False)
    assert (plan.details["copy"], plan.stake) == (False, "")
    rejoin.carry_out(cast("Live", Tells(cast("Said", shows))), plan)
    assert cast("Said", shows).did == ["db1: follow db2"]


@dataclass
class Tells:
    """The same, to which progress may be told."""

    said: Said

    def __getattr__(self, name: str) -> Any:
        return getattr(self.said, name)

    def tell(self, _node: str, _text: str) -> None:
        """Nobody reads it."""


def test_writes_of_its_own_are_told_before_they_go() -> None:
    own = {"follows": "", "position": "7-1-8", "history": "7-2-6,7-1-8"}
    now = primary(position="7-2-9", history="7-1-5,7-2-9")
    plan = rejoin.weigh(live(replica(**own), now, replica(follows="db2")), "db1", False)
    assert (plan.details["copy"], plan.details["donor"]) == (True, "db3")
    assert "7-1-7 to 7-1-8" in plan.stake
    assert "moved aside" in plan.stake


def test_a_source_that_calls_it_diverged_is_believed() -> None:
    cut = replica(7, follows="db2", io="No", errno=DIVERGED, error="slave has diverged")
    assert "slave has diverged" in rejoin.weigh(live(cut, primary(), replica(follows="db2")), "db1", False).stake


def test_an_emptied_node_is_copied_to_without_a_stake() -> None:
    plan = rejoin.weigh(live(primary(), BLANK, replica(io="No")), "db2", False)
    assert (plan.details["copy"], plan.details["donor"], plan.stake) == (True, "db1", "")


def test_there_must_be_one_to_follow() -> None:
    assert "not exactly one" in refusal(rejoin.weigh, live(NOBODY, alone(), alone()), "db2", False)
    assert "takes the writes" in refusal(rejoin.weigh, live(primary(), replica(), replica()), "db1", False)
    assert "already" in refusal(rejoin.weigh, live(primary(), replica(), replica()), "db2", False)


def test_one_of_two_who_take_writes_can_be_brought_back() -> None:
    two = live(primary(9), primary(8), replica(9))
    assert rejoin.weigh(two, "db2", False).details["primary"] == "db1"


def test_a_fence_is_taken_away_from_the_one_all_follow() -> None:
    closed = primary(read_only=True, fenced=True)
    assert unfence.weigh(live(closed, replica(), replica())).node == "db1"
    assert "nobody is known" in refusal(unfence.weigh, live(closed, replica(), NOBODY))
    assert "nobody is known" in refusal(unfence.weigh, live(closed, replica(8, received=12), replica()))


@pytest.mark.parametrize("phase", notes.SHUT)
def test_a_fence_stays_while_a_restore_is_half_done(phase: str) -> None:
    closed = live(primary(read_only=True, fenced=True), replica(), replica())
    cast(Said, closed).note = f"restore {notes.Note('main', phase, 'db1', 'bak1', '1-1-42').text()}"
    assert "cannot be opened now" in refusal(unfence.weigh, closed)


UUID = "0b5ca31a-ea9f-11f1-b574-ba34a887460d"


def holds(applied: str, received: str = "", **more: Any) -> dict[str, Any]:
    """A replica of MySQL whose primary is gone."""
    here = f"{UUID}:{applied}"
    return alone() | {"position": here, "history": here, "received": f"{UUID}:{received or applied}"} | more


def test_of_sets_too_the_one_that_received_most_is_promoted() -> None:
    plan = failover.weigh(live(NOBODY, holds("1-9", "7-12"), holds("1-10")), None, False)
    assert (plan.node, plan.details["apart"]) == ("db2", False)
    assert f"{UUID}:1-12" in plan.will


def test_of_two_that_went_apart_none_is_picked_silently() -> None:
    nodes = live(NOBODY, holds("1-9"), holds("1-8:10"))
    why = refusal(failover.weigh, nodes, None, True)
    assert f"db2 lacks {UUID}:10; db3 lacks {UUID}:9" in why
    assert "--to NODE --accept-loss" in why
    assert "went apart" in refusal(failover.weigh, nodes, "db2", False)
    plan = failover.weigh(nodes, "db2", True)
    assert f"what db2 lacks {UUID}:10 is lost" in plan.stake
    failover.furthest(nodes, {"db2": f"{UUID}:1-9", "db3": f"{UUID}:1-8"})
    assert "went apart" in refusal(failover.furthest, nodes, {"db2": f"{UUID}:1-9", "db3": f"{UUID}:1-8:10"})


def test_what_only_an_old_primary_of_mysql_has_is_told() -> None:
    head = {"running": True, "position": f"{UUID}:1-12", "history": f"{UUID}:1-12"}
    now = primary(position=f"{UUID}:1-11", history=f"{UUID}:1-11,{UUID[:-1]}e:1-4")
    plan = rejoin.weigh(live(head, now, holds("1-11", follows="db2", io="Yes")), "db1", False)
    assert plan.details["copy"]
    assert f"what only db1 has does not come back: {UUID}:12" in plan.stake


def test_an_old_primary_of_mysql_keeps_what_waits_for_a_replica() -> None:
    here = {"position": f"{UUID}:1-9", "history": f"{UUID}:1-9"}
    left = live(primary(clients=0, stalled=3, **here), primary(**here), holds("1-9", follows="db2", io="Yes"))
    plan = rejoin.weigh(left, "db1", False)
    assert plan.details["copy"]
    assert "the writes of 3 clients" in plan.stake
    assert not rejoin.weigh(
        live(primary(clients=0, stalled=3), primary(), replica(follows="db2")), "db1", False
    ).stake


LATE = Database.model_validate(
    {"mode": "replication", "nodes": ["db1", "db2", "db3"], "delayed": {"db3": "1h"}, "through": "edge"}
)


def late(received: int = 9, **more: Any) -> dict[str, Any]:
    """A replica that applies an hour later what it receives."""
    return alone(2, received=received, delay=3600, **more)


def test_nobody_delayed_takes_over_on_purpose() -> None:
    follows = late(io="Yes")
    assert switchover.weigh(live(primary(), replica(3), follows), None).node == "db2"
    for shows, to in ((live(primary(), replica(), follows), "db3"), (live(primary(), NOBODY, follows), None)):
        assert "db3 is delayed" in refusal(switchover.weigh, shows, to)


def carried_out(shows: Live, to: str | None = None, accept_loss: bool = False) -> list[str]:
    """The steps of a failover that change something."""
    known = cast("Said", shows)
    plan = failover.weigh(shows, to, accept_loss)
    failover.carry_out(cast("Live", Tells(known)), plan)
    return sorted(step for step in known.did if "halt" in step) + [
        step for step in known.did if "halt" not in step and "stop_receiving" not in step
    ]


def test_who_is_delayed_gives_what_only_it_has_and_is_not_promoted() -> None:
    shows = live(NOBODY, alone(8), late(12), database=LATE)
    assert failover.weigh(shows, None, False).node == "db2"
    assert carried_out(shows) == [
        "db3: apply 7-1-12",
        "db2: follow db3",
        "db2: promote 7-1-12",
        "db3: follow db2",
        "db3: delay",
    ]


def test_who_is_delayed_is_promoted_where_no_other_is_left() -> None:
    shows = live(NOBODY, NOBODY, late(9), database=LATE)
    plan = failover.weigh(shows, None, True)
    assert plan.node == "db3"
    assert "it is delayed, and applies 7 transactions first" in plan.will
    assert carried_out(shows, accept_loss=True)[0] == "db3: promote 7-1-9"


def test_who_comes_back_is_late_again_and_copied_from_one_that_is_not() -> None:
    shows = live(primary(), late(io="Yes"), BLANK, database=LATE)
    plan = rejoin.weigh(shows, "db3", False)
    assert plan.details["donor"] == "db1"
    shows = live(primary(9), replica(7), replica(3, follows=""), database=LATE)
    rejoin.carry_out(cast("Live", Tells(cast("Said", shows))), rejoin.weigh(shows, "db3", False))
    assert cast("Said", shows).did == ["db3: follow db1", "db3: delay"]


def test_only_who_is_delayed_is_held_and_only_who_is_held_is_released() -> None:
    shows = live(primary(), replica(), late(io="Yes"), database=LATE)
    hold.carry_out(cast("Live", Tells(cast("Said", shows))), hold.weigh(shows, "db3"))
    assert cast("Said", shows).did == ["db3: hold"]
    assert "db2 is not delayed" in refusal(hold.weigh, shows, "db2")
    assert "db3 is not held" in refusal(release.weigh, shows, "db3")
    shows = live(primary(), replica(), late(io="Yes", held=True), database=LATE)
    plan = release.weigh(shows, "db3")
    assert "as late as before" in plan.will
    release.carry_out(cast("Live", Tells(cast("Said", shows))), plan)
    assert cast("Said", shows).did == ["db3: release"]


def test_who_is_held_is_not_passed_over_where_it_has_more() -> None:
    held = late(12, held=True, sql="No")
    assert "cluster db release db3" in refusal(
        failover.weigh, live(NOBODY, alone(8), held, database=LATE), None, False
    )
    assert failover.weigh(live(NOBODY, alone(12), held, database=LATE), None, False).node == "db2"
