"""Oxidation and reduction limits from composition alone, learned from the computed windows of known phases.

They stand in for a computed window where the phase set is too thin to compute one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.models.learning.estimators import BLEND
from ionsieve.models.learning.training import TrainedModel, TrainingRows, predict, train_regressor
from ionsieve.models.learning.validation import chemical_system, grouped_folds

LIMITS = ("reduction_limit_v", "oxidation_limit_v")


def fit_windows(stability: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, TrainedModel]:
    """Learn both limits from phases near the hull that have a window at all.

    A phase far above the hull, or of zero width, has limits that belong to its decomposition products.

    Args:
        stability: `id`, `formula`, `e_above_hull_ev_atom`, `reduction_limit_v`, `oxidation_limit_v`, `hull_complete`.
        features: Descriptors of the same rows, indexed by id.
        params: The block `train` of the parameters.

    Returns:
        Models by the name of the limit.
    """
    ours = params["window"]
    width = stability["oxidation_limit_v"] - stability["reduction_limit_v"]
    usable = (
        (stability["e_above_hull_ev_atom"] <= ours["max_hull_distance_ev_atom"])
        & (width > ours["min_width_v"])
        & np.isfinite(width)
        & stability["hull_complete"].astype(bool)
    )
    known = stability[usable].sort_values("id").set_index("id")
    groups = pd.factorize(known["formula"].map(chemical_system))[0]
    splits = {"grouped": grouped_folds(groups, params["n_splits"], params["seed"])}
    table = features.loc[known.index]
    trained = [
        train_regressor(limit, TrainingRows(table, known[limit], groups), splits, ours, params) for limit in LIMITS
    ]
    return {model.name: untrained_if_useless(model) for model in trained}


def untrained_if_useless(model: TrainedModel) -> TrainedModel:
    """The model, or one that predicts nothing where a constant would have missed the held-out rows by no more."""
    if not model.trained:
        return model
    scores = model.scores.set_index("estimator").loc[BLEND]
    if scores["mae"] < scores["mae_baseline"]:
        return model
    reason = f"not used: it misses unseen phases by {scores['mae']:.2f} V, a constant by {scores['mae_baseline']:.2f} V"
    return TrainedModel(model.name, model.target, reason, model.n_rows, model.n_groups)


def predict_windows(models: Mapping[str, TrainedModel], features: pd.DataFrame) -> pd.DataFrame:
    """Both limits in V with intervals: {limit}_predicted_v, {limit}_low_v, {limit}_high_v, {limit}_in_domain.

    {limit} is reduction_limit and oxidation_limit; the index is that of `features`.
    """
    blocks = []
    for name in LIMITS:
        limit = name.removesuffix("_v")
        predicted = predict(models[name], features)[["predicted", "low", "high", "in_domain"]]
        names = [f"{limit}_{c}" for c in ("predicted_v", "low_v", "high_v", "in_domain")]
        blocks.append(predicted.set_axis(names, axis=1))
    return pd.concat(blocks, axis=1)
