"""Relaxation through ASE's interface: the machinery on ASE's own EMT potential, SevenNet where it is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Lattice, Structure

from ionsieve.models.quantities.formation import formation_energy_ev_atom
from ionsieve.models.quantities.potential import atoms_too_close, potential, relax, relax_all, single_point

SEVENNET = "sevenn.calculator:SevenNetCalculator"
STARTER = Path(__file__).parents[3] / "data/reference/starter"
needs_sevennet = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("sevenn") is None,
    reason="torch and sevenn are not installed: `make potential` installs them",
)
EMT = "ase.calculators.emt:EMT"


def copper(a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), ["Cu"], [[0, 0, 0]]).get_primitive_structure()


def crowded_copper() -> Structure:
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    cell.translate_sites([0], [0.5, 0.0, 0.0], frac_coords=False)
    return cell


def lithium_fluoride(a: float) -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(scope="module")
def emt():
    return potential(EMT)


@pytest.fixture(scope="module")
def sevennet():
    return potential(SEVENNET, {"model": "7net-0", "device": "cpu"})


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
        (crowded_copper(), {"max_steps": 1}, "not converged in 1 steps"),
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


@needs_sevennet
def test_lithium_fluoride_with_sevennet(sevennet):
    # a = 4.026 Å at 298 K (Wyckoff, Crystal Structures, vol. 1, 1963); PBE, which it learned, swells salts by 1 %.
    result = relax(lithium_fluoride(4.3), sevennet)
    assert result.reason == ""
    assert result.structure.volume ** (1 / 3) == pytest.approx(4.026, rel=0.02)


@needs_sevennet
def test_sevennet_forces_are_the_slope_of_its_energy(sevennet):
    structure = lithium_fluoride(4.07)
    structure.translate_sites([0], [0.05, 0, 0], frac_coords=False)
    h = 0.01
    energies = []
    for sign in (1, -1):
        moved = structure.copy()
        moved.translate_sites([0], [sign * h, 0, 0], frac_coords=False)
        energies.append(len(moved) * single_point(moved, sevennet)[0])
    _, forces, stress = single_point(structure, sevennet)
    # single precision: an energy of 40 eV is known to 5e-6 eV, its slope over 0.02 Å to 5e-4 eV/Å
    assert forces[0, 0] == pytest.approx(-(energies[0] - energies[1]) / (2 * h), abs=5e-3)
    assert np.abs(forces.sum(axis=0)).max() < 1e-3
    assert stress == pytest.approx(stress.T, abs=1e-5)


@needs_sevennet
def test_ten_committed_energies_come_again(sevennet):
    # Independent of the run that made them: the crystal as committed, a single point, corrections and elements anew.
    table = pd.read_parquet(STARTER / "candidates.parquet")
    elements = pd.read_csv(STARTER / "elements.csv", keep_default_na=False).set_index("element")["energy_ev_atom"]
    chosen = table.iloc[np.random.default_rng(7).choice(len(table), 10, replace=False)]
    for row in chosen.itertuples():
        structure = Structure.from_str(row.structure_json, fmt="json")
        energy, _, _ = single_point(structure, sevennet)
        again = formation_energy_ev_atom(energy, structure, elements.to_dict())
        assert again == pytest.approx(row.formation_energy_ev_atom, abs=0.005), row.id


def test_a_fixed_cell_keeps_its_volume(emt):
    sites = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.22]]
    cell = Structure(Lattice.cubic(5.0), ["N", "N"], sites)
    fixed = relax(cell, emt, max_force_ev_angstrom=0.05, fixed_cell=True)
    assert fixed.reason == ""
    assert fixed.structure.volume == pytest.approx(cell.volume)


def test_a_start_far_above_is_left_after_a_few_steps(emt):
    result = relax(crowded_copper(), emt, max_force_ev_angstrom=1e-6, screen_steps=2, screen_ev_atom=-10.0)
    assert "far above" in result.reason
    assert result.n_steps == 2
