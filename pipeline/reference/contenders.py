"""Settings, features and estimators tried for conductivity, each against what the model does, clusters held out.

A change counts if its paired gain exceeds two standard errors of the bootstrap over publications.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from scipy.spatial.distance import cdist
from sklearn.ensemble import RandomForestRegressor

from ionsieve.features.crystals.lattice import lattice_features
from ionsieve.models.learning.estimators import COMPOSITION_PREFIX, fit_estimator
from ionsieve.models.learning.protocol import enrichment_of_far, paired_gain
from ionsieve.models.learning.validation import Fold, publications
from ionsieve.models.quantities.conductivity import folds_of, formula_columns, log10_sigma
from ionsieve.models.quantities.measured import completed, is_amorphous

PARTITIONS, DRAWS = 2, 1000
MODEL, TREES, PROCESS = "the model: LightGBM, formula", "extremely randomised trees", "Gaussian process"
MEANS = {"mean of LightGBM and randomised trees": (MODEL, TREES), "mean of all three": (MODEL, TREES, PROCESS)}
OF_TREES = {"n_estimators": 150, "max_features": 0.33, "leave_out": ["magpie_", "similarity_"]}
OF_PROCESS = {
    **{"composition_length": 0.07, "lattice_length": 4.0, "long_range_factor": 2.0},
    **{"lattice_share": 0.15, "noise_share": 0.03},
}
FIXED: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "verbose": -1, "random_state": 0}
GOOD, FIRST = -4.0, 0.10  # log10(S/cm) of a usable conductor; the share of far rows that is looked at
GRADES = 25  # half decades from 1e-12 S/cm: what a ranking learns to order
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
    target, threads, seed = log10_sigma(known).to_numpy(), params["threads"], params["seed"]
    formula = features[[name for name in formula_columns() if name in features]]
    lattice = lattice_features(known.reset_index(drop=True)).set_axis(known.index)
    boosted = dict(params["conductivity"]["estimators"]["lightgbm"])
    plain = formula.filter(regex="^(?!magpie_)").fillna(0.0).to_numpy(dtype=float)

    def ours(kind: str, own: Mapping[str, Any], *more: pd.DataFrame) -> Predict:
        table = pd.concat([formula, *more], axis=1)
        values, names = table.to_numpy(dtype=float), list(table.columns)

        def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
            return fit_estimator(kind, own, names, values[train], target[train], seed, threads).predict(values[test])

        return predict

    def other(estimator: Any) -> Predict:
        return lambda train, test: estimator.fit(plain[train], target[train]).predict(plain[test])

    forest = RandomForestRegressor(60, max_features=0.33, random_state=seed, n_jobs=threads)
    return {
        MODEL: ours("lightgbm", boosted),
        "LightGBM, its defaults": other(LGBMRegressor(**FIXED, n_jobs=threads)),
        "LightGBM, Magpie's columns too": ours("lightgbm", boosted | {"leave_out": []}),
        "random forest": other(forest),
        TREES: ours("extra_trees", OF_TREES),
        PROCESS: ours("gaussian_process", OF_PROCESS),
        "+ lattice": ours("lightgbm", boosted, lattice),
        "+ amorphous, kind, temperature": ours("lightgbm", boosted, sample_columns(known)),
    }


def rankers(known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, Predict]:
    """Scores for discovery that are no conductivities: a classifier of good conductors, and a listwise ranking."""
    target, threads = log10_sigma(known).to_numpy(), params["threads"]
    values = features[list(formula_columns())].filter(regex="^(?!magpie_)").to_numpy(dtype=float)
    boosted = {k: v for k, v in params["conductivity"]["estimators"]["lightgbm"].items() if k != "leave_out"}
    settings: dict[str, Any] = {**boosted, **FIXED, "n_jobs": threads, "n_estimators": 300}
    grade = np.clip(np.round(2 * (target + 12)), 0, GRADES - 1).astype(int)

    def classified(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        fitted = LGBMClassifier(**settings).fit(values[train], target[train] >= GOOD)
        return np.asarray(fitted.predict_proba(values[test]))[:, 1]

    def ranked(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        listwise: dict[str, Any] = {"label_gain": list(range(GRADES)), "lambdarank_truncation_level": len(train)}
        ranker = LGBMRanker(**settings, **listwise)
        return np.asarray(ranker.fit(values[train], grade[train], group=[len(train)]).predict(values[test]))

    return {"classifier of ≥ 1e-4": classified, "lambdarank": ranked}


def held_out(predict: Predict, folds: list[Fold], n_rows: int) -> np.ndarray:
    """(PARTITIONS, n) predictions of every row by models that did not see it; NaN where none was left."""
    result = np.full((PARTITIONS, n_rows), np.nan)
    for fold in folds:
        result[int(fold.name.partition(".")[0]), fold.test] = predict(fold.train, fold.test)
    return result


def decision_tables(
    known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(errors in decades and paired gains over the model; enrichment of good conductors among the first far rows)."""
    ours = params["conductivity"]
    two = {**params, "conductivity": ours | {"clusters": ours["clusters"] | {"partitions": PARTITIONS}}}
    folds = folds_of("clusters", known, features, two)
    target, publication, seed = log10_sigma(known).to_numpy(), publications(known), params["seed"]
    found = {name: held_out(p, folds, len(target)) for name, p in contenders(known, features, params).items()}
    found |= {name: np.mean([found[member] for member in members], axis=0) for name, members in MEANS.items()}
    error = {name: np.nanmean(np.abs(predicted - target), axis=0) for name, predicted in found.items()}
    records = []
    for name, own in error.items():
        gain, deviation = paired_gain(error[MODEL] - own, publication, DRAWS, seed)
        told = "" if name == MODEL else f"{gain:+.3f} ± {deviation:.3f}"
        verdict = "better" if gain > 2 * deviation else "worse" if gain < -2 * deviation else "no difference"
        records.append({"": name, "error": f"{own.mean():.3f}", "gain": told, "by the rule": verdict if told else ""})

    positions = features.filter(like=COMPOSITION_PREFIX).to_numpy(dtype=float)
    far = np.ones((PARTITIONS, len(target)), dtype=bool)
    for fold in folds:
        distance = cdist(positions[fold.test], positions[fold.train]).min(axis=1)
        far[int(fold.name.partition(".")[0]), fold.test] = distance > ours["near_distance"]
    scores = {MODEL: found[MODEL]}
    scores |= {name: held_out(p, folds, len(target)) for name, p in rankers(known, features, params).items()}
    return pd.DataFrame(records), _enrichments(scores, target >= GOOD, far, publication, seed)


def _enrichments(
    scores: Mapping[str, np.ndarray], good: np.ndarray, far: np.ndarray, publication: np.ndarray, seed: int
) -> pd.DataFrame:
    records, first = [], np.empty(0)
    for name, score in scores.items():
        value, draws = enrichment_of_far(
            np.nan_to_num(score, nan=-np.inf), good, far, publication, FIRST, DRAWS // 2, seed
        )
        first = draws if name == MODEL else first
        low, high = np.nanquantile(draws, [0.05, 0.95])
        gain = "" if name == MODEL else f"{np.nanmean(draws - first):+.2f} ± {np.nanstd(draws - first):.2f}"
        records.append({"": name, "enrichment": f"{value:.2f} [{low:.2f}, {high:.2f}]", "gain": gain})
    return pd.DataFrame(records)
