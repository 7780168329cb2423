"""Formal charges for every species of a structure: as given, else balanced over the composition.

The search is bounded by the number of combinations tried, not by a clock: no result depends on the machine.
"""

from collections.abc import Mapping

import numpy as np
from pymatgen.core import Composition, Element, Species, Structure

from ionsieve.features.chemistry.charge_states import NEUTRAL_E_ATOM, charge_states
from ionsieve.features.chemistry.elements import ATOMIC_NUMBER, HYDROGEN_ISOTOPES, oxidation_states, padded_fractions

CHALCOGENS = frozenset({"O", "S", "Se"})
HALOGENS = frozenset({"Cl", "Br", "I"})
OXIDIZERS_OF_HALOGENS = frozenset({"O", "F"})
OXIDISED_BY_CHALCOGENS = ("P", "As", "Sb", "Si", "Ge", "Sn", "B")


def assign_oxidation_states(structure: Structure) -> tuple[Structure, str]:
    """A copy of the structure whose species all carry an oxidation state.

    States that the structure gives are kept. Otherwise every element gets its most plausible whole charge (charge
    balance first, then frequency in the ICSD); what then remains goes to the metals of variable charge as a fraction
    of a charge, and what they cannot take stays as an imbalance.

    Returns:
        The structure, and "" or in words: that a charge is an average, or how far from neutral the structure is.

    Raises:
        ValueError: If an element forms no ions or a species is no element, naming it.
    """
    given = [getattr(species, "oxi_state", None) for site in structure for species in site.species]
    if all(state is not None for state in given) and any(given):
        return structure.copy(), ""
    strangers = sorted(
        {s.symbol for site in structure for s in site.species} - ATOMIC_NUMBER.keys() - HYDROGEN_ISOTOPES
    )
    if strangers:
        raise ValueError(f"{', '.join(strangers)} is not an element.")
    composition = Composition(structure.composition.get_el_amt_dict())
    states, note = average_charges(composition)
    decorated = structure.copy()
    decorated.remove_oxidation_states()
    for index, site in enumerate(decorated):
        # Set by hand: pymatgen's own method drops the occupancies' order and refuses some isotopes.
        species = {Species(_symbol(el), states[_symbol(el)]): amount for el, amount in site.species.items()}
        decorated.replace(index, species, properties=site.properties)
    return decorated, note


def average_charges(composition: Composition) -> tuple[dict[str, float], str]:
    """Charge of each element of a composition, whole where that balances it, and a note as above."""
    formulas = padded_fractions([composition])
    numbers = [int(z) for z in formulas.atomic_number[0] if z]
    ionless = [Element.from_Z(z).symbol for z in numbers if not oxidation_states(z)]
    if ionless:
        raise ValueError(f"{', '.join(ionless)} has no known oxidation state.")
    if len(numbers) == 1:
        raise ValueError("an element alone has no charges to balance.")
    whole, _ = charge_states(formulas)
    symbols = [Element.from_Z(z).symbol for z in numbers]
    charges = _plausible_signs(dict(zip(symbols, whole[0].tolist(), strict=False)))
    shares = dict(zip(symbols, formulas.fraction[0].tolist(), strict=False))
    imbalance = sum(charges[s] * shares[s] for s in symbols)
    if abs(imbalance) <= NEUTRAL_E_ATOM:
        return charges, ""
    shifted = _average_over_variable(charges, shares, imbalance)
    rest = sum(shifted[s] * shares[s] for s in shifted)
    moved = [f"{s} {shifted[s]:+.2f}" for s in sorted(shifted) if shifted[s] != charges[s]]
    words = [f"average charge of {', '.join(moved)}"] if moved else []
    if abs(rest) > NEUTRAL_E_ATOM:
        words.append(f"charges leave {rest:+.2f} e/atom")
    return shifted, "; ".join(words)


def _plausible_signs(charges: Mapping[str, float]) -> dict[str, float]:
    """The same charges without signs that only a miscounted lithium content asks for.

    Phosphorus and its like are never anions beside O, S or Se; chlorine, bromine and iodine are cations only beside O
    or F.
    """
    plausible = {symbol: float(charge) for symbol, charge in charges.items()}
    for symbol, charge in charges.items():
        if symbol in HALOGENS and charge > 0 and not OXIDIZERS_OF_HALOGENS & charges.keys():
            plausible[symbol] = -1.0
        if symbol in OXIDISED_BY_CHALCOGENS and charge < 0 and CHALCOGENS & charges.keys():
            plausible[symbol] = float(next(q for q, _ in oxidation_states(ATOMIC_NUMBER[symbol]) if q > 0))
    return plausible


def _average_over_variable(
    charges: Mapping[str, float], shares: Mapping[str, float], imbalance: float
) -> dict[str, float]:
    """Move the charges of metals with several states towards neutrality, the least change first."""
    shifted = dict(charges)
    rest = imbalance
    ranges: dict[str, tuple[float, float]] = {}
    for symbol, charge in charges.items():
        states = [q for q, _ in oxidation_states(ATOMIC_NUMBER[symbol]) if q * charge > 0]
        if charge > 0 and len(states) > 1 and Element(symbol).is_metal:
            ranges[symbol] = (float(min(states)), float(max(states)))
    for symbol in sorted(ranges, key=lambda s: (abs(rest) / shares[s], s)):
        low, high = ranges[symbol]
        target = float(np.clip(shifted[symbol] - rest / shares[symbol], low, high))
        rest += (target - shifted[symbol]) * shares[symbol]
        shifted[symbol] = target
        if abs(rest) <= 1e-9:
            break
    return shifted


def _symbol(species: Element | Species) -> str:
    """Element symbol, isotopes of hydrogen as hydrogen."""
    return "H" if species.symbol in HYDROGEN_ISOTOPES else species.symbol
