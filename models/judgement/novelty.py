"""Whether a candidate is known, a variant of a known compound (which one), or new.

Known: its composition, within rounding, stands in a table of measurements, phases or compounds. A variant holds every
element of a known compound, on a lattice with as many cations per anion, and differs by a dopant, a partial
substitution or its lithium content. Anything else is new, whatever crystal type it was built in.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from ionsieve.features.chemistry.elements import ANIONS
from ionsieve.features.chemistry.formula import composition_key, parse_formula

COUNTED = frozenset(ANIONS) | {"H"}
# Where a candidate of a run's own making, or of a user's table, comes from; every other origin is a table of compounds.
UNVOUCHED = ("new", "table", "cifs", "substitution", "doping")
SAME = 0.01  # half the sum of differences of atomic fractions that rounding explains
# The same of a variant, among the cations (a third of titanium in LiTi2(PO4)3 by aluminium: 0.04) and among all atoms
# (half of the chlorine in Li3YCl6 by bromine: 0.30)
MAX_CATION_DISTANCE, MAX_DISTANCE = 0.05, 0.35
MAX_DOPANT_SHARE = {"cations": 1 / 3, "anions": 0.5}  # of elements the parent lacks; more makes a compound of its own
MAX_CATION_CHANGE = 0.10  # relative, of cations other than lithium per anion
MAX_LITHIUM_CHANGE = 0.10  # of lithium per anion


def novelty_table(candidates: pd.DataFrame, known_formulas: Iterable[str]) -> pd.DataFrame:
    """Novelty of every candidate.

    Args:
        candidates: Columns id, formula, origin ("new: …" where a crystal was made up) and about (for those, the
            parent crystal first).
        known_formulas: Formulas of compounds that exist, elements left out.

    Returns:
        id, novelty ("known", "variant", "new"), parent (formula of the compound it varies, or whose crystal type it
        has; "" for known ones), in the candidates' order.
    """
    compounds = [c for c in map(parse_formula, dict.fromkeys(known_formulas)) if len(c) > 1]
    keys = {composition_key(c) for c in compounds}
    by_elements: dict[frozenset[str], list[tuple[str, dict[str, float]]]] = {}
    for compound in compounds:
        fractions = _fractions(compound)
        by_elements.setdefault(frozenset(fractions), []).append((compound.reduced_formula, fractions))
    rows = []
    for formula, origin, about in zip(*(candidates[c] for c in ("formula", "origin", "about")), strict=True):
        composition = parse_formula(formula)
        vouched = isinstance(origin, str) and not origin.startswith(UNVOUCHED)
        if vouched or composition_key(composition) in keys:
            rows.append(("known", ""))
            continue
        distance, parent = _nearest(_fractions(composition), by_elements)
        if parent:
            rows.append(("known", "") if distance <= SAME else ("variant", parent))
        else:
            made = isinstance(origin, str) and origin.startswith("new") and isinstance(about, str)
            rows.append(("new", about.split(" ")[0] if made else ""))
    table = pd.DataFrame(rows, columns=["novelty", "parent"])
    table.insert(0, "id", candidates["id"].to_numpy())
    return table


def _fractions(composition: Mapping) -> dict[str, float]:
    atoms = sum(composition.values())
    return {element.symbol: float(amount) / atoms for element, amount in composition.items()}


def _nearest(
    fractions: Mapping[str, float], by_elements: Mapping[frozenset[str], list[tuple[str, dict[str, float]]]]
) -> tuple[float, str]:
    """(distance, formula) of the known compound this one varies; (inf, "") if it varies none."""
    here = frozenset(fractions)
    found = [(np.inf, "")]
    for elements, compounds in by_elements.items():
        if not elements <= here or not _few_dopants(fractions, here - elements):
            continue
        for name, parent in compounds:
            changes = {e: 0.5 * abs(fractions[e] - parent.get(e, 0.0)) for e in here}
            distance = sum(changes.values())
            cations = sum(change for e, change in changes.items() if e not in COUNTED)
            if cations <= MAX_CATION_DISTANCE and distance <= MAX_DISTANCE and _same_lattice(fractions, parent):
                found.append((distance, name))
    return min(found)


def _few_dopants(fractions: Mapping[str, float], dopants: frozenset[str]) -> bool:
    anions = {e: x for e, x in fractions.items() if e in COUNTED}
    cations = {e: x for e, x in fractions.items() if e not in COUNTED and e != "Li"}
    return all(
        sum(x for e, x in ions.items() if e in dopants) <= MAX_DOPANT_SHARE[kind] * sum(ions.values())
        for kind, ions in (("anions", anions), ("cations", cations))
    )


def _same_lattice(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    """Whether cations other than lithium, and lithium, per anion are nearly the same in both."""
    here, there = _per_anion(a), _per_anion(b)
    if here is None or there is None:
        return False
    return abs(here[0] - there[0]) <= MAX_CATION_CHANGE * there[0] and abs(here[1] - there[1]) <= MAX_LITHIUM_CHANGE


def _per_anion(fractions: Mapping[str, float]) -> tuple[float, float] | None:
    """(cations other than lithium, lithium) per anion; None without anions."""
    anions = sum(amount for element, amount in fractions.items() if element in COUNTED)
    lithium = fractions.get("Li", 0.0)
    return ((1.0 - anions - lithium) / anions, lithium / anions) if anions else None
