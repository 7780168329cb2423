"""Molecules and molecular ions in a formula: water, ammonium, nitrate, perchlorate, BF4, PF6 and their kind.

Such salts melt, sublime, dissolve or release gas where a ceramic would not, so no separator or coating is made of them.
Tables write most formulas reduced (LiClO4 as LiClO4, but LiH2PO4 as H2LiO4P), so besides groups written out as text the
composition itself is read: by charge balance (nitrogen above zero is a nitrate, chlorine above zero a chlorate) and by
counting how much oxygen the oxo-anions can hold (what is left over with more than one hydrogen each is water).

Deliberately not flagged, as they are ceramics or known solid conductors: hydroxides (LiOH, Li2OHCl), acid salts
(LiH2PO4, LiHSO4), borohydrides and closo-borates (LiBH4, Li2B12H12, LiCB11H12), amides and imides (LiNH2, Li2NH),
nitrides and oxynitrides (Li3N, Li2PO2N), carbodiimides (Li2CN2), carbonates, fluoroborates with a borate network
(Li2B6O9F2), fluorophosphates with whole PO4 or PO3F (LiAlPO4F, Li2PO3F), orthoperiodates (Li5IO6).
"""

import re
from collections.abc import Mapping

from ionsieve.features.chemistry.charges import average_charge, is_always_cation
from ionsieve.features.chemistry.elements import HALOGENS

TOLERANCE = 1e-6
TEXT_GROUPS: tuple[tuple[str, str], ...] = (
    (r"H2O(?![0-9.a-z])|\(OH2\)", "hydrate"),
    (r"NH4(?![0-9.])|ND4(?![0-9.])", "ammonium"),
    (r"\(NH3\)", "ammonia or hydrazine"),
    (r"\(NO[23]\)", "nitrate"),
    (r"\((Cl|Br)O[34]\)", "halate"),
    (r"\(BF4\)", "BF4"),
    (r"\(PF6\)", "PF6"),
    (r"\(HF2\)", "HF2"),
    (r"\(PO2F2\)", "PO2F2"),
    (r"\(CN\)|\(SCN\)|\(OCN\)", "cyanide"),
)
# oxygen that one atom binds in its ortho-anion, and the protons the anion takes up before it is a neutral acid
ORTHO_OXYGEN = {"P": 4, "As": 4, "S": 4, "Se": 4, "Te": 6, "C": 3, "N": 3, "Si": 4, "Cl": 4, "Br": 4, "I": 4}
ACID_PROTONS = {"P": 2, "As": 2, "S": 1, "Se": 1, "Te": 5, "C": 1}
# oxo-anions of metals, counted only at the metal's highest charge: oxygen bound, lowest average charge that counts
METAL_OXYGEN = {"V": (3, 4.5), "Cr": (4, 5.5), "Mo": (4, 5.5), "W": (4, 5.5)}


def molecular_groups(text: str, amounts: Mapping[str, float]) -> list[str]:
    """Names of the molecules and molecular ions in one formula, sorted; empty if none.

    Args:
        text: The formula as written.
        amounts: Its amount per element symbol, hydrogen isotopes as H.
    """
    found = {name for pattern, name in TEXT_GROUPS if re.search(pattern, text)}
    found |= _nitrogen_groups(amounts) | _halate(amounts) | _fluoro_anions(amounts) | _carbon_groups(amounts)
    if "nitrate" in found and "NH4" not in text:
        found.discard("ammonium")  # the hydrogen of a hydrated nitrate is that of its water
    if not found & {"ammonium", "ammonia or hydrazine", "organic", "sulfamate"}:
        found |= _water_or_acid(amounts, found)
    return sorted(found)


def _nitrogen_groups(amounts: Mapping[str, float]) -> set[str]:
    """Nitrate or nitrite (N above zero at any charge of the metals), azide, ammonium, ammonia, hydrazine, sulfamate."""
    nitrogen = amounts.get("N", 0.0)
    if not nitrogen:
        return set()
    found = set()
    charge = average_charge(amounts, "N", "highest")
    if "C" not in amounts and charge > -1 + TOLERANCE:
        found.add("nitrate" if charge > TOLERANCE and "O" in amounts else "azide or nitrogen halide")
    protons = amounts.get("H", 0.0)
    if "O" not in amounts and {"B", "Al"} & set(amounts) and protons:
        # hydrogen is H- on boron or aluminium and H+ on nitrogen, in the ratio of its average charge: LiBH4 . LiNH2
        # is an amide (two H+ per N), LiBH4 . NH3 holds ammonia (three)
        protons *= (1 + average_charge(amounts, "H")) / 2
    if protons >= (4 - TOLERANCE) * nitrogen:
        found.add("ammonium")
    elif "nitrate" not in found and protons > (2 + TOLERANCE) * nitrogen:
        found.add("ammonia or hydrazine")
    elif "nitrate" not in found and protons and {"S", "O"} <= set(amounts) and average_charge(amounts, "S") > 1:
        found.add("sulfamate")
    return found


def _halate(amounts: Mapping[str, float]) -> set[str]:
    """Chlorate, perchlorate, bromate, iodate: a halogen above zero at any charge of the metals; IO6 is no molecule."""
    oxygen = amounts.get("O", 0.0)
    for halogen in ("Cl", "Br", "I"):
        if not oxygen or halogen not in amounts or average_charge(amounts, halogen, "highest") <= TOLERANCE:
            continue
        if halogen != "I" or oxygen - amounts.get("H", 0.0) / 2 <= (4 + TOLERANCE) * amounts["I"]:
            return {"halate"}
    return set()


def _fluoro_anions(amounts: Mapping[str, float]) -> set[str]:
    """BF4, PF6 and SbF6 (which give off BF3, PF5, SbF5), PO2F2, SO3F and N(SO2F)2, HF2."""
    fluorine, hydrogen, oxygen = (amounts.get(e, 0.0) for e in ("F", "H", "O"))
    found = set()
    dry_oxygen = max(oxygen - hydrogen / 2, 0.0)
    for centre, ligands in (("B", 3), ("P", 6), ("As", 6), ("Sb", 6)):
        amount = amounts.get(centre, 0.0)
        if not amount or fluorine < (ligands - TOLERANCE) * amount or dry_oxygen >= (1 - TOLERANCE) * amount:
            continue
        if centre == "B" or average_charge(amounts, centre) > 4.5:  # Li3SbF6 with Sb3+ is an elpasolite
            found.add("BF4" if centre == "B" else f"{centre}F6")
    phosphorus, sulfur = amounts.get("P", 0.0), amounts.get("S", 0.0)
    if fluorine and phosphorus and TOLERANCE < dry_oxygen + amounts.get("N", 0.0) <= 2.5 * phosphorus:
        found.add("PO2F2")
    if sulfur and 0 < oxygen <= (3 + TOLERANCE) * sulfur and average_charge(amounts, "S", "highest") > 3:
        if any(halogen in amounts for halogen in HALOGENS):
            found.add("SO3F")
        elif oxygen <= (2 + TOLERANCE) * sulfur:
            found.add("SO2")
    if (
        fluorine
        and hydrogen
        and not {"O", "N", "C", "B"} & set(amounts)
        and average_charge(amounts, "H", "highest") > TOLERANCE
    ):
        found.add("HF2")
    return found


def _carbon_groups(amounts: Mapping[str, float]) -> set[str]:
    """Cyanides and their kin (fewer than two N per C), and organic carbon: below +4 beside O, H or F.

    Carbonates, carbides and closo-carborates (at least eight B per C) are neither.
    """
    carbon, nitrogen = amounts.get("C", 0.0), amounts.get("N", 0.0)
    if not carbon or amounts.get("B", 0.0) >= 8 * carbon:
        return set()
    if nitrogen:
        plain_carbodiimide = nitrogen >= (2 - TOLERANCE) * carbon and "H" not in amounts
        return set() if plain_carbodiimide else {"cyanide"} if "H" not in amounts else {"organic"}
    if {"O", "H", "F"} & set(amounts) and average_charge(amounts, "C", "lowest") < 3.5:
        return {"organic"}
    return set()


def _water_or_acid(amounts: Mapping[str, float], found: set[str]) -> set[str]:
    """Hydrate, or a molecule of neutral acid beside the salt (LiH5(PO4)2 = LiH2PO4 . H3PO4).

    Oxygen that the ortho-anions do not hold carries at most one hydrogen in a hydroxide; more is water. A borate with
    hydrogen is a hydrate or a hydroxoborate, which loses water alike. In an aluminosilicate whose framework is fully
    linked once the water is taken away, the hydrogen is water in its pores.
    """
    hydrogen, oxygen = amounts.get("H", 0.0), amounts.get("O", 0.0)
    if not hydrogen or not oxygen:
        return set()
    if "Si" in amounts:
        framework = amounts["Si"] + amounts.get("Al", 0.0)
        if "Al" in amounts and oxygen - hydrogen / 2 <= (2 + TOLERANCE) * framework:
            return {"hydrate"}
    elif "B" in amounts:
        return {"hydrate"}
    bound = {e: n for e, n in amounts.items() if e in ORTHO_OXYGEN and _is_centre(e, amounts, found)}
    held = sum(n * ORTHO_OXYGEN[e] for e, n in bound.items())
    if not bound:
        held = sum(
            amounts[e] * n
            for e, (n, least) in METAL_OXYGEN.items()
            if e in amounts and average_charge(amounts, e) > least
        )
    excess = oxygen - held
    if excess > TOLERANCE:
        return {"hydrate"} if hydrogen > excess + TOLERANCE else set()
    protons = sum(n * ACID_PROTONS.get(e, 0) for e, n in bound.items())
    acids_only = bound.keys() <= ACID_PROTONS.keys()
    return {"acid molecule"} if bound and acids_only and hydrogen > protons + TOLERANCE else set()


def _is_centre(element: str, amounts: Mapping[str, float], found: set[str]) -> bool:
    """Whether the element is the centre of an oxo-anion here, not an anion itself."""
    if element in HALOGENS:
        return "halate" in found
    if element == "N":
        return "nitrate" in found
    if element in ("S", "Se", "Te"):
        return average_charge(amounts, element, "highest") > 1 or not any(map(is_always_cation, amounts))
    return True
