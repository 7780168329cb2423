"""Doping an ordered crystal: neutral, lithium counted by hand, the added ion where lithium can sit."""

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.features.crystals.mixed_sites import mixed, widest_gap

CRYSTALS = Path(__file__).parents[3] / "data/reference/crystals"


@pytest.fixture
def layered() -> Structure:
    # LiCoO2 with yttrium for cobalt, three formulas per cell
    sites = [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.24]]
    return Structure.from_spacegroup("R-3m", Lattice.hexagonal(3.3, 15.5), ["Li+", "Y3+", "O2-"], sites)


def formulas(found) -> set[str]:
    return {h.structure.composition.element_composition.reduced_formula for h in found}


def test_lithium_makes_up_the_charge(layered):
    made = formulas(mixed("LiYO2", layered))
    # Li3Y3O6: one Y3+ by Zr4+ takes one Li+ away; one O2- by F- takes one away, too
    assert Composition("Li2Y2ZrO6").reduced_formula in made
    assert Composition("Li2Y3O5F").reduced_formula in made
    # like charge: one of three
    assert Composition("Li3ScY2O6").reduced_formula in made


def test_lithium_comes_into_a_nasicon():
    # Li1+xAlxTi2-x(PO4)3, the conductor known as LATP, at x = 1/2: one of four Ti4+
    parent = Structure.from_file(CRYSTALS / "LiTi2P3O12.cif").get_primitive_structure()
    parent.add_oxidation_state_by_element({"Li": 1, "Ti": 4, "P": 5, "O": -2})
    made = [h for h in mixed("LiTi2(PO4)3", parent) if "Al" in h.structure.composition.element_composition]
    assert {h.structure.composition.element_composition for h in made} == {Composition("Li3AlTi3P6O24")}


def test_all_are_neutral_and_of_one_swap(layered):
    for hypothetical in mixed("LiYO2", layered):
        assert abs(hypothetical.structure.charge) < 1e-6
        assert len(hypothetical.swaps) == 1
        assert 0 < hypothetical.probability <= 1


def test_the_parent_is_left_as_it_was(layered):
    before = layered.copy()
    mixed("LiYO2", layered)
    assert layered == before


def test_the_widest_gap_of_rock_salt_is_its_tetrahedron():
    # Between four cations and four anions at a quarter of the body diagonal, 0.433 a from each.
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na+", "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    place = widest_gap(cell)
    assert place is not None
    nearest = cell.lattice.get_all_distances(place, cell.frac_coords)[0]
    cations = [d for d, site in zip(nearest, cell, strict=True) if site.specie.symbol == "Na"]
    assert min(cations) == pytest.approx(5.6 * 3**0.5 / 4, abs=0.25)
    assert np.all(np.abs(place % 0.5 - 0.25) < 0.08)


def test_disorder_is_refused():
    shared = Structure(Lattice.cubic(4), [{"Li+": 0.5, "Na+": 0.5}, "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(ValueError, match="sites are shared"):
        mixed("x", shared)
