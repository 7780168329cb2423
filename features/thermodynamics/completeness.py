"""Whether a set of phases describes a chemical system well enough for hull distances and windows in it to be known.

A missing phase draws the hull too high: every compound of its system then looks more stable and its window wider than
it is (without a scandium sulfide LiScS2 seems to last to 7 V). What is known to exist and is not in the set makes the
answer unknown, not good.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from ionsieve.features.chemistry.binaries import forms_binary
from ionsieve.features.thermodynamics.hull import answerable
from ionsieve.features.thermodynamics.known_missing import lacking
from ionsieve.features.thermodynamics.phase_set import (
    ELEMENT_INDEX,
    Amounts,
    PhaseSet,
    find_phase,
    system_mask,
    systems_within,
)


def hull_complete(
    formulas: Sequence[str], phases: PhaseSet, known_missing: Sequence[str], mobile_ion: str = "Li"
) -> np.ndarray:
    """(n,) whether the phases describe each formula's system well enough: no reason against it is found."""
    return np.array(
        [not reason for reason in hull_incomplete_reason(formulas, phases, known_missing, mobile_ion)], bool
    )


def hull_incomplete_reason(
    formulas: Sequence[str], phases: PhaseSet, known_missing: Sequence[str], mobile_ion: str = "Li"
) -> list[str]:
    """Why the hull of each formula's system with the mobile ion cannot be trusted, "" where nothing speaks against it.

    The formula cannot be answered; no other phase has all its elements but one (of two elements: the system has no
    compound); two of its elements form stable binaries in nature (`chemistry.binaries`) and the set holds none; a
    compound of the system is listed as missing and still is. Whether that compound could matter is asked in
    `bounded_answers`; those who ask there give none here.
    """
    amounts, notes = answerable(formulas, phases)
    lacks = lacking([(formula, mobile_ion) for formula in formulas], phases, known_missing)
    pairs_of: dict[frozenset[str], str] = {}
    reasons = []
    for found, note, lack in zip(amounts, notes, lacks, strict=True):
        if found is None:
            reasons.append(note or "the formula cannot be answered")
            continue
        elements = frozenset(found) | {mobile_ion}
        if elements not in pairs_of:
            pairs_of[elements] = ", ".join("-".join(pair) for pair in unfilled_pairs(elements, phases))
        unexplored = "" if _explored(found, phases) else "no other phase has all of its elements but one"
        pairs = f"the phases hold no compound of {pairs_of[elements]}" if pairs_of[elements] else ""
        compounds = f"the phases lack {lack}" if lack else ""
        reasons.append("; ".join(filter(None, [unexplored, pairs, compounds])))
    return reasons


def unfilled_pairs(elements: frozenset[str], phases: PhaseSet) -> list[tuple[str, str]]:
    """Pairs of the elements that form stable binaries in nature and have none in the set, in alphabetical order."""
    return [
        (a, b)
        for a, b in itertools.combinations(sorted(elements), 2)
        if forms_binary(a, b) and system_mask([ELEMENT_INDEX[a], ELEMENT_INDEX[b]]) not in phases.system_of
    ]


def _explored(found: Amounts, phases: PhaseSet) -> bool:
    mask = system_mask(ELEMENT_INDEX[s] for s in found)
    n = mask.bit_count()
    if n == 1:
        return True
    own = find_phase(phases, found) if n > 2 else -1
    for system in systems_within(phases, mask):
        first, last = phases.system_start[system], phases.system_start[system + 1]
        size = int((phases.elements[first] >= 0).sum())
        if size >= max(n - 1, 2) and (last - first > 1 or first != own):
            return True
    return False
