"""Anion groups of a formula, read from the composition: sulfide, sulfate, phosphate, borohydride, oxide and their kin.

What an anion group gives up its electrons at is a property of the group far more than of the metals beside it
(doi:10.1021/acsami.5b07517), so that the most easily oxidised group bounds the oxidation limit of a compound.
"""

from collections.abc import Mapping

from ionsieve.features.chemistry.charges import average_charge
from ionsieve.features.chemistry.elements import HALOGENS
from ionsieve.features.chemistry.hydrogen import CLOSO_HYDROGEN_PER_BORON, EDGE, hydrogen_kind

HALIDES = {"F": "fluoride", "Cl": "chloride", "Br": "bromide", "I": "iodide"}
# anion, and name of the oxo-anion with the centre near its highest charge and below it
CHALCOGENIDES = {
    "S": ("sulfide", "sulfate", "sulfite"),
    "Se": ("selenide", "selenate", "selenite"),
    "Te": ("telluride", "oxide", "oxide"),
}
PNICTIDES = {"P": "phosphide", "As": "arsenide"}
OXO_CENTRES = {"P": ("phosphate", 4), "B": ("borate", 3), "C": ("carbonate", 3), "Si": ("silicate", 4)}
OXYGEN_HELD = {"sulfate": 4, "selenate": 4, "sulfite": 3, "selenite": 3, "nitrate": 3, "halate": 4}
PEROXIDE_CHARGE = -1.5  # average charge of oxygen above which O-O bonds must exist
HIGH_CHARGE = 4.5  # of a chalcogen: sulfate above, sulfite below
ORGANIC_CHARGE = 3.5  # of carbon beside oxygen: oxalates and their like below


def anion_groups(amounts: Mapping[str, float]) -> tuple[str, ...]:
    """Names of the anion groups of one formula, sorted; empty for metals and alloys.

    Oxygen belongs to the oxo-anions as far as they can hold it (four per P, three per B); what is left is "oxide".

    Args:
        amounts: Amount per element symbol, hydrogen isotopes as H.
    """
    found = _hydrogen_groups(amounts) | _halogen_groups(amounts) | _chalcogen_groups(amounts)
    found |= _nitrogen_groups(amounts) | _pnictide_groups(amounts)
    return tuple(sorted(found | _oxygen_groups(amounts, found)))


def _hydrogen_groups(amounts: Mapping[str, float]) -> set[str]:
    hydrogen, boron = amounts.get("H", 0.0), amounts.get("B", 0.0)
    found = {"hydride"} if hydrogen_kind(amounts).hydride else set()
    if hydrogen and boron and "O" not in amounts:
        on_clusters = hydrogen <= (CLOSO_HYDROGEN_PER_BORON + EDGE) * boron
        found.add("closo-borate" if on_clusters else "borohydride")
    return found


def _halogen_groups(amounts: Mapping[str, float]) -> set[str]:
    """Halides, or halates where the halogen is above zero at any charge of the metals."""
    found = set()
    for symbol in HALOGENS & amounts.keys():
        is_centre = symbol != "F" and "O" in amounts and average_charge(amounts, symbol, "highest") > EDGE
        found.add("halate" if is_centre else HALIDES[symbol])
    return found


def _chalcogen_groups(amounts: Mapping[str, float]) -> set[str]:
    found = set()
    for symbol, (anion, high, low) in CHALCOGENIDES.items():
        if symbol not in amounts:
            continue
        charge = average_charge(amounts, symbol)
        if {"O", "F"} & amounts.keys() and charge > 1 + EDGE:
            found.add(high if charge > HIGH_CHARGE else low)
        else:
            found.add(anion)
    return found


def _nitrogen_groups(amounts: Mapping[str, float]) -> set[str]:
    if "N" not in amounts:
        return set()
    charge = average_charge(amounts, "N", "highest")
    if charge > EDGE and "O" in amounts:
        return {"nitrate"}
    if "C" in amounts:
        return {"cyanide"}
    if charge > -1 + EDGE:
        return {"azide"}
    if "H" in amounts:  # three protons and more per nitrogen are ammonia or ammonium, as is nitrogen beside oxygen
        return {"ammonium" if "O" in amounts or amounts["H"] > (2 + EDGE) * amounts["N"] else "amide"}
    # nitrogen bound to P5+ is harder to oxidise than an ionic nitride
    return {"nitridophosphate" if "P" in amounts else "nitride"}


def _pnictide_groups(amounts: Mapping[str, float]) -> set[str]:
    return {name for s, name in PNICTIDES.items() if s in amounts and average_charge(amounts, s) < 0}


def _oxygen_groups(amounts: Mapping[str, float], others: set[str]) -> set[str]:
    oxygen = amounts.get("O", 0.0)
    if not oxygen:
        return set()
    if average_charge(amounts, "O", "highest") > PEROXIDE_CHARGE and not others & OXYGEN_HELD.keys():
        return {"peroxide"}
    found, held = set(), 0.0
    for symbol, (name, n) in OXO_CENTRES.items():
        if symbol not in amounts or PNICTIDES.get(symbol) in others:
            continue
        if symbol == "C" and average_charge(amounts, "C", "lowest") < ORGANIC_CHARGE:
            name = "organic"
        held += n * amounts[symbol]
        found.add(name)
    for symbol, (_, *oxo) in CHALCOGENIDES.items():
        held += sum(OXYGEN_HELD.get(name, 0) * amounts.get(symbol, 0.0) for name in others & set(oxo))
    held += OXYGEN_HELD["nitrate"] * amounts.get("N", 0.0) * ("nitrate" in others)
    held += OXYGEN_HELD["halate"] * sum(amounts.get(s, 0.0) for s in ("Cl", "Br", "I")) * ("halate" in others)
    return found | ({"oxide"} if oxygen > held * (1 + EDGE) else set())
