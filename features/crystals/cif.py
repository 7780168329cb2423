"""CIF text to a pymatgen Structure, with one clear error for everything that can be wrong with it."""

import warnings

import numpy as np
from pymatgen.core import DummySpecies, PeriodicSite, Structure
from pymatgen.io.cif import CifParser

# Occupancies refined freely can exceed 1 by their uncertainty; up to here a site is scaled back to full.
OCCUPANCY_TOLERANCE = 1.05

# No two atoms come closer: the shortest bond of all is H-H, 0.74 Å. Sites nearer than this must exclude each other, so
# their occupancies sum to at most 1; refined split sites of lithium are published with sums up to 1.1.
OVERLAP_ANGSTROM = 0.7
OVERLAP_OCCUPANCY = 1.2

LONGEST_REASON = 300


def parse_cif(text: str, where: str) -> Structure:
    """Structure of a CIF, conventional cell as written, partial occupancies kept; a CIF without lithium is no error.

    Of several data blocks with a structure the first is taken. What pymatgen corrected on the way (coordinates rounded
    to special positions, occupancies scaled) is listed in `structure.properties["cif_notes"]`, not printed.

    Args:
        where: File or row the text comes from, named in the error.

    Raises:
        ValueError: If the text is empty or no text, holds no structure pymatgen can read (the reason and its type are
            given), names an unknown element, or two sites overlap that are too occupied to be alternatives.
    """
    if not text.strip():
        raise ValueError(f"{where}: the CIF is empty")
    if "\x00" in text:
        raise ValueError(f"{where}: this is a binary file, not a CIF")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parser = CifParser.from_str(text, occupancy_tolerance=OCCUPANCY_TOLERANCE)
            structures = parser.parse_structures(primitive=False)
        except Exception as error:
            # pymatgen's parser fails in many ways on broken files; whatever it is, this one file is set aside.
            reasons = "; ".join([f"{type(error).__name__}: {error}", *_messages(caught)])
            raise ValueError(f"{where}: the CIF cannot be read ({_shortened(reasons)})") from error
    structure = structures[0]
    unknown = sorted({str(species) for species in structure.composition if isinstance(species, DummySpecies)})
    if unknown:
        raise ValueError(f"{where}: the CIF names no known element in {', '.join(unknown)}")
    overlap = _overlap(structure)
    if overlap:
        raise ValueError(f"{where}: {overlap}")
    notes = _messages(caught)
    if len(structures) > 1:
        notes.append(f"the first of {len(structures)} structures is used")
    structure.properties["cif_notes"] = notes
    return structure


def _messages(caught: list[warnings.WarningMessage]) -> list[str]:
    """Text of the distinct warnings that concern the file, in order; pymatgen repeats them all in a last one."""
    texts: list[str] = []
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            texts += str(warning.message).removeprefix("Issues encountered while parsing CIF: ").splitlines()
    return [_shortened(text) for text in dict.fromkeys(texts)]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _overlap(structure: Structure) -> str:
    """Sentence on the first pair of sites that overlap although their occupancies sum to more than one; "" if none."""
    first, second, _, distance = structure.get_neighbor_list(OVERLAP_ANGSTROM)
    occupancy = np.array([site.species.num_atoms for site in structure])
    clash = (first <= second) & (occupancy[first] + occupancy[second] > OVERLAP_OCCUPANCY)
    if not clash.any():
        return ""
    k = int(np.flatnonzero(clash)[0])
    a, b = (structure[int(i)] for i in (first[k], second[k]))
    return (
        f"sites {a.species_string} at {_position(a)} and {b.species_string} at {_position(b)} overlap: "
        f"{distance[k]:.2f} Å apart, together occupied {occupancy[first[k]] + occupancy[second[k]]:.2f} times"
    )


def _position(site: PeriodicSite) -> str:
    return "(" + ", ".join(f"{x:.3f}" for x in site.frac_coords) + ")"
