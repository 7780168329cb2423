"""Worst reaction of pairs of materials, one row each in their order."""

from collections.abc import Sequence

import pandas as pd

from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.interface import interface_table
from ionsieve.features.thermodynamics.known_missing import lacking, unknown_where_lacking
from ionsieve.pipeline.answers.cells import beside, given_voltages, without_answer

INTERFACE = [
    "formula_a",
    "formula_b",
    "voltage_v",
    "e_rxn_ev_atom",
    "e_rxn_total_ev_atom",
    "fraction_a",
    "products",
    "note",
]


def interface_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Worst reaction of each pair formula_a, formula_b, with lithium open where voltage_v is given.

    Where a compound listed as missing belongs to a pair's system, its row is unknown. With `draws` of the energies'
    errors, an interval and the probability of a reaction are added.
    """
    volts, wrong = given_voltages(rows)
    pairs = rows[["formula_a", "formula_b"]].assign(voltage_v=volts)
    answers = interface_table(pairs, phases, mobile_ion=mobile_ion)[INTERFACE]
    if draws:
        from ionsieve.features.thermodynamics.uncertainty import EnergyError, interface_uncertainty

        answers = beside(answers, interface_uncertainty(pairs, phases, EnergyError(n_draws=draws), mobile_ion))
    systems = list(zip(answers["formula_a"], answers["formula_b"], strict=True))
    unknown = [str(c) for c in answers if c not in ("formula_a", "formula_b", "voltage_v", "note")]
    answers = unknown_where_lacking(answers, lacking(systems, phases, missing), unknown)
    answers = without_answer(answers, wrong, unknown)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers
