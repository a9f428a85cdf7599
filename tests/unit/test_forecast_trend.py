"""Forecasts of generated series whose future is known: the planted trend is found, and nothing else.

A series is made in quarters of an hour, with noise; the forecast sees its first days, in blocks.
CLUSTER_SEEDS: how many of each kind (20; the figures in docs/explanation/figures.md are of 200).
"""

import math
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.forecast import trend as module
from cluster_cli.forecast.findings import RUNS_OUT, SHORT, STEADY, UNCLEAR, finding, judged
from cluster_cli.forecast.history import BLOCK, BLOCKS_A_DAY, Series
from cluster_cli.topology.load import parse

SEEDS = int(os.environ.get("CLUSTER_SEEDS", "20"))
FIRST_SEED = int(os.environ.get("CLUSTER_SEED", "1"))
IN_BLOCK = 16  # quarters of an hour
DAY = BLOCKS_A_DAY * IN_BLOCK
DAYS, AHEAD = 14, 30 * BLOCKS_A_DAY
LIMIT = 100.0
COVERED, FALSE = 0.85, 0.02  # at least so many in the interval, at most so many false alarms
TOPOLOGY = parse("name: s\nprovider: podman\nnetwork: {subnet: 192.0.2.0/24}\nnodes: {a: {}}\n")

Values = list[float | None]
Kind = Callable[[random.Random], Iterator[float]]


def clock() -> Iterator[float]:
    """Days since the begin, a quarter of an hour at a time."""
    return (quarter / DAY for quarter in range(DAYS * DAY + AHEAD * IN_BLOCK))


def slope(chance: random.Random) -> float:
    """A growth, in points a day, that fills a half-full resource in a time that is looked at."""
    return chance.uniform(1.2, 2.4)


def wave(day: float) -> float:
    """A daily cycle."""
    return math.sin(2 * math.pi * day)


def noisy(chance: random.Random) -> Iterator[float]:
    """Grows in a line, with noise."""
    by = slope(chance)
    return (45 + by * day + chance.gauss(0, 2) for day in clock())


def cyclic(chance: random.Random) -> Iterator[float]:
    """Grows in a line, up and down with the day."""
    by = slope(chance)
    return (40 + by * day + 8 * wave(day) + chance.gauss(0, 1) for day in clock())


def wandering(chance: random.Random) -> Iterator[float]:
    """Grows by amounts that differ."""
    by, level = slope(chance), 45.0
    for _ in clock():
        level += by / DAY + chance.gauss(0, 0.15)
        yield level


def weekly(chance: random.Random) -> Iterator[float]:
    """Grows in a line, with quiet weekends."""
    by, begin = slope(chance), chance.uniform(0, 7)
    return (
        30 + by * day + (20 if (day + begin) % 7 < 5 else 6) + 4 * wave(day) + chance.gauss(0, 1)
        for day in clock()
    )


def flat(chance: random.Random) -> Iterator[float]:
    """Stays where it is, with noise."""
    return (80 + chance.gauss(0, 3) for _ in clock())


def daily(chance: random.Random) -> Iterator[float]:
    """Up and down with the day, and nearly at its limit each time."""
    return (65 + 25 * wave(day) + chance.gauss(0, 2) for day in clock())


def weekend(chance: random.Random) -> Iterator[float]:
    """Up and down with the day and the week."""
    begin = chance.uniform(0, 7)
    return ((70 if (day + begin) % 7 < 5 else 25) * (1 + 0.2 * wave(day)) + chance.gauss(0, 2) for day in clock())


def step(chance: random.Random) -> Iterator[float]:
    """Jumps once."""
    at = chance.uniform(2, DAYS - 1)
    return (50 + (25 if day > at else 0) + chance.gauss(0, 1) for day in clock())


def rotated(chance: random.Random) -> Iterator[float]:
    """Fills and is emptied, as logs are: every day, every week, or at any time between."""
    period, begin = chance.choice([1, 7, chance.uniform(0.5, 5)]), chance.uniform(0, 7)
    return (40 + 50 * ((day + begin) % period) / period + chance.gauss(0, 0.5) for day in clock())


def emptying(chance: random.Random) -> Iterator[float]:
    """Grows less and less."""
    by = slope(chance)
    return (95 - by * day + chance.gauss(0, 1) for day in clock())


@dataclass
class Tally:
    """What came of the seeds of a kind."""

    said: int = 0
    inside: int = 0
    missed: int = 0
    unclear: int = 0
    false: list[int] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def add(self, seed: int, values: Values, true: float | None) -> None:
        """Judge one. true: the block its limit is met in, from now on; None: it is one that never meets it."""
        state, found = judged(values, AHEAD)
        self.unclear += state == UNCLEAR
        if state != RUNS_OUT:
            self.missed += true is not None and true < AHEAD / 2
            return
        assert found is not None
        if true is None:
            self.false.append(seed)
            return
        early, middle, late = (AHEAD if block is None else block for block in found.meets)
        self.said += 1
        self.inside += early <= true <= late + 1
        self.off.append(abs(middle - true) / BLOCKS_A_DAY)
        self.widths.append((late - early) / BLOCKS_A_DAY)

    def __str__(self) -> str:
        half = sorted(self.off)[len(self.off) // 2] if self.off else 0
        wide = sorted(self.widths)[len(self.widths) // 2] if self.widths else 0
        return (
            f"{self.inside} of {self.said} inside, {self.missed} missed, {len(self.false)} false, {self.unclear} "
            f"unclear; off by {half:.1f} d, interval of {wide:.1f} d (medians)"
        )


def made(kind: Kind, seed: int, days: int = DAYS) -> tuple[Values, float]:
    """The last days of a series as a forecast sees them, in shares of the limit, and the block it is met in after
    that; AHEAD: later than is looked."""
    quarters = list(kind(random.Random(seed)))
    past, future = quarters[: DAYS * DAY], quarters[DAYS * DAY :]
    blocks = [max(past[at : at + IN_BLOCK]) / LIMIT for at in range(0, len(past), IN_BLOCK)]
    true = next((at / IN_BLOCK for at, value in enumerate(future) if value >= LIMIT), AHEAD)
    return list(blocks[-days * BLOCKS_A_DAY :]), true


def holes(values: Values, seed: int) -> Values:
    """The same with a day and a half unknown, and some blocks besides."""
    chance = random.Random(seed)
    begin = chance.randrange(6, len(values) - 15)
    return [
        None if begin <= at < begin + 9 or chance.random() < 0.05 else value for at, value in enumerate(values)
    ]


def seeds() -> range:
    """Those of this run; FIRST_SEED begins elsewhere."""
    return range(FIRST_SEED, FIRST_SEED + SEEDS)


@pytest.mark.parametrize("kind", [noisy, cyclic, wandering, weekly])
def test_the_moment_is_in_the_interval(kind: Kind) -> None:
    tally = Tally()
    for seed in seeds():
        values, true = made(kind, seed)
        tally.add(seed, holes(values, seed) if seed % 2 else values, true)
    print(f"{kind.__name__}, seeds {seeds()}: {tally}")
    assert tally.said >= SEEDS / 3, "too few to say anything"
    assert tally.inside >= COVERED * tally.said
    assert tally.missed <= SEEDS / 5


@pytest.mark.parametrize("days", [7, DAYS], ids=["a week", "two weeks"])
@pytest.mark.parametrize("kind", [flat, daily, weekend, step, rotated, emptying])
def test_nothing_runs_out_that_does_not(kind: Kind, days: int) -> None:
    tally = Tally()
    for seed in seeds():
        tally.add(seed, made(kind, seed, days)[0], None)
    print(f"{kind.__name__}, {days} days, seeds {seeds()}: {tally}")
    assert len(tally.false) <= max(1, FALSE * SEEDS), tally.false


def test_an_exact_line_is_met_exactly() -> None:
    values: Values = [0.4 + 0.004 * block for block in range(DAYS * BLOCKS_A_DAY)]  # 1 in block 150, 66 from now
    state, found = judged(values, AHEAD)
    assert state == RUNS_OUT
    assert found is not None
    assert all(block is not None and abs(block - 66) <= 2 for block in found.meets), found.meets
    assert found.drift == pytest.approx(0.004, rel=0.01)


def test_what_stands_still_or_repeats_exactly_is_no_trend() -> None:
    still: Values = [0.99] * 84
    saw: Values = [0.7 + 0.05 * (block % BLOCKS_A_DAY) for block in range(84)]
    assert [judged(values, AHEAD)[0] for values in (still, saw)] == [STEADY, STEADY]


def test_a_jump_says_that_it_is_no_line() -> None:
    state, found = judged([0.4] * 40 + [0.75] * 44, AHEAD)
    assert state == UNCLEAR
    assert found is not None
    assert not found.certain


def test_too_little_is_said_to_be_too_little() -> None:
    values, _ = made(noisy, FIRST_SEED)
    assert judged(values[: 7 * BLOCKS_A_DAY - 1], AHEAD)[0] == SHORT
    assert judged([None if at % 3 else value for at, value in enumerate(values)], AHEAD)[0] == SHORT
    assert judged([], AHEAD)[0] == SHORT


def test_it_says_the_same_twice() -> None:
    values, _ = made(wandering, FIRST_SEED)
    assert judged(values, AHEAD) == judged(values, AHEAD)


def test_a_finding_tells_when_and_for_how_long() -> None:
    used = tuple(40 + 0.4 * block for block in range(84))
    series = Series("disk", "bytes", "a", "/", 100.0, used)
    row = finding(series, TOPOLOGY, datetime(2026, 11, 28, tzinfo=UTC), timedelta(days=30))
    assert (row["state"], row["node"], row["what"], row["history_seconds"]) == (RUNS_OUT, "a", "/", 84 * BLOCK)
    assert row["per_day"] == pytest.approx(2.4, rel=0.01)
    assert "2026-12-08" <= row["runs_out"]["earliest"] <= row["runs_out"]["expected"] <= row["runs_out"]["latest"]
    assert row["runs_out"]["latest"] < "2026-12-10"
    assert row["needed"] > 140


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "statsmodels.tsa.statespace.structural", None)
    with pytest.raises(ClusterError, match="not installed") as raised:
        module.library()
    assert re.search(r"scripts/setup forecast.*cluster-toolkit\[forecast\]", raised.value.hint)
