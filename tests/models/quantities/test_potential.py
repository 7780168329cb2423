"""Relaxation through ASE's interface: the machinery on ASE's own EMT potential, CHGNet where it is installed."""

import importlib.util

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.models.quantities.potential import CHGNET, atoms_too_close, potential, relax, relax_all, single_point

needs_chgnet = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("chgnet") is None,
    reason="torch and chgnet are not installed: `make potential` installs them",
)
EMT = "ase.calculators.emt:EMT"


def copper(a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), ["Cu"], [[0, 0, 0]]).get_primitive_structure()


def lithium_fluoride(a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(scope="module")
def emt():
    return potential(EMT)


@pytest.fixture(scope="module")
def chgnet():
    return potential(CHGNET, {"use_device": "cpu"})


def test_copper_relaxes_to_the_lattice_of_its_potential(emt):
    # EMT was fitted to a Wigner-Seitz radius of copper of 2.67 bohr: a = 2.67 * 0.529177 * (16 pi / 3)**(1/3) = 3.615 Å
    # (ASE's parameters, after doi:10.1016/0039-6028(96)00816-3); its cutoff takes 0.5 % off.
    result = relax(copper(3.75), emt, max_force_ev_angstrom=0.001)
    assert result.reason == ""
    assert (4 * result.structure.volume) ** (1 / 3) == pytest.approx(3.615, rel=0.01)
    assert result.volume_change == pytest.approx(result.structure.volume / copper(3.75).volume - 1)


def test_relaxing_lowers_the_energy_and_leaves_the_start_alone(emt):
    start = copper(3.9)
    before = start.copy()
    assert relax(start, emt).energy_ev_atom < single_point(start, emt)[0]
    assert start == before


def test_a_larger_cell_has_the_same_energy_per_atom(emt):
    small, large = copper(3.6), copper(3.6) * (2, 1, 1)
    assert relax(large, emt).energy_ev_atom == pytest.approx(relax(small, emt).energy_ev_atom, abs=1e-4)


@pytest.mark.parametrize(
    ("structure", "limits", "reason"),
    [
        (copper(1.5), {}, "atoms too close: "),
        (copper(4.6), {"max_volume_change": 0.2}, "volume changed by more than 20 %"),
        (copper(3.9), {"max_steps": 1}, "not converged in 1 steps"),
    ],
)
def test_what_cannot_be_used_says_why(emt, structure, limits, reason):
    assert relax(structure, emt, **limits).reason.startswith(reason)


def test_results_come_one_by_one_in_order(emt):
    results = relax_all([("a", copper(3.7)), ("b", copper(1.5))], emt)
    key, first, seconds = next(results)
    assert (key, first.reason) == ("a", "")
    assert seconds > 0
    assert next(results)[0] == "b"


def test_close_atoms_are_named():
    structure = Structure(Lattice.cubic(6), ["Li", "O"], [[0, 0, 0], [0.1, 0, 0]])
    assert atoms_too_close(structure) in ("atoms too close: Li-O 0.60 Å", "atoms too close: O-Li 0.60 Å")
    assert atoms_too_close(lithium_fluoride(4.03)) == ""


def test_a_missing_package_is_named():
    with pytest.raises(ImportError, match=r"no_such_package.*make potential"):
        potential("no_such_package:Calculator")


@needs_chgnet
def test_lithium_fluoride_with_chgnet(chgnet):
    # a = 4.026 Å at 298 K (Wyckoff, Crystal Structures, vol. 1, 1963); PBE, which CHGNet learned, swells salts by 1 %.
    result = relax(lithium_fluoride(4.3), chgnet)
    assert result.reason == ""
    assert result.structure.volume ** (1 / 3) == pytest.approx(4.026, rel=0.02)


@needs_chgnet
def test_chgnet_forces_are_the_slope_of_its_energy(chgnet):
    structure = lithium_fluoride(4.07)
    structure.translate_sites([0], [0.05, 0, 0], frac_coords=False)
    h = 0.01
    energies = []
    for sign in (1, -1):
        moved = structure.copy()
        moved.translate_sites([0], [sign * h, 0, 0], frac_coords=False)
        energies.append(len(moved) * single_point(moved, chgnet)[0])
    _, forces, stress = single_point(structure, chgnet)
    # single precision: an energy of 40 eV is known to 5e-6 eV, its slope over 0.02 Å to 5e-4 eV/Å
    assert forces[0, 0] == pytest.approx(-(energies[0] - energies[1]) / (2 * h), abs=5e-3)
    assert np.abs(forces.sum(axis=0)).max() < 1e-3
    assert stress == pytest.approx(stress.T, abs=1e-5)
