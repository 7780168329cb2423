"""One oxidation state per element of each formula, from charge balance and how common the states are.

A bounded search: at most MAX_ASSIGNMENTS combinations per set of elements, scored for all formulas of that set in one
array operation. Mixed valence (LiMn2O4, Fe3O4) shows as an imbalance left over, not as a fraction of a charge.
"""

import itertools
from functools import lru_cache

import numpy as np

from ionsieve.features.chemistry.elements import PaddedFractions, oxidation_states

MAX_ASSIGNMENTS = 4096

# Amounts are often rounded (Li0.33La0.56TiO3 misses 0.002 e/atom): below this, e/atom, a formula counts as neutral.
NEUTRAL_E_ATOM = 0.02

# Log-probability per atom given up to remove an imbalance of 1 e/atom: balance first, common states second.
IMBALANCE_WEIGHT = 30.0


@lru_cache(maxsize=65536)
def _assignments(atomic_numbers: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) oxidation states and (m, k) log shares of the combinations tried for one set of elements."""
    states = [list(oxidation_states(z)) or [(0, 0.0)] for z in atomic_numbers]
    while np.prod([len(s) for s in states], dtype=float) > MAX_ASSIGNMENTS:
        # Drop the rarest state of the element with most states: the search stays bounded for any number of elements.
        max(states, key=len).pop()
    combinations = np.array(list(itertools.product(*states)))
    return combinations[:, :, 0].astype(np.int8), combinations[:, :, 1]


def charge_states(formulas: PaddedFractions) -> tuple[np.ndarray, np.ndarray]:
    """Most plausible oxidation states of many formulas.

    Returns:
        (n, k) oxidation state of each listed element (0 in padding and in pure elements), and (n,) remaining charge in
        e/atom: 0 where the states balance, positive where positive charge is left over.
    """
    states = np.zeros(formulas.fraction.shape)
    for key, rows in _rows_by_elements(formulas).items():
        if len(key) == 1:
            continue
        combinations, log_shares = _assignments(key)
        for chunk in np.array_split(rows, max(1, len(rows) * len(combinations) // 4_000_000)):
            fraction = formulas.fraction[chunk, : len(key)]
            excess = np.maximum(np.abs(fraction @ combinations.T) - NEUTRAL_E_ATOM, 0.0)
            score = fraction @ log_shares.T - IMBALANCE_WEIGHT * excess
            # Rounded, so that formulas that differ by a factor break ties alike.
            states[chunk, : len(key)] = combinations[np.argmax(np.round(score, 9), axis=1)]
    imbalance = (states * formulas.fraction).sum(axis=1)
    return states, np.where(np.abs(imbalance) < 1e-12, 0.0, imbalance)


def _rows_by_elements(formulas: PaddedFractions) -> dict[tuple[int, ...], np.ndarray]:
    """Row numbers of the formulas of each set of elements."""
    rows: dict[tuple[int, ...], list[int]] = {}
    for i, numbers in enumerate(formulas.atomic_number.tolist()):
        rows.setdefault(tuple(z for z in numbers if z), []).append(i)
    return {key: np.array(members) for key, members in rows.items()}
