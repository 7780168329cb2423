"""Percolation of periodic fields against closed forms and a second route, and of crystals against BVlain."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from bvlain import Lain
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from places import CRYSTALS
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifParser

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import framework_of, site_energy_landscape
from ionsieve.features.transport.percolation import PERCOLATION_COLUMNS, percolation, percolation_row
from ionsieve.features.transport.refinement import refined

NEIGHBOURS = [d for d in itertools.product((-1, 0, 1), repeat=3) if d != (0, 0, 0)]

fields = st.tuples(*[st.integers(1, 4)] * 3).flatmap(
    lambda shape: arrays(float, shape, elements=st.integers(0, 40).map(lambda i: i / 10))
)


def washboard(heights: tuple[float, float, float], n: int = 12) -> np.ndarray:
    """Sum of three cosines: a path along axis i in the valleys of the others climbs exactly heights[i]."""
    x = np.cos(2 * np.pi * np.arange(n) / n)
    a, b, c = heights
    return a / 2 * (1 - x)[:, None, None] + b / 2 * (1 - x)[None, :, None] + c / 2 * (1 - x)[None, None, :]


def levels_by_graph(field: np.ndarray) -> list[float]:
    """Second route: for every level, walk each cluster in the infinite crystal and collect its own lattice vectors."""
    found = [np.inf] * 3
    for level in np.unique(field):
        inside = {p for p in np.ndindex(field.shape) if field[p] <= level}
        best = 0
        graph = nx.MultiDiGraph()
        graph.add_nodes_from(inside)
        for p, d in itertools.product(inside, NEIGHBOURS):
            cell, q = np.divmod(np.add(p, d), field.shape)
            if tuple(q) in inside:
                graph.add_edge(p, tuple(q.tolist()), cell=cell)
        for cluster in nx.weakly_connected_components(graph):
            start = min(cluster)
            at = {start: np.zeros(3)}
            for a, b in nx.bfs_edges(graph, start):
                at[b] = at[a] + graph[a][b][0]["cell"]
            loops = [at[a] + data["cell"] - at[b] for a, b, data in graph.edges(cluster, data=True)]
            best = max(best, np.linalg.matrix_rank(np.array(loops)))
        for d in range(int(best)):
            found[d] = min(found[d], level)
    return [f - field.min() for f in found]


@pytest.mark.parametrize("heights", [(0.2, 0.5, 0.9), (0.9, 0.2, 0.5), (0.4, 0.4, 0.4)])
def test_washboard_opens_one_direction_after_another(heights):
    result = percolation(washboard(heights))
    assert result.percolation_barrier_ev == pytest.approx(sorted(heights))
    assert result.migration_barrier_ev == pytest.approx(sorted(heights))


def test_gate_is_the_top_of_the_path():
    result = percolation(washboard((0.2, 0.5, 0.9)))
    assert result.gate[0] == pytest.approx([0.5, 0, 0])
    assert result.gate[1] == pytest.approx([0, 0.5, 0])


def test_dimensionality_counts_directions_within_0_3_ev_of_the_first():
    assert percolation(washboard((0.2, 0.45, 0.9))).dimensionality == 2
    assert percolation(washboard((0.2, 0.6, 0.9))).dimensionality == 1
    assert percolation(washboard((0.2, 0.25, 0.3))).dimensionality == 3


def test_wall_above_5_ev_is_no_path():
    result = percolation(washboard((0.2, 0.3, 5.1)))
    assert np.isinf(result.percolation_barrier_ev[2])
    assert np.isinf(result.migration_barrier_ev[2])
    assert np.isnan(result.gate[2]).all()
    assert result.dimensionality == 2
    closed = percolation(np.where(np.arange(8)[:, None, None] % 4 == 0, 0.0, 9.0) + washboard((9, 9, 9), 8))
    assert closed.dimensionality == 0


def test_migration_barrier_is_counted_from_the_pockets_of_the_path():
    # A channel at 1 eV with gates at 1.4 eV, and a pocket at 0 eV walled off by 4 eV: the path never sees the pocket.
    field = np.full((8, 8, 8), 4.0)
    field[:, 2, 2] = 1.0
    field[4, 2, 2] = 1.4
    field[6, 6, 6] = 0.0
    result = percolation(field)
    assert result.percolation_barrier_ev[0] == pytest.approx(1.4)
    assert result.migration_barrier_ev[0] == pytest.approx(0.4)


def test_interpenetrating_networks_whose_loops_are_all_even_span():
    # Two channels along (1 1 0) and (1 -1 0) in different planes, joined by one column: they span the plane, but an odd
    # number of cells along one axis alone is never reached.
    field = np.full((6, 6, 6), 4.0)
    for i in range(6):
        field[i, i, 0] = field[i, -i % 6, 3] = 0.5
    field[0, 0, :4] = 0.5
    result = percolation(field)
    assert result.percolation_barrier_ev.tolist() == pytest.approx([0.0, 0.0, 3.5])
    assert not spans_modulo_two(result.directions[1, :2])
    assert result.percolation_barrier_ev.tolist() == pytest.approx(levels_by_graph(field))


def test_a_helix_that_closes_after_two_cells_spans_one_direction():
    # Two strands that swap places from cell to cell: the vector between equal points is 2a, not a.
    field = np.full((4, 8, 8), 4.0)
    for j, k in ((1, 1), (5, 5)):
        field[:, j, k] = 0.0
    field[0, 1, 1] = field[0, 5, 5] = 4.0
    for step in range(5):
        field[0, 1 + step, 1 + step] = 1.0
    field[0, 1, 1] = field[0, 5, 5] = 1.0
    assert percolation(field).percolation_barrier_ev[0] == pytest.approx(levels_by_graph(field)[0])


@given(field=fields)
@settings(max_examples=25, deadline=None)
def test_equals_a_walk_on_the_graph_of_the_crystal(field):
    assert percolation(field, 10.0).percolation_barrier_ev.tolist() == pytest.approx(levels_by_graph(field))


@given(field=fields, shift=st.tuples(*[st.integers(0, 4)] * 3), repeat=st.tuples(*[st.integers(1, 2)] * 3))
@settings(max_examples=60, deadline=None)
def test_origin_supercell_and_axis_order_change_nothing(field, shift, repeat):
    first = percolation(field)
    for other in (np.roll(field, shift, axis=(0, 1, 2)), np.tile(field, repeat), field.transpose(2, 0, 1), field[::-1]):
        second = percolation(np.ascontiguousarray(other))
        assert second.percolation_barrier_ev.tolist() == pytest.approx(first.percolation_barrier_ev.tolist())


@given(field=fields, offset=st.floats(-10, 10))
@settings(max_examples=40, deadline=None)
def test_more_directions_never_cost_less_and_the_zero_of_energy_is_free(field, offset):
    result = percolation(field)
    barriers = result.percolation_barrier_ev
    assert barriers[0] <= barriers[1] <= barriers[2]
    assert (result.migration_barrier_ev <= barriers).all()
    assert percolation(field + offset).percolation_barrier_ev.tolist() == pytest.approx(barriers.tolist(), abs=1e-9)


def test_many_separate_channels():
    # 100 channels, none touching another: more than the kernel's first allotment of spanning clusters
    field = np.full((3, 30, 30), 4.0)
    field[:, ::3, ::3] = np.linspace(0, 1, 100).reshape(10, 10)
    field[1, ::3, ::3] += 1.0
    assert percolation(field).percolation_barrier_ev.tolist() == pytest.approx([1.0, 4.0, 4.0])


def ordered_framework(structure: Structure) -> Structure | None:
    """The same framework with lithium's sites full, which BVlain can read; None if the framework is disordered."""
    species = []
    for site in structure:
        if len(site.species) > 1:
            return None
        ion, amount = next(iter(site.species.items()))
        if ion.symbol != "Li" and abs(amount - 1) > 1e-6:
            return None
        species.append(ion)
    return Structure(structure.lattice, species, structure.frac_coords)


def spans_modulo_two(vectors: np.ndarray) -> bool:
    """Whether d vectors stay independent when only odd and even are told apart.

    BVlain looks for images of a point in a cell doubled along each axis, so it sees no loop that leads two cells on.
    Interpenetrating networks of body- or face-centred crystals have such loops, and BVlain opens them too late.
    """
    return any(round(np.linalg.det(vectors[:, list(c)])) % 2 for c in itertools.combinations(range(3), len(vectors)))


def compare_with_bvlain(structure: Structure, resolution: float) -> tuple[float, float, bool]:
    """Largest difference of the energies below 50 eV, and of the barriers BVlain can see, eV; whether it sees all."""
    landscape = site_energy_landscape(framework_of(structure), resolution_angstrom=resolution)
    result = percolation(landscape)
    ours = result.percolation_barrier_ev
    lain = Lain(verbose=False)
    lain.read_structure(structure, oxi_check=False)
    energy = lain.bvse_distribution(mobile_ion="Li1+", resolution=resolution, k=600, r_cut=10)[:-1, :-1, :-1]
    theirs = np.array(list(lain.percolation_barriers(encut=5.0).values()))
    assert energy.shape == landscape.energy_ev.shape
    # a path BVlain's bisection finds just under 5 eV may lie just above it here
    assert (np.isfinite(ours) == np.isfinite(theirs))[theirs < 4.98].all()
    both = np.isfinite(ours) & np.isfinite(theirs)
    seen = both & [spans_modulo_two(result.directions[d, : d + 1]) for d in range(3)]
    assert (theirs >= ours - 1e-4)[both].all()
    difference = np.abs(ours - theirs)[seen].max(initial=0.0)
    return float(np.abs(energy - landscape.energy_ev)[energy < 50].max()), float(difference), bool((seen == both).all())


def ordered_shared_crystals(folder) -> dict[str, Structure]:
    """Shared crystals with an ordered framework whose ions have parameters, lithium's sites filled."""
    crystals = {}
    for path in sorted((folder / "obelix" / "cifs").glob("*.cif")):
        structure = CifParser(path, occupancy_tolerance=10).parse_structures(primitive=False)[0]
        try:
            decorated = assign_oxidation_states(structure)[0]
            filled = ordered_framework(decorated)
            if filled is None or "Li" not in filled.symbol_set:
                continue
            site_energy_landscape(framework_of(filled), divisions=(1, 1, 1))
        except ValueError:
            continue
        crystals[path.stem] = filled
    return crystals


@pytest.mark.filterwarnings("ignore")
def test_barriers_equal_bvlain_on_a_handful_of_crystals(shared_data):
    crystals = ordered_shared_crystals(shared_data)
    small = sorted(key for key, s in crystals.items() if s.volume < 250)
    for key in np.random.default_rng(5).choice(small, 3, replace=False):
        energy, barrier, _ = compare_with_bvlain(crystals[key], 0.5)
        assert energy < 1e-3, key
        assert barrier < 0.0101, key


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_barriers_equal_bvlain_on_every_ordered_framework(shared_data):
    crystals = ordered_shared_crystals(shared_data)
    differences = pd.DataFrame(
        [(key, *compare_with_bvlain(s, 0.4)) for key, s in crystals.items() if s.volume < 1300],
        columns=["id", "energy", "barrier", "all_seen"],
    )
    assert differences.all_seen.sum() >= 40
    assert differences.energy.max() < 1e-3
    assert differences.barrier.max() < 0.0101


def shifted_barriers(name: str, refine: bool) -> np.ndarray:
    """(3, 3) migration barriers of a known crystal with its origin at three places."""
    structure = assign_oxidation_states(Structure.from_file(CRYSTALS / f"{name}.cif"))[0]
    rows = []
    for shift in ([0, 0, 0], [0.123, 0.456, 0.789], [0.31, 0.07, 0.55]):
        moved = structure.copy()
        moved.translate_sites(range(len(moved)), shift)
        framework = framework_of(moved)
        landscape = site_energy_landscape(framework)
        result = percolation(landscape)
        rows.append((refined(result, landscape, framework) if refine else result).migration_barrier_ev)
    return np.array(rows)


@pytest.mark.parametrize("name", ["Li10GeP2S12", "Li6PS5Cl", "LiCl", "LiTi2P3O12", "Li3N"])
def test_arbitrary_origin_changes_a_barrier_by_less_than_50_mev(name):
    assert np.ptp(shifted_barriers(name, refine=False), axis=0).max() < 0.05


@pytest.mark.parametrize("name", ["Li10GeP2S12", "Li6PS5Cl", "LiCl", "LiTi2P3O12", "Li3N", "LiFePO4", "LiCoO2"])
def test_arbitrary_origin_changes_a_refined_barrier_by_less_than_5_mev(name):
    barriers = shifted_barriers(name, refine=True)
    usable = np.isfinite(barriers[0]) & (barriers[0] < 2)  # a path of 3.6 eV has many gates within the grid's error
    assert np.ptp(barriers[:, usable], axis=0).max() < 0.005


def test_refined_barrier_is_the_limit_of_finer_grids():
    structure = assign_oxidation_states(Structure.from_file(CRYSTALS / "LiCoO2.cif"))[0]
    framework = framework_of(structure)
    coarse = site_energy_landscape(framework)
    limit = refined(percolation(coarse), coarse, framework).migration_barrier_ev[0]
    errors = [
        abs(percolation(site_energy_landscape(framework, resolution_angstrom=r)).migration_barrier_ev[0] - limit)
        for r in (0.2, 0.1, 0.05)
    ]
    # a grid's error falls with the square of its step; at 0.05 Å it is below BVlain's bisection
    assert errors[2] < 0.01
    assert errors[2] < errors[0]


def test_row_has_the_columns_of_the_contract():
    lif = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.026), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    row = percolation_row(lif)
    assert set(row) == {*PERCOLATION_COLUMNS, "mobile_site_shared", "note"}
    # cubic: all directions alike
    assert row["percolation_barrier_1d_ev"] == row["percolation_barrier_3d_ev"] > 0
    assert row["dimensionality"] == 3


def test_row_without_the_mobile_ion_says_so():
    nacl = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(ValueError, match="there is no Li in the structure"):
        percolation_row(nacl)
    assert percolation_row(nacl, "Na")["dimensionality"] == 3
