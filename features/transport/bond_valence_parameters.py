"""How one framework ion acts on the mobile ion at a distance: Morse attraction or screened Coulomb repulsion.

Form and parameters: doi:10.1107/S2052520618015718, read from the bvlain package. The energy of a counter-ion is
D0/2 ((exp(alpha (r_min - r)) - 1)^2 - 1), that of a like ion
14.4 eV Å q1 q2 / sqrt(n1 n2) erfc(r / (0.74 (R1 + R2))) / r.
"""

import pickle
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from ionsieve.features.chemistry.elements import ATOMIC_NUMBER
from ionsieve.features.chemistry.package_files import package_folder, table_in_module

COULOMB_EV_ANGSTROM = 14.4
SCREENING_FACTOR = 0.74
# erfc(4.6) < 1e-10: beyond this many screening lengths nothing is left of the repulsion.
COULOMB_REACH = 4.6

MOBILE_CHARGE = {"Li": 1, "Na": 1, "K": 1, "Ag": 1, "Mg": 2, "F": -1}


@dataclass(frozen=True)
class PairPotential:
    """Energy between the mobile ion and one kind of framework ion.

    Either Morse (d0_ev > 0, alpha_per_angstrom, r_min_angstrom) or screened Coulomb (charge_ev_angstrom > 0 with
    screening_angstrom), or nothing (a neutral atom). reach_angstrom: no energy beyond.
    """

    reach_angstrom: float
    d0_ev: float = 0.0
    alpha_per_angstrom: float = 1.0
    r_min_angstrom: float = 0.0
    charge_ev_angstrom: float = 0.0
    screening_angstrom: float = 1.0

    def energy_and_slope(self, r_angstrom: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Energy in eV and its derivative in eV/Å at distances > 0."""
        r = r_angstrom
        wall = np.exp(self.alpha_per_angstrom * (self.r_min_angstrom - r))
        x = r / self.screening_angstrom
        coulomb = self.charge_ev_angstrom * erfc(x) / r
        gauss = 2.0 / np.sqrt(np.pi) * np.exp(-(x**2)) / self.screening_angstrom
        energy = 0.5 * self.d0_ev * ((wall - 1.0) ** 2 - 1.0) + coulomb
        slope = -self.d0_ev * self.alpha_per_angstrom * wall * (wall - 1.0) - coulomb / r
        return energy, slope - self.charge_ev_angstrom * gauss / r


def mobile_species(mobile_ion: str) -> tuple[str, int]:
    """Element and charge of a mobile ion named as an element ("Li") or as an ion ("Li+", "Li1+", "Mg2+", "F-").

    Raises:
        ValueError: If the ion is not one the bond valence tables are used for here.
    """
    element = re.sub(r"[\d+-]", "", mobile_ion)
    if element not in MOBILE_CHARGE:
        raise ValueError(f"mobile ion {mobile_ion!r} is not one of {', '.join(MOBILE_CHARGE)}.")
    return element, MOBILE_CHARGE[element]


def pair_potential(
    symbol: str, charge: float, mobile_ion: str = "Li", cutoff_angstrom: float = 10.0, radii: str = "ase"
) -> PairPotential:
    """Potential of a framework ion on the mobile ion.

    A charge between the tabulated integers (from an average) takes the nearest tabulated one, at most 0.5 away.

    Args:
        symbol: Element of the framework ion.
        charge: Its oxidation state.
        mobile_ion: Element or ion that moves.
        cutoff_angstrom: Upper bound of the reach.
        radii: Covalent radii of the screening, "ase" or "softbv" (by element and charge).

    Raises:
        ValueError: If there are no parameters, naming the ion.
    """
    element, mobile_charge = mobile_species(mobile_ion)
    if charge * mobile_charge < 0:
        return _morse(element, mobile_charge, symbol, charge, cutoff_angstrom)
    if charge == 0:
        return PairPotential(reach_angstrom=0.0)
    radius = _covalent_radius(element, mobile_charge, radii) + _covalent_radius(symbol, charge, radii)
    quantum = _table("quantum_n")
    if ATOMIC_NUMBER[symbol] not in quantum:
        raise ValueError(f"no principal quantum number tabulated for {symbol}.")
    n1_n2 = quantum[ATOMIC_NUMBER[element]] * quantum[ATOMIC_NUMBER[symbol]]
    screening = SCREENING_FACTOR * radius
    return PairPotential(
        reach_angstrom=min(cutoff_angstrom, COULOMB_REACH * screening),
        charge_ev_angstrom=COULOMB_EV_ANGSTROM * mobile_charge * charge / float(np.sqrt(n1_n2)),
        screening_angstrom=screening,
    )


def _morse(element: str, mobile_charge: int, symbol: str, charge: float, cutoff_angstrom: float) -> PairPotential:
    """Morse potential of a counter-ion from the tables."""
    table = _table("cation" if mobile_charge > 0 else "anion")
    by_charge = table[ATOMIC_NUMBER[element]][mobile_charge].get(ATOMIC_NUMBER[symbol], {})
    nearest = min(by_charge, key=lambda q: abs(q - charge), default=None)
    if nearest is None or abs(nearest - charge) > 0.5:
        ion = f"{element}{abs(mobile_charge)}{'+' if mobile_charge > 0 else '-'}"
        raise ValueError(f"no bond valence parameters for {ion} with {symbol} of charge {charge:+g}.")
    row = by_charge[nearest]
    return PairPotential(
        reach_angstrom=cutoff_angstrom,
        d0_ev=float(row["d0"]),
        alpha_per_angstrom=float(row["alpha"]),
        r_min_angstrom=float(row["r_min"]),
    )


def _covalent_radius(symbol: str, charge: float, radii: str) -> float:
    """Covalent radius in Å from ASE (by element) or softBV (by element and nearest tabulated charge)."""
    if radii == "ase":
        return float(_ase_covalent_radii()[ATOMIC_NUMBER[symbol]])
    if radii != "softbv":
        raise ValueError(f"radii must be 'ase' or 'softbv', not {radii!r}.")
    by_charge = _softbv_covalent_radii().get(ATOMIC_NUMBER[symbol])
    if not by_charge:
        raise ValueError(f"no softBV covalent radius for {symbol}.")
    return float(by_charge[min(by_charge, key=lambda q: (abs(q - charge), q))])


@cache
def _table(name: str) -> dict[int, Any]:
    """A table of the bvlain package: "cation" and "anion" (Morse parameters), "quantum_n"."""
    with (package_folder("bvlain") / "data" / f"{name}.pkl").open("rb") as file:
        return pickle.load(file)


@cache
def _softbv_covalent_radii() -> dict[int, dict[int, float]]:
    """Covalent radius by atomic number and charge, Å."""
    return table_in_module(package_folder("bvlain") / "data" / "covalent_radii.py", "covalent_radii_softbv")


@cache
def _ase_covalent_radii() -> list[float]:
    """Covalent radius by atomic number, Å (doi:10.1039/b801115j)."""
    return table_in_module(package_folder("ase") / "data" / "__init__.py", "covalent_radii")
