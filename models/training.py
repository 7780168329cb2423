"""Training of one regressor: estimators compared on grouped folds, errors of the blend calibrated, all rows fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from models.estimators import BASELINE, BLEND, feature_importance, make_estimator
from models.uncertainty import Calibration, Domain, calibrate, domain_distance, fit_domain, prediction_interval
from models.validation import Fold, regression_scores

# Columns of the table of held-out rows that are no estimator's prediction.
NOT_PREDICTIONS = ("split", "fold", "row", "id", "n_train", "measured", "low", "high")


@dataclass(frozen=True)
class TrainedModel:
    """A fitted regressor with everything that is known of its errors.

    Without estimators it was not trained and `reason_not_trained` says why; it then predicts NaN.

    scores: one row per split and estimator, over all held-out rows. fold_scores: the same per fold.
    out_of_fold: one row per split and row of the training table: `split`, `fold`, `id`, `measured`, one column per
    estimator, and, for the split that calibrates, `low` and `high`. importance: `feature`, `importance` (sums to 1).
    """

    name: str
    target: str
    reason_not_trained: str = ""
    n_rows: int = 0
    n_groups: int = 0
    estimators: dict[str, BaseEstimator] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    fold_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    out_of_fold: pd.DataFrame = field(default_factory=pd.DataFrame)
    importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: Calibration | None = None
    coverage_measured: float = float("nan")
    domain: Domain | None = None
    noise_floor: float = float("nan")
    methods: tuple[str, ...] = ()  # kinds of values learned from, where the model tells them apart

    @property
    def trained(self) -> bool:
        return bool(self.estimators)


@dataclass(frozen=True)
class TrainingRows:
    """Rows to learn from: features (n, m) and target, in one order, with what must stay together."""

    features: pd.DataFrame
    target: pd.Series
    groups: np.ndarray


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
        splits: Folds by the name of the split; the first one calibrates the intervals and has to test every row once.
        params: `estimators` (parameters by kind) and `blend` (kinds whose mean is the prediction).
        shared: `seed`, `threads`, `min_rows`, `min_groups`, `intervals`, `domain`.
        noise_floor: Standard deviation of repeated measurements, kept beside the errors.
    """
    n_rows, n_groups = len(rows.target), len(np.unique(rows.groups))
    if n_rows < shared["min_rows"] or n_groups < shared["min_groups"]:
        reason = (
            f"not trained: {n_rows} rows in {n_groups} groups, at least {shared['min_rows']} rows in "
            f"{shared['min_groups']} groups are needed"
        )
        return TrainedModel(name, str(rows.target.name), reason, n_rows, n_groups)
    values = rows.features.to_numpy(dtype=float)
    measured = rows.target.to_numpy(dtype=float)
    tables = [_cross_validate(split, values, rows.target, folds, params, shared) for split, folds in splits.items()]
    out_of_fold = pd.concat(tables, ignore_index=True)
    calibrating = next(iter(splits))
    calibration, out_of_fold = _calibrated(out_of_fold, values, splits[calibrating], calibrating, shared)
    estimators = {
        kind: make_estimator(kind, kind_params, shared["seed"], shared["threads"]).fit(values, measured)
        for kind, kind_params in _with_baseline(params).items()
    }
    importance = _mean_importance([estimators[kind] for kind in params["blend"]], values.shape[1])
    held_out = out_of_fold[out_of_fold["split"] == calibrating]
    return TrainedModel(
        name=name,
        target=str(rows.target.name),
        n_rows=n_rows,
        n_groups=n_groups,
        estimators=estimators,
        members=tuple(params["blend"]),
        feature_names=tuple(rows.features.columns),
        scores=_score_table(out_of_fold, ["split"]),
        fold_scores=_score_table(out_of_fold, ["split", "fold"]),
        out_of_fold=out_of_fold,
        importance=pd.DataFrame({"feature": rows.features.columns, "importance": importance}).sort_values(
            ["importance", "feature"], ascending=[False, True], ignore_index=True
        ),
        calibration=calibration,
        coverage_measured=float(held_out["measured"].between(held_out["low"], held_out["high"]).mean()),
        domain=fit_domain(values, rows.groups, importance, shared["domain"], shared["seed"]),
        noise_floor=noise_floor,
    )


def _with_baseline(params: Mapping[str, Any]) -> dict[str, Any]:
    return {**params["estimators"], BASELINE: {}}


def _cross_validate(
    split: str,
    values: np.ndarray,
    target: pd.Series,
    folds: Sequence[Fold],
    params: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> pd.DataFrame:
    """Predictions of held-out rows by every estimator and their blend, one row per tested row."""
    measured = target.to_numpy(dtype=float)
    tables = []
    for fold in folds:
        columns = {
            kind: make_estimator(kind, kind_params, shared["seed"], shared["threads"])
            .fit(values[fold.train], measured[fold.train])
            .predict(values[fold.test])
            for kind, kind_params in _with_baseline(params).items()
        }
        columns[BLEND] = np.mean([columns[kind] for kind in params["blend"]], axis=0)
        known: dict[str, Any] = {"split": split, "fold": fold.name, "row": fold.test, "id": target.index[fold.test]}
        known |= {"n_train": len(fold.train), "measured": measured[fold.test]}
        tables.append(pd.DataFrame({**known, **columns}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _calibrated(
    out_of_fold: pd.DataFrame, values: np.ndarray, folds: Sequence[Fold], split: str, shared: Mapping[str, Any]
) -> tuple[Calibration, pd.DataFrame]:
    """Calibration on one split, and the table with its honest intervals in `low` and `high` (NaN on other splits)."""
    ours = out_of_fold[out_of_fold["split"] == split].sort_values("row")
    residuals = (ours["measured"] - ours[BLEND]).to_numpy()
    calibration, offsets = calibrate(values, residuals, folds, shared["intervals"], shared["seed"], shared["threads"])
    ends = offsets.set_axis(ours.index).add(ours[BLEND], axis=0)
    return calibration, out_of_fold.assign(low=ends["offset_low"], high=ends["offset_high"])


def _score_table(out_of_fold: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Scores of each estimator per split, or per fold of it."""
    kinds = [c for c in out_of_fold.columns if c not in NOT_PREDICTIONS]
    records = []
    for labels, part in out_of_fold.groupby(by, sort=False):
        for kind in kinds:
            scores = regression_scores(part["measured"], part[kind], part[BASELINE])
            records.append({**dict(zip(by, labels, strict=True)), "estimator": kind, **scores})
    return pd.DataFrame.from_records(records)


def _mean_importance(estimators: Sequence[BaseEstimator], n_features: int) -> np.ndarray:
    shares = [share for share in map(feature_importance, estimators) if share is not None]
    return np.mean(shares, axis=0) if shares else np.full(n_features, 1.0 / n_features)


def predict(model: TrainedModel, features: pd.DataFrame) -> pd.DataFrame:
    """Prediction, interval and domain of each row.

    Args:
        model: A model; if it was not trained every number is NaN and no row is in its domain.
        features: Rows with the model's features; a column that is missing counts as unknown.

    Returns:
        `predicted`, `low`, `high`, `in_domain`, `domain_distance` with the index of `features`. A row with no known
        feature at all has NaN.
    """
    columns = ["predicted", "low", "high", "domain_distance"]
    result = pd.DataFrame(np.nan, index=features.index, columns=columns).assign(in_domain=False)
    if not model.trained or model.calibration is None or model.domain is None:
        return result
    values = feature_matrix(model, features)
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        return result
    values = values[known]
    predicted = np.mean([model.estimators[kind].predict(values) for kind in model.members], axis=0)
    ends = prediction_interval(model.calibration, values, predicted)
    distance = domain_distance(model.domain, values)
    result.loc[known, columns] = np.column_stack([predicted, ends, distance])
    result.loc[known, "in_domain"] = distance <= model.domain.threshold
    return result


def feature_matrix(model: TrainedModel, features: pd.DataFrame) -> np.ndarray:
    """(n, m) values of the model's features, NaN where the table lacks a column."""
    return features.reindex(columns=list(model.feature_names)).to_numpy(dtype=float)


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
    card |= {
        "members": list(model.members),
        "n_features": len(model.feature_names),
        "noise_floor": _plain(model.noise_floor),
        "coverage_asked": model.calibration.coverage_asked,
        "coverage_measured": _plain(model.coverage_measured),
        "domain_threshold": _plain(model.domain.threshold),
        "scores": [{k: _plain(v) for k, v in record.items()} for record in model.scores.to_dict("records")],
        "importance": model.importance.head(20).to_dict("records"),
    }
    return card


def _plain(value: Any) -> Any:
    """The value, or None for a NaN or an infinity, which JSON has no word for."""
    return None if isinstance(value, float) and not np.isfinite(value) else value
