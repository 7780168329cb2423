"""Formation energies from a potential's total energies: metals as computed, one fitted energy per anion.

A potential learned on PBE knows metals and compounds, but not the molecules and molecular crystals that O2, N2, S or
Cl2 are, and PBE overbinds or underbinds them. So every anion gets one energy per atom, fitted to measured formation
enthalpies of its compounds (the idea of doi:10.1103/PhysRevB.85.115104, with the metals kept as computed: lithium is
exactly 0 V and never fitted). Enthalpies at 298 K stand for energies at 0 K: the anion's takes up the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pymatgen.core import Composition
from scipy.optimize import least_squares

from ionsieve.features.chemistry.charges import FULL_SHELL, average_charges
from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import composition_key, parse_formula

# Elements whose own energy is fitted, never computed: gases, molecular crystals.
FITTED = frozenset({"H", *ANIONS}) - {"Te"}
# Elements computed, with one more term per atom where they are the anion of three measured compounds (phosphides …).
ANION_TERM = ("P", "As", "Sb", "Bi", "Te")
MIN_COMPOUNDS = 3  # an anion with fewer measured compounds has no energy, and its compounds none
FIT_GROUPS = frozenset({1, 2, 3})
NOISE_EV_ATOM = 0.03  # beyond it a residual counts linearly: a compound of the wrong type must not pull the fit


@dataclass(frozen=True)
class AnionFit:
    """Energies (eV/atom) that turn total into formation energies, and the residuals they were fitted with.

    Attributes:
        metals: Energy of each element as computed.
        anions: Energy of each fitted element, and extra energy of each that is computed but acts as the anion.
        residuals: formula, anion, in_fit, residual_ev_atom (computed minus measured), left_out_ev_atom (the same, with
            the compound left out of the fit).
    """

    metals: dict[str, float]
    anions: dict[str, float]
    residuals: pd.DataFrame


def anion_of(composition: Composition) -> str:
    """The most electronegative element: the class a compound is counted in."""
    return str(max(composition, key=lambda e: (e.X if e.X == e.X else 0.0, e.symbol)).symbol)


def anion_amounts(composition: Composition) -> dict[str, float]:
    """Atomic fraction that takes each fitted energy."""
    fractions = composition.fractional_composition.get_el_amt_dict()
    taken = {s: x for s, x in fractions.items() if s in FITTED}
    anion = anion_of(composition)
    return taken | ({anion: fractions[anion]} if anion in ANION_TERM and len(fractions) > 1 else {})


def metals_part(energy_ev_atom: float, composition: Composition, metals: Mapping[str, float]) -> float:
    """Energy less that of the computed elements, eV/atom; NaN where one of those was not computed."""
    fractions = composition.fractional_composition.get_el_amt_dict()
    return energy_ev_atom - sum(x * metals.get(s, float("nan")) for s, x in fractions.items() if s not in FITTED)


def fit_anions(energies: pd.DataFrame, measured: pd.DataFrame, metals: Mapping[str, float]) -> AnionFit:
    """Fit every anion's energy to the simple compounds that are both computed and measured.

    Args:
        energies: formula, energy_ev_atom (total, one row per composition).
        measured: formula, formation_energy_ev_atom.
        metals: Energy of each computed element, eV/atom.

    Raises:
        ValueError: If no compound is both computed and measured.
    """
    known = {composition_key(parse_formula(f)): e for f, e in _pairs(measured, "formation_energy_ev_atom")}
    rows = []
    for formula, energy in _pairs(energies, "energy_ev_atom"):
        composition = parse_formula(formula)
        target = known.get(composition_key(composition), np.nan)
        value = metals_part(energy, composition, metals) - target
        if len(composition) > 1 and np.isfinite(value):
            rows.append((formula, composition, value))
    if not any(is_simple(composition) for _, composition, _ in rows):
        raise ValueError("no simple compound is both computed and measured, or its elements are not computed")
    fitting = [row for row in rows if is_simple(row[1])]
    counts = pd.Series([s for _, c, _ in fitting for s in anion_amounts(c)]).value_counts()
    anions = sorted(str(s) for s, n in counts.items() if n >= MIN_COMPOUNDS)
    rows = [row for row in rows if set(anion_amounts(row[1])) - set(ANION_TERM) <= set(anions)]
    matrix = np.array([[anion_amounts(c).get(s, 0.0) for s in anions] for _, c, _ in rows])
    values = np.array([value for _, _, value in rows])
    simple = np.array([is_simple(c) for _, c, _ in rows])
    solution = _robust_solution(matrix[simple], values[simple])
    residual = values - matrix @ solution
    left_out = residual.copy()
    for i in np.flatnonzero(simple):
        others = simple & (np.arange(len(rows)) != i)
        left_out[i] = values[i] - matrix[i] @ _robust_solution(matrix[others], values[others])
    table = pd.DataFrame({"formula": [f for f, _, _ in rows], "anion": [anion_of(c) for _, c, _ in rows]})
    table = table.assign(in_fit=simple, residual_ev_atom=residual, left_out_ev_atom=left_out)
    return AnionFit(dict(metals), dict(zip(anions, solution.tolist(), strict=True)), table)


def is_simple(composition: Composition) -> bool:
    """Whether a compound enters the fit: one anion and one metal of groups 1 to 3, at usual charges.

    On these closed shells PBE's error goes with the anion; on other metals it goes with the metal, too. Peroxides have
    other charges; carbonates, nitrates and their like carry errors of their own.
    """
    anion = anion_of(composition)
    if len(composition) != 2 or any(e.group not in FIT_GROUPS for e in composition if e.symbol != anion):
        return False
    charges, note = average_charges(composition)
    return not note and charges[anion] == (FULL_SHELL[anion] if anion in FITTED else charges[anion])


def formation_energies(formulas: Sequence[str], energies_ev_atom: Sequence[float], fit: AnionFit) -> np.ndarray:
    """(n,) formation energies, eV/atom, elements at 0; NaN where an element has no energy."""
    out = []
    for formula, energy in zip(formulas, energies_ev_atom, strict=True):
        composition = parse_formula(formula)
        anions = sum(
            x * fit.anions.get(s, 0.0 if s in ANION_TERM else float("nan"))
            for s, x in anion_amounts(composition).items()
        )
        out.append(0.0 if len(composition) == 1 else metals_part(energy, composition, fit.metals) - anions)
    return np.array(out)


def error_table(residuals: pd.DataFrame) -> pd.DataFrame:
    """Compounds, mean and median absolute error by anion class and over all, eV/atom, each left out of its fit."""

    def summary(rows: pd.Series) -> dict[str, float]:
        return {
            "compounds": len(rows),
            "mean_abs_ev_atom": rows.abs().mean(),
            "median_abs_ev_atom": rows.abs().median(),
        }

    classes = residuals.groupby("anion")["left_out_ev_atom"]
    rows = [{"anion": anion} | summary(group) for anion, group in classes]
    return pd.DataFrame([*rows, {"anion": "all"} | summary(residuals["left_out_ev_atom"])])


def _pairs(table: pd.DataFrame, column: str) -> list[tuple[str, float]]:
    return list(zip(table["formula"].astype(str), table[column].astype(float), strict=True))


def _robust_solution(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
    start = np.linalg.lstsq(matrix, values, rcond=None)[0]
    result = least_squares(
        lambda x: matrix @ x - values, start, jac=lambda _: matrix, loss="soft_l1", f_scale=NOISE_EV_ATOM
    )
    return np.asarray(result.x)
