"""The regressors that are compared and blended, made from plain parameters.

All accept missing values, and give the same fit for the same rows, parameters and seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from ionsieve.models.learning.gaussian_process import CompositionLatticeProcess

BLEND = "blend"
BASELINE = "baseline"
NEIGHBOURS = "neighbours"

# What the Gaussian process compares: columns of features/ion_similarity.py, and of features/lattice.py where present.
COMPOSITION_PREFIX = "similarity_"
LATTICE_COLUMNS = (
    "volume_per_atom_angstrom3",
    "volume_per_anion_angstrom3",
    "crystal_system",
    "point_group_order",
    "lattice_points",
    "axis_ratio_max",
)

CLIP_STANDARD_DEVIATIONS = 4.0
RIDGE_STRENGTHS = 9


@dataclass(frozen=True)
class FittedEstimator:
    """A fitted regressor and the positions of the features it uses."""

    estimator: BaseEstimator
    columns: np.ndarray

    def predict(self, values: np.ndarray) -> np.ndarray:
        """(n,) predictions from (n, m) values of all features."""
        return self.estimator.predict(values[:, self.columns])


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


def _gaussian_process(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    return CompositionLatticeProcess(**params)


def _neighbours(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    # Positions are unknown only where a formula is unreadable.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), KNeighborsRegressor(**params))


def _baseline(params: Mapping[str, Any], seed: int, threads: int) -> BaseEstimator:
    return DummyRegressor(strategy="median")


MAKERS: dict[str, Callable[[Mapping[str, Any], int, int], BaseEstimator]] = {
    "lightgbm": _lightgbm,
    "extra_trees": _extra_trees,
    "linear": _linear,
    "gaussian_process": _gaussian_process,
    NEIGHBOURS: _neighbours,
    BASELINE: _baseline,
}


def fit_estimator(
    kind: str,
    params: Mapping[str, Any],
    names: Sequence[str],
    values: np.ndarray,
    target: np.ndarray,
    seed: int,
    threads: int,
) -> FittedEstimator:
    """Fit one kind of regressor to (n, m) values of the named features and an (n,) target.

    Args:
        kind: One of MAKERS.
        params: Arguments of the estimator; `leave_out` lists prefixes of features it is not given.
        names: (m,) names of the features.
        values: Features, NaN where unknown.
        target: Known everywhere.
        seed: Fixes everything random.
        threads: Number of threads; a part of the result, since sums depend on it.

    Raises:
        ValueError: If the kind is unknown, or no feature it could use is there.
    """
    if kind not in MAKERS:
        raise ValueError(f"no estimator {kind!r}; there are {', '.join(sorted(MAKERS))}")
    own = {name: value for name, value in params.items() if name != "leave_out"}
    if kind == "gaussian_process":
        composition = [i for i, name in enumerate(names) if name.startswith(COMPOSITION_PREFIX)]
        columns = composition + [names.index(name) for name in LATTICE_COLUMNS if name in names]
        own["n_composition"] = len(composition)
    elif kind == NEIGHBOURS:
        columns = composition = [i for i, name in enumerate(names) if name.startswith(COMPOSITION_PREFIX)]
        own["n_neighbors"] = min(own["n_neighbors"], len(target))
    else:
        left_out = tuple(params.get("leave_out", ()))
        columns = composition = [i for i, name in enumerate(names) if not name.startswith(left_out)]
    if not composition:
        raise ValueError(f"{kind}: none of the {len(names)} features is one it uses; see models/estimators.py")
    used = np.array(columns)
    # Linear algebra libraries would start a thread per core, however many other stages run.
    with threadpool_limits(limits=threads):
        fitted = MAKERS[kind](own, seed, threads).fit(values[:, used], target)
    return FittedEstimator(fitted, used)


def feature_importance(fitted: FittedEstimator, n_features: int) -> np.ndarray | None:
    """(n_features,) shares that sum to 1 of what each feature contributes to the splits; None without trees."""
    last = fitted.estimator[-1] if hasattr(fitted.estimator, "steps") else fitted.estimator
    if isinstance(last, lightgbm.LGBMRegressor):
        gain = last.booster_.feature_importance(importance_type="gain")
    elif isinstance(last, ExtraTreesRegressor):
        gain = last.feature_importances_
    else:
        return None
    shares = np.zeros(n_features)
    shares[fitted.columns] = gain / gain.sum() if gain.sum() > 0 else 0.0
    return shares
