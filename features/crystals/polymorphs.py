"""Whether two descriptions of one composition are the same polymorph, an ordering of the other, or another crystal.

A disordered crystal and its ordered supercells are one material to whoever measures it: Li6PS5Cl is refined in F-43m
and calculated in R3 or Cc, Li3YCl6 in P-3m1 and in C2. Tetragonal Li7La3Zr2O12 is not an ordering of the cubic garnet
in this sense: its cell is distorted (c/a = 0.96), and it conducts a hundred times less.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.symmetry.groups import SpaceGroup

from ionsieve.features.chemistry.formula import parse_formula
from ionsieve.features.crystals.lattice import LATTICE_COLUMNS, space_group_symbol

# Published and calculated cells of one crystal differ by up to 1.5 %; the distortion of tetragonal Li7La3Zr2O12 is
# 2.4 % along c, that between beta- and gamma-Li3PS4 3.8 %.
STRAIN_TOLERANCE = 0.02
SEARCHED_LENGTHS, SEARCHED_ANGLES_DEG = 0.03, 3.0  # mappings looked at: wider than that
LARGEST_SUPERCELL = 16  # lattice points; beyond, some vectors of any lattice span any cell
VOLUME_TOLERANCE = 0.10  # alpha- and beta-Li3N, both hexagonal, differ by a quarter
SITE_TOLERANCE = 0.3  # of the mean free length per atom, pymatgen's own
SPLIT_SITES_ANGSTROM = 0.8  # partly occupied positions nearer than this are one atom

SAME_GROUP = "same composition and space group"
SAME_FRAMEWORK = "framework matches"
SAME_PARENT = "same composition; one is an ordering of the other"

# Maximal subgroups of the crystal classes (International Tables for Crystallography, volume A, section 3.2.1).
SUBCLASSES = {
    "1": "", "-1": "1", "2": "1", "m": "1", "2/m": "2 m -1", "222": "2", "mm2": "2 m", "mmm": "222 mm2 2/m",
    "4": "2", "-4": "2", "4/m": "4 -4 2/m", "422": "4 222", "4mm": "4 mm2", "-42m": "-4 222 mm2",
    "4/mmm": "4/m 422 4mm -42m mmm", "3": "1", "-3": "3 -1", "32": "3 2", "3m": "3 m", "-3m": "-3 32 3m 2/m",
    "6": "3 2", "-6": "3 m", "6/m": "6 -6 -3 2/m", "622": "6 32 222", "6mm": "6 3m mm2", "-6m2": "-6 32 3m mm2",
    "6/mmm": "6/m 622 6mm -6m2 -3m mmm", "23": "3 222", "m-3": "23 -3 mmm", "432": "23 422 32",
    "-43m": "23 -42m 3m", "m-3m": "m-3 432 -43m 4/mmm -3m",
}  # fmt: skip
SAME_CLASS = {"-4m2": "-42m", "-62m": "-6m2", "321": "32", "312": "32", "3m1": "3m", "31m": "3m", "-3m1": "-3m"}
SAME_CLASS |= {"-31m": "-3m", "m2m": "mm2", "2mm": "mm2", "m-3": "m-3"}

# Rows of a primitive cell in terms of the conventional axes.
PRIMITIVE = {
    "P": np.eye(3),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "A": np.array([[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]]),
    "C": np.array([[0.5, -0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}


@dataclass(frozen=True)
class Crystal:
    """What is known of a crystal: space group (0 unknown), conventional cell (a, b, c in Å, angles in degrees; () where
    unknown), volume per atom in Å3 (NaN unknown), and its structure as pymatgen's JSON ("" unknown)."""

    space_group: int = 0
    cell: tuple[float, ...] = ()
    volume_per_atom: float = float("nan")
    structure_json: str = ""

    @property
    def symbol(self) -> str:
        """Hermann-Mauguin symbol; "" where the space group is unknown."""
        return space_group_symbol(self.space_group) if self.space_group else ""


def crystals_of(table: pd.DataFrame) -> list[Crystal]:
    """What each row of a table knows of its crystal.

    Args:
        table: `formula`; where they are known `space_group_number`, the cell, `formula_units_z` and `structure_json`.
    """
    numbers = table.reindex(columns=["space_group_number", "formula_units_z", *LATTICE_COLUMNS]).to_numpy(float)
    texts = table.reindex(columns=["structure_json"])["structure_json"]
    found = []
    for formula, text, (number, formula_units, *lengths) in zip(table["formula"], texts, numbers, strict=True):
        cell = tuple(map(float, lengths)) if np.isfinite(lengths).all() else ()
        group = 0 if np.isnan(number) else int(number)
        volume = volume_per_atom(cell, formula_units, parse_formula(formula).num_atoms) if group else float("nan")
        found.append(Crystal(group, cell, volume, text if isinstance(text, str) else ""))
    return found


def same_polymorph(a: Crystal, b: Crystal) -> tuple[bool | None, str]:
    """(yes, no or cannot tell (None), how it was found) for two crystals of one composition.

    In this order: (1) one space group: yes, unless volumes per atom differ by more than 10 % and the lattices too.
    (2) With both structures: yes if their frameworks without lithium, all species taken as one, match (pymatgen's
    StructureMatcher) on lattices of which one is a superlattice of the other within 2 %. (3) With both space groups and
    both cells: yes if the one has lost symmetry, its crystal class a subgroup of the other's and its lattice a
    superlattice of the other's within 2 %. (4) With both space groups and one cell: yes if that crystal's class is a
    subgroup of the other's, its own crystal family lower, and its cell still has the shape of the higher one, which
    without a parent it would have by chance alone. (5) Two space groups and no cell say no. Without a space group on
    one side nothing can be told.
    """
    if not a.space_group or not b.space_group:
        return None, ""
    volumes = np.array([a.volume_per_atom, b.volume_per_atom])
    far = bool(abs(np.diff(np.log(volumes)))[0] > VOLUME_TOLERANCE)  # False where one is NaN
    if a.space_group == b.space_group:
        same = not far or bool(a.cell and b.cell and _lattices_match(a, b))  # the count of formula units may be wrong
        return same, SAME_GROUP if same else ""
    if far:
        return False, ""
    if a.structure_json and b.structure_json:
        return (True, SAME_FRAMEWORK) if _lattices_match(a, b) and _frameworks_match(a, b) else (False, "")
    if a.cell and b.cell:
        same = (_can_be_an_ordering(a, b) or _can_be_an_ordering(b, a)) and _lattices_match(a, b)
        return same, SAME_PARENT if same else ""
    same = _has_the_shape_of(a, b) or _has_the_shape_of(b, a)
    return same, SAME_PARENT if same else ""


def _lattices_match(a: Crystal, b: Crystal) -> bool:
    first, second = (_primitive_lattice(c.space_group, c.cell) for c in (a, b))
    small, large = sorted((first, second), key=lambda lattice: lattice.volume)
    return _is_superlattice(large, small)


def _is_superlattice(large: Lattice, small: Lattice) -> bool:
    """Whether vectors of the smaller lattice, strained by no more than the tolerance, span the larger one."""
    times = large.volume / small.volume
    if times > LARGEST_SUPERCELL or abs(times / round(times) - 1.0) > 3 * STRAIN_TOLERANCE:
        return False
    return any(True for _ in _mappings(small, large))


def _mappings(small: Lattice, large: Lattice) -> Iterator[np.ndarray]:
    """Integer matrices that turn the smaller lattice into the larger one up to a rotation and the strain allowed."""
    for aligned, _, scale in small.find_all_mappings(large, SEARCHED_LENGTHS, SEARCHED_ANGLES_DEG, True):
        # Singular values of the deformation are the stretches along its own axes: a rotation has ones.
        stretches = np.linalg.svd(np.linalg.solve(aligned.matrix, large.matrix), compute_uv=False)
        if abs(stretches - 1.0).max() <= STRAIN_TOLERANCE:
            yield scale


@lru_cache(maxsize=4096)
def _primitive_lattice(space_group: int, cell: tuple[float, ...]) -> Lattice:
    """Lattice of lattice points alone: the conventional cell without its centring."""
    centring = space_group_symbol(space_group)[0]
    if centring == "R" and abs(cell[5] - 120.0) > 1.0:
        centring = "P"  # given in rhombohedral axes
    return Lattice(PRIMITIVE[centring] @ Lattice.from_parameters(*cell).matrix).get_niggli_reduced_lattice()


@lru_cache(maxsize=230)
def _crystal_class(space_group: int) -> str:
    name = str(SpaceGroup.from_int_number(space_group).point_group)
    return SAME_CLASS.get(name, name)


@lru_cache(maxsize=32)
def _subclasses(crystal_class: str) -> frozenset[str]:
    below = SUBCLASSES[crystal_class].split()
    return frozenset([crystal_class]).union(*(_subclasses(name) for name in below))


def _is_subclass(low: Crystal, high: Crystal) -> bool:
    return _crystal_class(low.space_group) in _subclasses(_crystal_class(high.space_group))


def _can_be_an_ordering(low: Crystal, high: Crystal) -> bool:
    """Whether the one has lost symmetry against the other: a subgroup of its class, and no smaller primitive cell."""
    small, large = (_primitive_lattice(c.space_group, c.cell).volume for c in (high, low))
    return _is_subclass(low, high) and small < large * (1.0 + VOLUME_TOLERANCE)


def _has_the_shape_of(low: Crystal, high: Crystal) -> bool:
    """Whether a crystal of lower symmetry has the metric of one of higher symmetry whose cell is unknown."""
    wanted = _lattice_symmetries(high.space_group)
    if not low.cell or wanted <= _lattice_symmetries(low.space_group) or not _is_subclass(low, high):
        return False
    lattice = _primitive_lattice(low.space_group, low.cell)
    return sum(1 for _ in _mappings(lattice, lattice)) == wanted


def _lattice_symmetries(space_group: int) -> int:
    """Order of the point group of the empty lattice that a space group has."""
    if space_group_symbol(space_group)[0] == "R":
        return 12
    starts, orders = (1, 3, 16, 75, 143, 195), (2, 4, 8, 16, 24, 48)
    return orders[int(np.searchsorted(starts, space_group, side="right")) - 1]


@lru_cache(maxsize=4096)
def framework(structure_json: str) -> Structure | None:
    """The crystal without lithium and without what is mostly empty, all its atoms taken as one kind; None if no atom
    is left."""
    structure = Structure.from_str(structure_json, fmt="json")
    held = [sum(n for species, n in site.species.items() if species.symbol != "Li") for site in structure]
    kept = [site.frac_coords for site, occupancy in zip(structure, held, strict=True) if occupancy > 0.5]
    if not kept:
        return None
    found = Structure(structure.lattice, [DummySpecies("X", 0)] * len(kept), kept)
    return found.merge_sites(tol=SPLIT_SITES_ANGSTROM, mode="delete")


def _frameworks_match(a: Crystal, b: Crystal) -> bool:
    first, second = framework(a.structure_json), framework(b.structure_json)
    if first is None or second is None:
        return False
    matcher = StructureMatcher(
        ltol=SEARCHED_LENGTHS, stol=SITE_TOLERANCE, angle_tol=SEARCHED_ANGLES_DEG, attempt_supercell=True
    )
    return bool(matcher.fit(first, second))


def volume_per_atom(cell: Sequence[float], formula_units: float, atoms_per_formula: float) -> float:
    """Å3; NaN where the cell is unknown."""
    if not len(cell) or not formula_units > 0:
        return float("nan")
    return float(Lattice.from_parameters(*cell).volume / (formula_units * atoms_per_formula))
