"""Entries of a table of phases whose energies are known to be wrong, told by what they are made of and by measurement.

Functionals and the corrections fitted to solid oxides fail for oxygen bound to a nonmetal that has given its electrons
away: molecules such as Cl2O and SO3, and the salts of such anions. Three kinds are looked at; in a given table a kind
counts as wrong where its members with a measured enthalpy lie too low by more than MAX_ERROR_EV_ATOM in the median, so
a table without the defect keeps them. What is left out is meant to be recomputed without, not corrected.
"""

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.charges import FULL_SHELL, usual_charges
from ionsieve.features.chemistry.elements import HALOGENS
from ionsieve.features.thermodynamics.phase_set import ELEMENT_INDEX, Amounts, PhaseSet, find_phase, read_amounts

# eV/atom a kind lies below its measured enthalpies: well above the 0.1 that good entries of legacy tables miss
# theirs by (doi:10.1103/PhysRevB.84.045115), below the 0.4 to 0.7 of the kinds below.
MAX_ERROR_EV_ATOM = 0.3
MIN_CHARGE = 0.5  # average charge from which a halogen or nitrogen counts as positive
MOLECULAR = frozenset({"O", "N", "H", "S", "Se"}) | HALOGENS
FAILING = frozenset({"N", "S"}) | HALOGENS
KINDS = ("positive halogen", "sulfur oxide", "nitrogen oxide")


def kind_of(amounts: Amounts) -> str:
    """Which of KINDS a composition is, or "".

    positive halogen: oxygen and a halogen that must be positive with every other element at its highest common charge
    (Cl2O, LiClO4, F2O; not Li3OCl, nor a fluoride of a metal). sulfur oxide: oxygen, sulfur and no metal (SO2, SO2Cl2,
    H2SO4; not a sulfate). nitrogen oxide: oxygen and nitrogen that must be positive (NO2, LiNO3; not LiPON).
    """
    present = set(amounts)
    if "O" not in present or not present & FAILING:
        return ""
    if "S" in present and present <= MOLECULAR:
        return "sulfur oxide"
    # Fluorine takes electrons from all but oxygen: beside anything else it is negative.
    halogens = HALOGENS if present <= HALOGENS | {"O"} else HALOGENS - {"F"}
    for kind, elements in (("positive halogen", halogens), ("nitrogen oxide", frozenset({"N"}))):
        if present & elements and _average_charge(amounts, elements) >= MIN_CHARGE:
            return kind
    return ""


def _average_charge(amounts: Amounts, elements: frozenset[str]) -> float:
    """Lowest average charge of these elements that leaves the formula neutral: all others at their highest charge."""
    given = 0.0
    for element, n in amounts.items():
        if element in HALOGENS | {"O"} and element not in elements:
            given += n * FULL_SHELL[element]
        elif element not in elements:
            given += n * max(usual_charges(element, 1), default=0)
    return -given / sum(amounts.get(element, 0.0) for element in elements)


def known_wrong_entries(phases: PhaseSet, measured: pd.DataFrame) -> np.ndarray:
    """(p,) which phases belong to a kind whose energies in this table are known to be wrong.

    Args:
        measured: Measured enthalpies: formula, formation_energy_ev_atom.
    """
    kinds = phase_kinds(phases)
    rows = [find_phase(phases, a) if a is not None else -1 for a in read_amounts(list(measured["formula"]))[0]]
    known = pd.DataFrame({"row": rows, "measured": measured["formation_energy_ev_atom"].to_numpy(dtype=float)})
    known = known[known["row"] >= 0]
    error = phases.energies[known["row"]] - known["measured"].to_numpy()
    wrong = np.zeros(len(phases), dtype=bool)
    for kind in KINDS:
        of_kind = error[kinds[known["row"]] == kind]
        if len(of_kind) and np.median(of_kind) < -MAX_ERROR_EV_ATOM:
            wrong |= kinds == kind
    return wrong


def phase_kinds(phases: PhaseSet) -> np.ndarray:
    """(p,) kind_of every phase."""
    oxygen = (phases.elements == ELEMENT_INDEX["O"]).any(axis=1)
    failing = np.isin(phases.elements, [ELEMENT_INDEX[s] for s in FAILING]).any(axis=1)
    kinds = np.full(len(phases), "", dtype=object)
    rows = np.flatnonzero(oxygen & failing)
    kinds[rows] = [kind_of(found or {}) for found in read_amounts(list(phases.formulas[rows]))[0]]
    return kinds
