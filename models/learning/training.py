"""Training of one regressor: estimators compared on grouped folds, errors of the blend calibrated, all rows fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.models.learning.estimators import BASELINE, BLEND, FittedEstimator, feature_importance, fit_estimator
from ionsieve.models.learning.nearness import domain_state, error_change
from ionsieve.models.learning.uncertainty import (
    SIGNALS,
    Calibration,
    Domain,
    calibrate,
    domain_distance,
    fit_domain,
    prediction_interval,
)
from ionsieve.models.learning.validation import Fold, regression_scores

# Columns of the table of held-out rows that are no estimator's prediction.
NOT_PREDICTIONS = (
    *("split", "fold", "row", "id", "n_train", "measured"),
    *("domain_distance", "disagreement", "low", "high"),
)


@dataclass(frozen=True)
class TrainedModel:
    """A fitted regressor with everything that is known of its errors.

    Without estimators it was not trained and `reason_not_trained` says why; it then predicts NaN.

    scores: one row per split and estimator, over all held-out rows: `n`, `mae`, `rmse`, `spearman`, `r2`,
        `mae_baseline`, `n_near`, `mae_near`, `n_far`, `mae_far`, and for the blend `coverage`, `coverage_near`,
        `coverage_far` and `interval_width` (median). fold_scores: the same per fold.
    out_of_fold: one row per split and held-out row: `split`, `fold`, `row`, `id`, `n_train`, `measured`, one column per
        estimator, `domain_distance`, `disagreement` and the interval `low`, `high`, from models that did not see it.
    importance: `feature`, `importance` (sums to 1, largest first).
    noise_floor: standard deviation of repeated measurements. error_features: features the expected error depends on.
    methods: kinds of values learned from, if told apart.
    """

    name: str
    target: str
    reason_not_trained: str = ""
    n_rows: int = 0
    n_groups: int = 0
    estimators: dict[str, FittedEstimator] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    fold_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    out_of_fold: pd.DataFrame = field(default_factory=pd.DataFrame)
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: Calibration | None = None
    domain: Domain | None = None
    noise_floor: float = float("nan")
    error_features: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @property
    def trained(self) -> bool:
        return bool(self.estimators)

    @property
    def coverage_measured(self) -> float:
        """Share of held-out rows of the first split inside their interval."""
        if not self.trained:
            return float("nan")
        return float(self.scores.loc[self.scores["estimator"] == BLEND, "coverage"].iloc[0])


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from: features (n, m) and target, in one order, with what must stay together."""

    features: pd.DataFrame
    target: pd.Series
    groups: np.ndarray
    error_features: tuple[str, ...] = ()  # features that the expected error may depend on


def train_regressor(
    name: str,
    rows: TrainingRows,
    splits: Mapping[str, Sequence[Fold]],
    params: Mapping[str, Any],
    shared: Mapping[str, Any],
    noise_floor: float = float("nan"),
) -> TrainedModel:
    """Compare, calibrate and fit the estimators of one target.

    Args:
        name: What the model is called.
        rows: Training rows; a missing feature is NaN, the target is always known.
        splits: Folds by the name of the split, at least one of them not empty; all calibrate the intervals and tell
            how far predictions hold.
        params: `estimators` (parameters by kind), `blend` (kinds whose mean is the prediction) and, where it is known,
            `near_distance`; else it is where the held-out errors change.
        shared: `seed`, `threads`, `min_rows`, `min_groups`, `intervals`, `near_draws`.
        noise_floor: Standard deviation of repeated measurements, kept beside the errors.
    """
    n_rows, n_groups = len(rows.target), len(np.unique(rows.groups))
    if n_rows < shared["min_rows"] or n_groups < shared["min_groups"]:
        reason = (
            f"not trained: {n_rows} rows in {n_groups} groups; at least {shared['min_rows']} rows in "
            f"{shared['min_groups']} groups are needed"
        )
        return TrainedModel(name, str(rows.target.name), reason, n_rows, n_groups)
    splits = {split: folds for split, folds in splits.items() if folds}
    values, names = rows.features.to_numpy(dtype=float), list(rows.features.columns)
    held_out, calibration = _validate(rows, splits, params, shared)
    threshold, reach = calibration.near_distance, float(held_out["domain_distance"].max())
    estimators = _fit_all(values, rows.target.to_numpy(dtype=float), names, params, shared)
    return TrainedModel(
        name=name,
        target=str(rows.target.name),
        n_rows=n_rows,
        n_groups=n_groups,
        estimators=estimators,
        members=tuple(params["blend"]),
        feature_names=tuple(names),
        scores=_score_table(held_out, ["split"], threshold),
        fold_scores=_score_table(held_out, ["split", "fold"], threshold),
        out_of_fold=held_out,
        importance=_mean_importance([estimators[kind] for kind in params["blend"]], names),
        calibration=calibration,
        domain=replace(fit_domain(values, names), threshold=threshold, reach=reach),
        noise_floor=noise_floor,
        error_features=rows.error_features,
    )


def _fit_all(
    values: np.ndarray, target: np.ndarray, names: list[str], params: Mapping[str, Any], shared: Mapping[str, Any]
) -> dict[str, FittedEstimator]:
    """Every estimator of the parameters, and the trivial one."""
    return {
        kind: fit_estimator(kind, own, names, values, target, shared["seed"], shared["threads"])
        for kind, own in {**params["estimators"], BASELINE: {}}.items()
    }


def _predictions(estimators: Mapping[str, FittedEstimator], members: Sequence[str], values: np.ndarray) -> pd.DataFrame:
    """One column per estimator, their blend, and how much the estimators that learned anything disagree."""
    columns = pd.DataFrame({kind: fitted.predict(values) for kind, fitted in estimators.items()})
    blend = columns[list(members)].mean(axis=1)
    disagreement = columns.drop(columns=BASELINE).std(axis=1, ddof=0)
    return columns.assign(**{BLEND: blend, "disagreement": disagreement})


def _validate(
    rows: TrainingRows,
    splits: Mapping[str, Sequence[Fold]],
    params: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> tuple[pd.DataFrame, Calibration]:
    """Held-out rows of every split with predictions and honest intervals, and the calibration learned from them."""
    values, measured = rows.features.to_numpy(dtype=float), rows.target.to_numpy(dtype=float)
    names = list(rows.features.columns)
    tables = []
    for split, folds in splits.items():
        for fold in folds:
            estimators = _fit_all(values[fold.train], measured[fold.train], names, params, shared)
            known: dict[str, Any] = {"split": split, "fold": fold.name, "row": fold.test, "n_train": len(fold.train)}
            known |= {"id": rows.target.index[fold.test], "measured": measured[fold.test]}
            known["domain_distance"] = domain_distance(fit_domain(values[fold.train], names), values[fold.test])
            table = _predictions(estimators, params["blend"], values[fold.test])
            tables.append(pd.concat([pd.DataFrame(known), table], axis=1))
    held_out = pd.concat(tables, ignore_index=True)
    error = (held_out["measured"] - held_out[BLEND]).to_numpy()
    groups, seed = rows.groups[held_out["row"]], shared["seed"]
    near = params.get("near_distance")
    if near is None:
        parts = [(held_out["split"] == split).to_numpy() for split in splits]
        distance, draws = held_out["domain_distance"].to_numpy(), shared["near_draws"]
        low = [error_change(distance[own], np.abs(error[own]), groups[own], draws, seed).low for own in parts]
        near = float(np.mean(low))
    calibration, offsets = calibrate(
        _signals(held_out, rows.features.iloc[held_out["row"]], rows.error_features),
        error,
        groups,
        near,
        shared["intervals"],
        shared["seed"],
        shared["threads"],
    )
    return held_out.assign(low=held_out[BLEND] + offsets[:, 0], high=held_out[BLEND] + offsets[:, 1]), calibration


def _signals(predictions: pd.DataFrame, features: pd.DataFrame, error_features: Sequence[str]) -> np.ndarray:
    """(n, k) what the expected error of each row is learned from: SIGNALS, then the features named."""
    columns = predictions.rename(columns={BLEND: "predicted"})[list(SIGNALS)]
    named = features.reindex(columns=list(error_features)).to_numpy(dtype=float)
    return np.column_stack([columns.to_numpy(dtype=float), named])


def _score_table(held_out: pd.DataFrame, by: list[str], near_distance: float) -> pd.DataFrame:
    """Scores of each estimator per split, or per fold of it, over all rows and over near and far ones."""
    kinds = [c for c in held_out.columns if c not in NOT_PREDICTIONS]
    inside = held_out["measured"].between(held_out["low"], held_out["high"])
    records = []
    for labels, part in held_out.groupby(by, sort=False):
        near = part["domain_distance"] <= near_distance
        regions = {"near": part[near], "far": part[~near]}
        for kind in kinds:
            record = {**dict(zip(by, labels, strict=True)), "estimator": kind}
            record |= regression_scores(part["measured"], part[kind], part[BASELINE])
            for region, rows in regions.items():
                error = float((rows["measured"] - rows[kind]).abs().mean())
                record |= {f"n_{region}": len(rows), f"mae_{region}": error}
            if kind == BLEND:
                record["coverage"] = float(inside[part.index].mean())
                record |= {f"coverage_{name}": float(inside[rows.index].mean()) for name, rows in regions.items()}
                record["interval_width"] = float((part["high"] - part["low"]).median())
            records.append(record)
    return pd.DataFrame.from_records(records)


def _mean_importance(estimators: Sequence[FittedEstimator], names: Sequence[str]) -> pd.DataFrame:
    """Mean of the members' importances, the largest first; equal shares where no member has any."""
    every = [feature_importance(fitted, len(names)) for fitted in estimators]
    shares = [share for share in every if share is not None]
    importance = np.mean(shares, axis=0) if shares else np.full(len(names), 1.0 / len(names))
    table = pd.DataFrame({"feature": list(names), "importance": importance})
    return table.sort_values(["importance", "feature"], ascending=[False, True], ignore_index=True)


def predict(model: TrainedModel, features: pd.DataFrame) -> pd.DataFrame:
    """Prediction, interval and domain of each row.

    Args:
        model: A model; if it was not trained every number is NaN and no row is in its domain.
        features: Rows with the model's features; a column that is missing counts as unknown.

    Returns:
        `predicted`, `low`, `high`, `domain_distance`, `disagreement`, `in_domain` (near), `domain` (the state by
        models/learning/nearness.py) with the index of `features`. A row with no known feature at all has NaN and "".
    """
    columns = ["predicted", "low", "high", "domain_distance", "disagreement"]
    result = pd.DataFrame(np.nan, index=features.index, columns=columns).assign(in_domain=False, domain="")
    if not model.trained or model.calibration is None or model.domain is None:
        return result
    values = features.reindex(columns=list(model.feature_names)).to_numpy(dtype=float)
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        return result
    distance = domain_distance(model.domain, values[known])
    table = _predictions(model.estimators, model.members, values[known]).assign(domain_distance=distance)
    ends = prediction_interval(model.calibration, _signals(table, features[known], model.error_features))
    result.loc[known, columns] = np.column_stack([table[BLEND], ends, distance, table["disagreement"]])
    result.loc[known, "in_domain"] = distance <= model.domain.threshold
    result.loc[known, "domain"] = domain_state(distance, model.domain.threshold, model.domain.reach)
    return result


def near_distance(model: TrainedModel) -> float:
    """Largest distance from what was learned that is near; 0 of an untrained model."""
    return 0.0 if model.domain is None else model.domain.threshold


def model_card(model: TrainedModel) -> dict[str, Any]:
    """Scores and facts of one model as plain values, ready for JSON (NaN becomes None)."""
    card: dict[str, Any] = {
        "name": model.name,
        "target": model.target,
        "trained": model.trained,
        "reason_not_trained": model.reason_not_trained,
        "n_rows": model.n_rows,
        "n_groups": model.n_groups,
    }
    if not model.trained or model.calibration is None or model.domain is None:
        return card
    return card | {
        "members": list(model.members),
        "n_features": len(model.feature_names),
        "noise_floor": _plain(model.noise_floor),
        "coverage_asked": model.calibration.coverage_asked,
        "near_distance": _plain(model.domain.threshold),
        "scores": [{k: _plain(v) for k, v in record.items()} for record in model.scores.to_dict("records")],
        "importance": model.importance.head(20).to_dict("records"),
    }


def _plain(value: Any) -> Any:
    """The value, or None for a NaN or an infinity, which JSON has no word for."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
