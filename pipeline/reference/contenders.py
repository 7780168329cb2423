"""Settings, features and estimators tried for conductivity, each against what the model does, clusters held out.

A change counts if its paired gain exceeds two standard errors of the bootstrap over publications.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.ensemble import RandomForestRegressor

from ionsieve.features.crystals.lattice import lattice_features
from ionsieve.models.learning.estimators import fit_estimator
from ionsieve.models.learning.protocol import paired_gain
from ionsieve.models.learning.validation import publications
from ionsieve.models.quantities.conductivity import folds_of, formula_columns, log10_sigma
from ionsieve.models.quantities.measured import completed, is_amorphous

PARTITIONS, DRAWS = 2, 1000
TREES = {"n_estimators": 150, "max_features": 0.33, "leave_out": ["magpie_", "similarity_"]}
PROCESS = {
    **{"composition_length": 0.07, "lattice_length": 4.0, "long_range_factor": 2.0},
    **{"lattice_share": 0.15, "noise_share": 0.03},
}
FIXED = {"deterministic": True, "force_row_wise": True, "verbose": -1}
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (training rows, held-out rows) to predictions


def sample_columns(known: pd.DataFrame) -> pd.DataFrame:
    """What is known of the sample: amorphous, bulk (1) or total (0) conductivity, temperature in C."""
    table = completed(known)
    words = table[["phase", "sample", "family", "note"]].to_numpy()
    crystal = known["space_group_number"].notna().to_numpy()
    amorphous = np.array([is_amorphous(*map(str, said)) for said in words]) & ~crystal
    kind = table["kind"].map({"bulk": 1.0, "total": 0.0}).to_numpy(dtype=float)
    temperature = pd.to_numeric(known["temperature_c"], errors="coerce").to_numpy(dtype=float)
    return pd.DataFrame({"amorphous": amorphous * 1.0, "bulk": kind, "temperature_c": temperature}, index=known.index)


def contenders(known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, Predict]:
    """How each contender predicts held-out rows; the first is the model as it is."""
    target, threads = log10_sigma(known).to_numpy(), params["threads"]
    formula = features[[name for name in formula_columns() if name in features]]
    lattice = lattice_features(known.reset_index(drop=True)).set_axis(known.index)
    sample = sample_columns(known)
    boosted = dict(params["conductivity"]["estimators"]["lightgbm"])

    def ours(kind: str, table: pd.DataFrame, own: Mapping[str, Any], seed: int = params["seed"]) -> Predict:
        values, names = table.to_numpy(dtype=float), list(table.columns)

        def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            fitted = fit_estimator(kind, own, names, values[train], target[train], seed, threads)
            return fitted.predict(values[test])

        return predict

    def other(estimator: Any) -> Predict:
        values = formula.filter(regex="^(?!magpie_)").fillna(0.0).to_numpy(dtype=float)
        return lambda train, test: estimator.fit(values[train], target[train]).predict(values[test])

    def mean(*members: Predict) -> Predict:
        return lambda train, test: np.mean([member(train, test) for member in members], axis=0)

    def with_columns(*tables: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([formula, *tables], axis=1)

    model = ours("lightgbm", formula, boosted)
    trees, process = ours("extra_trees", formula, TREES), ours("gaussian_process", formula, PROCESS)
    return {
        "the model: LightGBM, formula": model,
        "the same, another seed": ours("lightgbm", formula, boosted, 1),
        "LightGBM, its defaults": other(LGBMRegressor(**FIXED, n_jobs=threads)),
        "LightGBM, 20 rows per leaf": ours("lightgbm", formula, boosted | {"min_child_samples": 20}),
        "LightGBM, Magpie's columns too": ours("lightgbm", formula, boosted | {"leave_out": []}),
        "random forest, 60 trees": other(RandomForestRegressor(60, max_features=0.33, random_state=0, n_jobs=threads)),
        "extremely randomised trees": trees,
        "Gaussian process": process,
        "mean of LightGBM and randomised trees": mean(model, trees),
        "mean of the three (before)": mean(model, trees, process),
        "+ lattice": ours("lightgbm", with_columns(lattice), boosted),
        "+ amorphous or not": ours("lightgbm", with_columns(sample[["amorphous"]]), boosted),
        "+ amorphous, kind, temperature": ours("lightgbm", with_columns(sample), boosted),
    }


def decision_table(known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> pd.DataFrame:
    """Error of each contender and its paired gain over the model, decades, with what follows from it."""
    clusters = params["conductivity"]["clusters"] | {"partitions": PARTITIONS}
    folds = folds_of(
        "clusters", known, features, {**params, "conductivity": params["conductivity"] | {"clusters": clusters}}
    )
    target, records, first = log10_sigma(known).to_numpy(), [], None
    for name, predict in contenders(known, features, params).items():
        error = np.zeros(len(target))
        for fold in folds:
            error[fold.test] += np.abs(predict(fold.train, fold.test) - target[fold.test]) / PARTITIONS
        first = error if first is None else first
        gain, deviation = paired_gain(first - error, publications(known), DRAWS, params["seed"])
        verdict = (
            ""
            if first is error
            else "better"
            if gain > 2 * deviation
            else "worse"
            if gain < -2 * deviation
            else "no difference"
        )
        told = "" if first is error else f"{gain:+.3f} ± {deviation:.3f}"
        records.append({"": name, "error": f"{error.mean():.3f}", "gain": told, "by the rule": verdict})
    return pd.DataFrame(records)
