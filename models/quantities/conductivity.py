"""Ionic conductivity near 25 C, log10(sigma / (S/cm)), from descriptors of the composition.

Lattice, crystal and what is known of the sample lower no error of held-out rows by more than chance (docs/models.md).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ionsieve.features.composition.cation_roles import cation_role_features
from ionsieve.features.composition.descriptors import composition_features
from ionsieve.features.composition.ion_similarity import ion_similarity_features
from ionsieve.features.crystals.lattice import LATTICE_COLUMNS as CELL_COLUMNS
from ionsieve.features.crystals.lattice import lattice_features
from ionsieve.models.learning.estimators import COMPOSITION_PREFIX
from ionsieve.models.learning.training import TrainedModel, TrainingRows, predict, train_regressor
from ionsieve.models.learning.uncertainty import SIGNALS, probability_at_least
from ionsieve.models.learning.validation import (
    Fold,
    cluster_folds,
    composition_keys,
    leave_family_out_folds,
    publication_composition_groups,
    publication_folds,
    repeat_noise,
)

CONDUCTIVITY = "conductivity"
TIERS_S_CM = {"1e_4": 1e-4, "1e_3": 1e-3}


@lru_cache(maxsize=1)
def formula_columns() -> tuple[str, ...]:
    """Names of all descriptors that need only a formula."""
    blocks = (composition_features, cation_role_features, ion_similarity_features)
    return tuple(name for block in blocks for name in block(["Li2O"]).columns)


@lru_cache(maxsize=1)
def lattice_columns() -> tuple[str, ...]:
    """Names of all descriptors that need a lattice or a space group."""
    unknown = pd.DataFrame(np.nan, index=[0], columns=[*CELL_COLUMNS, "space_group_number", "formula_units_z"])
    return tuple(lattice_features(unknown.assign(formula="Li2O")).columns)


def measured_rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """The rows that are learned from, indexed and sorted by id: a row with only an upper bound is no value."""
    return measurements[measurements["sigma_s_cm"].notna()].sort_values("id").set_index("id")


def log10_sigma(known: pd.DataFrame) -> pd.Series:
    """(n,) what is learned."""
    return np.log10(known["sigma_s_cm"]).rename("log10_sigma")


def fit_conductivity(measurements: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> TrainedModel:
    """Learn log10 sigma from all measured rows.

    Args:
        measurements: `id`, `formula`, `sigma_s_cm` (NaN where only a bound is known), `family`, `source`.
        features: Descriptors of the same rows, indexed by id; NaN is unknown. Those of the formula are used.
        params: The block `train` of the parameters.
    """
    known = measured_rows(measurements)
    table = features.loc[known.index, [name for name in formula_columns() if name in features]]
    target, groups = log10_sigma(known), publication_composition_groups(known).to_numpy()
    noise = repeat_noise(target.to_numpy(), composition_keys(known["formula"].tolist()))
    ours = params["conductivity"]
    splits = {name: folds_of(name, known, table, params) for name in ours["splits"]}
    return train_regressor(CONDUCTIVITY, TrainingRows(table, target, groups), splits, ours, params, noise)


def folds_of(split: str, known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> list[Fold]:
    """Folds of one kind of split: "clusters", "publication" or "family".

    Args:
        split: Its name.
        known: As from `measured_rows`.
        features: Descriptors of the same rows in the same order.
        params: The block `train` of the parameters.
    """
    ours, seed = params["conductivity"], params["seed"]
    if split == "publication":
        return publication_folds(known, params["n_splits"], seed)
    if split == "family":
        groups = publication_composition_groups(known).to_numpy()
        return leave_family_out_folds(known["family"], groups, ours["min_family_rows"])
    if split != "clusters":
        raise ValueError(f"no split {split!r}; there are clusters, publication, family")
    positions = features.filter(like=COMPOSITION_PREFIX).to_numpy(dtype=float)
    clusters = ours["clusters"]
    return cluster_folds(known, positions, clusters["diameter"], clusters["n_splits"], clusters["partitions"], seed)


def predict_conductivity(model: TrainedModel, features: pd.DataFrame) -> pd.DataFrame:
    """log10_sigma, its interval, the probability of reaching each tier, and whether the material resembles known ones.

    Columns: log10_sigma, log10_sigma_low, log10_sigma_high, probability_sigma_ge_1e_4, probability_sigma_ge_1e_3,
    in_domain (near), domain ("near", "far", "unknown chemistry" or ""), domain_distance; the index is that of
    `features`. Numbers are NaN where no descriptor is known or no model was trained.
    """
    result = predict(model, features)
    known = result["predicted"].notna().to_numpy()
    probabilities = {f"probability_sigma_ge_{tier}": np.full(len(result), np.nan) for tier in TIERS_S_CM}
    if model.calibration is not None and known.any():
        signals = result.loc[known, list(SIGNALS)].to_numpy()
        for name, sigma in zip(probabilities, TIERS_S_CM.values(), strict=True):
            probabilities[name][known] = probability_at_least(model.calibration, signals, np.log10(sigma))
    names = {"predicted": "log10_sigma", "low": "log10_sigma_low", "high": "log10_sigma_high"}
    return result.drop(columns="disagreement").rename(columns=names).assign(**probabilities)
