"""Crystal types dressed with other elements: known pairs of isotypes, and bond lengths before any relaxation."""

import pytest
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from ionsieve.features.crystals.prototypes import Prototype, aflow_prototypes, decorate, decorations, mappings, rescaled


def rock_salt(cation: str = "Na", anion: str = "Cl", a: float = 5.64) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("formula", "label"),
    [
        ("Li2O", "AB2_cF12_225_a_c"),  # antifluorite: fluorite with the roles exchanged
        ("Al2O3", "A2B3_hR10_167_c_e"),  # corundum
        ("LiTaO3", "ABC3_hR10_161_a_a_b"),  # as LiNbO3
        ("MgO", "AB_cF8_225_a_b"),  # rock salt
        ("AlN", "AB_hP4_186_b_b"),  # wurtzite
    ],
)
def test_the_type_a_compound_is_known_to_have_is_among_its_guesses(formula, label):
    guesses = decorations(Composition(formula), aflow_prototypes(20), 40)
    assert any(label in guess.prototype for guess in guesses)


def test_every_guess_has_the_composition():
    for guess in decorations(Composition("LiAlO2"), aflow_prototypes(16), 40):
        assert guess.structure.composition.reduced_formula == "LiAlO2"


def test_guesses_come_most_alike_first_and_never_more_than_asked():
    guesses = decorations(Composition("LiAlO2"), aflow_prototypes(16), 5)
    assert len(guesses) == 5
    assert [g.distance for g in guesses] == sorted(g.distance for g in guesses)


# Shortest bonds in Å at room temperature, from the lattice constants in Wyckoff, Crystal Structures (1963).
@pytest.mark.parametrize(
    ("cation", "anion", "a"), [("Li", "F", 4.03), ("Mg", "O", 4.21), ("K", "Br", 6.60), ("Ca", "S", 5.69)]
)
def test_scaling_finds_lattice_constants_from_radii_alone(cation, anion, a):
    scaled = rescaled(rock_salt(cation, anion, 5.0))
    assert scaled.lattice.a == pytest.approx(a, rel=0.05)


def test_scaling_keeps_symmetry_and_its_own_result():
    once = rescaled(rock_salt("Li", "F"))
    assert SpacegroupAnalyzer(once).get_space_group_number() == 225
    assert rescaled(once).volume == pytest.approx(once.volume, rel=1e-6)


def test_a_type_keeps_its_own_cell_for_its_own_elements():
    prototype = Prototype("halite", rock_salt())
    assert decorate(prototype, {"Na": "Na", "Cl": "Cl"}) == prototype.structure


def test_mappings_respect_amounts():
    assert mappings(Composition("CaF2"), Composition("Li2O")) == [{"Ca": "O", "F": "Li"}]
    assert mappings(Composition("CaF2"), Composition("LiF")) == []
    assert len(mappings(Composition("NaCl"), Composition("LiF"))) == 2
