"""Worst reaction of pairs of materials, one row each in their order."""

from collections.abc import Sequence

import pandas as pd

from ionsieve.features.thermodynamics.bounded_answers import bounded_interfaces, interval_note, missing_note
from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.known_missing import unknown_where_lacking
from ionsieve.features.thermodynamics.missing_bounds import completed
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
INTERVAL = ["e_rxn_bound_low_ev_atom", "e_rxn_bound_high_ev_atom"]  # beside it, where compounds are known to be missing


def interface_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Worst reaction of each pair formula_a, formula_b, with lithium open where voltage_v is given.

    Where compounds listed as missing could take part, INTERVAL says how far that could move the energy and the note
    which they are; where they could move it by more than 0.1 eV/atom the row is unknown. With `draws` of the energies'
    errors, an interval and the probability of a reaction are added.
    """
    volts, wrong = given_voltages(rows)
    pairs = rows[["formula_a", "formula_b"]].assign(voltage_v=volts)
    sets = completed(phases, missing)
    found = bounded_interfaces(pairs, sets, mobile_ion)
    answers = found[[*INTERFACE[:-1], *(INTERVAL if sets.missing else []), "note"]]
    if draws:
        from ionsieve.features.thermodynamics.uncertainty import EnergyError, interface_uncertainty

        answers = beside(answers, interface_uncertainty(pairs, phases, EnergyError(n_draws=draws), mobile_ion))
    unknown = [str(c) for c in answers if c not in ("formula_a", "formula_b", "voltage_v", "note")]
    answers = unknown_where_lacking(answers, missing_note(found, "answered"), unknown)
    open_ = interval_note(found)
    answers["note"] = ["; ".join(filter(None, pair)) for pair in zip(answers["note"], open_, strict=True)]
    answers = without_answer(answers, wrong, unknown)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers
