"""Compositions as points in a space where chemically similar ions lie close together.

Each ion is described by its Pauling electronegativity, Shannon's crystal radius (doi:10.1107/S0567739476001551), formal
charge and row of the periodic table; a Gaussian of the distance between two ions is their similarity. The position of a
composition is the mean over its ions in the feature space of that kernel (kernel mean embedding, arXiv:1605.09522), so
that LiTi2(PO4)3 lies close to LiZr2(PO4)3 and far from LiCl.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.chemistry.charges import most_likely_charges
from ionsieve.features.chemistry.elements import (
    PaddedFractions,
    electronegativities,
    ionic_radius_angstrom,
    oxidation_states,
    padded_fractions,
)
from ionsieve.features.chemistry.formula import parse_formulas

# Directions kept: the first ten hold 98 % of the similarity among the elements; more do not help predictions.
N_DIRECTIONS = 10

# One unit along each axis. Chosen by grouped cross-validation on measured conductivities; halving or doubling all of
# them together changes the error of a Gaussian process on these columns by a few per cent.
ELECTRONEGATIVITY_UNIT = 0.5
RADIUS_UNIT_ANGSTROM = 0.15
CHARGE_UNIT = 1.0
ROW_UNIT = 1.5
SIMILARITY_RANGE = 6.0  # in these units

LAST_LANDMARK = 92  # uranium: beyond it nothing is a battery material
TYPICAL_ELECTRONEGATIVITY = 1.8
TYPICAL_RADIUS_ANGSTROM = 1.0


def ion_similarity_features(formulas: Sequence[str]) -> pd.DataFrame:
    """(n, 10) position of each formula, columns similarity_0 … similarity_9; NaN where a formula cannot be parsed.

    Depends on ratios of amounts only. Oxidation states are those that balance the formula best.
    """
    compositions, _ = parse_formulas(formulas)
    known = [i for i, composition in enumerate(compositions) if composition is not None]
    padded = padded_fractions([c for c in compositions if c is not None])
    values = np.full((len(formulas), N_DIRECTIONS), np.nan)
    if known:
        values[known] = mean_position(padded, most_likely_charges(padded)[0])
    return pd.DataFrame(values, columns=[f"similarity_{i}" for i in range(N_DIRECTIONS)])


def mean_position(formulas: PaddedFractions, states: np.ndarray) -> np.ndarray:
    """(n, 10) mean of the ions' positions weighted by their fractions; each kind of ion is placed once."""
    key = formulas.atomic_number * 100 + states.astype(int) + 50
    kinds, position = np.unique(key, return_inverse=True)
    ions = [(int(k) // 100, int(k) % 100 - 50) for k in kinds]
    # Padding has no weight; it is placed like hydrogen, just to be a number.
    places = ion_positions(tuple((max(z, 1), q) for z, q in ions))[position.reshape(key.shape)]
    return np.einsum("nk,nkd->nd", formulas.fraction, places)


def ion_positions(ions: Sequence[tuple[int, int]]) -> np.ndarray:
    """(m, 10) position of each ion (atomic number, charge)."""
    coordinates = np.array([_coordinates(z, q) for z, q in ions])
    landmarks, projection = _landmarks()
    return _similarity(coordinates, landmarks) @ projection


@cache
def _coordinates(atomic_number: int, charge: int) -> tuple[float, float, float, float]:
    """Electronegativity, radius, charge and row of an ion in their units; typical values where one is unknown."""
    electronegativity = electronegativities()[atomic_number]
    radius = ionic_radius_angstrom(atomic_number, charge)
    return (
        (TYPICAL_ELECTRONEGATIVITY if np.isnan(electronegativity) else electronegativity) / ELECTRONEGATIVITY_UNIT,
        (TYPICAL_RADIUS_ANGSTROM if np.isnan(radius) else radius) / RADIUS_UNIT_ANGSTROM,
        charge / CHARGE_UNIT,
        Element.from_Z(atomic_number).row / ROW_UNIT,
    )


def _similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return np.exp(-squared / SIMILARITY_RANGE**2)


@lru_cache(maxsize=1)
def _landmarks() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of each element in its most frequent state, and the projection on the leading directions.

    The directions are the leading eigenvectors of the landmarks' similarities (Nyström's method).
    """
    usual = [(z, oxidation_states(z)[0][0] if oxidation_states(z) else 0) for z in range(1, LAST_LANDMARK + 1)]
    landmarks = np.array([_coordinates(z, q) for z, q in usual])
    values, vectors = np.linalg.eigh(_similarity(landmarks, landmarks))
    leading = np.argsort(-values)[:N_DIRECTIONS]
    vectors = vectors[:, leading]
    # An eigenvector's sign is arbitrary: fix it, so that another linear-algebra library gives the same columns.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(N_DIRECTIONS)])
    return landmarks, vectors / np.sqrt(values[leading])
