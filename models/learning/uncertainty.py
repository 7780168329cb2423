"""Prediction intervals from the errors of held-out rows, and how far a material is from those learned from.

Normalised conformal prediction (arXiv:1604.04173) with cross-validated residuals (arXiv:1208.0806): errors of held-out
rows, divided by the error expected for the row, are taken as the errors of new rows. The expected error is learned from
a few signals: the distance to the nearest training row, the disagreement between estimators, the prediction, and what
else a model names. Folds that leave out whole families teach it how much worse predictions become far from what is
known. The lower and the upper side are calibrated each on their own, since poor conductors are missed by more than good
ones.
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


@dataclass(frozen=True)
class Calibration:
    """What turns a prediction into an interval and a distribution.

    `residuals` are (measured - predicted) / expected error of held-out rows, sorted; `difficulty` predicts the expected
    error from the signals, or is None where rows were too few and every row is expected to be missed by as much.
    """

    residuals: np.ndarray
    difficulty: FittedEstimator | None
    smallest_scale: float
    coverage_asked: float


def expected_error(difficulty: FittedEstimator | None, signals: np.ndarray, smallest_scale: float) -> np.ndarray:
    """(n,) expected absolute error from (n, k) signals; 1 without a model of it."""
    if difficulty is None:
        return np.ones(len(signals))
    return np.maximum(difficulty.predict(signals), smallest_scale)


def residual_quantiles(residuals: np.ndarray, coverage: float) -> tuple[float, float]:
    """Lower and upper quantile that a new residual lies beyond with probability (1 - coverage) / 2 each, at most.

    Ranks are those of n + 1 rows, the new one being any of them; too few rows give the extremes seen.
    """
    ordered = np.sort(residuals)
    n = len(ordered)
    # Rounded first: 0.05 * 40 is a hair below 2 in floating point.
    outside = int(np.floor(round((1.0 - coverage) / 2.0 * (n + 1), 9)))
    outside = min(max(outside, 1), (n + 1) // 2)
    return float(ordered[outside - 1]), float(ordered[n - outside])


def calibrate(
    signals: np.ndarray, residuals: np.ndarray, groups: np.ndarray, params: Mapping[str, Any], seed: int, threads: int
) -> tuple[Calibration, np.ndarray]:
    """Calibration from held-out errors, and the interval each row gets from the rows of other groups alone.

    The expected error of a row and the quantiles that apply to it are learned without its group, so that the coverage
    counted on the returned offsets is that of rows never seen.

    Args:
        signals: (n, k) values for the held-out rows: those of SIGNALS, then any others.
        residuals: (n,) measured - predicted by models that did not see the row.
        groups: (n,) rows of a group are never on both sides; a row held out by several splits has one group.
        params: `coverage`, `n_splits`, `min_rows_difficulty` and `difficulty`, the parameters of the LightGBM model of
            the absolute error.
        seed: Fixes the folds and the model.
        threads: Threads of the model.

    Returns:
        The calibration, and (n, 2) ends of each row's interval minus its prediction.
    """
    absolute = np.abs(residuals)
    smallest = float(SMALLEST_SHARE * absolute.mean())
    names = [f"signal_{i}" for i in range(signals.shape[1])]

    def fitted(rows: np.ndarray) -> FittedEstimator | None:
        if len(residuals) < params["min_rows_difficulty"]:
            return None
        return fit_estimator("lightgbm", params["difficulty"], names, signals[rows], absolute[rows], seed, threads)

    folds = grouped_folds(groups, params["n_splits"], seed)
    scale = np.ones(len(residuals))
    for fold in folds:
        scale[fold.test] = expected_error(fitted(fold.train), signals[fold.test], smallest)
    normalised = residuals / scale
    offsets = np.full((len(residuals), 2), np.nan)
    for fold in folds:
        ends = residual_quantiles(normalised[fold.train], params["coverage"])
        offsets[fold.test] = scale[fold.test, None] * np.array(ends)
    everything = fitted(np.arange(len(residuals)))
    return Calibration(np.sort(normalised), everything, smallest, params["coverage"]), offsets


def prediction_interval(calibration: Calibration, signals: np.ndarray) -> np.ndarray:
    """(n, 2) lower and upper end of the interval, in the unit of the target."""
    scale = expected_error(calibration.difficulty, signals, calibration.smallest_scale)
    ends = np.array(residual_quantiles(calibration.residuals, calibration.coverage_asked))
    return signals[:, SIGNALS.index("predicted"), None] + scale[:, None] * ends


def probability_at_least(calibration: Calibration, signals: np.ndarray, threshold: float) -> np.ndarray:
    """(n,) probability that the true value reaches the threshold: the share of residuals that would lift it there.

    Never 0 or 1: beyond the residuals seen, half a row is left.
    """
    scale = expected_error(calibration.difficulty, signals, calibration.smallest_scale)
    needed = (threshold - signals[:, SIGNALS.index("predicted")]) / scale
    n = len(calibration.residuals)
    above = n - np.searchsorted(calibration.residuals, needed, side="left")
    return (above + 0.5) / (n + 1.0)


@dataclass(frozen=True)
class Domain:
    """Training rows as points; a row farther from all of them than `threshold` is outside what was learned from."""

    columns: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    threshold: float = np.inf


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
