"""Checking the reference crystals: the rattle, what is due, and formation energies from total ones, by hand."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from ionsieve.pipeline.reference.check_crystals import (
    COLUMNS,
    formation_energies_ev_atom,
    rattled,
    space_group_number,
    to_check,
)


@pytest.fixture
def rock_salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_every_atom_moves_by_the_distance_and_the_symmetry_is_gone(rock_salt):
    moved = rattled(rock_salt, 0.05)
    assert np.linalg.norm(moved.cart_coords - rock_salt.cart_coords, axis=1) == pytest.approx(0.05)
    assert space_group_number(rock_salt) == 225
    assert space_group_number(rattled(rock_salt, 0.3)) == 1


def test_a_crystal_is_due_until_checked_as_it_is(rock_salt, tmp_path):
    file = tmp_path / "LiF.cif"
    text = str(CifWriter(rock_salt, symprec=0.01)).replace("_symmetry_Int_Tables_number", "_space_group_IT_number")
    file.write_text(text)
    none = pd.DataFrame(columns=list(COLUMNS))
    ((name, digest, primitive),) = to_check(tmp_path, none, ())
    assert (name, len(primitive)) == ("LiF", 2)
    done = pd.DataFrame({"id": ["LiF"], "crystal_sha256": [digest]})
    assert to_check(tmp_path, done, ()) == []
    file.write_text("# another title\n" + text)
    assert to_check(tmp_path, done, ()) == []
    file.write_text(text.replace("4.03", "4.13"))
    assert [entry[0] for entry in to_check(tmp_path, done, ())] == ["LiF"]


def test_formation_energy_by_hand():
    # Li at -2 eV. Li2O measured at -2 eV/atom sets oxygen: 3 (-4) = 2 (-2) + O + 3 (-2), O = -2 eV. Then for LiAlO2
    # with Al at -3 eV: 4 (-5) - (-2 - 3 - 2 - 2) = -11 eV, -2.75 eV/atom. Fluorine has nothing measured;
    # phosphorus compounds are not fitted to.
    elements = pd.Series({"Li": -2.0, "Al": -3.0, "P": -5.0})
    measured = pd.Series({"Li2O": -2.0, "Li3PO4": 99.0})
    energies = formation_energies_ev_atom(
        ["Li2O", "LiAlO2", "LiF", "Li3PO4"], np.array([-4.0, -5.0, -5.0, -6.0]), elements, measured
    )
    # Li3PO4: (8 (-6) - (3 (-2) - 5 + 4 (-2))) / 8 = -29 / 8
    assert energies[[0, 1, 3]] == pytest.approx([-2.0, -2.75, -3.625])
    assert np.isnan(energies[2])
