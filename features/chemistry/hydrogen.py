"""What hydrogen is in a formula: a hydride, bound to boron or nitrogen, or the proton of an acid salt.

Read from the composition alone, by the charge that balances hydrogen: -1 beside metals only (LiH, LiAlH4), +1 on
nitrogen and oxygen. Closo-borates (about one hydrogen per boron) are none of these: their anion is large and stable.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from pymatgen.core import Element

from ionsieve.features.chemistry.charges import average_charge, possible_charges

CLOSO_HYDROGEN_PER_BORON = 2.0  # B12H12 and B10H10 have one, B3H8 2.67, BH4 four
CHARGE_TOLERANCE = 0.05
EDGE = 1e-6  # so that a formula and its multiples fall on the same side of a threshold
# oxygen of the ortho-anion whose salts may keep a proton
ACID_OXYGEN = {"P": 4, "As": 4, "S": 4, "Se": 4, "Te": 6, "C": 3}


@dataclass(frozen=True)
class HydrogenKind:
    """hydride: hydrogen at -1 on metals or silicon. borohydride_or_amide: on boron (BH4, B3H8) or nitrogen (NH2, NH).
    acid_oxyanion: a proton on PO4, SO4, CO3 and their kin, and none elsewhere."""

    hydride: bool = False
    borohydride_or_amide: bool = False
    acid_oxyanion: bool = False


def hydrogen_kind(amounts: Mapping[str, float]) -> HydrogenKind:
    """What the hydrogen of one formula is; all false without hydrogen.

    Args:
        amounts: Amount per element symbol, hydrogen isotopes as H.
    """
    hydrogen = amounts.get("H", 0.0)
    if not hydrogen:
        return HydrogenKind()
    boron = 0.0 if "O" in amounts else amounts.get("B", 0.0)
    on_boron = bool(boron) and hydrogen > (CLOSO_HYDROGEN_PER_BORON + EDGE) * boron
    return HydrogenKind(
        hydride=_is_hydride(amounts, boron),
        borohydride_or_amide=on_boron or _is_amide(amounts),
        acid_oxyanion=_is_acid_oxyanion(amounts),
    )


def _is_hydride(amounts: Mapping[str, float], boron: float) -> bool:
    if "C" in amounts:
        return False
    others = amounts.keys() - {"H"}
    if all(Element(s).is_metal or s in ("Si", "Ge") for s in others):
        return bool(others)
    if boron:  # what exceeds BH4 sits on metals
        return "N" not in amounts and amounts["H"] > (4 + CHARGE_TOLERANCE + EDGE) * boron
    charges = _hydrogen_charges(amounts)
    return bool(charges) and max(charges) < -CHARGE_TOLERANCE - EDGE


def _hydrogen_charges(amounts: Mapping[str, float]) -> list[float]:
    """Charges between -1 and +1 that hydrogen takes for some usual charges of the other elements."""
    others = [(amounts[s], possible_charges(s, amounts)) for s in amounts if s != "H"]
    sums = {0.0}
    for amount, options in others:
        sums = {round(total + amount * q, 9) for total, q in itertools.product(sums, options)}
    charges = [-total / amounts["H"] for total in sums]
    return [q for q in charges if abs(q) <= 1 + CHARGE_TOLERANCE + EDGE]


def _is_amide(amounts: Mapping[str, float]) -> bool:
    """Nitrogen with hydrogen, unless the nitrogen is that of a nitrate."""
    return "N" in amounts and average_charge(amounts, "N", "highest") <= EDGE


def _is_acid_oxyanion(amounts: Mapping[str, float]) -> bool:
    """Whether all oxygen belongs to oxo-anions, so that hydrogen can only sit on them."""
    centres = [s for s in ACID_OXYGEN if s in amounts and average_charge(amounts, s) > 1 + EDGE]
    oxygen = amounts.get("O", 0.0)
    held = sum(amounts[s] * ACID_OXYGEN[s] for s in centres)
    return (
        bool(centres)
        and 0 < oxygen <= held * (1 + CHARGE_TOLERANCE + EDGE)
        and "N" not in amounts
        and "B" not in amounts
    )
