"""Graph of sites, files and pictures of a landscape."""

import io

import networkx as nx
import numpy as np
import pytest
from ase.io.cube import read_cube
from places import CRYSTALS
from pymatgen.core import Structure

from ionsieve.features.chemistry.structure_charges import assign_oxidation_states
from ionsieve.features.transport.bond_valence import Framework, Landscape, framework_of, site_energy_landscape
from ionsieve.features.transport.isosurface import isosurface
from ionsieve.features.transport.landscape_export import cube_text, grd_text
from ionsieve.features.transport.landscape_picture import landscape_figure
from ionsieve.features.transport.percolation import percolation
from ionsieve.features.transport.site_network import site_network


def load(name: str, resolution: float = 0.2) -> tuple[Structure, Framework, Landscape]:
    structure = assign_oxidation_states(Structure.from_file(CRYSTALS / f"{name}.cif"))[0]
    framework = framework_of(structure)
    return structure, framework, site_energy_landscape(framework, resolution_angstrom=resolution)


def spanning_levels_of(graph: nx.MultiGraph) -> list[float]:
    """Second route to the percolation barriers: add the links of the graph one by one, collect loops between cells."""
    found = [np.inf] * 3
    edges = sorted(graph.edges(data=True), key=lambda e: e[2]["saddle_ev"])
    for saddle in sorted({e[2]["saddle_ev"] for e in edges}):
        upto = [e for e in edges if e[2]["saddle_ev"] <= saddle]
        step = nx.MultiDiGraph()
        for a, b, data in upto:
            step.add_edge(a, b, cell=np.array(data["cell"]))
            step.add_edge(b, a, cell=-np.array(data["cell"]))
        best = 0
        for cluster in nx.weakly_connected_components(step):
            start = min(cluster)
            at = {start: np.zeros(3)}
            for a, b in nx.bfs_edges(step, start):
                at[b] = at[a] + step[a][b][0]["cell"]
            loops = [at[a] + d["cell"] - at[b] for a, b, d in step.edges(cluster, data=True)]
            best = max(best, int(np.linalg.matrix_rank(np.array(loops))))
        for d in range(best):
            found[d] = min(found[d], saddle)
        if best == 3:
            break
    return found


@pytest.mark.parametrize("name", ["LiCl", "LiFePO4", "LiCoO2", "Li10GeP2S12"])
def test_graph_of_sites_percolates_where_the_grid_does(name):
    _, _, landscape = load(name, 0.4)
    barriers = percolation(landscape).percolation_barrier_ev
    assert spanning_levels_of(site_network(landscape)) == pytest.approx(barriers.tolist(), abs=1e-9)


def test_sites_of_rock_salt_are_octahedra_and_tetrahedra():
    _, _, landscape = load("LiCl")
    graph = site_network(landscape)
    energies = [data["energy_ev"] for _, data in graph.nodes(data=True)]
    # four octahedra in the cell, where lithium stands, and eight tetrahedra, each linked to four octahedra
    assert len(energies) == 12
    assert np.allclose(energies[:4], 0, atol=0.01)
    assert min(energies[4:]) > 0.1
    # grid ties may add links between equal neighbours, but none may be missing
    assert all(graph.degree(site) >= 4 for site in range(4, 12))
    for _, _, data in graph.edges(data=True):
        assert data["barrier_ev"] >= 0


def test_sites_of_olivine_are_where_lithium_stands():
    structure, framework, landscape = load("LiFePO4")
    graph = site_network(landscape)
    deepest = np.array([data["position"] for _, data in graph.nodes(data=True)][:4])
    for position in deepest:
        distances = structure.lattice.get_all_distances(position, framework.mobile_positions)
        assert distances.min() < 0.35  # grid spacing


def test_cube_is_read_back_by_ase():
    structure, _, landscape = load("LiFePO4", 0.5)
    content = read_cube(io.StringIO(cube_text(landscape, structure)))
    expected = landscape.energy_ev - landscape.energy_ev.min()
    assert content["data"].shape == expected.shape
    assert np.allclose(content["data"], expected, rtol=1e-4, atol=1e-5)
    assert np.allclose(content["atoms"].cell, structure.lattice.matrix, atol=1e-3)
    assert sorted(content["atoms"].get_chemical_symbols()) == sorted(s.specie.symbol for s in structure)


def test_grd_holds_cell_counts_and_values():
    structure, _, landscape = load("LiCoO2", 0.5)
    lines = grd_text(landscape).splitlines()
    assert [float(x) for x in lines[1].split()] == pytest.approx([*structure.lattice.abc, *structure.lattice.angles])
    assert tuple(int(x) for x in lines[2].split()) == landscape.energy_ev.shape
    values = np.array(lines[3:], dtype=float).reshape(landscape.energy_ev.shape)
    assert np.allclose(values, landscape.energy_ev - landscape.energy_ev.min(), rtol=1e-5, atol=1e-6)


def test_isosurface_of_a_sphere_has_its_area_and_is_closed():
    n = 40
    axis = np.arange(n) / n - 0.5
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2)
    vertices, triangles = isosurface(radius, 0.3)
    assert np.linalg.norm(vertices - 0.5, axis=1) == pytest.approx(0.3, abs=2e-3)
    p, q, r = (vertices[triangles[:, i]] for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(q - p, r - p), axis=1).sum()
    assert area == pytest.approx(4 * np.pi * 0.3**2, rel=0.01)
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_picture_shows_channels_cell_and_atoms():
    _, framework, landscape = load("LiFePO4", 0.4)
    level = float(percolation(landscape).percolation_barrier_ev[0])
    figure = landscape_figure(landscape, framework, level)
    assert [trace.name for trace in figure.data] == ["Li paths", "cell", "Fe", "O", "P", "Li sites"]
    surface = np.column_stack([figure.data[0].x, figure.data[0].y, figure.data[0].z])
    inside = surface @ np.linalg.inv(landscape.lattice)
    assert inside.min() > -1e-3
    assert inside.max() < 1 + 1e-3
    assert landscape_figure(landscape, framework, level).to_json() == figure.to_json()
    assert len(figure.to_json()) < 1_000_000
