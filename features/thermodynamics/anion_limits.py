"""The highest oxidation limit that the most easily oxidised anion group of a compound allows.

A computed limit above it is a defect of the data (a missing or misplaced phase), not a property of the compound.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.anion_groups import anion_groups
from ionsieve.features.thermodynamics.phase_set import read_amounts


def anion_oxidation_ceiling_v(formulas: Sequence[str], limits: pd.DataFrame) -> pd.DataFrame:
    """Ceiling of the oxidation limit of each formula, in order.

    Args:
        limits: anion_group and limit_v, V against Li/Li+ (data/reference/anion_oxidation_limits.csv).

    Returns:
        formula; anion_group, the group that sets the ceiling, "" for metals, alloys and unreadable formulas;
        oxidation_ceiling_v, NaN for these.

    Raises:
        ValueError: If a group of a formula has no limit in the table, or `limits` lacks a column; all are named.
    """
    lacking = [name for name in ("anion_group", "limit_v") if name not in limits]
    if lacking:
        raise ValueError(f"the anion limits lack the column(s) {', '.join(lacking)}")
    limit_of = dict(zip(limits["anion_group"], limits["limit_v"].astype(float), strict=True))
    groups = [anion_groups(found) if found is not None else () for found in read_amounts(formulas)[0]]
    unknown = sorted({name for found in groups for name in found} - limit_of.keys())
    if unknown:
        raise ValueError(f"the anion limits hold no row for {', '.join(unknown)}")
    weakest = [min(found, key=lambda name: (limit_of[name], name)) if found else "" for found in groups]
    ceilings = [limit_of.get(name, np.nan) for name in weakest]
    return pd.DataFrame({"formula": list(formulas), "anion_group": weakest, "oxidation_ceiling_v": ceilings})
