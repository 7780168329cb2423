"""Band gap from composition, learned from measured and computed gaps side by side.

The kind of gap is itself a feature: plentiful PBE gaps teach the chemistry, measured ones how much larger they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ionsieve.models.learning.training import TrainedModel, TrainingRows, predict, train_regressor
from ionsieve.models.learning.validation import composition_keys, grouped_folds

METHOD_FEATURE = "gap_is_measured"


def fit_band_gap(band_gaps: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> TrainedModel:
    """Learn the median gap of each composition and method.

    Args:
        band_gaps: `id`, `formula`, `band_gap_ev`, `method` ("measured" or "pbe").
        features: Descriptors of the same rows, indexed by id.
        params: The block `train` of the parameters.
    """
    ours = params["band_gap"]
    ordered = band_gaps.sort_values("id")
    keyed = ordered.assign(key=composition_keys(ordered["formula"].tolist()))
    medians = keyed.groupby(["key", "method"], sort=True).agg(id=("id", "first"), band_gap_ev=("band_gap_ev", "median"))
    known = medians.reset_index().set_index("id")
    table = features.loc[known.index].assign(**{METHOD_FEATURE: (known["method"] == "measured").astype(float)})
    groups = pd.factorize(known["key"])[0]
    splits = {"grouped": grouped_folds(groups, ours["n_splits"], params["seed"])}
    # Measured gaps scatter more than computed ones.
    rows = TrainingRows(table, known["band_gap_ev"], groups, error_features=(METHOD_FEATURE,))
    model = train_regressor("band_gap", rows, splits, ours, params)
    return replace(model, methods=tuple(sorted(known["method"].unique())))


def predict_band_gap(model: TrainedModel, features: pd.DataFrame, method: str) -> pd.DataFrame:
    """Gap in eV as the method would give it, never below 0, with its interval.

    Columns: band_gap_ev, band_gap_low_ev, band_gap_high_ev, band_gap_in_domain; the index is that of `features`.

    Raises:
        ValueError: If no gap of this method was learned from.
    """
    if model.trained and method not in model.methods:
        raise ValueError(f"no {method!r} gap was learned from; there are {', '.join(model.methods)}")
    table = features.assign(**{METHOD_FEATURE: float(method == "measured")})
    result = predict(model, table)[["predicted", "low", "high", "in_domain"]]
    result = result.set_axis(["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev", "band_gap_in_domain"], axis=1)
    numbers = ["band_gap_ev", "band_gap_low_ev", "band_gap_high_ev"]
    return result.assign(**result[numbers].clip(lower=0.0))
