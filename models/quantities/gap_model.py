"""Band gap of any composition, measured and as PBE would give it, from gradient-boosted trees kept as LightGBM text.

Three boosters: whether PBE finds a gap at all, how large it is, and, given what these two say, what is measured. PBE
gaps (doi:10.1038/s41524-020-00406-3) are twenty times as many as measured ones (doi:10.1021/acs.jpclett.8b00124) and
teach the chemistry; the last booster learns how measured gaps differ from them. What the first two teach the last, they
say of compositions they did not learn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from ionsieve.models.learning.training import TrainedModel
from ionsieve.models.learning.uncertainty import residual_quantiles
from ionsieve.models.learning.validation import composition_keys, grouped_folds
from ionsieve.models.quantities.band_gap import predict_band_gap

BOOSTERS = ("pbe_nonmetal", "pbe", "measured")

# Features are compared after rounding, so that the last digit of a sum, which depends on the machine, decides nothing.
FEATURE_DECIMALS = 5
FULL_NONMETAL_EV = 0.5  # a PBE gap above this is certainly one; below, partly: most differ between polymorphs
BAND_EDGES_EV = (0.1, 0.5, 1.0, 2.0, 3.0, 4.5, 6.0)  # predictions between two of them share an interval
ENOUGH_COMPOSITIONS = 1000
KEPT_IN_TEXT = (
    *("Tree=", "num_leaves=", "num_cat=", "split_feature=", "threshold=", "decision_type=", "left_child="),
    *("right_child=", "leaf_value=", "is_linear=", "shrinkage="),
)
ROUNDED_IN_TEXT = {"threshold=": 7, "leaf_value=": 4}  # significant digits


@dataclass(frozen=True)
class GapRows:
    """One row per composition: its key, its gap in eV, its descriptors (n, m), all in one order."""

    keys: np.ndarray
    gap_ev: np.ndarray
    features: pd.DataFrame


@dataclass(frozen=True)
class GapModel:
    """LightGBM text by the names in BOOSTERS, the descriptors it takes in order, and the errors of held-out rows.

    intervals: of measured gaps: `predicted_from_ev`, ascending from minus infinity, and for predictions from there on
        what to add to them for the ends of the interval, `low_ev` and `high_ev`.
    """

    texts: dict[str, str]
    features: tuple[str, ...]
    intervals: pd.DataFrame


def median_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    """Median gap of each composition: `key`, `formula` (the first in alphabet), `band_gap_ev`, sorted by key."""
    keyed = gaps.assign(key=composition_keys(gaps["formula"].tolist())).sort_values(["key", "formula", "band_gap_ev"])
    grouped = keyed.groupby("key", sort=True).agg(formula=("formula", "first"), band_gap_ev=("band_gap_ev", "median"))
    return grouped.reset_index()


def rounded(features: pd.DataFrame) -> np.ndarray:
    """(n, m) descriptors as the boosters see them."""
    return np.round(features.to_numpy(dtype=float), FEATURE_DECIMALS)


def fit_gap_model(
    measured: GapRows, pbe: GapRows, settings: Mapping[str, Any], n_splits: int, seed: int, coverage: float
) -> tuple[GapModel, dict[str, pd.DataFrame]]:
    """Fit the three boosters and predict every composition by ones that did not learn from it.

    Args:
        measured: Measured gaps.
        pbe: PBE gaps. A composition that is in both tables is on one side of a split with both its gaps.
        settings: LightGBM parameters by booster, `num_iterations` among them.
        n_splits: Number of folds.
        seed: Fixes folds and boosters.
        coverage: Share of held-out measured gaps inside their intervals.

    Returns:
        The model, and by "pbe" and "measured" the held-out rows: `key`, `fold`, `known_ev`, `predicted_ev`, for
        measured ones also `low_ev` and `high_ev` from the residuals of the other folds.
    """
    union = np.unique(np.concatenate([measured.keys, pbe.keys]))
    fold_of_key = np.empty(len(union), dtype=int)
    for number, fold in enumerate(grouped_folds(np.arange(len(union)), n_splits, seed)):
        fold_of_key[fold.test] = number
    of_pbe = fold_of_key[np.searchsorted(union, pbe.keys)]
    of_measured = fold_of_key[np.searchsorted(union, measured.keys)]

    seen_pbe, seen_measured = rounded(pbe.features), rounded(measured.features)
    targets = {"pbe_nonmetal": np.clip(pbe.gap_ev / FULL_NONMETAL_EV, 0.0, 1.0), "pbe": pbe.gap_ev}
    texts, taught = {}, [seen_measured]
    for name, target in targets.items():
        params = {**settings[name], "seed": seed}
        held_out_pbe, of_other = _held_out(seen_pbe, target, of_pbe, params, seen_measured, of_measured)
        taught.append(of_other)
        texts[name] = compact_text(_booster(seen_pbe, target, params).model_to_string())
    params, values = {**settings["measured"], "seed": seed}, np.column_stack(taught)
    held_out_measured, _ = _held_out(values, measured.gap_ev, of_measured, params, values[:0], of_measured[:0])
    texts["measured"] = compact_text(_booster(values, measured.gap_ev, params).model_to_string())
    tables = {
        "pbe": _held_out_table(pbe, of_pbe, held_out_pbe),
        "measured": _held_out_table(measured, of_measured, held_out_measured),
    }
    intervals = residual_bands(tables["measured"], coverage)
    tables["measured"] = _with_honest_intervals(tables["measured"], coverage)
    return GapModel(texts, tuple(measured.features.columns), intervals), tables


def _held_out(
    values: np.ndarray,
    target: np.ndarray,
    fold: np.ndarray,
    params: Mapping[str, Any],
    other: np.ndarray,
    fold_of_other: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of each row, and of each row of another table, by the booster that learned from the other folds."""
    own, others = np.full(len(values), np.nan), np.full(len(other), np.nan)
    for number in np.unique(np.concatenate([fold, fold_of_other])):
        booster = _booster(values[fold != number], target[fold != number], params)
        for result, rows, folds in ((own, values, fold), (others, other, fold_of_other)):
            if (folds == number).any():
                result[folds == number] = booster.predict(rows[folds == number], num_threads=1)
    return own, others


def _booster(values: np.ndarray, target: np.ndarray, params: Mapping[str, Any]) -> lightgbm.Booster:
    # A seed alone does not fix LightGBM's result: the order of its sums depends on threads and on the layout it picks.
    fixed = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1}
    return lightgbm.train({**params, **fixed}, lightgbm.Dataset(values, target))


def compact_text(text: str) -> str:
    """LightGBM text without what predicting does not need, thresholds and leaves rounded: a third of the size."""
    head, _, trees = text.partition("\nTree=0\n")
    # Without their sizes trees are read one after the other.
    header = [line for line in head.splitlines() if not line.startswith("tree_sizes=")]
    lines = []
    for line in ("Tree=0\n" + trees.partition("end of trees")[0]).splitlines():
        key, equals, value = line.partition("=")
        if not line.startswith(KEPT_IN_TEXT):
            continue
        digits = ROUNDED_IN_TEXT.get(key + equals)
        if digits:
            line = f"{key}={' '.join(f'{float(number):.{digits}g}' for number in value.split())}"
        lines.append(("\n" if key == "Tree" else "") + line)
    return "\n".join([*header, *lines, "", "end of trees", ""])


def _held_out_table(rows: GapRows, fold: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    predicted_ev = np.maximum(predicted, 0.0)
    return pd.DataFrame({"key": rows.keys, "fold": fold, "known_ev": rows.gap_ev, "predicted_ev": predicted_ev})


def residual_bands(held_out: pd.DataFrame, coverage: float) -> pd.DataFrame:
    """Quantiles of known minus predicted gap, for each band of predictions: `predicted_from_ev`, `low_ev`, `high_ev`.

    Bands of too few rows to hold both quantiles join the one below.
    """
    fewest = int(np.ceil(2.0 / (1.0 - coverage)))
    edges = [-np.inf]
    predicted = held_out["predicted_ev"].to_numpy()
    for edge in BAND_EDGES_EV:
        inside = (predicted >= edges[-1]) & (predicted < edge)
        if inside.sum() >= fewest and (predicted >= edge).sum() >= fewest:
            edges.append(edge)
    band = np.digitize(predicted, edges[1:])
    residual = (held_out["known_ev"] - held_out["predicted_ev"]).to_numpy()
    outside = (1.0 - coverage) / 2.0
    ends = [residual_quantiles(np.sort(residual[band == i]), outside, outside) for i in range(len(edges))]
    low, high = np.array(ends).T
    return pd.DataFrame({"predicted_from_ev": edges, "low_ev": np.minimum(low, 0.0), "high_ev": np.maximum(high, 0.0)})


def _interval(predicted_ev: np.ndarray, intervals: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of each prediction, eV, never below 0."""
    band = np.digitize(predicted_ev, intervals["predicted_from_ev"].to_numpy()[1:])
    low, high = intervals["low_ev"].to_numpy()[band], intervals["high_ev"].to_numpy()[band]
    return np.maximum(predicted_ev + low, 0.0), np.maximum(predicted_ev + high, 0.0)


def _with_honest_intervals(held_out: pd.DataFrame, coverage: float) -> pd.DataFrame:
    """The rows with intervals from residuals of other folds alone."""
    result = held_out.assign(low_ev=np.nan, high_ev=np.nan)
    for number in sorted(held_out["fold"].unique()):
        own = held_out["fold"] == number
        low, high = _interval(held_out.loc[own, "predicted_ev"].to_numpy(), residual_bands(held_out[~own], coverage))
        result.loc[own, "low_ev"], result.loc[own, "high_ev"] = low, high
    return result


def gap_scores(held_out: pd.DataFrame) -> dict[str, float]:
    """Errors in eV and ranking of held-out gaps.

    mae_ev, mae_nonmetals_ev (known gap above 0), mae_constant_ev (of the median), auc_ge_1_ev and auc_ge_2_ev: the
    chance that a gap of at least 1 or 2 eV is ranked above a smaller one.
    """
    known, predicted = held_out["known_ev"], held_out["predicted_ev"]
    error = (known - predicted).abs()
    scores = {
        "mae_ev": error.mean(),
        "mae_nonmetals_ev": error[known > 0].mean(),
        "mae_constant_ev": (known - known.median()).abs().mean(),
        "auc_ge_1_ev": roc_auc_score(known >= 1.0, predicted),
        "auc_ge_2_ev": roc_auc_score(known >= 2.0, predicted),
    }
    if "low_ev" in held_out:
        scores["coverage"] = known.between(held_out["low_ev"], held_out["high_ev"]).mean()
        scores["interval_width_ev"] = (held_out["high_ev"] - held_out["low_ev"]).median()
    return {name: float(value) for name, value in scores.items()}


def predict_gaps(model: GapModel, features: pd.DataFrame) -> pd.DataFrame:
    """Measured gap with its interval, and PBE gap, of each row, eV, never below 0.

    Args:
        model: The boosters.
        features: Descriptors; others than the model's are ignored. A row without any has NaN.

    Returns:
        band_gap_ev, band_gap_low_ev, band_gap_high_ev (of the measured gap) and band_gap_pbe_ev, same index.

    Raises:
        ValueError: If a descriptor is missing: the model was fitted with other ones.
    """
    missing = [name for name in model.features if name not in features.columns]
    if missing:
        raise ValueError(f"the gap model needs {len(missing)} descriptors that are not there: {', '.join(missing[:5])}")
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev", "band_gap_pbe_ev"]
    result = pd.DataFrame(np.nan, index=features.index, columns=columns)
    values = rounded(features[list(model.features)])
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        return result
    values = values[known]
    boosters = {name: lightgbm.Booster(model_str=text) for name, text in model.texts.items()}
    of_pbe = [boosters[name].predict(values, num_threads=1) for name in ("pbe_nonmetal", "pbe")]
    measured = np.maximum(boosters["measured"].predict(np.column_stack([values, *of_pbe]), num_threads=1), 0.0)
    pbe = np.maximum(of_pbe[1], 0.0)
    low, high = _interval(measured, model.intervals)
    # PBE gaps are too small, hardly ever too large: where the two disagree the measured one may be as large.
    result.loc[known, columns] = np.column_stack([measured, low, np.maximum(high, pbe), pbe])
    return result


def gap_of_run_or_model(own: TrainedModel, model: GapModel, features: pd.DataFrame) -> pd.DataFrame:
    """Predicted gap of each row: band_gap_ev, band_gap_low_ev, band_gap_high_ev, in the order of `features`.

    The run's own model goes first where it learned from enough compositions (ENOUGH_COMPOSITIONS); below that, the
    general one knows more. Either way it is a prediction.
    """
    columns = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]
    if own.trained and own.n_groups >= ENOUGH_COMPOSITIONS:
        method = "measured" if "measured" in own.methods else "pbe"
        return predict_band_gap(own, features, method)[columns]
    return predict_gaps(model, features)[columns]
