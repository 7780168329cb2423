"""What the cations of a lithium conductor's framework do: polyanion formers, octahedral cations, large cations.

Lithium moves through a framework whose bottlenecks are set by the size and charge of the other cations, and its
carriers come from mixing cations of different charge on one sublattice; averages over all elements hide both.
Radii: Shannon's crystal radii (doi:10.1107/S0567739476001551). Oxidation states: the best charge balance.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.charges import most_likely_charges
from ionsieve.features.chemistry.elements import (
    ATOMIC_NUMBER,
    PaddedFractions,
    electronegativities,
    ionic_radius_angstrom,
    padded_fractions,
)
from ionsieve.features.chemistry.formula import parse_formulas

# Å, crystal radii: P5+ 0.52, Si4+ 0.54 | Ge4+ 0.67, Ti4+ 0.75, Zr4+ 0.86, In3+ 0.94 | Ca2+ 1.14, La3+ 1.17.
FORMER_BELOW_ANGSTROM = 0.60
LARGE_ABOVE_ANGSTROM = 0.96

# Elements that make up the frameworks of known lithium conductors; the amount of each per anion is a feature.
FRAMEWORK_ELEMENTS = (
    *("Na", "K", "Mg", "Ca", "Sr", "Ba", "Al", "Ga", "In", "Sc", "Y", "La", "Nd", "Gd", "Si", "Ge", "Sn"),
    *("Ti", "Zr", "Hf", "P", "As", "Sb", "Bi", "V", "Nb", "Ta", "Cr", "Mo", "W", "Te", "Zn", "Fe", "Mn", "B", "C", "H"),
)


def cation_role_features(formulas: Sequence[str]) -> pd.DataFrame:
    """Descriptors of the framework cations, one row per formula in order; amounts are per anion.

    {role} is former, octahedral or large, and non_lithium for all of them: {role}_per_anion,
    {role}_radius_{mean,spread}_angstrom, {role}_electronegativity_mean, {role}_charge_{mean,spread}, {role}_entropy (in
    units of the gas constant per cation); non_lithium_potential_{mean,spread} is charge over radius, e/Å.
    {element}_per_anion for common framework elements. NaN: no anion, no cation of the role, or no tabulated radius.
    """
    compositions, _ = parse_formulas(formulas)
    known = [i for i, composition in enumerate(compositions) if composition is not None]
    block = _columns(padded_fractions([c for c in compositions if c is not None]))
    values = np.full((len(formulas), block.shape[1]), np.nan)
    values[known] = block.to_numpy()
    return pd.DataFrame(values, columns=block.columns)


def _columns(formulas: PaddedFractions) -> pd.DataFrame:
    states, _ = most_likely_charges(formulas)
    radius = _radii_angstrom(formulas, states)
    electronegativity = electronegativities()[formulas.atomic_number]
    anions = np.where(states < 0, formulas.fraction, 0.0).sum(axis=1)
    per_anion = np.divide(1.0, anions, out=np.full(len(anions), np.nan), where=anions > 0)
    framework = (states > 0) & (formulas.atomic_number != ATOMIC_NUMBER["Li"])
    roles = {
        "former": framework & (radius < FORMER_BELOW_ANGSTROM),
        "octahedral": framework & (radius >= FORMER_BELOW_ANGSTROM) & (radius <= LARGE_ABOVE_ANGSTROM),
        "large": framework & (radius > LARGE_ABOVE_ANGSTROM),
        "non_lithium": framework,
    }
    columns: dict[str, np.ndarray] = {}
    for role, members in roles.items():
        weight = np.where(members, formulas.fraction, 0.0)
        columns[f"{role}_per_anion"] = weight.sum(axis=1) * per_anion
        columns[f"{role}_radius_mean_angstrom"], columns[f"{role}_radius_spread_angstrom"] = _moments(radius, weight)
        columns[f"{role}_electronegativity_mean"], _ = _moments(electronegativity, weight)
        columns[f"{role}_charge_mean"], columns[f"{role}_charge_spread"] = _moments(states, weight)
        columns[f"{role}_entropy"] = _entropy(weight)
    potential = states / radius
    moments = _moments(potential, np.where(framework, formulas.fraction, 0.0))
    columns["non_lithium_potential_mean"], columns["non_lithium_potential_spread"] = moments
    for symbol in FRAMEWORK_ELEMENTS:
        amount = np.where(formulas.atomic_number == ATOMIC_NUMBER[symbol], formulas.fraction, 0.0).sum(axis=1)
        columns[f"{symbol.lower()}_per_anion"] = amount * per_anion
    return pd.DataFrame(columns)


def _radii_angstrom(formulas: PaddedFractions, states: np.ndarray) -> np.ndarray:
    """(n, k) Shannon radius of each listed ion, NaN where not tabulated; each kind of ion is looked up once."""
    key = formulas.atomic_number * 100 + states.astype(int) + 50
    kinds, position = np.unique(key, return_inverse=True)
    radii = [ionic_radius_angstrom(int(k) // 100, int(k) % 100 - 50) if k > 100 else np.nan for k in kinds]
    return np.array(radii, dtype=float)[position.reshape(key.shape)]


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) weighted mean and standard deviation along the elements; NaN without weight or with an unknown value."""
    total = weight.sum(axis=1)
    share = np.divide(weight, total[:, None], out=np.full(weight.shape, np.nan), where=total[:, None] > 0)
    counted = np.where(weight > 0, values, 0.0)
    mean = (share * counted).sum(axis=1)
    spread = np.sqrt((share * (counted - mean[:, None]) ** 2).sum(axis=1))
    return mean, spread


def _entropy(weight: np.ndarray) -> np.ndarray:
    """(n,) -Σ x ln x over the cations of a role; 0 where there is none or only one."""
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return (share * np.log(1.0 / np.where(share > 0, share, 1.0))).sum(axis=1)
