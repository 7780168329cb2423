"""Prediction intervals from the errors of held-out rows, and how far a material is from those learned from.

Normalised conformal prediction (arXiv:1604.04173) with cross-validated residuals (arXiv:1208.0806): errors of held-out
rows, divided by the error expected for the row, are taken as the errors of new rows. The expected error is learned from
a few signals: the distance to the nearest training row, the disagreement between estimators, the prediction, and what
else a model names. Rows near what was learned from and rows far from it are calibrated apart (Mondrian, or label- and
taxonomy-conditional, conformal prediction: arXiv:1209.2673), since an error that is rare near is common far. The lower
and the upper side are calibrated each on their own and may be left at different rates: predictions of the best
materials fall short, and an interval that stops below them hides what is looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from ionsieve.models.learning.estimators import COMPOSITION_PREFIX, FittedEstimator, fit_estimator
from ionsieve.models.learning.validation import grouped_folds

# The first signals of every model, in this order; others may follow.
SIGNALS = ("predicted", "domain_distance", "disagreement")

# Errors are expected to be at least this share of the mean error: no row is taken as certain.
SMALLEST_SHARE = 0.5


# Residuals that near or far must have to be calibrated apart: two may lie outside either end of 90 %.
FEWEST_APART = 40


@dataclass(frozen=True)
class Calibration:
    """What turns a prediction into an interval and a distribution.

    `residuals` are (measured - predicted) / expected error of held-out rows near and far, each sorted; where one of the
    two is too small to stand alone, both are all residuals. `difficulty` predicts the expected error from the signals,
    or is None where rows were too few and every row is expected to be missed by as much. `below` and `above` are the
    shares of rows that may lie below and above their interval, `near_distance` the largest distance that is near.
    """

    residuals: tuple[np.ndarray, np.ndarray]
    difficulty: FittedEstimator | None
    smallest_scale: float
    below: float
    above: float
    near_distance: float

    @property
    def coverage_asked(self) -> float:
        return round(1.0 - self.below - self.above, 9)


def is_far(signals: np.ndarray, near_distance: float) -> np.ndarray:
    """(n,) whether each row of (n, k) signals is farther than `near_distance`."""
    return signals[:, SIGNALS.index("domain_distance")] > near_distance


def near_and_far(normalised: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted residuals of near and of far rows, or all of them twice where either are too few."""
    if min(far.sum(), (~far).sum()) < FEWEST_APART:
        ordered = np.sort(normalised)
        return ordered, ordered
    return np.sort(normalised[~far]), np.sort(normalised[far])


def expected_error(difficulty: FittedEstimator | None, signals: np.ndarray, smallest_scale: float) -> np.ndarray:
    """(n,) expected absolute error from (n, k) signals; 1 without a model of it."""
    if difficulty is None:
        return np.ones(len(signals))
    return np.maximum(difficulty.predict(signals), smallest_scale)


def residual_quantiles(residuals: np.ndarray, below: float, above: float) -> tuple[float, float]:
    """Lower and upper quantile that a new residual lies below, or above, with these probabilities at most.

    Ranks are those of n + 1 rows, the new one being any of them; too few rows give the extremes seen.
    """
    ordered = np.sort(residuals)
    n = len(ordered)
    # Rounded first: 0.05 * 40 is a hair below 2 in floating point.
    outside = [int(np.floor(round(share * (n + 1), 9))) for share in (below, above)]
    low, high = (min(max(rank, 1), (n + 1) // 2) for rank in outside)
    return float(ordered[low - 1]), float(ordered[n - high])


def calibrate(
    signals: np.ndarray,
    residuals: np.ndarray,
    groups: np.ndarray,
    near_distance: float,
    params: Mapping[str, Any],
    seed: int,
    threads: int,
) -> tuple[Calibration, np.ndarray]:
    """Calibration from held-out errors, and the interval each row gets from the rows of other groups alone.

    The expected error of a row and the quantiles that apply to it are learned without its group, so that the coverage
    counted on the returned offsets is that of rows never seen.

    Args:
        signals: (n, k) values for the held-out rows: those of SIGNALS, then any others.
        residuals: (n,) measured - predicted by models that did not see the row.
        groups: (n,) rows of a group are never on both sides; a row held out by several splits has one group.
        near_distance: Rows up to here and rows beyond are calibrated apart.
        params: `coverage`, `above` (share that may lie above the interval), `n_splits`, `min_rows_difficulty` and
            `difficulty`, the parameters of the LightGBM model of the absolute error.
        seed: Fixes the folds and the model.
        threads: Threads of the model.

    Returns:
        The calibration, and (n, 2) ends of each row's interval minus its prediction.
    """
    absolute = np.abs(residuals)
    smallest = float(SMALLEST_SHARE * absolute.mean())
    names = [f"signal_{i}" for i in range(signals.shape[1])]
    above = params["above"]
    below = round(1.0 - params["coverage"] - above, 9)

    def fitted(rows: np.ndarray) -> FittedEstimator | None:
        if len(residuals) < params["min_rows_difficulty"]:
            return None
        return fit_estimator("lightgbm", params["difficulty"], names, signals[rows], absolute[rows], seed, threads)

    folds = grouped_folds(groups, params["n_splits"], seed)
    scale = np.ones(len(residuals))
    for fold in folds:
        scale[fold.test] = expected_error(fitted(fold.train), signals[fold.test], smallest)
    normalised, far = residuals / scale, is_far(signals, near_distance)
    offsets = np.full((len(residuals), 2), np.nan)
    for fold in folds:
        apart = near_and_far(normalised[fold.train], far[fold.train])
        ends = np.array([residual_quantiles(own, below, above) for own in apart])
        offsets[fold.test] = scale[fold.test, None] * ends[far[fold.test].astype(int)]
    everything = fitted(np.arange(len(residuals)))
    apart = near_and_far(normalised, far)
    return Calibration(apart, everything, smallest, below, above, near_distance), offsets


def prediction_interval(calibration: Calibration, signals: np.ndarray) -> np.ndarray:
    """(n, 2) lower and upper end of the interval, in the unit of the target."""
    scale = expected_error(calibration.difficulty, signals, calibration.smallest_scale)
    shares = calibration.below, calibration.above
    ends = np.array([residual_quantiles(own, *shares) for own in calibration.residuals])
    own_ends = ends[is_far(signals, calibration.near_distance).astype(int)]
    return signals[:, SIGNALS.index("predicted"), None] + scale[:, None] * own_ends


def probability_at_least(calibration: Calibration, signals: np.ndarray, threshold: float) -> np.ndarray:
    """(n,) probability that the true value reaches the threshold: the share of residuals that would lift it there.

    Never 0 or 1: beyond the residuals seen, half a row is left.
    """
    scale = expected_error(calibration.difficulty, signals, calibration.smallest_scale)
    needed = (threshold - signals[:, SIGNALS.index("predicted")]) / scale
    far = is_far(signals, calibration.near_distance)
    shares = []
    for residuals in calibration.residuals:
        above = len(residuals) - np.searchsorted(residuals, needed, side="left")
        shares.append((above + 0.5) / (len(residuals) + 1.0))
    return np.where(far, shares[1], shares[0])


@dataclass(frozen=True)
class Domain:
    """Training rows as points.

    A row no farther from one of them than `threshold` is near; beyond `reach`, the largest distance at which held-out
    rows were predicted, no error was ever measured.
    """

    columns: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    threshold: float = np.inf
    reach: float = np.inf


def fit_domain(values: np.ndarray, names: Sequence[str]) -> Domain:
    """Reference for the distance of new rows to (n, m) training rows.

    Rows are compared by the position of their composition where that is among the features (it has a scale of its
    own), else by all features, each in units of its standard deviation times the root of their number.
    """
    composition = [i for i, name in enumerate(names) if name.startswith(COMPOSITION_PREFIX)]
    if composition:
        columns = np.array(composition)
        centre, scale = np.zeros(len(columns)), np.ones(len(columns))
    else:
        columns = np.flatnonzero(~np.isnan(values).all(axis=0))
        centre = np.nanmean(values[:, columns], axis=0)
        spread = np.nanstd(values[:, columns], axis=0)
        scale = np.where(spread > 0, spread, 1.0) * np.sqrt(len(columns))
    return Domain(columns, centre, scale, _points(values, columns, centre, scale))


def _points(values: np.ndarray, columns: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(n, k) positions; an unknown feature counts as average."""
    selected = values[:, columns]
    return np.where(np.isnan(selected), 0.0, (selected - centre) / scale)


def domain_distance(domain: Domain, values: np.ndarray) -> np.ndarray:
    """(n,) distance of each row of (n, m) values to the nearest training row."""
    neighbours = NearestNeighbors(n_neighbors=1).fit(domain.points)
    distance, _ = neighbours.kneighbors(_points(values, domain.columns, domain.centre, domain.scale))
    return distance[:, 0]
