"""Electrochemical windows: the range of the mobile ion's potential over which a composition stays as it is.

The window's limits are the one-sided slopes of the hull energy along the mobile element's axis
(doi:10.1021/acsami.5b07517). Each is itself a linear program: the highest (lowest) price of the element for which
some set of prices lets no phase gain and makes the composition break even; with a tolerance it may lose that much. V
= -mu, mu relative to the element's metal.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.charges import is_charge_balanced
from ionsieve.features.thermodynamics.hull import answerable, own_energies, stability_columns
from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    PhaseSet,
    find_phase,
    ion_charge,
    products_text,
    read_amounts,
)
from ionsieve.features.thermodynamics.programs.linear_programs import solve_stability
from ionsieve.features.thermodynamics.tie_line import tie_line

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
        reduction_products, oxidation_products per formula unit, the ion's own amount being what is missing in the
        balance; products_at_0v (with the metal, which is not listed); charge_balanced. NaN and a reason in note where
        unknown.
    """
    charge = ion_charge(mobile_ion)
    amounts, notes = answerable(formulas, phases)
    if ELEMENT_INDEX[mobile_ion] not in phases.covered:
        notes = [note or f"unknown: the phases hold no compound of {mobile_ion}" for note in notes]
        amounts = [None] * len(formulas)
    own = own_energies(formation_energy_ev_atom, len(formulas))
    rows = [i for i, found in enumerate(amounts) if found is not None]
    solved = solve_stability([a for a in amounts if a is not None], phases, own[rows], mobile_ion, tolerance_ev_atom)
    table = stability_columns(formulas, phases, amounts, notes, own, rows, solved)
    n = len(formulas)
    limits = np.full((n, 4), np.nan)
    limits[rows] = np.where(solved.status[:, None] == 0, 0.0 - solved.values[:, 2:6] / charge, np.nan)
    products = [["", "", ""] for _ in formulas]
    note = list(table["note"])
    for k, i in enumerate(rows):
        found = amounts[i]
        if found is None or solved.status[k]:
            continue
        size = sum(found.values())
        products[i] = [products_text(solved.ids[k, j], solved.atoms[k, j] * size, phases, found) for j in (1, 2, 3)]
        if not products[i][0]:
            products[i][0] = products[i][2]  # nothing happens above 0 V: what is there stays, in contact with the metal
        if limits[i, 1] - limits[i, 0] < ZERO_WIDTH_V:
            note[i] = "; ".join(filter(None, [note[i], "window of zero width"]))
    readable = read_amounts(formulas)[0]
    window = pd.DataFrame(
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
    window.attrs.update(table.attrs)
    return window


def uptake_profile(formula: str, phases: PhaseSet, mobile_ion: str = "Li") -> pd.DataFrame:
    """Stepwise uptake of the mobile ion by a formula, from none of it in the solid to equilibrium with its metal.

    Returns:
        One row per step, falling voltage: voltage_v, below which the products form (inf for the first, without the
        ion), voltage_end_v, down to which they last; products per formula unit; ions_taken_up per formula unit,
        negative where given off; ions, all of them per formula unit.

    Raises:
        ValueError: If the formula cannot be answered, or holds nothing but the ion.
    """
    amounts, notes = answerable([formula, mobile_ion], phases)
    if amounts[0] is None or amounts[1] is None:
        raise ValueError(f"{formula}: {notes[0] or notes[1]}")
    host = {s: n for s, n in amounts[0].items() if s != mobile_ion}
    if not host:
        raise ValueError(f"{formula} holds nothing but {mobile_ion}")
    size = sum(host.values())
    line = tie_line({mobile_ion: 1.0}, host, phases)
    # per formula unit; the last point is the metal alone, infinitely much of it
    x = line.fractions[:-1]
    ions = size * x / (1.0 - x)
    energy = line.energies[:-1] * (size + ions)
    voltage = 0.0 - np.diff(energy) / np.diff(ions) / ion_charge(mobile_ion)
    atoms = line.mixtures.atoms[:-1] * (size + ions)[:, None]
    metal = find_phase(phases, {mobile_ion: 1.0})
    shown = [np.where(ids == metal, 0.0, a) for ids, a in zip(line.mixtures.ids, atoms, strict=False)]
    return pd.DataFrame(
        {
            "voltage_v": np.append(np.inf, voltage),
            "voltage_end_v": np.append(voltage, 0.0),
            "products": [products_text(i, a, phases, {}) for i, a in zip(line.mixtures.ids, shown, strict=False)],
            "ions_taken_up": ions - amounts[0].get(mobile_ion, 0.0),
            "ions": ions,
        }
    )
