"""Descriptors of a chemical formula: element statistics, stoichiometry, charges, ionicity and configurational entropy.

Element statistics, stoichiometry norms and ionic character as defined for Magpie (doi:10.1038/npjcompumats.2016.28) and
computed by matminer, here as array operations over the whole table. All features depend on ratios of amounts only.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.charges import most_likely_charges
from ionsieve.features.chemistry.elements import (
    ANIONS,
    ATOMIC_NUMBER,
    MAGPIE_PROPERTIES,
    N_ELEMENTS,
    WEAK_ANIONS,
    PaddedFractions,
    electronegativities,
    ionic_radius_angstrom,
    magpie_table,
    padded_fractions,
)
from ionsieve.features.chemistry.formula import parse_formulas

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
NORM_POWERS = (0, 2, 3, 5, 7, 10)

# Fractions that differ by less than this, relatively, tie for the mode, as in matminer (numpy.isclose).
MODE_TIE_RELATIVE = 1e-5

SINGLE_ELEMENTS = ("Li", "Na", "H", "B", "C", "N", "O", "F", "Al", "Si", "P", "S", "Cl", "Ge", "Se", "Br", "I")
# tellurium and arsenic are too rare among measured conductors to learn from
DESCRIBED_ANIONS = tuple(sorted({*ANIONS, *WEAK_ANIONS} - {"Te", "As"}, key=ATOMIC_NUMBER.__getitem__))

# Singly charged ions that move in solids; the other cations form the framework.
MOBILE_CATIONS = ("Li", "Na", "K", "Rb", "Cs", "Ag")


def composition_features(formulas: Sequence[str]) -> pd.DataFrame:
    """All composition descriptors, one row per formula in order (RangeIndex).

    NaN means unknown: an element without tabulated data, a ratio without denominator (no anion), or, for a whole row, a
    formula that cannot be parsed (callers check beforehand with `ionsieve.features.chemistry.formula.parse_formulas`).
    Entropies are in units of the gas constant per mole of sites of the sublattice named.
    """
    return _filled_rows(formulas, _all_blocks)


def element_statistics(formulas: Sequence[str]) -> pd.DataFrame:
    """The Magpie block alone: `magpie_{statistic}_{property}`, equal to matminer's preset without imputation."""
    return _filled_rows(formulas, magpie_statistics)


def _filled_rows(formulas: Sequence[str], features: Callable[[PaddedFractions], pd.DataFrame]) -> pd.DataFrame:
    """Features of the formulas that parse, rows of NaN for the others."""
    compositions, _ = parse_formulas(formulas)
    known = [i for i, composition in enumerate(compositions) if composition is not None]
    block = features(padded_fractions([c for c in compositions if c is not None]))
    values = np.full((len(compositions), block.shape[1]), np.nan)
    values[known] = block.to_numpy()
    return pd.DataFrame(values, columns=block.columns)


def _all_blocks(formulas: PaddedFractions) -> pd.DataFrame:
    states, imbalance = most_likely_charges(formulas)
    blocks = [
        magpie_statistics(formulas),
        _stoichiometry(formulas),
        _element_fractions(formulas),
        _ionic_character(formulas),
        _charges(formulas, states, imbalance),
        _sublattices(formulas, states),
        _entropies(formulas, states),
    ]
    return pd.concat(blocks, axis=1)


def magpie_statistics(formulas: PaddedFractions) -> pd.DataFrame:
    """Weighted statistics of the 22 Magpie properties over the elements of each formula.

    Minimum, maximum, range, mean and mean absolute deviation are NaN if any element's property is unknown; the mode is
    the property of the most abundant element, the smallest one where several are equally abundant.
    """
    # Elements along the first axis: reductions over it then run along the formulas, many times faster.
    atomic_number, fraction = formulas.atomic_number.T.copy(), formulas.fraction.T.copy()
    present = atomic_number > 0
    most = fraction.max(axis=0, initial=0.0)
    most_abundant = present & (most - fraction <= MODE_TIE_RELATIVE * most)
    columns: dict[str, np.ndarray] = {}
    for name, by_element in zip(MAGPIE_PROPERTIES, magpie_table(), strict=True):
        values = by_element[atomic_number]
        low = np.where(present, values, np.inf).min(axis=0)
        high = np.where(present, values, -np.inf).max(axis=0)
        known = np.where(present, values, 0.0)
        mean = (known * fraction).sum(axis=0)
        deviation = (np.abs(known - mean) * fraction).sum(axis=0)
        mode = np.where(most_abundant, values, np.inf).min(axis=0)
        for statistic, column in zip(STATISTICS, (low, high, high - low, mean, deviation, mode), strict=True):
            columns[f"magpie_{statistic}_{name}"] = column
    return pd.DataFrame(columns)


def _stoichiometry(formulas: PaddedFractions) -> pd.DataFrame:
    """Number of elements (norm 0) and p-norms of the atomic fractions."""
    columns = {"stoichiometry_norm_0": formulas.present.sum(axis=1).astype(float)}
    for power in NORM_POWERS[1:]:
        columns[f"stoichiometry_norm_{power}"] = (formulas.fraction**power).sum(axis=1) ** (1.0 / power)
    return pd.DataFrame(columns)


def _element_groups() -> dict[str, list[int]]:
    """Atomic numbers of the element groups whose fraction is a feature."""
    elements = [Element.from_Z(z) for z in range(1, N_ELEMENTS + 1)]
    return {
        "other_alkali": [e.Z for e in elements if e.is_alkali and e.symbol not in ("Li", "Na")],
        "alkaline_earth": [e.Z for e in elements if e.is_alkaline],
        "transition_metal": [e.Z for e in elements if e.is_transition_metal and not e.is_rare_earth],
        "rare_earth": [e.Z for e in elements if e.is_rare_earth],
        "post_transition_metal": [e.Z for e in elements if e.is_post_transition_metal],
        "metalloid": [e.Z for e in elements if e.is_metalloid],
        "chalcogen": [e.Z for e in elements if e.is_chalcogen],
        "halogen": [e.Z for e in elements if e.is_halogen],
        "metal": [e.Z for e in elements if e.is_metal],
    }


def _element_fractions(formulas: PaddedFractions) -> pd.DataFrame:
    """Atomic fractions of single elements and of element groups."""
    groups = {symbol.lower(): [ATOMIC_NUMBER[symbol]] for symbol in SINGLE_ELEMENTS} | _element_groups()
    columns = {}
    for name, members in groups.items():
        columns[f"fraction_{name}"] = _share(formulas, np.isin(formulas.atomic_number, members))
    return pd.DataFrame(columns)


def _share(formulas: PaddedFractions, selected: np.ndarray) -> np.ndarray:
    """Atomic fraction of the selected entries of each formula."""
    return np.where(selected, formulas.fraction, 0.0).sum(axis=1)


def _ionic_character(formulas: PaddedFractions) -> pd.DataFrame:
    """Largest and mean ionic character 1 - exp(-(XA - XB)²/4) over pairs of elements, as matminer's IonProperty."""
    electronegativity = electronegativities()[formulas.atomic_number]
    width = electronegativity.shape[1]
    largest = np.zeros(len(electronegativity))
    mean = np.zeros(len(electronegativity))
    for a in range(width):
        for b in range(a + 1, width):
            character = 1.0 - np.exp(-0.25 * (electronegativity[:, a] - electronegativity[:, b]) ** 2)
            character = np.where(formulas.present[:, b], character, 0.0)
            largest = np.maximum(largest, character)
            mean += character * formulas.fraction[:, a] * formulas.fraction[:, b]
    return pd.DataFrame({"ionic_character_max": largest, "ionic_character_mean": mean})


def _mean_over(formulas: PaddedFractions, selected: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of values over the selected entries, weighted by fraction; NaN where none is selected or one is unknown."""
    weight = np.where(selected, formulas.fraction, 0.0)
    total = weight.sum(axis=1)
    summed = (weight * np.where(selected, values, 0.0)).sum(axis=1)
    return _ratio(summed, total)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, NaN where the denominator is zero."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def _charges(formulas: PaddedFractions, states: np.ndarray, imbalance: np.ndarray) -> pd.DataFrame:
    """Oxidation states, radii and electronegativities of cations and anions; imbalance in e/atom (0 if neutral)."""
    cation, anion = states > 0, states < 0
    framework = cation & ~_mobile(formulas)
    electronegativity = electronegativities()[formulas.atomic_number]
    radius = _radii_angstrom(formulas, states)
    cation_radius = _mean_over(formulas, cation, radius)
    anion_radius = _mean_over(formulas, anion, radius)
    cation_electronegativity = _mean_over(formulas, cation, electronegativity)
    anion_electronegativity = _mean_over(formulas, anion, electronegativity)
    return pd.DataFrame(
        {
            "charge_imbalance_e_atom": imbalance,
            "oxidation_state_max": np.where(formulas.present, states, -np.inf).max(axis=1),
            "oxidation_state_min": np.where(formulas.present, states, np.inf).min(axis=1),
            "oxidation_state_mean_abs": (np.abs(states) * formulas.fraction).sum(axis=1),
            "cation_charge_mean": _mean_over(formulas, cation, states),
            "framework_charge_mean": _mean_over(formulas, framework, states),
            "anion_charge_mean": _mean_over(formulas, anion, states),
            "cation_radius_mean_angstrom": cation_radius,
            "framework_radius_mean_angstrom": _mean_over(formulas, framework, radius),
            "anion_radius_mean_angstrom": anion_radius,
            "radius_ratio": cation_radius / anion_radius,
            "cation_electronegativity_mean": cation_electronegativity,
            "framework_electronegativity_mean": _mean_over(formulas, framework, electronegativity),
            "anion_electronegativity_mean": anion_electronegativity,
            "electronegativity_difference": anion_electronegativity - cation_electronegativity,
        }
    )


def _radii_angstrom(formulas: PaddedFractions, states: np.ndarray) -> np.ndarray:
    """(n, k) Shannon radius of each listed ion, NaN where not tabulated; each kind of ion is looked up once."""
    key = formulas.atomic_number * 100 + states.astype(int) + 50
    kinds, position = np.unique(key, return_inverse=True)
    radii = [ionic_radius_angstrom(int(k) // 100, int(k) % 100 - 50) if k > 100 else np.nan for k in kinds]
    return np.array(radii, dtype=float)[position.reshape(key.shape)]


def _mobile(formulas: PaddedFractions) -> np.ndarray:
    return np.isin(formulas.atomic_number, [ATOMIC_NUMBER[symbol] for symbol in MOBILE_CATIONS])


def _sublattices(formulas: PaddedFractions, states: np.ndarray) -> pd.DataFrame:
    """Sizes of the cation and anion sublattices relative to each other, and what the anions are."""
    lithium = _share(formulas, formulas.atomic_number == ATOMIC_NUMBER["Li"])
    mobile = _share(formulas, _mobile(formulas) & (states > 0))
    cations = _share(formulas, states > 0)
    anions = _share(formulas, states < 0)
    columns = {
        "fraction_cation": cations,
        "fraction_mobile_cation": mobile,
        "fraction_framework_cation": cations - mobile,
        "cation_anion_ratio": _ratio(cations, anions),
        "framework_cation_anion_ratio": _ratio(cations - mobile, anions),
        "li_per_anion": _ratio(lithium, anions),
        "li_per_cation": _ratio(lithium, cations),
    }
    for symbol in DESCRIBED_ANIONS:
        of_symbol = _share(formulas, (formulas.atomic_number == ATOMIC_NUMBER[symbol]) & (states < 0))
        columns[f"anion_share_{symbol.lower()}"] = _ratio(of_symbol, anions)
    return pd.DataFrame(columns)


def _entropies(formulas: PaddedFractions, states: np.ndarray) -> pd.DataFrame:
    """Ideal mixing entropies -Σ x ln x: over all elements, per sublattice, and summed over sublattices per atom.

    A sublattice that is empty or holds one element has zero.
    """
    mobile = _mobile(formulas) & (states > 0)
    sublattices = {"anion": states < 0, "mobile": mobile, "framework": (states > 0) & ~mobile}
    columns = {"entropy_total": _mixing_entropy(formulas, formulas.present)}
    per_atom = np.zeros(len(formulas.fraction))
    for name, members in sublattices.items():
        columns[f"entropy_{name}"] = _mixing_entropy(formulas, members)
        per_atom += columns[f"entropy_{name}"] * _share(formulas, members)
    return pd.DataFrame(columns | {"entropy_sublattices_per_atom": per_atom})


def _mixing_entropy(formulas: PaddedFractions, members: np.ndarray) -> np.ndarray:
    weight = np.where(members, formulas.fraction, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return (share * np.log(np.where(share > 0, 1.0 / np.maximum(share, 1e-300), 1.0))).sum(axis=1)
