"""Hull distance, decomposition and electrochemical window of formulas, one row each in their order."""

from collections.abc import Sequence

import pandas as pd

from ionsieve.features.thermodynamics.bounded_answers import bounded_windows, interval_note, missing_note
from ionsieve.features.thermodynamics.hull import PhaseSet
from ionsieve.features.thermodynamics.known_missing import unknown_where_lacking
from ionsieve.features.thermodynamics.missing_bounds import completed
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
INTERVALS = [
    f"{limit}_limit_tol_bound_{end}_v" for limit in ("reduction", "oxidation") for end in ("low", "high")
]  # beside WINDOW, where compounds are known to be missing


def window_answers(
    rows: pd.DataFrame, phases: PhaseSet, missing: Sequence[str], mobile_ion: str = "Li", draws: int = 0
) -> pd.DataFrame:
    """Hull distance, window and products of rows with `formula`, an optional energy of their own and an optional id.

    Where compounds listed as missing could take part, INTERVALS say how far that could move the tolerant limits and
    the note which they are; where they could move them by more than half a volt the row is unknown. With `draws` of the
    energies' errors, intervals and the probability of stability are added.
    """
    energies, notes = own_energies(rows)
    sets = completed(phases, missing)
    found = bounded_windows(list(rows["formula"]), sets, energies, mobile_ion)
    answers = found[[*WINDOW[:-1], *(INTERVALS if sets.missing else []), "note"]]
    if draws:
        from ionsieve.features.thermodynamics.uncertainty import EnergyError, stability_uncertainty

        error = EnergyError(n_draws=draws)
        drawn = stability_uncertainty(list(rows["formula"]), phases, error, energies, mobile_ion)
        answers = beside(answers, drawn)
    unknown = [str(c) for c in answers if c not in ("formula", "note")]
    answers = unknown_where_lacking(answers, missing_note(found, "answered"), unknown)
    open_ = interval_note(found)
    joined = ["; ".join(filter(None, parts)) for parts in zip(answers["note"].fillna(""), open_, notes, strict=True)]
    answers = answers.assign(note=joined)
    return pd.concat([rows[["id"]], answers], axis=1) if "id" in rows else answers
