"""Ionic conductivity near 25 C, log10(sigma / (S/cm)), from descriptors of composition and, where known, lattice.

Two models: one for materials whose lattice is known, one for those of which only the formula is.
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
from ionsieve.models.learning.estimators import BLEND
from ionsieve.models.learning.training import TrainedModel, TrainingRows, predict, train_regressor
from ionsieve.models.learning.uncertainty import SIGNALS, probability_at_least
from ionsieve.models.learning.validation import (
    Fold,
    composition_keys,
    grouped_folds,
    leave_family_out_folds,
    publication_composition_groups,
    publication_folds,
    repeat_noise,
)

WITH_LATTICE = "conductivity"
FORMULA_ONLY = "conductivity_formula"

# Known for a row: its lattice is known.
LATTICE_MARK = "volume_per_atom_angstrom3"

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


def fit_conductivity(
    measurements: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]
) -> dict[str, TrainedModel]:
    """Learn log10 sigma from measured rows; a row with only an upper bound is left out, it is no value.

    Args:
        measurements: `id`, `formula`, `sigma_s_cm` (NaN where only a bound is known), `family`, `source`.
        features: Descriptors of the same rows, indexed by id; NaN is unknown. Those of the crystal structure are not
            used: they are known for half the measured materials and did not lower the error of held-out ones.
        params: The block `train` of the parameters.

    Returns:
        Models named WITH_LATTICE (learned from the rows with a lattice; untrained, with the reason, if that does not
        lower the error of held-out rows) and FORMULA_ONLY (from all rows).
    """
    known = measurements[measurements["sigma_s_cm"].notna()].sort_values("id").set_index("id")
    table = features.loc[known.index]
    formula_only = [name for name in formula_columns() if name in table]
    with_lattice = formula_only + [name for name in lattice_columns() if name in table]
    has_lattice = table.reindex(columns=[LATTICE_MARK])[LATTICE_MARK].notna()
    lattice_model = _fit_one(WITH_LATTICE, known[has_lattice], table.loc[has_lattice, with_lattice], params)
    formula_model = _fit_one(FORMULA_ONLY, known, table[formula_only], params)
    return {WITH_LATTICE: _if_better(lattice_model, formula_model), FORMULA_ONLY: formula_model}


def _if_better(lattice_model: TrainedModel, formula_model: TrainedModel) -> TrainedModel:
    """The lattice model, or an untrained one if held-out rows with a lattice are predicted as well without it.

    Few measured materials of a small collection come with a lattice; more rows can then be worth more.
    """
    if not (lattice_model.trained and formula_model.trained):
        return lattice_model
    with_lattice, formula_only = (_held_out(model) for model in (lattice_model, formula_model))
    shared = with_lattice.index.intersection(formula_only.index)
    error = with_lattice["error"].loc[shared].mean()
    error_without = formula_only["error"].loc[shared].mean()
    if error < error_without:
        return lattice_model
    reason = (
        f"not used: held-out error {error:.2f} decades over the {len(shared)} rows with a lattice, "
        f"{error_without:.2f} from their formulas alone"
    )
    return TrainedModel(WITH_LATTICE, lattice_model.target, reason, lattice_model.n_rows, lattice_model.n_groups)


def _held_out(model: TrainedModel) -> pd.DataFrame:
    """Absolute errors of the first split by id."""
    first = model.out_of_fold[model.out_of_fold["split"] == model.out_of_fold["split"].iloc[0]]
    return first.assign(error=(first["measured"] - first[BLEND]).abs()).set_index("id")


def _fit_one(name: str, known: pd.DataFrame, features: pd.DataFrame, params: Mapping[str, Any]) -> TrainedModel:
    target = np.log10(known["sigma_s_cm"]).rename("log10_sigma")
    groups = publication_composition_groups(known).to_numpy()
    noise = repeat_noise(target.to_numpy(), composition_keys(known["formula"].tolist()))
    rows = TrainingRows(features, target, groups)
    return train_regressor(name, rows, _splits(known, groups, params), params["conductivity"], params, noise)


def _splits(known: pd.DataFrame, groups: np.ndarray, params: Mapping[str, Any]) -> dict[str, list[Fold]]:
    """The folds named in the parameters, in their order."""
    n_splits, seed = params["n_splits"], params["seed"]
    makers = {
        "grouped": lambda: grouped_folds(groups, n_splits, seed),
        "publication": lambda: publication_folds(known, n_splits, seed),
        "family": lambda: leave_family_out_folds(known["family"], groups, params["conductivity"]["min_family_rows"]),
    }
    return {name: makers[name]() for name in params["conductivity"]["splits"]}


def predict_conductivity(models: Mapping[str, TrainedModel], features: pd.DataFrame) -> pd.DataFrame:
    """log10_sigma, its interval, the probability of reaching each tier, and whether the material resembles known ones.

    Columns: log10_sigma, log10_sigma_low, log10_sigma_high, probability_sigma_ge_1e_4, probability_sigma_ge_1e_3,
    in_domain, domain_distance, features_used ("lattice" or "formula"); the index is that of `features`. Everything is
    NaN where no descriptor is known or no model was trained.
    """
    has_lattice = features.reindex(columns=[LATTICE_MARK])[LATTICE_MARK].notna().to_numpy()
    has_lattice &= models[WITH_LATTICE].trained
    with_lattice = _predict_one(models[WITH_LATTICE], features).assign(features_used="lattice")
    formula_only = _predict_one(models[FORMULA_ONLY], features).assign(features_used="formula")
    return with_lattice.where(pd.Series(has_lattice, index=features.index), formula_only).astype(formula_only.dtypes)


def _predict_one(model: TrainedModel, features: pd.DataFrame) -> pd.DataFrame:
    result = predict(model, features)
    known = result["predicted"].notna().to_numpy()
    probabilities = {f"probability_sigma_ge_{tier}": np.full(len(result), np.nan) for tier in TIERS_S_CM}
    if model.calibration is not None and known.any():
        signals = result.loc[known, list(SIGNALS)].to_numpy()
        for name, sigma in zip(probabilities, TIERS_S_CM.values(), strict=True):
            probabilities[name][known] = probability_at_least(model.calibration, signals, np.log10(sigma))
    names = {"predicted": "log10_sigma", "low": "log10_sigma_low", "high": "log10_sigma_high"}
    return result.drop(columns="disagreement").rename(columns=names).assign(**probabilities)
