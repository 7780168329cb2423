"""The regressors that are compared and blended, made from plain parameters.

All accept missing values, and give the same fit for the same rows, parameters and seed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import lightgbm
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

BLEND = "blend"
BASELINE = "baseline"

CLIP_STANDARD_DEVIATIONS = 4.0
RIDGE_STRENGTHS = 9


def _lightgbm(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    # A seed alone does not fix LightGBM's result: the order of its sums depends on threads and on the layout it picks.
    fixed = {"deterministic": True, "force_row_wise": True, "verbose": -1, "n_jobs": threads, "random_state": seed}
    return lightgbm.LGBMRegressor(**{**params, **fixed})


def _extra_trees(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    trees = ExtraTreesRegressor(**{**params, "random_state": seed, "n_jobs": threads})
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), trees)


def _linear(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    low, high = params["log10_alpha_range"]
    # Clipped: a new material's descriptor may lie far outside the usual range, where a line goes anywhere.
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -CLIP_STANDARD_DEVIATIONS, "a_max": CLIP_STANDARD_DEVIATIONS}),
        RidgeCV(alphas=np.logspace(low, high, RIDGE_STRENGTHS)),
    )


def _baseline(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    return DummyRegressor(strategy="median")


MAKERS: dict[str, Callable[[Mapping[str, Any], int, int], BaseEstimator]] = {
    "lightgbm": _lightgbm,
    "extra_trees": _extra_trees,
    "linear": _linear,
    BASELINE: _baseline,
}


def make_estimator(kind: str, params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    """An unfitted regressor of one kind.

    Raises:
        ValueError: If the kind is unknown; the message names those there are.
    """
    if kind not in MAKERS:
        raise ValueError(f"no estimator {kind!r}; there are {', '.join(sorted(MAKERS))}")
    return MAKERS[kind](params, seed, threads)


def feature_importance(estimator: BaseEstimator) -> np.ndarray | None:
    """(n_features,) shares that sum to 1 of what each feature contributes to the splits; None without trees."""
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    if isinstance(last, lightgbm.LGBMRegressor):
        gain = last.booster_.feature_importance(importance_type="gain")
    elif isinstance(last, ExtraTreesRegressor):
        gain = last.feature_importances_
    else:
        return None
    total = gain.sum()
    return gain / total if total > 0 else np.zeros(len(gain))
