"""Prediction intervals from the errors of held-out rows, and whether a material is like those learned from.

Normalised conformal prediction (arXiv:1604.04173) with cross-validated residuals (arXiv:1208.0806): errors of held-out
rows, divided by the error expected for the row, are taken as the errors of new rows. The lower and the upper side are
calibrated each on their own, since poor conductors are missed by more than good ones. The interval holds as often as
asked if new rows are to the training rows as a fold is to the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors

from models.estimators import make_estimator
from models.validation import Fold

# Features that are unknown for more than this share of the training rows say nothing on similarity.
MAX_UNKNOWN_SHARE = 0.05


@dataclass(frozen=True)
class Calibration:
    """What turns a prediction into an interval and a distribution.

    `residuals` are (measured - predicted) / expected error of held-out rows, sorted.
    """

    residuals: np.ndarray
    difficulty: BaseEstimator | None
    smallest_scale: float
    coverage_asked: float


def _scale(difficulty: BaseEstimator | None, features: np.ndarray, smallest_scale: float) -> np.ndarray:
    """(n,) expected absolute error of each row; 1 without a model of it."""
    if difficulty is None:
        return np.ones(len(features))
    return np.maximum(difficulty.predict(features), smallest_scale)


def residual_quantiles(residuals: np.ndarray, coverage: float) -> tuple[float, float]:
    """Lower and upper quantile that a new residual exceeds with probability (1 - coverage) / 2 each, at most.

    Ranks are those of n + 1 rows, the new one being any of them; too few rows give the extremes seen.
    """
    ordered = np.sort(residuals)
    n, tail = len(ordered), (1.0 - coverage) / 2.0
    low = max(int(np.floor(tail * (n + 1))) - 1, 0)
    high = min(int(np.ceil((1.0 - tail) * (n + 1))) - 1, n - 1)
    return float(ordered[low]), float(ordered[high])


def calibrate(
    features: np.ndarray,
    residuals: np.ndarray,
    folds: Sequence[Fold],
    params: Mapping[str, Any],
    seed: int,
    threads: int,
) -> tuple[Calibration, pd.DataFrame]:
    """Calibration from out-of-fold residuals, and the interval each row gets from the other folds alone.

    The expected error of a row and the quantiles that apply to it are learned without its fold, so the coverage counted
    on the returned table is that of rows never seen.

    Args:
        features: (n, m) features of the rows.
        residuals: (n,) measured - predicted by models that did not see the row's fold.
        folds: Folds the residuals come from; each row is tested once.
        params: `coverage`, `min_rows_difficulty` (below it every row is expected to be missed by the same), and
            `difficulty`, the parameters of the LightGBM model of the absolute error.

    Returns:
        The calibration, and a table (row order) of `offset_low`, `offset_high`: interval ends minus the prediction.
    """
    absolute = np.abs(residuals)
    smallest = float(0.25 * absolute.mean())
    fit_difficulty = len(residuals) >= params["min_rows_difficulty"]

    def fitted(rows: np.ndarray) -> BaseEstimator | None:
        if not fit_difficulty:
            return None
        return make_estimator("lightgbm", params["difficulty"], seed, threads).fit(features[rows], absolute[rows])

    scale = np.empty(len(residuals))
    for fold in folds:
        others = np.setdiff1d(np.arange(len(residuals)), fold.test)
        scale[fold.test] = _scale(fitted(others), features[fold.test], smallest)
    normalised = residuals / scale
    offsets = np.empty((len(residuals), 2))
    for fold in folds:
        others = np.setdiff1d(np.arange(len(residuals)), fold.test)
        low, high = residual_quantiles(normalised[others], params["coverage"])
        offsets[fold.test] = scale[fold.test, None] * np.array([low, high])
    calibration = Calibration(np.sort(normalised), fitted(np.arange(len(residuals))), smallest, params["coverage"])
    return calibration, pd.DataFrame(offsets, columns=["offset_low", "offset_high"])


def prediction_interval(calibration: Calibration, features: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(n, 2) lower and upper end of the interval, in the unit of the target."""
    scale = _scale(calibration.difficulty, features, calibration.smallest_scale)
    ends = np.array(residual_quantiles(calibration.residuals, calibration.coverage_asked))
    return predicted[:, None] + scale[:, None] * ends


def probability_at_least(
    calibration: Calibration, features: np.ndarray, predicted: np.ndarray, threshold: float
) -> np.ndarray:
    """(n,) probability that the true value reaches the threshold: the share of residuals that would lift it there.

    Never 0 or 1: beyond the residuals seen, half a row is left.
    """
    scale = _scale(calibration.difficulty, features, calibration.smallest_scale)
    n = len(calibration.residuals)
    above = n - np.searchsorted(calibration.residuals, (threshold - predicted) / scale, side="left")
    return (above + 0.5) / (n + 1.0)


@dataclass(frozen=True)
class Domain:
    """Training rows as points in a space whose axes count as much as the model uses them."""

    columns: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    threshold: float


def fit_domain(
    features: np.ndarray, groups: np.ndarray, importance: np.ndarray, params: Mapping[str, Any], seed: int
) -> Domain:
    """Reference for the distance of new rows to what a model has learned from.

    Axes are the `n_features` most used features that are nearly always known, in units of their standard deviation
    times the root of their importance. The threshold is the distance within which `inside_share` of the training rows
    have their nearest neighbour outside their own group; more than `max_points` rows are thinned at random.
    """
    known = np.isnan(features).mean(axis=0) <= MAX_UNKNOWN_SHARE
    spread = np.nanstd(np.where(known, features, 0.0), axis=0)
    usable = np.flatnonzero(known & (spread > 0) & (importance > 0))
    columns = usable[np.argsort(-importance[usable], kind="stable")][: params["n_features"]]
    centre = np.nanmedian(features[:, columns], axis=0)
    weight = np.sqrt(importance[columns] / importance[columns].sum()) if len(columns) else np.ones(0)
    scale = spread[columns] / weight
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.permutation(len(features))[: params["max_points"]])
    domain = Domain(columns, centre, scale, _points(features[kept], columns, centre, scale), np.inf)
    distance = _distance_to_other_groups(domain.points, np.asarray(groups)[kept])
    finite = distance[np.isfinite(distance)]
    threshold = float(np.quantile(finite, params["inside_share"])) if len(finite) else np.inf
    return Domain(columns, centre, scale, domain.points, threshold)


def _points(features: np.ndarray, columns: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    selected = features[:, columns]
    return np.where(np.isnan(selected), 0.0, (selected - centre) / scale)


def _distance_to_other_groups(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(n,) distance of each point to the nearest of another group; inf if all of its neighbours are of its own."""
    n_neighbours = min(len(points), 200)
    if points.shape[1] == 0 or n_neighbours < 2:
        return np.full(len(points), np.inf)
    distance, neighbour = NearestNeighbors(n_neighbors=n_neighbours).fit(points).kneighbors(points)
    return np.where(groups[neighbour] == groups[:, None], np.inf, distance).min(axis=1)


def domain_distance(domain: Domain, features: np.ndarray) -> np.ndarray:
    """(n,) distance of each row to the nearest training row, in weighted standard deviations; 0 without any axis."""
    if len(domain.columns) == 0 or len(features) == 0:
        return np.zeros(len(features))
    neighbours = NearestNeighbors(n_neighbors=1).fit(domain.points)
    distance, _ = neighbours.kneighbors(_points(features, domain.columns, domain.centre, domain.scale))
    return distance[:, 0]
