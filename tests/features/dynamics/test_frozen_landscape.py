"""Frozen landscapes against closed forms: ions in an outer field that do not feel one another."""

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes
from numpy.testing import assert_allclose
from pymatgen.core import Lattice, Structure

from ionsieve.features.dynamics.frozen_landscape import frozen_landscape, supercell_repeats


class Egg(Calculator):
    """Every lithium in a field of amplitude (a, b, c) eV with the period of the cell, minima at the lattice points."""

    implemented_properties = ["energy"]  # noqa: RUF012

    def __init__(self, lattice: Lattice, amplitudes_ev: tuple[float, float, float]) -> None:
        super().__init__()
        self.inverse = np.linalg.inv(lattice.matrix)
        self.amplitudes = np.array(amplitudes_ev)
        self.calls = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        lithium = atoms.positions[atoms.numbers == 3] @ self.inverse
        self.results["energy"] = float((self.amplitudes * (1 - np.cos(2 * np.pi * lithium)) / 2).sum())


def salt(lattice: Lattice) -> Structure:
    return Structure(lattice, ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize("amplitudes", [(0.3, 0.3, 0.3), (0.2, 0.5, 0.9), (0.7, 0.1, 0.4)])
def test_the_level_is_the_saddle_of_the_field_direction_by_direction(amplitudes):
    lattice = Lattice.orthorhombic(4.0, 4.4, 4.8)
    found = frozen_landscape(salt(lattice), Egg(lattice, amplitudes), spacing_angstrom=0.2, restrict=False)
    assert_allclose(found.barriers_ev(), sorted(amplitudes), atol=1e-9)


def test_symmetry_changes_the_work_and_not_the_answer():
    cubic = Lattice.cubic(4.0)
    whole = frozen_landscape(salt(cubic), Egg(cubic, (0.3, 0.3, 0.3)), restrict=False)
    shaken = salt(cubic)
    shaken.translate_sites([1], [0.013, 0.007, 0.003])  # no symmetry is left, and the field does not see chlorine
    plain = frozen_landscape(shaken, Egg(cubic, (0.3, 0.3, 0.3)), restrict=False)
    assert whole.n_symmetry == 48
    assert plain.n_symmetry == 1
    assert whole.n_computed * 15 < plain.n_computed
    assert_allclose(whole.barriers_ev(), plain.barriers_ev(), atol=1e-9)


def test_the_nearest_ion_is_moved_and_a_site_costs_nothing():
    lattice = Lattice.orthorhombic(4.0, 4.4, 4.8)
    found = frozen_landscape(salt(lattice), Egg(lattice, (0.2, 0.5, 0.9)), restrict=False)
    assert found.energy_ev[0, 0, 0] == pytest.approx(0.0, abs=1e-9)
    assert found.energy_ev.min() == pytest.approx(0.0, abs=1e-9)


def test_supercells_are_as_wide_as_asked():
    skewed = Structure(Lattice.from_parameters(5, 5, 5, 60, 60, 60), ["Li"], [[0, 0, 0]])
    repeats = supercell_repeats(skewed, 8.0)
    widths = np.array(repeats) / np.linalg.norm(np.linalg.inv(skewed.lattice.matrix), axis=0)
    assert (widths >= 8.0).all()
    assert repeats == (2, 2, 2)


def test_what_has_no_landscape_says_why():
    lattice = Lattice.cubic(4.0)
    none = Egg(lattice, (0.1, 0.1, 0.1))
    with pytest.raises(ValueError, match="no Li"):
        frozen_landscape(Structure(lattice, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]), none)
    with pytest.raises(ValueError, match="disordered"):
        frozen_landscape(Structure(lattice, [{"Li": 0.5, "Na": 0.5}, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]), none)
    with pytest.raises(ValueError, match="no framework"):
        frozen_landscape(Structure(lattice, ["Li"], [[0, 0, 0]]), none)
