"""Formation energies from totals: the library's corrections added by hand, and what lacks an element."""

import math

import pytest
from pymatgen.core import Composition, Lattice, Structure

from ionsieve.models.quantities.formation import (
    anion_of,
    charges_or_none,
    correction_ev_atom,
    formation_energy_ev_atom,
    hubbards,
)

# Corrections of doi:10.1038/s41598-021-94550-5, table 1, eV per atom of the anion or metal
OXIDE, PEROXIDE, CHLORIDE, SULFIDE, COBALT = -0.687, -0.465, -0.614, -0.503, -1.638


def rock_salt(cation: str, anion: str, a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


def antifluorite(cation: str, anion: str, a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [anion, cation], [[0, 0, 0], [0.25, 0.25, 0.25]])


def peroxide() -> Structure:
    # Li2O2, P6_3/mmc: Cota, de la Mora, Acta Cryst. B 61, 133 (2005), rounded
    lattice = Lattice.hexagonal(3.1422, 7.6445)
    sites = [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.6485]]
    return Structure.from_spacegroup("P6_3/mmc", lattice, ["Li", "Li", "O"], sites)


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (antifluorite("Li", "O", 4.62), OXIDE / 3),
        (antifluorite("Li", "S", 5.71), SULFIDE / 3),
        (rock_salt("Li", "Cl", 5.14), CHLORIDE / 2),
        (peroxide(), PEROXIDE / 2),
        (rock_salt("Co", "O", 4.26), (OXIDE + COBALT) / 2),
        (rock_salt("Co", "S", 5.0), SULFIDE / 2),  # no U beside sulfur
        (rock_salt("Li", "Li", 4.4), 0.0),
    ],
)
def test_corrections_are_the_published_ones(structure, expected):
    assert correction_ev_atom(structure) == pytest.approx(expected, abs=1e-6)


def test_formation_energy_by_hand():
    # 3 (-4.5) = -13.5 eV; less 2 (-1.9) and -4.9 for the elements, corrected by one oxygen: -4.8 - 0.687 = -5.487
    energy = formation_energy_ev_atom(-4.5, antifluorite("Li", "O", 4.62), {"Li": -1.9, "O": -4.9})
    assert energy == pytest.approx((-13.5 + 3.8 + 4.9 + OXIDE) / 3, abs=1e-6)


def test_what_lacks_an_element_has_no_energy():
    assert math.isnan(formation_energy_ev_atom(-4.5, antifluorite("Li", "O", 4.62), {"Li": -1.9}))
    assert formation_energy_ev_atom(-1.9, rock_salt("Li", "Li", 4.4), {}) == 0.0


def test_u_goes_with_the_anion():
    # The Materials Project's U: Co 3.32 eV in oxides and fluorides, none elsewhere
    assert hubbards(Composition("LiCoO2")) == {"Co": pytest.approx(3.32)}
    assert hubbards(Composition("CoS2")) == {}
    assert hubbards(Composition("TiO2")) == {}


def test_alloys_have_no_charges():
    assert charges_or_none(Composition("LiAl")) == {}
    assert charges_or_none(Composition("LiCl")) == {"Li": 1, "Cl": -1}
    assert anion_of(Composition("Li6PS5Cl")) == "Cl"
