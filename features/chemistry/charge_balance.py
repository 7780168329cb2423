"""Whether a formula can be neutral with the usual oxidation states of its elements.

One state per element, the most electronegative one an anion; metals may be of mixed valence, that is have any average
between their lowest and highest usual state (pymatgen's common and ICSD states). Sums of charges are searched element
by element, so the time is bounded, unlike that of a search over all assignments.
"""

from collections.abc import Mapping
from functools import cache

from pymatgen.core import Element

RELATIVE_TOLERANCE = 0.005  # of the total negative charge: formulas are rounded ("Li0.33La0.56TiO3" is off by 0.2 %)


def is_charge_balanced(amounts: Mapping[str, float]) -> bool:
    """Whether the atoms of a formula (element symbol -> amount) can carry usual charges that add up to zero.

    A pure element is neutral as it is; an alloy, whose most electronegative element has no usual negative state, is
    not.
    """
    if len(amounts) == 1:
        return True
    anion = max(amounts, key=lambda s: (Element(s).X, s))
    sums = {0.0}
    lowest = highest = 0.0
    for symbol in sorted(amounts):
        n = amounts[symbol]
        states = usual_states(symbol, symbol == anion)
        if not states:
            return False
        if _is_mixed_valent(symbol) and symbol != anion:
            lowest += states[0] * n
            highest += states[-1] * n
        else:
            sums = {round(total + state * n, 6) for total in sums for state in states}
    allowance = RELATIVE_TOLERANCE * abs(usual_states(anion, True)[0]) * amounts[anion]
    return any(lowest - allowance <= -total <= highest + allowance for total in sums)


@cache
def usual_states(symbol: str, as_anion: bool) -> tuple[int, ...]:
    """Usual oxidation states in ascending order: the negative ones of an anion, otherwise those of a cation; a
    nonmetal that is not the anion may have either sign."""
    element = Element(symbol)
    states = set(element.common_oxidation_states) | set(element.icsd_oxidation_states)
    if as_anion:
        return tuple(sorted(int(q) for q in states if q < 0))
    if element.is_metal:
        return tuple(sorted(int(q) for q in states if q > 0))
    return tuple(sorted(int(q) for q in states if q != 0))


@cache
def _is_mixed_valent(symbol: str) -> bool:
    return bool(Element(symbol).is_metal)
