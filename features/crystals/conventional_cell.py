"""The conventional cell and the space group of a crystal, by spglib (doi:10.1080/27660400.2024.2384822).

Apart from the descriptors of cells, because processes that only read crystals start twice as fast without pandas.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import spglib
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError

from ionsieve.features.chemistry.formula import parse_formulas

LATTICE_COLUMNS = ("a_angstrom", "b_angstrom", "c_angstrom", "alpha_deg", "beta_deg", "gamma_deg")

# Å: published coordinates have four digits and cells of disordered crystals are averages.
SYMMETRY_TOLERANCE_ANGSTROM = 0.01


@contextmanager
def quiet_spglib() -> Iterator[None]:
    """Without the warning about its future error handling that spglib gives at each call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def lattice_from_structure(structure: Structure, formula: str | None = None) -> dict[str, float | str]:
    """Lattice columns of the conventional cell of a structure, with space_group_number, formula_units_z and note.

    Sites count as alike when their species and occupancies are. formula_units_z is the number of atoms in the
    conventional cell over that of the formula (the structure's reduced formula if none is given). Where symmetry cannot
    be found the cell is the one given, the space group NaN, and note says why ("" otherwise).
    """
    note, number, cell = "", math.nan, structure
    try:
        with quiet_spglib():
            analyzer = SpacegroupAnalyzer(structure, symprec=SYMMETRY_TOLERANCE_ANGSTROM)
            number = float(analyzer.get_space_group_number())
            cell = analyzer.get_refined_structure()
    except (SymmetryUndeterminedError, spglib.SpglibError, ValueError, TypeError) as error:
        note = f"space group not determined ({type(error).__name__}: {error})"
    composition = structure.composition.element_composition
    reference = parse_formulas([formula])[0][0] if formula is not None else composition.reduced_composition
    values: dict[str, float | str] = dict(zip(LATTICE_COLUMNS, map(float, cell.lattice.parameters), strict=True))
    values["space_group_number"] = number
    # Through the volumes, since the refined cell of a disordered crystal need not keep every split site.
    atoms = composition.num_atoms * cell.lattice.volume / structure.lattice.volume
    values["formula_units_z"] = atoms / reference.num_atoms if reference is not None else math.nan
    return values | {"note": note}


def symmetric(structure: Structure, tolerance_angstrom: float) -> Structure:
    """The primitive cell of an ordered crystal with its atoms moved onto the symmetry found within a tolerance.

    A relaxation that starts from rattled atoms and ends at finite forces leaves them some hundredths of an Å off their
    places: the space group is lost to whoever asks within 0.01 Å. The structure itself where no symmetry is found.
    """
    try:
        with quiet_spglib():
            found = SpacegroupAnalyzer(structure, symprec=tolerance_angstrom).get_primitive_standard_structure()
    except (SymmetryUndeterminedError, spglib.SpglibError, ValueError, TypeError):
        return structure
    same = found.composition.reduced_composition.almost_equals(structure.composition.reduced_composition)
    return found if same else structure
