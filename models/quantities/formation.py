"""Formation energies from a potential's total energies: the corrections of the Materials Project, and the elements.

A potential learned on the Materials Project's calculations answers with their uncorrected PBE(+U) energies. PBE errs by
a constant per anion, and a +U energy does not compare with one without U: both are taken out by the library's scheme of
2020 (doi:10.1038/s41598-021-94550-5), fitted to measured enthalpies. Elements carry no correction in that scheme.
"""

from collections.abc import Mapping
from functools import cache

from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility
from pymatgen.core import Composition, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from ionsieve.features.chemistry.charges import average_charges


@cache
def _scheme() -> MaterialsProject2020Compatibility:
    return MaterialsProject2020Compatibility(check_potcar=False)


def anion_of(composition: Composition) -> str:
    """The most electronegative element: the class a compound is counted in."""
    return str(max(composition, key=lambda e: (e.X if e.X == e.X else 0.0, e.symbol)).symbol)


def hubbards(composition: Composition) -> dict[str, float]:
    """U in eV of each element that the scheme's calculations treat with one: oxides and fluorides of some metals."""
    settings = _scheme().u_settings.get(anion_of(composition), {})
    return {e.symbol: float(settings[e.symbol]) for e in composition if settings.get(e.symbol)}


def charges_or_none(composition: Composition) -> dict[str, float]:
    """Charges by the one policy; {} for alloys and whatever else does not balance as ions."""
    try:
        charges, note = average_charges(composition)
    except ValueError:
        return {}
    return {} if "leave" in note else charges


def correction_ev_atom(structure: Structure) -> float:
    """What the scheme adds to the energy of a crystal, eV/atom; 0 for elements.

    Peroxides, superoxides and sulfides with S-S bonds are recognised by the distances in the crystal.
    """
    composition = structure.composition
    parameters = {"hubbards": hubbards(composition), "software": "a potential"}
    entry = ComputedStructureEntry(
        structure,
        0.0,
        parameters=parameters | {"run_type": "GGA+U" if parameters["hubbards"] else "GGA"},
        data={"oxidation_states": charges_or_none(composition)},
    )
    total = sum(adjustment.value for adjustment in _scheme().get_adjustments(entry))
    return float(total) / len(structure)


def formation_energy_ev_atom(energy_ev_atom: float, structure: Structure, elements: Mapping[str, float]) -> float:
    """Formation energy of a crystal, eV/atom, elements at 0; NaN where an element has no energy.

    Args:
        energy_ev_atom: The potential's total energy.
        elements: Total energy of each element with the same potential, eV/atom.
    """
    fractions = structure.composition.fractional_composition.get_el_amt_dict()
    if len(fractions) == 1:
        return 0.0
    reference = sum(x * elements.get(symbol, float("nan")) for symbol, x in fractions.items())
    return energy_ev_atom + correction_ev_atom(structure) - reference
