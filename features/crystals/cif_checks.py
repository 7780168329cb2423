"""Whether the numbers of a CIF's block, or of a crystal, can be a crystal: asked before any native code sees them.

spglib and other compiled code end the process on a cell that is nan, infinite or flat, and nobody's crystal is 400,000
sites. Each check gives a sentence that names the value and what is expected, "" where nothing is wrong.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from pymatgen.core import DummySpecies, PeriodicSite, Structure
from pymatgen.core.operations import SymmOp

from ionsieve.features.chemistry.formula import parse_formulas

# The shortest translation of any crystal is above 2 Å; the longest edges published for inorganic crystals are below
# 200 Å.
SHORTEST_ANGSTROM, LONGEST_ANGSTROM = 1.0, 500.0
# Sites of a cell: symmetry and neighbours of 2,000 take seconds.
MAX_SITES = 2000
# The largest space groups have 192 operations on their conventional cell; supercells list more.
MAX_OPERATIONS = 500
# Fractional coordinates belong between 0 and 1; refined ones and those of neighbouring cells lie a little beyond.
MAX_FRACTIONAL = 10.0
# Occupancies refined freely can exceed 1 by their uncertainty; up to here a site is scaled back to full.
OCCUPANCY_TOLERANCE = 1.05
# Diamond, the densest of crystals in atoms, has 5.7 Å³ for each.
SMALLEST_ANGSTROM3_PER_ATOM = 2.0

# No two atoms come closer: the shortest bond of all is H-H, 0.74 Å. Sites nearer than this must exclude each other, so
# their occupancies sum to at most 1; refined split sites of lithium are published with sums up to 1.1.
OVERLAP_ANGSTROM = 0.7
OVERLAP_OCCUPANCY = 1.2

# A file's own formula and cell volume differ from its sites and cell by rounding up to the first, by an oversight up
# to the second; beyond, one of the two is wrong.
ROUNDED, CONTRADICTED = 0.01, 0.1
# Occupancies are given to two or three digits.
FULL = 1.001

LENGTHS = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
ANGLES = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
COORDINATES = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
OPERATIONS = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")

Block = Mapping[str, Any]  # values of one data block by name, columns of a loop as lists of text


def number(value: object) -> float:
    """A CIF's number without its uncertainty in brackets; nan where it is none ("?", ".", text)."""
    text = value[0] if isinstance(value, list) and len(value) == 1 else value
    try:
        return float(re.sub(r"\(.+\)*", "", text)) if isinstance(text, str) else math.nan
    except ValueError:
        return math.nan


def block_fault(block: Block) -> str:
    """What makes the numbers of one block no crystal: its cell, its operations or its sites."""
    given = [name for name in (*LENGTHS, *ANGLES) if name in block]
    for name in given:
        if not math.isfinite(number(block[name])):
            return f"{name} is {_shown(block[name])}, no finite number"
    cell = ""
    if len(given) == len(LENGTHS) + len(ANGLES):
        cell = cell_fault([number(block[n]) for n in LENGTHS], [number(block[n]) for n in ANGLES])
    return cell or _operations_fault(block) or _sites_fault(block)


def cell_fault(lengths_angstrom: Sequence[float], angles_deg: Sequence[float]) -> str:
    """What makes six lattice parameters no cell of a crystal."""
    for name, length in zip("abc", lengths_angstrom, strict=True):
        if not SHORTEST_ANGSTROM <= length <= LONGEST_ANGSTROM:
            return (
                f"the cell's edge {name} is {length:g} Å; an edge from {SHORTEST_ANGSTROM:g} to {LONGEST_ANGSTROM:g} Å "
                "is expected"
            )
    shown = ", ".join(f"{angle:g}°" for angle in angles_deg)
    if not all(0 < angle < 180 for angle in angles_deg):
        return f"the cell's angles {shown} do not all lie between 0 and 180°"
    cosines = np.cos(np.radians(angles_deg))
    squared = 1.0 - (cosines**2).sum() + 2.0 * cosines.prod()
    if squared <= 0:
        return f"the cell's angles {shown} do not close"
    planes = np.array(lengths_angstrom) * math.sqrt(squared) / np.sin(np.radians(angles_deg))
    if planes.min() < SHORTEST_ANGSTROM:
        return f"the cell is flat: with angles {shown} its faces are {planes.min():.2g} Å apart"
    return ""


def _operations_fault(block: Block) -> str:
    """Symmetry operations that cannot be read are otherwise passed over, and the crystal is another one."""
    for name in OPERATIONS:
        operations = _column(block, name)
        if len(operations) > MAX_OPERATIONS:
            return f"it lists {len(operations):,} symmetry operations; the limit is {MAX_OPERATIONS}"
        for text in operations:
            if not _is_operation(text):
                return f"the symmetry operation {text!r} cannot be read"
    return ""


@lru_cache(maxsize=4096)  # the same few in every file
def _is_operation(text: str) -> bool:
    try:
        rotation = SymmOp.from_xyz_str(text).rotation_matrix
    except (ValueError, ZeroDivisionError, OverflowError, IndexError):
        return False
    whole = bool(np.isin(rotation, (-1.0, 0.0, 1.0)).all())
    return whole and abs(abs(np.linalg.det(rotation)) - 1.0) < 1e-6


def _sites_fault(block: Block) -> str:
    """Sites without a finite coordinate or occupancy; the parser reads "." as 0 and an unreadable occupancy as 1."""
    labels = _column(block, "_atom_site_label")
    n_rows = max(len(_column(block, name)) for name in COORDINATES)
    if n_rows > MAX_SITES:
        return f"it lists {n_rows:,} atoms; the limit is {MAX_SITES:,}"
    for name in COORDINATES:
        for k, value in enumerate(_column(block, name)):
            if not abs(number(value)) <= MAX_FRACTIONAL:
                return f"{name} of {_label(labels, k)} is {_shown(value)}; a fraction of the cell's edge is expected"
    for k, value in enumerate(_column(block, "_atom_site_occupancy")):
        if not 0.0 <= number(value) <= OCCUPANCY_TOLERANCE and value != "?":
            return f"the occupancy of {_label(labels, k)} is {_shown(value)}; a share from 0 to 1 is expected"
    return ""


def _column(block: Block, name: str) -> list[str]:
    """Values of a loop's column; one value alone where there is no loop."""
    values = block.get(name, [])
    return [values] if isinstance(values, str) else list(values)


def _label(labels: list[str], k: int) -> str:
    return labels[k] if k < len(labels) else f"atom {k + 1}"


def _shown(value: object) -> str:
    return repr(value[0] if isinstance(value, list) and len(value) == 1 else value)[:40]


def structure_fault(structure: Structure) -> str:
    """What makes a structure, read from a CIF or elsewhere, none that can be worked with."""
    if not len(structure):
        return "it holds no atoms"
    if len(structure) > MAX_SITES:
        return f"its cell holds {len(structure):,} sites; the limit is {MAX_SITES:,}"
    cell = cell_fault(structure.lattice.abc, structure.lattice.angles)
    if cell:
        return cell
    if not (np.abs(structure.frac_coords) <= MAX_FRACTIONAL).all():
        return "a coordinate is not finite, or far outside the cell"
    unknown = sorted({str(species) for species in structure.composition if isinstance(species, DummySpecies)})
    if unknown:
        return f"it names no known element in {', '.join(unknown)}"
    amounts = np.array([amount for site in structure for amount in site.species.values()])
    if not ((amounts > 0) & (amounts <= OCCUPANCY_TOLERANCE)).all():
        return "an occupancy is not above 0 and up to 1"
    share = structure.lattice.volume / structure.composition.num_atoms
    if share < SMALLEST_ANGSTROM3_PER_ATOM:
        return f"its atoms have {share:.2g} Å³ each; in no crystal they have less than {SMALLEST_ANGSTROM3_PER_ATOM:g}"
    return _overlap(structure)


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


def contradictions(block: Block, structure: Structure) -> list[tuple[str, bool]]:
    """(sentence, whether it is grave) for the file's own formula and cell volume that its sites and cell contradict."""
    found = [_formula_contradiction(block, structure), _volume_contradiction(block, structure)]
    return [(text, grave) for text, grave in found if text]


def _formula_contradiction(block: Block, structure: Structure) -> tuple[str, bool]:
    stated = block.get("_chemical_formula_sum")
    stated = stated[0] if isinstance(stated, list) and stated else stated
    if not isinstance(stated, str) or stated.strip() in ("", "?", "."):
        return "", False
    composition = parse_formulas([stated])[0][0]
    if composition is None:
        return f"its _chemical_formula_sum {stated!r} cannot be read", False
    ours, theirs = (c.element_composition.get_el_amt_dict() for c in (structure.composition, composition))
    said = (
        f"its sites make {structure.composition.element_composition.formula}, its _chemical_formula_sum says {stated}"
    )
    if ours.keys() != theirs.keys():
        return said, True
    ratios = [ours[symbol] / theirs[symbol] for symbol in ours]
    spread = max(ratios) / min(ratios) - 1.0
    return (said, spread > CONTRADICTED) if spread > ROUNDED else ("", False)


def _volume_contradiction(block: Block, structure: Structure) -> tuple[str, bool]:
    stated, volume = number(block.get("_cell_volume")), structure.lattice.volume
    if not math.isfinite(stated) or stated <= 0:
        return "", False
    off = max(volume / stated, stated / volume) - 1.0
    said = f"its cell has {volume:.1f} Å³, its _cell_volume says {stated:g}"
    return (said, off > CONTRADICTED) if off > ROUNDED else ("", False)


def overfull_sites(block: Block) -> list[str]:
    """A sentence for each position whose occupancies sum to more than one: the parser scales them to one."""
    rows = zip(*(_column(block, name) for name in (*COORDINATES, "_atom_site_occupancy")), strict=False)
    sums: dict[tuple[float, ...], float] = {}
    names: dict[tuple[float, ...], list[str]] = {}
    labels = _column(block, "_atom_site_label")
    for k, (*position, occupancy) in enumerate(rows):
        at = tuple(round(number(x) % 1.0, 4) % 1.0 for x in position)
        sums[at] = sums.get(at, 0.0) + (1.0 if occupancy == "?" else number(occupancy))
        names.setdefault(at, []).append(_label(labels, k))
    return [
        f"the occupancies of {' and '.join(names[at])} sum to {total:.4g}; scaled to 1"
        for at, total in sums.items()
        if total > FULL
    ]
