"""Orderings of one parent are one material; distortions and other arrangements are not."""

import math

import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.features.crystals.polymorphs import (
    SAME_FRAMEWORK,
    SAME_GROUP,
    SAME_PARENT,
    SUBCLASSES,
    Crystal,
    crystals_of,
    same_polymorph,
    volume_per_atom,
)


def crystal(group: int, *cell: float) -> Crystal:
    return Crystal(group, cell)


def right(group: int, a: float, b: float, c: float) -> Crystal:
    return crystal(group, a, b, c, 90, 90, 90)


def hexagonal(group: int, a: float, c: float) -> Crystal:
    return crystal(group, a, a, c, 90, 90, 120)


# Published cells. Argyrodite F-43m doi:10.1016/j.ssi.2012.06.008; in a rhombohedral cell of a cube of edge a the
# hexagonal axes are a/sqrt(2) and a*sqrt(3).
ARGYRODITE = right(216, 9.859, 9.859, 9.859)
ARGYRODITE_R3 = hexagonal(146, 9.859 / math.sqrt(2), 9.859 * math.sqrt(3))
# Garnets doi:10.1002/anie.200701144, doi:10.1016/j.jssc.2009.05.020
CUBIC_GARNET = right(230, 12.968, 12.968, 12.968)
TETRAGONAL_GARNET = right(142, 13.134, 13.134, 12.663)
# Li3PS4 doi:10.1016/j.ssi.2010.10.001: gamma, beta
GAMMA_LPS, BETA_LPS = right(31, 7.708, 6.535, 6.136), right(62, 13.066, 8.015, 6.101)
# Li3YCl6 in P-3m1 has a = 11.20 Å; C-centred with orthogonal axes the same cell is a*sqrt(3), a.
LYC_C2 = right(5, 11.2 * math.sqrt(3), 11.2, 6.04)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (ARGYRODITE_R3, ARGYRODITE),
        (right(142, 12.81, 12.81, 12.81), right(230, 12.82, 12.82, 12.82)),  # Li5La3Ta2O12 with ordered lithium
        (right(74, 10.41 / math.sqrt(2), 10.41 / math.sqrt(2), 10.41), right(227, 10.41, 10.41, 10.41)),  # Li2MgCl4
        (LYC_C2, crystal(164)),  # of the parent the group alone is known
        (ARGYRODITE_R3, crystal(216)),
        (CUBIC_GARNET, right(199, 12.95, 12.95, 12.95)),  # garnets were first refined in I2_13
    ],
)
def test_an_ordering_is_its_parent(a, b):
    assert same_polymorph(a, b) == same_polymorph(b, a) == (True, SAME_PARENT)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (TETRAGONAL_GARNET, CUBIC_GARNET),  # c/a = 0.96: a distortion, and a hundredth of the conductivity
        (TETRAGONAL_GARNET, crystal(230)),
        (GAMMA_LPS, BETA_LPS),
        (GAMMA_LPS, crystal(62)),  # mm2 is a subgroup of mmm, and that is all that is known
        (crystal(31), crystal(62)),
        (right(205, 11.8, 11.8, 11.8), right(218, 11.78, 11.78, 11.78)),  # alpha- and beta-Li8GeP4
        # beta-Li3PO4 has half the cell of the gamma form, and the lower class: an ordering only enlarges a cell
        (right(31, 6.115, 5.24, 4.855), right(62, 6.12, 10.48, 4.92)),
        # alpha- and beta-Li3N: one crystal class, a quarter of the volume apart
        (hexagonal(191, 3.648, 3.875), hexagonal(194, 3.552, 6.311)),
    ],
)
def test_other_polymorphs_stay_apart(a, b):
    assert same_polymorph(a, b) == same_polymorph(b, a) == (False, "")


def test_equal_groups_are_one_polymorph_unless_the_volumes_say_otherwise():
    assert same_polymorph(CUBIC_GARNET, crystal(230)) == (True, SAME_GROUP)
    dense, open_ = (Crystal(62, (a, 8.0, 6.0, 90.0, 90.0, 90.0), a) for a in (10.0, 13.0))
    assert same_polymorph(dense, open_) == (False, "")
    # the same cell with the formula units miscounted
    assert same_polymorph(dense, Crystal(62, dense.cell, 20.0)) == (True, SAME_GROUP)


def test_without_a_space_group_nothing_can_be_told():
    assert same_polymorph(CUBIC_GARNET, Crystal()) == (None, "")


def rock_salt(metals: list[str]) -> Structure:
    """A cube of four formula units with these four metals."""
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.14), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    iron = [i for i, site in enumerate(structure) if site.specie.symbol == "Fe"]
    for i, metal in zip(iron, metals, strict=True):
        structure.replace(i, metal)
    return structure


def test_frameworks_are_compared_without_lithium_and_with_all_species_alike():
    # One metal in four replaced: the face-centred parent becomes a primitive cube of the same edge.
    mixed, ordered, other = map(rock_salt, (["Fe"] * 4, ["Ni", "Fe", "Fe", "Fe"], ["Li", "Li", "Fe", "Ni"]))
    a = Crystal(225, (4.14, 4.14, 4.14, 90.0, 90.0, 90.0), structure_json=mixed.to_json())
    b = Crystal(221, (4.14, 4.14, 4.14, 90.0, 90.0, 90.0), structure_json=ordered.to_json())
    c = Crystal(123, (4.14, 4.14, 4.14, 90.0, 90.0, 90.0), structure_json=other.to_json())
    assert same_polymorph(a, b) == (True, SAME_FRAMEWORK)
    assert same_polymorph(a, c) == (False, "")  # without its lithium the second lacks half its metals


def test_every_crystal_class_has_the_subgroups_that_its_order_allows():
    # Orders of the 32 classes: a subgroup's divides its own (Lagrange).
    orders = {"1": 1, "-1": 2, "2": 2, "m": 2, "2/m": 4, "222": 4, "mm2": 4, "mmm": 8, "4": 4, "-4": 4, "4/m": 8}
    orders |= {"422": 8, "4mm": 8, "-42m": 8, "4/mmm": 16, "3": 3, "-3": 6, "32": 6, "3m": 6, "-3m": 12, "6": 6}
    orders |= {"-6": 6, "6/m": 12, "622": 12, "6mm": 12, "-6m2": 12, "6/mmm": 24, "23": 12, "m-3": 24, "432": 24}
    orders |= {"-43m": 24, "m-3m": 48}
    assert set(SUBCLASSES) == set(orders)
    for above, below in SUBCLASSES.items():
        assert all(orders[above] % orders[name] == 0 and orders[name] < orders[above] for name in below.split())


def test_volume_per_atom_and_crystals_of_a_table():
    # Li2O: four formula units of three atoms in a cube of 4.62 Å: 98.6 / 12 = 8.22 Å3.
    assert volume_per_atom((4.62, 4.62, 4.62, 90, 90, 90), 4, 3) == pytest.approx(8.22, abs=0.005)
    table = pd.DataFrame({"formula": ["Li2O", "Li2S"], "space_group_number": [225.0, float("nan")]})
    assert [found.space_group for found in crystals_of(table)] == [225, 0]
