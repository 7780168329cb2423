"""Hull distance, decomposition and electrochemical window of formulas, one row each in their order."""

from collections.abc import Sequence

import pandas as pd

from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.known_missing import lacking, unknown_where_lacking
from ionsieve.features.thermodynamics.window import window_table
from ionsieve.pipeline.answers.cells import beside, own_energies

WINDOW = [
    "formula",
    "e_above_hull_ev_atom",
    "decomposition_energy_ev_atom",
    "reduction_limit_v",
    "oxidation_limit_v",
    "reduction_limit_tol_v",
    "oxidation_limit_tol_v",
    "decomposition_products",
    "reduction_products",
    "oxidation_products",
    "note",
]


def window_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Hull distance, window and products of rows with `formula`, an optional energy of their own and an optional id.

    Where a compound listed as missing belongs to a formula's system, its row is unknown. With `draws` of the energies'
    errors, intervals and the probability of stability are added.
    """
    energies, notes = own_energies(rows)
    answers = window_table(list(rows["formula"]), phases, energies, mobile_ion=mobile_ion)[WINDOW]
    if draws:
        from ionsieve.features.thermodynamics.uncertainty import EnergyError, stability_uncertainty

        error = EnergyError(n_draws=draws)
        drawn = stability_uncertainty(list(rows["formula"]), phases, error, energies, mobile_ion)
        answers = beside(answers, drawn)
    systems = [(formula, mobile_ion) for formula in answers["formula"]]
    unknown = [str(c) for c in answers if c not in ("formula", "note")]
    answers = unknown_where_lacking(answers, lacking(systems, phases, missing), unknown)
    joined = ["; ".join(filter(None, pair)) for pair in zip(answers["note"].fillna(""), notes, strict=True)]
    answers = answers.assign(note=joined)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers
