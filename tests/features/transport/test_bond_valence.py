"""The landscape against closed forms, against BVlain at the same points, and against its own symmetry."""

import numpy as np
import pytest
from bvlain import Lain
from hypothesis import given, settings
from hypothesis import strategies as st
from places import CRYSTALS
from pymatgen.core import Lattice, Structure
from scipy.special import erfc

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, grid_divisions, site_energy_at, site_energy_landscape
from ionsieve.features.transport.bond_valence_parameters import pair_potential

# Li-O in the softBV set of doi:10.1107/S2052520618015718, as the bvlain package tabulates it.
LI_O_D0_EV, LI_O_R_MIN_ANGSTROM, LI_O_ALPHA = 0.98816, 1.940013, 1.937984


@pytest.fixture(scope="module")
def licoo2() -> Structure:
    return assign_oxidation_states(Structure.from_file(CRYSTALS / "LiCoO2.cif"))[0]


@pytest.fixture(scope="module")
def li3po4() -> Structure:
    # gamma-Li3PO4, Pnma, Wang et al., J. Solid State Chem. 115, 313 (1995), rounded
    return Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(10.49, 6.12, 4.9266),
        ["Li+", "Li+", "P5+", "O2-", "O2-", "O2-"],
        [
            [0.164, 0.502, 0.302],
            [0.424, 0.75, 0.207],
            [0.4114, 0.25, 0.3087],
            [0.342, 0.0431, 0.2054],
            [0.0503, 0.25, 0.2937],
            [0.0899, 0.75, 0.1213],
        ],
    )


def bvlain_landscape(structure: Structure, resolution: float, ion: str = "Li1+", softbv: bool = False) -> np.ndarray:
    """BVlain's energies on its own grid, without truncation; its grid repeats the first plane as the last."""
    lain = Lain(verbose=False)
    lain.read_structure(structure, oxi_check=False)
    energies = lain.bvse_distribution(
        mobile_ion=ion, resolution=resolution, k=1000, r_cut=10, use_softbv_covalent_radii=softbv
    )
    return energies[:-1, :-1, :-1]


def isolated(ion: str, charge_of_li: str = "Li+") -> Structure:
    """One ion in the corner of a cell too large for its images to matter, and a lithium ion in its middle."""
    return Structure(Lattice.cubic(40.0), [ion, charge_of_li], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_counter_ion_is_a_morse_well():
    framework = framework_of(isolated("O2-"))
    at_minimum = site_energy_at(framework, np.array([[LI_O_R_MIN_ANGSTROM / 40, 0, 0]]))
    # D0/2 ((1 - 1)^2 - 1) = -D0/2 at r_min
    assert at_minimum[0] == pytest.approx(-LI_O_D0_EV / 2, abs=1e-9)
    half_way = LI_O_R_MIN_ANGSTROM + np.log(2) / LI_O_ALPHA
    # there the exponential is 1/2: D0/2 (1/4 - 1)
    assert site_energy_at(framework, np.array([[0, half_way / 40, 0]]))[0] == pytest.approx(
        -0.375 * LI_O_D0_EV, abs=1e-6
    )


def test_like_ion_is_a_screened_coulomb_wall():
    # 14.4 q1 q2 / sqrt(n1 n2) erfc(r / (0.74 (R1 + R2))) / r; Li: n = 2, R = 1.28; P: n = 3, R = 1.07 (Cordero radii)
    r = 2.5
    expected = 14.4 * 5 / np.sqrt(2 * 3) / r * erfc(r / (0.74 * (1.28 + 1.07)))
    energy = site_energy_at(framework_of(isolated("P5+")), np.array([[0, 0, r / 40]]))
    assert energy[0] == pytest.approx(expected, rel=1e-9)


def test_nothing_beyond_the_cutoff():
    energies = site_energy_at(framework_of(isolated("O2-")), np.array([[0.2499, 0, 0], [0.2501, 0, 0]]))
    assert energies[0] < 0
    assert energies[1] == 0


def test_mobile_ions_do_not_act_on_each_other(li3po4):
    framework = framework_of(li3po4)
    assert "Li" not in {symbol for symbol, _ in framework.kinds}
    assert len(framework.mobile_positions) == 12


def test_grid_equals_the_formulas_at_its_points(li3po4):
    framework = framework_of(li3po4)
    landscape = site_energy_landscape(framework, resolution_angstrom=0.4)
    shape = np.array(landscape.energy_ev.shape)
    points = np.random.default_rng(0).integers(0, shape, (60, 3))
    direct = site_energy_at(framework, points / shape)
    on_grid = landscape.energy_ev[tuple(points.T)]
    sane = direct < 100
    assert np.abs(on_grid - direct)[sane].max() < 1e-4


@pytest.mark.parametrize(("ion", "bvlain_ion"), [("Li", "Li1+"), ("F", "F1-")])
@pytest.mark.parametrize("radii", ["ase", "softbv"])
def test_equals_bvlain_at_its_grid_points(ion, bvlain_ion, radii):
    # LiF: either ion may move. Fm-3m, a = 4.026 Å.
    lif = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.026), ["Li+", "F-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    ours = site_energy_landscape(framework_of(lif, ion), ion, resolution_angstrom=0.2, radii=radii).energy_ev
    theirs = bvlain_landscape(lif, 0.2, bvlain_ion, softbv=radii == "softbv")
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs)[theirs < 100].max() < 1e-3


def test_equals_bvlain_in_li3po4_and_licoo2(li3po4, licoo2):
    for structure in (li3po4, licoo2):
        ours = site_energy_landscape(framework_of(structure), resolution_angstrom=0.4).energy_ev
        theirs = bvlain_landscape(structure, 0.4)
        assert np.abs(ours - theirs)[theirs < 100].max() < 1e-3


@pytest.mark.parametrize("name", ["Na", "K", "Ag", "Mg"])
def test_other_mobile_ions_equal_bvlain(name):
    ion, charge = {"Na": ("Na+", "Na1+"), "K": ("K+", "K1+"), "Ag": ("Ag+", "Ag1+"), "Mg": ("Mg2+", "Mg2+")}[name]
    anion = "O2-" if name == "Mg" else "Cl-"
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.2), [ion, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])
    ours = site_energy_landscape(framework_of(salt, name), name, resolution_angstrom=0.5).energy_ev
    theirs = bvlain_landscape(salt, 0.5, charge)
    assert np.abs(ours - theirs)[theirs < 100].max() < 1e-3


@pytest.mark.parametrize("divisions", [(12, 12, 60), (11, 11, 37), (13, 13, 48)])
def test_symmetry_reduced_equals_full(licoo2, divisions):
    framework = framework_of(licoo2)
    reduced = site_energy_landscape(framework, divisions=divisions)
    full = site_energy_landscape(framework, divisions=divisions, use_symmetry=False)
    assert full.n_symmetry == 1
    assert reduced.n_symmetry > 1
    near = full.energy_ev < 50
    assert np.abs(reduced.energy_ev - full.energy_ev)[near].max() < 1e-3


def test_full_symmetry_of_the_space_group_is_used_where_the_grid_allows(licoo2):
    # R-3m on hexagonal axes: 12 point operations times 3 centrings; the grid must divide by 3 along c.
    assert site_energy_landscape(framework_of(licoo2), divisions=(12, 12, 60)).n_symmetry == 36
    # centring by a third does not fit 61 steps
    assert site_energy_landscape(framework_of(licoo2), divisions=(12, 12, 61)).n_symmetry == 12


@given(shift=st.tuples(*[st.integers(0, 30)] * 3))
@settings(max_examples=8, deadline=None)
def test_origin_shift_by_grid_steps_rolls_the_landscape(shift):
    cell = Lattice.orthorhombic(5.1, 6.3, 4.7)
    coords = np.array([[0.1, 0.2, 0.3], [0.35, 0.62, 0.81], [0.5, 0.9, 0.05]])
    n = np.array(grid_divisions(cell.matrix, 0.4))
    first = Structure(cell, ["Li+", "O2-", "P5+"], coords)
    moved = Structure(cell, ["Li+", "O2-", "P5+"], coords + np.array(shift) / n)
    a = site_energy_landscape(framework_of(first), resolution_angstrom=0.4).energy_ev
    b = site_energy_landscape(framework_of(moved), resolution_angstrom=0.4).energy_ev
    rolled = np.roll(a, shift, axis=(0, 1, 2))
    near = rolled < 50
    assert np.abs(rolled - b)[near].max() < 1e-6


def test_threads_change_nothing(li3po4):
    framework = framework_of(li3po4)
    one = site_energy_landscape(framework, resolution_angstrom=0.4, use_symmetry=False)
    two = site_energy_landscape(framework, resolution_angstrom=0.4, use_symmetry=False, threads=3)
    assert np.array_equal(one.energy_ev, two.energy_ev)


def test_occupancy_scales_a_species():
    full = isolated("O2-")
    half = Structure(full.lattice, [{"O2-": 0.5}, "Li+"], full.frac_coords)
    point = np.array([[0.05, 0.01, 0.0]])
    assert site_energy_at(framework_of(half), point) == pytest.approx(0.5 * site_energy_at(framework_of(full), point))


def test_species_on_a_lithium_site_is_left_out_and_flagged():
    cell = Lattice.cubic(5.0)
    shared = Structure(cell, [{"Li+": 0.5, "Mg2+": 0.25}, "O2-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    framework = framework_of(shared)
    assert framework.mobile_site_shared
    assert framework.kinds == (("O", -2.0),)
    assert framework.mobile_occupancy.tolist() == [0.5]
    assert not framework_of(Structure(cell, [{"Li+": 0.5}, "O2-"], [[0, 0, 0], [0.5, 0.5, 0.5]])).mobile_site_shared


def test_missing_parameters_name_the_species():
    with pytest.raises(ValueError, match=r"Li1\+ with P of charge -3"):
        pair_potential("P", -3)
    with pytest.raises(ValueError, match="mobile ion 'Xe' is not one of"):
        pair_potential("O", -2, "Xe")


def test_oxidation_states_as_given_guessed_and_averaged():
    cell = Lattice.cubic(4.0)
    given = Structure(cell, ["Fe3+", "O2-", "Li+"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]])
    kept, note = assign_oxidation_states(given)
    assert note == ""
    assert [s.specie.oxi_state for s in kept] == [3, -2, 1]
    bare = Structure(cell, ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    guessed, note = assign_oxidation_states(bare)
    assert (note, [s.specie.oxi_state for s in guessed]) == ("", [1, -1])
    assert all(getattr(s.specie, "oxi_state", None) is None for s in bare)  # the argument is untouched
    # Li0.5 Co O2: cobalt must be +3.5 on the average
    half, note = assign_oxidation_states(
        Structure(cell, [{"Li": 0.5}, "Co", "O", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0], [0.5, 0, 0]])
    )
    assert half[1].specie.oxi_state == pytest.approx(3.5)
    assert "Co +3.50" in note
