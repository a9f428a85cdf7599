"""Series in, findings out: which resource of which node runs out when, and what to change. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cluster_cli.forecast.advice import advice
from cluster_cli.forecast.history import BLOCK, BLOCKS_A_DAY, Series
from cluster_cli.forecast.trend import Trend, trend
from cluster_cli.topology.model import Topology

NEEDED = 7 * BLOCKS_A_DAY  # blocks of history: much comes and goes with the week
LEAST_KNOWN = 0.5  # share of them that must have a value
STEEPER = 3  # times what was seen; what does not meet its limit by that needs no fit
LIKELY, POSSIBLE = 0.5, 0.1  # chances
Finding = dict[str, Any]
# What is worst first. unclear: it may be, but its history is too irregular to tell; short: too little of it.
FULL, RUNS_OUT, UNCLEAR, SHORT, STEADY = "full", "runs_out", "unclear", "short", "steady"
STATES = (FULL, RUNS_OUT, UNCLEAR, SHORT, STEADY)
ALARMING = (FULL, RUNS_OUT)


def findings(series: Iterable[Series], topology: Topology, at: datetime, within: timedelta) -> list[Finding]:
    """A finding for each series, what is worst first, and what is sooner before what is later.

    at: when the last block ended; within: how far to look. Raises ClusterError when the library is not installed.
    """
    found = [finding(each, topology, at, within) for each in series]
    return sorted(found, key=lambda row: (STATES.index(row["state"]), soonest(row), row["node"], row["what"]))


def soonest(row: Finding) -> str:
    """When it runs out, for sorting."""
    return str(row["runs_out"]["expected"]) if row["runs_out"] else ""


def finding(series: Series, topology: Topology, at: datetime, within: timedelta) -> Finding:
    """What is to be said of one series (docs/reference/forecast.md)."""
    ahead = round(within.total_seconds() / BLOCK)
    state, found = judged([None if used is None else used / series.limit for used in series.used], ahead)
    known = [used for used in series.used if used is not None]
    tells = found is not None and state == RUNS_OUT
    needed = max(series.limit, found.needed * series.limit) if found and tells else None
    return {
        "node": series.node,
        "resource": series.resource,
        "what": series.what,
        "unit": series.unit,
        "used": known[-1] if known else None,
        "limit": series.limit,
        "history_seconds": len(series.used) * BLOCK,
        "state": state,
        "chance": round(found.chance, 3) if found else None,
        "per_day": found.drift * BLOCKS_A_DAY * series.limit if found and found.certain else None,
        "runs_out": moments(found, at) if found and tells else None,
        "needed": needed,
        "advice": advice(series, topology, needed) if state in ALARMING else "",
    }


def judged(shares: list[float | None], ahead: int) -> tuple[str, Trend | None]:
    """The state of a series of shares of a limit, and its trend where one had to be computed."""
    known = [share for share in shares if share is not None]
    if known and known[-1] >= 1:
        return FULL, None
    if len(shares) < NEEDED or len(known) < LEAST_KNOWN * len(shares):
        return SHORT, None
    if not could_run_out(known, len(shares), ahead):
        return STEADY, None
    found = trend(shares, ahead)
    if found.certain and found.chance >= LIKELY:
        return RUNS_OUT, found
    return (STEADY if found.certain or found.chance < POSSIBLE else UNCLEAR), found


def could_run_out(known: list[float], blocks: int, ahead: int) -> bool:
    """Whether it would meet its limit if it grew far steeper than it ever did from the first day to the last."""
    first, last = max(known[:BLOCKS_A_DAY]), max(known[-BLOCKS_A_DAY:])
    return last + STEEPER * max(0.0, last - first) * ahead / blocks >= 1


def moments(found: Trend, at: datetime) -> Mapping[str, str | None]:
    """When it runs out: expected, and the interval that holds it with 90 %; None: not within the time.

    A block is met at some time in it: its begin is the earliest, its end the latest.
    """
    ends = {"earliest": (found.meets[0], 0.0), "expected": (found.meets[1], 0.5), "latest": (found.meets[2], 1.0)}
    return {
        name: None
        if block is None
        else (at + timedelta(seconds=(block + part) * BLOCK)).isoformat(timespec="minutes")
        for name, (block, part) in ends.items()
    }
