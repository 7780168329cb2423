"""What lithium must do to a compound by the energies of binary salts, where its own phases are not all known.

Lithium takes chlorine from niobium at 2.6 V and oxygen at 1.1 V: in LiNbOCl4 too, unless the ternary compounds of
niobium are more stable than its binaries by as much. They are, by a few tenths of a volt: the margin allows for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.charges import FULL_SHELL
from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import parse_formula

MARGIN_V = 0.5  # by which a compound may be more stable than the binary salts of its ions, per electron
SEMIMETALS = frozenset(["Si", "Ge", "Sb"])  # form alloys with lithium
ENERGY_SHARE = 0.5  # of the energy so computed that is taken for sure


@dataclass(frozen=True)
class Reduced:
    """The element that lithium reduces most easily for sure ("" for none), at at least this voltage, and the energy of
    all such reductions per atom of the mixture with lithium (≤ 0, NaN without data)."""

    element: str
    voltage_v: float
    energy_ev_atom: float


def salt_energies(enthalpies: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Formation energy per electron, eV, of the highest binary salt of each metal and anion.

    Args:
        enthalpies: Columns formula, formation_energy_ev_atom.
    """
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for formula, energy in zip(enthalpies["formula"], enthalpies["formation_energy_ev_atom"], strict=True):
        amounts = parse_formula(formula).get_el_amt_dict()
        anions = [s for s in amounts if s in ANIONS]
        if len(amounts) != 2 or len(anions) != 1 or anions[0] not in FULL_SHELL:
            continue
        (anion,), (metal,) = anions, [s for s in amounts if s not in anions]
        electrons = -FULL_SHELL[anion] * amounts[anion]
        charge, per_electron = electrons / amounts[metal], float(energy) * sum(amounts.values()) / electrons
        # peroxides and polysulfides are no salts of full shells
        if metal != "Li" or abs(charge - 1) < 1e-6:
            found[metal, anion] = max(found.get((metal, anion), (0.0, 0.0)), (charge, per_electron))
    return {pair: energy for pair, (_, energy) in found.items()}


def reduced_by_lithium(formula: str, salts: Mapping[tuple[str, str], float]) -> Reduced:
    """What lithium reduces to metal in a compound, whichever of its anions holds the metal most firmly."""
    amounts = parse_formula(formula).get_el_amt_dict()
    anions = [s for s in amounts if s in ANIONS and s in FULL_SHELL]
    metals = [s for s in amounts if s not in ANIONS and s != "Li" and (Element(s).is_metal or s in SEMIMETALS)]
    found: list[tuple[float, str]] = []
    energy, taken = 0.0, 0.0
    cations = {s: Element(s).max_oxidation_state for s in metals}
    for metal in metals:
        volts = [salts[metal, x] - salts["Li", x] for x in anions if (metal, x) in salts and ("Li", x) in salts]
        if not anions or len(volts) < len(anions) or min(volts) <= MARGIN_V:
            continue
        sure = min(volts) - MARGIN_V
        found.append((sure, metal))
        energy -= sure * cations[metal] * amounts[metal]
        taken += cations[metal] * amounts[metal]
    if not found:
        return Reduced("", float("nan"), float("nan"))
    voltage, metal = max(found)
    return Reduced(metal, voltage, ENERGY_SHARE * energy / (sum(amounts.values()) + taken))
