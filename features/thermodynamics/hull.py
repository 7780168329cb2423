"""Distance of compositions from the convex hull of a table of formation energies, by linear programming.

The hull energy at composition c is min Σ yᵢ Eᵢ over mixtures Σ yᵢ cᵢ = c, y ≥ 0 (doi:10.1021/cm702327g states the same
quantity geometrically); energies in eV/atom, elements at 0.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.thermodynamics.phase_set import (
    Amounts,
    PhaseSet,
    phase_set,
    products_text,
    read_amounts,
    uncovered_elements,
)
from ionsieve.features.thermodynamics.programs.linear_programs import Stability, solve_stability

__all__ = ["PhaseSet", "answerable", "hull_table", "own_energies", "phase_set", "stability_columns"]


def hull_table(
    formulas: Sequence[str], phases: PhaseSet, formation_energy_ev_atom: Sequence[float] | None = None
) -> pd.DataFrame:
    """Hull distance and decomposition of each formula, in order.

    Args:
        formation_energy_ev_atom: (n,) energies of their own, NaN where the one in the table counts.

    Returns:
        (n rows) formula as given; e_above_hull_ev_atom and decomposition_energy_ev_atom, NaN for a composition
        without an energy (the latter also for elements); decomposition_products, the cheapest mixture of all *other*
        phases per formula unit, so that a stable phase has the reaction its margin belongs to; note, empty where all
        is known. attrs["n_highs"] counts formulas the compiled kernel left to HiGHS, attrs["n_unsolved"] those
        without an answer.
    """
    amounts, notes = answerable(formulas, phases)
    rows = [i for i, found in enumerate(amounts) if found is not None]
    own = own_energies(formation_energy_ev_atom, len(formulas))
    solved = solve_stability([a for a in amounts if a is not None], phases, own[rows], None, 0.0)
    return stability_columns(formulas, phases, amounts, notes, own, rows, solved)


def stability_columns(
    formulas: Sequence[str],
    phases: PhaseSet,
    amounts: Sequence[Amounts | None],
    notes: Sequence[str],
    given_energy: np.ndarray,
    rows: Sequence[int],
    solved: Stability,
) -> pd.DataFrame:
    """The hull columns from solved programs, `rows` being the formulas they belong to."""
    n = len(formulas)
    above, decomposition = np.full(n, np.nan), np.full(n, np.nan)
    products, note = [""] * n, list(notes)
    for k, i in enumerate(rows):
        found = amounts[i]
        assert found is not None
        if solved.status[k]:
            note[i] = "the linear program did not converge"
            continue
        others, hull = solved.values[k, :2]
        energy = given_energy[i] if np.isfinite(given_energy[i]) else solved.own_energy[k]
        above[i] = energy - hull
        if len(found) > 1:
            decomposition[i] = energy - others
            products[i] = products_text(solved.ids[k, 0], solved.atoms[k, 0] * sum(found.values()), phases, found)
        if np.isnan(energy):
            note[i] = "no energy of its own"
    table = pd.DataFrame(
        {
            "formula": list(formulas),
            "e_above_hull_ev_atom": above,
            "decomposition_energy_ev_atom": decomposition,
            "decomposition_products": products,
            "note": note,
        }
    )
    table.attrs["n_highs"] = solved.n_highs
    table.attrs["n_unsolved"] = int(np.count_nonzero(solved.status))
    return table


def answerable(formulas: Sequence[str], phases: PhaseSet) -> tuple[list[Amounts | None], list[str]]:
    """Compositions of the formulas the phases can say something about; None and the reason for the others."""
    amounts, notes = read_amounts(formulas)
    for i, found in enumerate(amounts):
        missing = uncovered_elements(phases, found) if found is not None else []
        if missing:
            amounts[i] = None
            notes[i] = f"unknown: the phases hold no compound of {', '.join(missing)}"
    return amounts, notes


def own_energies(energies: Sequence[float] | None, n: int) -> np.ndarray:
    if energies is None:
        return np.full(n, np.nan)
    own = np.asarray(energies, dtype=float)
    if len(own) != n:
        raise ValueError(f"{len(own)} formation energies for {n} formulas")
    if np.isinf(own).any():
        rows = ", ".join(map(str, np.flatnonzero(np.isinf(own))))
        raise ValueError(f"formation energies are infinite in rows {rows}")
    return own
