"""Scores whose order can be read: a weighted mean of named terms between 0 and 1, all of them columns.

Every term is a straight ramp between a value worth 0 and a value worth 1. What is unknown is worth nothing, so that not
knowing never lifts a material over one that is known. The oxidation limit earns nothing beyond what the cathode needs,
and reaction energies count relative to the bare contact that a coating is to replace.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ionsieve.models.judgement.cell import Cell, interface_column, open_column
from ionsieve.models.judgement.filters import numbers

# A bare contact that hardly reacts leaves nothing to gain; below this, eV/atom, energies are not worth telling apart.
SMALLEST_BARE_EV_ATOM = -0.05


def bare_ev_atom(cell: Cell, part: str) -> float:
    """Energy against which a contact with one part of the cell counts; with the electrolyte, what a cathode coating
    replaces: its contact with the lithiated cathode."""
    return cell.bare_ev_atom["cathode_lithiated" if part == "electrolyte" else part]


def ramp(values: np.ndarray | pd.Series, zero: float, one: float) -> np.ndarray:
    """(n,) credit that rises straight from 0 at `zero` to 1 at `one`, flat beyond; NaN stays NaN.

    Raises:
        ValueError: If both ends are the same.
    """
    if zero == one:
        raise ValueError(f"a ramp needs two different ends, not {zero} twice")
    return np.clip((np.asarray(values, dtype=float) - zero) / (one - zero), 0.0, 1.0)


def ranking_terms(
    table: pd.DataFrame, cell: Cell, scales: Mapping[str, Sequence[float]], credits: Mapping[str, float]
) -> pd.DataFrame:
    """(n, k) the terms a score can be made of, each 0 to 1, NaN where unknown; same index.

    Args:
        table: As from `evidence.prepare_candidates`, with the contact columns of `cell.pivot_interfaces`,
            element_credit (0 to 1, 1 for abundant harmless elements), conductor_rate (0 to 1, as from
            `base_rate.conductor_rate`), film_log10_sigma (measured on films), log10_sigma_total (measured, grain
            boundaries and all: it ranks before a bulk value), used_in_cells and hygroscopic (yes/no).
        cell: The cell to serve.
        scales: Term -> (value worth 0, value worth 1): conductivity and film_conductivity (log10 of S/cm), oxidation
            (V relative to the cathode voltage), reduction (V), hull (eV/atom), certainty (width of the 90 %
            interval, decades), barrier (eV), air and air_co2 (eV per atom of the mixture with H2O, with CO2).
        credits: hygroscopic: most that what takes up moisture or reacts with it earns for air; passivating: least
            credit for reduction and anode_contact if the interphase works; lithium_free_oxidation: credit for oxidation
            of what has no lithium to give off.
    """
    partners = cell.partners
    contact = {part: _relative(table[interface_column(partners[part])], bare_ev_atom(cell, part)) for part in partners}
    cathode_open = _relative(table[open_column(partners["cathode_lithiated"])], cell.bare_open_ev_non_li)
    passivates = numbers(table["lasts_on_lithium"]) == 1.0
    width = table["log10_sigma_high"] - table["log10_sigma_low"]
    certainty = np.where(table["log10_sigma_decides"].isna(), np.nan, ramp(width, *scales["certainty"]))
    oxidation = [volts + cell.cathode_voltage_v for volts in scales["oxidation"]]
    reduction = ramp(table["reduction_limit_tol_v"], *scales["reduction"])
    air = np.minimum(
        ramp(table["e_rxn_h2o_ev_atom"], *scales["air"]), ramp(table["e_rxn_co2_ev_atom"], *scales["air_co2"])
    )
    air = np.where(numbers(table["hygroscopic"]) == 1.0, np.minimum(air, credits["hygroscopic"]), air)
    conductivity = table["log10_sigma_total"].astype(float).fillna(table["log10_sigma_decides"])
    terms = {
        "conductivity": ramp(conductivity, *scales["conductivity"]),
        # films conduct otherwise than crystals: what was measured of one goes first
        "film_conductivity": ramp(
            table["film_log10_sigma"].astype(float).fillna(table["log10_sigma_decides"]), *scales["film_conductivity"]
        ),
        "probability": ramp(table["probability_sigma_ge_1e_4"], 0.0, 1.0),
        # known conductors have shown what a rate only makes likely
        "base_rate": np.where(table["log10_sigma_decides"].isna(), table["conductor_rate"].astype(float), 1.0),
        "barrier": ramp(table["migration_barrier_2d_ev"], *scales["barrier"]),
        "oxidation": np.where(
            np.isinf(table["oxidation_limit_tol_v"].astype(float)),
            credits["lithium_free_oxidation"],
            ramp(table["oxidation_limit_tol_v"], *oxidation),
        ),
        "reduction": np.where(passivates, np.fmax(reduction, credits["passivating"]), reduction),
        # np.minimum keeps NaN: a contact known on one side alone is not known
        "cathode_contact": np.minimum.reduce(
            [contact["cathode_lithiated"], contact["cathode_delithiated"], cathode_open]
        ),
        "electrolyte_contact": contact["electrolyte"],
        "anode_contact": np.where(passivates, np.fmax(contact["anode"], credits["passivating"]), contact["anode"]),
        # what was made and measured as a crystal can be made
        "hull": np.where(
            numbers(table["measured_crystalline"]) == 1.0, 1.0, ramp(table["e_above_hull_ev_atom"], *scales["hull"])
        ),
        "elements": ramp(table["element_credit"], 0.0, 1.0),
        "air": air,
        "certainty": certainty,
        "measured": (table["sigma_origin"] == "measured").astype(float).to_numpy(),
        "used_in_cells": numbers(table["used_in_cells"]),
    }
    return pd.DataFrame(terms, index=table.index)


def _relative(energies: pd.Series, bare: float) -> np.ndarray:
    # np.minimum keeps NaN: without the bare contact nothing can be compared.
    return ramp(energies, float(np.minimum(bare, SMALLEST_BARE_EV_ATOM)), 0.0)


def weighted_score(terms: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """(n,) weighted mean of the terms, 0 to 1, an unknown term counting as 0; same index.

    Raises:
        ValueError: If a weight is negative, names no term, or none is above zero.
    """
    strangers = sorted(set(weights) - set(terms.columns))
    if strangers:
        raise ValueError(f"weights for unknown terms {', '.join(strangers)}; there are {', '.join(terms.columns)}")
    if any(weight < 0 for weight in weights.values()) or not sum(weights.values()) > 0:
        raise ValueError(f"weights must not be negative, and one must be above zero: {dict(weights)}")
    names = sorted(weights)
    share = np.array([weights[name] for name in names], dtype=float) / sum(weights.values())
    return (terms[names].fillna(0.0) * share).sum(axis=1)
