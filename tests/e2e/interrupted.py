"""A verb that is killed half-way, with all its processes, and what an operator does next."""

import random
from collections.abc import Callable
from contextlib import suppress

from .command import Done, cluster, kill_in
from .data_tier import SEED, Database
from .database_faults import GOES_ON_SECONDS, Fault, comes_back
from .ledger import Ledger

UNREACHABLE = 4
ENDED = "systemctl stop --no-block {0}; systemctl kill --signal=KILL {0}; systemctl stop {0}"
POINTS = 4
LASTS = {"switchover": 2.4, "failover": 4.2}  # seconds from their first step to a little after their usual end


def moment(database: Database, verb: str, point: int) -> float:
    """When to kill, in seconds after it began to change something: one of each part of the time it lasts."""
    chance = random.Random(f"{SEED} {database.mode.name} {verb} {point}").random()
    return LASTS[verb] * (point + chance) / POINTS


def words(database: Database, verb: str) -> tuple[str, ...]:
    """The command line of a verb."""
    sure = ("--yes",) if verb == "failover" else ()
    return (verb, database.mode.database, "-C", str(database.stack.folder), *sure)


def killed(database: Database, verb: str, after: float) -> str:
    """Start a verb, kill its process group so long after its stage began; in words, whether it was at work."""
    return "at work" if kill_in(verb, words(database, verb), after) else "done"


def again(database: Database, verb: str) -> Done:
    """The verb once more; where it is refused, it has to say what to do instead."""
    done = cluster(*words(database, verb), timeout=600)
    assert done.code == 0 or "next:" in done.err, done
    return done


def brought_up(database: Database, _verb: str = "") -> Done:
    """`cluster up --only database`; a node that is lost is told, and the others are brought together."""
    done = cluster("up", database.stack.folder, "--only", "database", "--no-verify", timeout=600)
    assert done.code in (0, UNREACHABLE), done
    return done


Way = Callable[[Database, str], Done]
WAYS: dict[str, Way] = {"the verb again": again, "up": brought_up}


def writes_go_on(ledger: Ledger, seconds: float) -> bool:
    """Whether writes are acknowledged."""
    with suppress(AssertionError, TimeoutError):
        ledger.wait_for(200, seconds)
        return True
    return False


def mended(database: Database, ledger: Ledger, verb: str, way: str) -> str:
    """Put it right in one way, and in the other where that does not do; returns what was done."""
    order = sorted(WAYS, key=lambda each: each != way)
    for each in order:
        code = WAYS[each](database, verb).code
        if writes_go_on(ledger, GOES_ON_SECONDS / 2 if each != order[-1] else GOES_ON_SECONDS):
            return f"mended by {each} ({code})"
    raise AssertionError(f"{verb} killed half-way: neither {' nor '.join(order)} had writes go on")


def killed_and_mended(database: Database, ledger: Ledger, verb: str, point: int, way: str) -> None:
    """Kill it at a moment and put it right; prints both."""
    after = moment(database, verb, point)
    state = killed(database, verb, after)
    print(f"{verb} killed {after:.2f} s after its first step ({state}), {mended(database, ledger, verb, way)}")


def switchover_killed(database: Database, point: int, way: str) -> Fault:
    """A switchover that is killed."""

    def fault(ledger: Ledger) -> None:
        killed_and_mended(database, ledger, "switchover", point, way)
        brought_up(database)

    return fault


def failover_killed(database: Database, point: int, way: str) -> Fault:
    """A failover, with the primary's server ended, that is killed. It comes back as after any failover."""

    def fault(ledger: Ledger) -> None:
        lost = database.writer()
        database.stack.on(lost, ENDED.format(database.mode.unit))
        killed_and_mended(database, ledger, "failover", point, way)
        database.stack.on(lost, f"systemctl start {database.mode.unit}")
        if database.writer() != lost:  # killed early, `up` has its server run and take the writes again
            comes_back(database, lost)
        brought_up(database)

    return fault
