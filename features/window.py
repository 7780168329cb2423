"""Electrochemical windows: the range of the mobile ion's potential over which a composition stays as it is.

The window's limits are the one-sided slopes of the hull energy along the mobile element's axis (doi:10.1021/acsami.5b07517).
Each is itself a linear program: the highest (lowest) price of the element for which some set of prices lets no phase gain and
makes the composition break even; with a tolerance it may lose that much. V = -mu, mu relative to the element's metal.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.hull import answerable, own_energies, stability_columns
from features.linear_programs import solve_stability
from features.phase_set import ELEMENT_INDEX, PhaseSet, products_text, read_amounts
from features.charge_balance import is_charge_balanced

ZERO_WIDTH_V = 1e-6  # windows narrower than this are noted as closed


def window_table(
    formulas: Sequence[str],
    phases: PhaseSet,
    formation_energy_ev_atom: Sequence[float] | None = None,
    mobile_ion: str = "Li",
    tolerance_ev_atom: float = 0.005,
) -> pd.DataFrame:
    """Hull distance and electrochemical window of each formula, in order.

    Args:
        formation_energy_ev_atom: (n,) energies of their own, NaN where the one in the table counts.
        tolerance_ev_atom: How much opening to the ion may lower the energy beyond the hull within the *_tol_v limits.

    Returns:
        The columns of hull_table; reduction_limit_v, oxidation_limit_v (inf without the ion), the same with tolerance;
        reduction_products, oxidation_products per formula unit, the ion's own amount being what is missing in the balance;
        products_at_0v (with the metal, which is not listed); charge_balanced. NaN and a reason in note where unknown.
    """
    if mobile_ion not in ELEMENT_INDEX:
        raise ValueError(f"mobile ion {mobile_ion!r} is no element")
    amounts, notes = answerable(formulas, phases)
    if ELEMENT_INDEX[mobile_ion] not in phases.covered:
        notes = [note or f"unknown: the phases hold no compound of {mobile_ion}" for note in notes]
        amounts = [None] * len(formulas)
    own = own_energies(formation_energy_ev_atom, len(formulas))
    rows = [i for i, found in enumerate(amounts) if found is not None]
    solved = solve_stability([amounts[i] for i in rows], phases, own[rows], mobile_ion, tolerance_ev_atom)  # type: ignore[misc]
    table = stability_columns(formulas, phases, amounts, notes, own, rows, solved)
    n = len(formulas)
    limits = np.full((n, 4), np.nan)
    limits[rows] = np.where(solved.status[:, None] == 0, 0.0 - solved.values[:, 2:6], np.nan)
    products = [["", "", ""] for _ in formulas]
    note = list(table["note"])
    for k, i in enumerate(rows):
        found = amounts[i]
        if found is None or solved.status[k]:
            continue
        size = sum(found.values())
        products[i] = [products_text(solved.ids[k, j], solved.atoms[k, j] * size, phases, found) for j in (1, 2, 3)]
        if limits[i, 1] - limits[i, 0] < ZERO_WIDTH_V:
            note[i] = "; ".join(filter(None, [note[i], "window of zero width"]))
    readable = read_amounts(formulas)[0]
    return pd.DataFrame(
        {
            **{c: table[c] for c in ("formula", "e_above_hull_ev_atom", "decomposition_energy_ev_atom")},
            "reduction_limit_v": limits[:, 0],
            "oxidation_limit_v": limits[:, 1],
            "reduction_limit_tol_v": limits[:, 2],
            "oxidation_limit_tol_v": limits[:, 3],
            "decomposition_products": table["decomposition_products"],
            "reduction_products": [p[0] for p in products],
            "oxidation_products": [p[1] for p in products],
            "products_at_0v": [p[2] for p in products],
            "charge_balanced": [found is not None and is_charge_balanced(found) for found in readable],
            "note": note,
        }
    )
