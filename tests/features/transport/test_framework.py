"""Framework descriptors on crystals whose linkage and anion packing are known, and laws they must keep."""

import numpy as np
import pytest
from places import CRYSTALS
from pymatgen.core import Lattice, Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.crystals.anion_lattice import anion_lattice_distances
from ionsieve.features.transport.framework import FRAMEWORK_COLUMNS, framework_features


def crystal(name: str) -> Structure:
    return assign_oxidation_states(Structure.from_file(CRYSTALS / f"{name}.cif"))[0]


def features(name: str) -> dict[str, float]:
    return framework_features(crystal(name))


def nearest_lattice(row: dict[str, float]) -> str:
    return min(("bcc", "fcc", "hcp"), key=lambda name: row[f"anion_{name}_distance"])


def test_nasicon_shares_corners_only():
    row = features("LiTi2P3O12")
    assert row["polyhedra_corner_sharing_only"] == 1
    # every TiO6 touches six PO4 and every PO4 four TiO6: (2 * 6 + 3 * 4) / 5 links per polyhedron
    assert row["polyhedra_corner_links_per_polyhedron"] == pytest.approx(24 / 5)


def test_layered_licoo2_shares_edges():
    row = features("LiCoO2")
    assert row["polyhedra_corner_sharing_only"] == 0
    # each CoO6 of a triangular layer shares an edge with six others
    assert row["polyhedra_edge_links_per_polyhedron"] == pytest.approx(6)
    assert row["polyhedra_edge_link_fraction"] == 1


def test_garnet_shares_edges_through_lanthanum_but_its_octahedra_stand_alone():
    row = features("Li7La3Zr2O12_tetragonal")
    assert row["polyhedra_edge_link_fraction"] > 0
    assert row["former_isolated_fraction"] == 1


def test_olivine_shares_one_edge_between_octahedron_and_tetrahedron():
    row = features("LiFePO4")
    # FeO6 | PO4 one edge (both ends counted: 2 per FePO4 pair of polyhedra); FeO6 shares corners with FeO6 and PO4
    assert row["polyhedra_edge_links_per_polyhedron"] == pytest.approx(1)
    assert row["polyhedra_corner_links_per_polyhedron"] > 0
    assert row["polyhedra_face_links_per_polyhedron"] == 0


@pytest.mark.parametrize("name", ["Li10GeP2S12", "Li6PS5Cl", "Li3YCl6"])
def test_isolated_polyhedra(name):
    row = features(name)
    assert row["polyhedra_isolated_fraction"] == 1
    assert row["polyhedra_corner_sharing_only"] == 0
    assert np.isnan(row["polyhedra_corner_link_fraction"])


def test_face_sharing_chain():
    # Columns of face-sharing CoO6 in the hexagonal perovskite BaCoO3, P63/mmc (2H type): two faces per octahedron;
    # barium is the modifier between the columns.
    structure = Structure.from_spacegroup(
        "P6_3/mmc",
        Lattice.hexagonal(5.645, 4.752),
        ["Ba2+", "Co4+", "O2-"],
        [[1 / 3, 2 / 3, 0.75], [0, 0, 0], [0.1490, 0.2980, 0.25]],
    )
    row = framework_features(structure)
    assert row["former_face_links_per_polyhedron"] == pytest.approx(2)
    assert row["former_face_link_fraction"] == 1


@pytest.mark.parametrize(
    ("name", "packing"),
    [
        ("Li10GeP2S12", "bcc"),  # doi:10.1038/nmat4369
        ("Li3YCl6", "hcp"),  # doi:10.1002/adma.201803075
        ("LiCl", "fcc"),
        ("Li2S", "fcc"),
        ("LiCoO2", "fcc"),  # ABC stacking of oxygen
        ("LiFePO4", "hcp"),  # olivine
    ],
)
def test_anion_packing(name, packing):
    assert nearest_lattice(features(name)) == packing


def test_anion_lattices_measure_zero_from_themselves():
    one = np.ones(1)
    fcc = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]) * 5
    bcc = np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]) * 4
    hcp = Lattice.hexagonal(3.0, 3.0 * np.sqrt(8 / 3)).matrix
    assert anion_lattice_distances(fcc, np.zeros((1, 3)), one)["fcc"] == pytest.approx(0, abs=1e-6)
    assert anion_lattice_distances(bcc, np.zeros((1, 3)), one)["bcc"] == pytest.approx(0, abs=1e-6)
    both = np.array([[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])
    distances = anion_lattice_distances(hcp, both, np.ones(2))
    assert distances["hcp"] == pytest.approx(0, abs=1e-6)
    assert min(distances["bcc"], distances["fcc"]) > 0.1


def test_garnets_of_one_composition_differ_by_their_lithium():
    cubic, tetragonal = features("Li7La3Zr2O12_cubic"), features("Li7La3Zr2O12_tetragonal")
    # ordered: every site full; cubic: 0.94 on 24d and 0.349 on 96h (doi:10.1246/cl.2011.60)
    assert tetragonal["mobile_occupancy_mean"] == 1
    assert tetragonal["mobile_disorder"] == 0
    lithium = 24 * 0.94 + 96 * 0.349
    assert cubic["mobile_occupancy_mean"] == pytest.approx((24 * 0.94**2 + 96 * 0.349**2) / lithium)
    assert cubic["mobile_sites_per_ion"] == pytest.approx(120 / lithium)
    assert cubic["mobile_disorder"] > 0.5
    # same volume per oxygen to a percent, since the framework is the same
    assert cubic["volume_per_anion_angstrom3"] == pytest.approx(tetragonal["volume_per_anion_angstrom3"], rel=0.01)


def test_rock_salt_lithium_by_hand():
    row = features("LiCl")
    assert row["mobile_coordination"] == 6
    assert row["mobile_bond_angstrom"] == pytest.approx(5.1396 / 2)
    assert row["mobile_bond_spread"] == pytest.approx(0, abs=1e-9)
    assert row["mobile_mobile_shortest_angstrom"] == pytest.approx(5.1396 / np.sqrt(2))
    assert row["volume_per_anion_angstrom3"] == pytest.approx(5.1396**3 / 4)
    assert row["mobile_ions_per_angstrom3"] == pytest.approx(4 / 5.1396**3)
    assert np.isnan(row["polyhedra_isolated_fraction"])  # lithium is the only cation


@pytest.mark.parametrize("name", ["LiTi2P3O12", "Li10GeP2S12", "LiFePO4"])
def test_supercell_origin_and_order_change_nothing(name):
    structure = crystal(name)
    row = framework_features(structure)
    moved = structure.copy()
    moved.translate_sites(range(len(moved)), [0.13, 0.29, 0.41])
    supercell = structure * (1, 2, 1)
    shuffled = Structure.from_sites([structure[i] for i in np.random.default_rng(0).permutation(len(structure))])
    for other in (moved, supercell, shuffled):
        again = framework_features(other)
        for column in FRAMEWORK_COLUMNS:
            # the search over orientations ends in the same minimum only to its own accuracy
            tolerance = 0.02 if column.startswith("anion_") else 1e-6
            assert again[column] == pytest.approx(row[column], abs=tolerance, nan_ok=True), column


def test_half_occupied_polyhedra_count_half():
    structure = crystal("LiCoO2")
    thinned = structure.copy()
    for i, site in enumerate(structure):
        if "Co" in site.species_string:
            thinned.replace(i, {"Co3+": 0.5})
    # twelve-fold pairs survive with probability 1/4, polyhedra with 1/2
    assert framework_features(thinned)["polyhedra_edge_links_per_polyhedron"] == pytest.approx(3)
