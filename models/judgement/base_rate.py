"""How many measured materials with the same anions conduct well: what is known of a material that nobody measured.

A rule as plain as "sulfides and chlorides rather than oxides and fluorides" tells good conductors from poor nearly as
well as a bond-valence barrier does. It orders what is worth exploring; it decides nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import composition_keys, parse_formula

USABLE_S_CM = 1e-4
PRIOR_ROWS = 5.0  # a class with few measurements is judged mostly like all materials


def anion_class(formula: str) -> str:
    """The anions of a formula, "-"-joined and sorted ("Cl-S").

    Beside oxygen nitrogen, sulfur and hydrogen count as part of an oxide: of a nitrate, a sulfate, a hydroxide.
    """
    symbols = {element.symbol for element in parse_formula(formula)}
    anions = symbols & set(ANIONS)
    if "O" in anions:
        anions -= {"N", "S", "Se", "Te"}
    elif not anions:
        anions = symbols & {"H", "P", "As"}
    return "-".join(sorted(anions)) or "none"


def conductor_rate(formulas: Sequence[str], measurements: pd.DataFrame) -> np.ndarray:
    """(n,) share of measured compositions with the anions of each formula that reach 1e-4 S/cm, 0 to 1.

    A composition counts once, by the median of its values; upper bounds count as below. Classes with few measurements
    are drawn towards the share of all, as if PRIOR_ROWS more had been measured.

    Args:
        formulas: n formulas.
        measurements: Columns formula, sigma_s_cm (NaN where only a bound is known).
    """
    sigma = measurements["sigma_s_cm"].fillna(0.0).groupby(composition_keys(measurements["formula"])).median()
    names = dict(zip(composition_keys(measurements["formula"]), measurements["formula"], strict=True))
    good = pd.Series((sigma >= USABLE_S_CM).to_numpy(dtype=float), index=[anion_class(names[k]) for k in sigma.index])
    overall = good.mean() if len(good) else 0.0
    by_class = good.groupby(level=0).agg(["sum", "count"])
    rate = (by_class["sum"] + PRIOR_ROWS * overall) / (by_class["count"] + PRIOR_ROWS)
    classes = {formula: anion_class(formula) for formula in set(formulas)}
    return np.array([rate.get(classes[formula], overall) for formula in formulas], dtype=float)
