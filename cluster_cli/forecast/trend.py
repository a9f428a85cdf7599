"""The trend in a series, and when it meets a limit: a structural time series model, fitted by statsmodels.

A level that wanders and drifts, a daily and a weekly cycle that stay, and noise (Harvey, Forecasting, Structural
Time Series Models and the Kalman Filter, 1989, chapters 2 and 4; statsmodels' UnobservedComponents, "local linear
deterministic trend"). What comes in steps or as a sawtooth makes the level wander, and then no drift is certain:
so the model says by itself what a straight line would be wrong about. Values that are missing are filtered over.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster_cli.errors import ClusterError
from cluster_cli.forecast.history import BLOCKS_A_DAY

WEEK = 7 * BLOCKS_A_DAY
WEEKS = 2  # of history before a weekly cycle can be told from a trend
HARMONICS = 6  # of a week: enough for a weekend (with three, 12 of 30 trends under weekends were not seen)
PATHS, SEED = 400, 1  # futures that are drawn; always the same, so that two looks agree
# The interval is to hold nine of ten. The model takes its own variances for known, so its 5 % and 95 % hold less.
EARLY, MIDDLE, LATE = 0.025, 0.5, 0.975
SURE = 2.326  # standard deviations; the 99th percentile of a normal distribution
ROUNDS = 50  # of the optimiser; it needs some twenty
PERCENT = 100  # the optimiser does not like small numbers
GRAIN = 1e-6  # of the limit; what moves by less stands still


@dataclass(frozen=True)
class Trend:
    """What a series does. All in shares of the limit, and in blocks from now on.

    drift: a block; certain: whether it is upwards, with 99 %; chance: that the limit is met within the time looked
    ahead; meets: after how many blocks it is met first (early, expected, late), None: not within that time;
    needed: the limit nearly all futures stay below for that time.
    """

    drift: float
    certain: bool
    chance: float
    meets: tuple[int | None, int | None, int | None]
    needed: float


def trend(values: Sequence[float | None], ahead: int) -> Trend:
    """The trend of shares of a limit, one a block, and what comes of it within `ahead` blocks.

    Raises ClusterError when statsmodels is not installed.
    """
    known = [value for value in values if value is not None]
    if max(known) - min(known) < GRAIN:
        return Trend(0.0, False, 0.0, (None, None, None), max(known))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimiser's doubts are in the interval
        return fitted(values, ahead)


def fitted(values: Sequence[float | None], ahead: int) -> Trend:
    """`trend` of a series that moves."""
    np, components = library()
    weekly = len(values) >= WEEKS * WEEK
    model = components(
        PERCENT * np.array(values, dtype=float),
        level="lldtrend",
        seasonal=BLOCKS_A_DAY,
        stochastic_seasonal=False,
        freq_seasonal=[{"period": WEEK, "harmonics": HARMONICS}] if weekly else None,
        stochastic_freq_seasonal=[False] if weekly else None,
    )
    result = model.fit(disp=False, maxiter=ROUNDS, cov_type="none")
    drift = float(result.states.filtered[-1, 1]) / PERCENT
    unsure = max(float(result.states.filtered_cov[-1, 1, 1]), 0.0) ** 0.5 / PERCENT
    futures = result.simulate(ahead, repetitions=PATHS, anchor="end", rng=SEED).reshape(ahead, PATHS) / PERCENT
    over = futures >= 1
    first = np.where(over.any(axis=0), over.argmax(axis=0), ahead)
    early, middle, late = (
        int(block) if block < ahead else None
        for block in np.quantile(first, [EARLY, MIDDLE, LATE], method="nearest")
    )
    return Trend(
        drift,
        drift > max(GRAIN, SURE * unsure),
        float(over.any(axis=0).mean()),
        (early, middle, late),
        float(np.quantile(futures.max(axis=0), LATE)),
    )


def library() -> tuple[Any, Any]:
    """numpy and the model of statsmodels; ClusterError with the way to install them when they are not."""
    try:
        import numpy
        from statsmodels.tsa.statespace.structural import UnobservedComponents
    except ImportError:
        raise ClusterError(
            "the library forecasts are computed with is not installed",
            why="statsmodels needs 380 MB, and most do without",
            hint="in a checkout: scripts/setup forecast; else: pip install 'cluster-toolkit[forecast]'",
        ) from None
    return numpy, UnobservedComponents
