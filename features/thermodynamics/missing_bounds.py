"""What compounds known to be missing could change: answers as intervals, from the set as it is to the set with them.

A compound that exists but has no energy lies, at its composition, at most as far below the hull of the others as known
compounds of its class do, a high quantile of their decomposition energies; and not so low that a compound beside it,
which is known to exist too, would fall apart into it. A second set holds every missing compound
there. Where both sets give the same answer the missing ones do not matter, whatever they are; elsewhere the truth lies
between the two answers, or the answer is unknown if they are far apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from pymatgen.core import Element

from ionsieve.features.thermodynamics.hull import hull_table, phase_set
from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    Amounts,
    PhaseSet,
    find_phase,
    read_amounts,
    reduced_name,
    system_mask,
    systems_within,
)
from ionsieve.features.thermodynamics.programs.linear_programs import solve_mixtures

STABLE_QUANTILE = 0.8  # of the margins of known compounds of a class
MIN_OF_CLASS = 8
NEIGHBOUR_EV_ATOM = 0.02  # a known compound beside a missing one may lie so far above the hull with it
# Intervals no wider than this are numbers: a tenth of a volt, a fiftieth of an electronvolt per atom.
NEGLIGIBLE_V = 0.1
NEGLIGIBLE_EV_ATOM = 0.02
NAMED = 3  # compounds named in one note; the rest are counted


@dataclass(frozen=True, eq=False)
class Completed:
    """The phases, and the same with every missing compound at its most stable plausible energy.

    Attributes:
        missing: Reduced names of the missing compounds in `with_missing`.
    """

    phases: PhaseSet
    with_missing: PhaseSet
    missing: frozenset[str]


def completed(phases: PhaseSet, known_missing: Sequence[str]) -> Completed:
    """Both sets; they are one object where nothing is missing. Remembered for the next call."""
    return _completed(phases, tuple(known_missing))


@lru_cache(maxsize=8)
def _completed(phases: PhaseSet, known_missing: tuple[str, ...]) -> Completed:
    absent = absent_compounds(phases, known_missing)
    if not absent:
        return Completed(phases, phases, frozenset())
    energies = lowest_plausible_ev_atom(phases, list(absent.values()))
    table = pd.DataFrame(
        {
            "formula": [*phases.formulas, *absent],
            "formation_energy_ev_atom": [*phases.energies, *energies],
            "thermo_set": phases.thermo_set,
        }
    )
    return Completed(phases, phase_set(table), frozenset(reduced_name(found)[0] for found in absent.values()))


def absent_compounds(phases: PhaseSet, known_missing: Sequence[str]) -> dict[str, Amounts]:
    """Those of the formulas that the phases lack and whose elements they cover; unreadable ones are passed over, and
    those with fractional amounts: a solid solution lies beside its ends, which count."""
    amounts, _ = read_amounts(list(known_missing))
    covered = {str(s) for s in phases.formulas[phases.fractions[:, 0] == 1.0]}
    return {
        formula: found
        for formula, found in zip(known_missing, amounts, strict=True)
        if found is not None
        and len(found) > 1
        and set(found) <= covered
        and find_phase(phases, found) < 0
        and all(amount.is_integer() for amount in found.values())
    }


def lowest_plausible_ev_atom(phases: PhaseSet, compositions: Sequence[Amounts]) -> np.ndarray:
    """(n,) hull energy of compositions that have none of their own, less the margin of their class, eV/atom, or what
    the compounds beside them allow, if that is higher.

    A class is whether it holds an anion, how many elements it has (5 and more are one), and by how many elements the
    products it would fall apart into are simpler: a ternary beside another ternary of its system is less of a step
    than the first ternary between two binaries, and that less than the first compound between elements.
    """
    margins, coarse = _margins(phases)
    solved = solve_mixtures(compositions, phases)
    names = [[phases.formulas[row] for row in rows if row >= 0] for rows in solved.ids]
    products = [read_amounts(row)[0] for row in names]
    margin = []
    for found, parts in zip(compositions, products, strict=True):
        key = _class_of(found, [part for part in parts if part is not None])
        margin.append(margins.get(key, coarse[key[2]]))
    allowed = [_neighbours_allow(phases, found, rows) for found, rows in zip(compositions, solved.ids, strict=True)]
    return np.minimum(np.fmax(solved.values - np.array(margin), allowed), solved.values)


def _neighbours_allow(phases: PhaseSet, amounts: Amounts, rows: np.ndarray) -> float:
    """Energy, eV/atom, below which one of the phases `rows` would lie more than NEIGHBOUR_EV_ATOM above the hull.

    A phase stays on the hull beside a compound if some chemical potentials at which it is stable give that compound no
    gain, so the compound's energy is at least the lowest that these potentials give its composition.
    """
    elements = sorted(ELEMENT_INDEX[s] for s in amounts)
    within = np.concatenate(
        [
            np.arange(phases.system_start[system], phases.system_start[system + 1])
            for system in systems_within(phases, system_mask(elements))
        ]
    )
    place = {element: k for k, element in enumerate(elements)}
    fractions = np.zeros((len(within), len(elements)))
    for row, (found, shares) in enumerate(zip(phases.elements[within], phases.fractions[within], strict=True)):
        for element, share in zip(found, shares, strict=True):
            if element >= 0:
                fractions[row, place[int(element)]] = share
    from scipy.optimize import linprog  # rarely needed here, and a third of a second to import

    own = np.array([amounts[symbol] for symbol in sorted(amounts, key=lambda s: ELEMENT_INDEX[s])])
    lowest = -np.inf
    for row in rows[rows >= 0]:
        at = int(np.flatnonzero(within == row)[0])
        limits, slopes = phases.energies[within].copy(), fractions.copy()
        limits[at], slopes[at] = NEIGHBOUR_EV_ATOM - phases.energies[row], -fractions[at]
        solved = linprog(own / own.sum(), A_ub=slopes, b_ub=limits, bounds=(None, None), method="highs")
        if solved.status == 0:
            lowest = max(lowest, float(solved.fun))
    return lowest


def _class_of(amounts: Amounts, products: Sequence[Amounts]) -> tuple[bool, int, int]:
    simpler = len(amounts) - max((len(part) for part in products), default=1)
    anion = any(not (Element(s).is_metal or Element(s).is_metalloid) for s in amounts)
    return anion, min(len(amounts), 5), min(simpler, 2)


def _margins(phases: PhaseSet) -> tuple[dict[tuple[bool, int, int], float], list[float]]:
    """Margin of each class, eV/atom, and of all compounds that are simpler by so much (0, 1, 2 elements)."""
    table = hull_table(list(phases.formulas), phases)
    stable = table[table["decomposition_energy_ev_atom"] < 0]
    amounts, _ = read_amounts(list(stable["formula"]))
    names = [[part.split()[-1] for part in text.split(" + ")] for text in stable["decomposition_products"]]
    keys = [
        _class_of(found or {}, [p for p in read_amounts(parts)[0] if p is not None])
        for found, parts in zip(amounts, names, strict=True)
    ]
    margin = -stable["decomposition_energy_ev_atom"].to_numpy()
    by_class = pd.Series(margin).groupby(pd.Series(keys, dtype=object))
    sizes = by_class.size()
    found = {key: float(part.quantile(STABLE_QUANTILE)) for key, part in by_class if sizes[key] >= MIN_OF_CLASS}
    steps = np.array([key[2] for key in keys])
    coarse = [float(np.quantile(margin[steps == k], STABLE_QUANTILE)) if (steps == k).any() else 0.0 for k in range(3)]
    return found, list(np.maximum.accumulate(coarse))


def bounds(present: pd.DataFrame, with_missing: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Intervals between two answers to the same questions.

    Args:
        columns: Column -> unit suffix of it ("reduction_limit_v" -> "_v").

    Returns:
        NAME_bound_low_UNIT and NAME_bound_high_UNIT per column; NaN where either answer is.
    """
    table = {}
    for column, unit in columns.items():
        ends = np.column_stack([present[column].to_numpy(float), with_missing[column].to_numpy(float)])
        unknown = np.isnan(ends).any(axis=1)
        for end, values in (("low", ends.min(axis=1)), ("high", ends.max(axis=1))):
            table[f"{column.removesuffix(unit)}_bound_{end}{unit}"] = np.where(unknown, np.nan, values)
    return pd.DataFrame(table, index=present.index)


def widths(table: pd.DataFrame, column: str, unit: str) -> np.ndarray:
    """(n,) width of a column's interval; 0 between infinite limits, NaN where there is none."""
    low, high = (table[f"{column.removesuffix(unit)}_bound_{end}{unit}"].to_numpy(float) for end in ("low", "high"))
    with np.errstate(invalid="ignore"):
        return np.where(low == high, 0.0, high - low)


def named_missing(products: Sequence[str], missing: frozenset[str]) -> list[str]:
    """The missing compounds among products written as "0.5 Li3P + Li2S", at most NAMED of them by name; "" for none."""
    found = [sorted({part.split()[-1] for part in text.split(" + ") if part} & missing) for text in products]
    return [
        ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "") for names in found
    ]
