"""Formal charges for every species of a structure: as given, else those of its composition (`charges`)."""

from pymatgen.core import Composition, Element, Species, Structure

from ionsieve.features.chemistry.charges import average_charges
from ionsieve.features.chemistry.elements import ATOMIC_NUMBER, HYDROGEN_ISOTOPES


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


def _symbol(species: Element | Species) -> str:
    """Element symbol, isotopes of hydrogen as hydrogen."""
    return "H" if species.symbol in HYDROGEN_ISOTOPES else species.symbol
