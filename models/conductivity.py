"""Ionic conductivity near 25 C, log10(sigma / (S/cm)), from descriptors of composition, lattice and structure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from models.training import TrainedModel, TrainingRows, feature_matrix, predict, train_regressor
from models.uncertainty import probability_at_least
from models.validation import (
    composition_keys,
    grouped_folds,
    leave_family_out_folds,
    publication_composition_groups,
    publication_folds,
    repeat_noise,
)

TIERS_S_CM = {"1e_4": 1e-4, "1e_3": 1e-3}


def fit_conductivity(measurements: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> TrainedModel:
    """Learn log10 sigma from measured rows; a row with only an upper bound is left out, it is no value.

    Args:
        measurements: `id`, `formula`, `sigma_s_cm` (NaN where only a bound is known), `family`, `source`.
        features: Descriptors of the same rows, indexed by id; NaN is unknown.
        params: The block `train` of the parameters.
    """
    known = measurements[measurements["sigma_s_cm"].notna()].sort_values("id").set_index("id")
    target = np.log10(known["sigma_s_cm"]).rename("log10_sigma")
    groups = publication_composition_groups(known).to_numpy()
    ours = params["conductivity"]
    n_splits, seed = params["n_splits"], params["seed"]
    splits = {
        "grouped": grouped_folds(groups, n_splits, seed),
        "publication": publication_folds(known, n_splits, seed),
        "family": leave_family_out_folds(known["family"], groups, ours["min_family_rows"]),
    }
    noise = repeat_noise(target.to_numpy(), composition_keys(known["formula"].tolist()))
    rows = TrainingRows(features.loc[known.index], target, groups)
    return train_regressor("conductivity", rows, splits, ours, params, noise)


def predict_conductivity(model: TrainedModel, features: pd.DataFrame) -> pd.DataFrame:
    """log10_sigma, its interval, the probability of reaching each tier, and whether the material resembles known ones.

    Columns: log10_sigma, log10_sigma_low, log10_sigma_high, probability_sigma_ge_1e_4, probability_sigma_ge_1e_3,
    in_domain, domain_distance; the index is that of `features`.
    """
    result = predict(model, features).rename(
        columns={"predicted": "log10_sigma", "low": "log10_sigma_low", "high": "log10_sigma_high"}
    )
    known = result["log10_sigma"].notna().to_numpy()
    for tier, sigma in TIERS_S_CM.items():
        probability = np.full(len(result), np.nan)
        if model.calibration is not None and known.any():
            values = feature_matrix(model, features)[known]
            predicted = result["log10_sigma"].to_numpy()[known]
            probability[known] = probability_at_least(model.calibration, values, predicted, np.log10(sigma))
        result[f"probability_sigma_ge_{tier}"] = probability
    return result
