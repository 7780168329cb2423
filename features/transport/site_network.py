"""The sites of the mobile ion and the gates between them, as a graph of the crystal.

A site is a minimum of the landscape, a link the lowest way over the ridge between two sites or between a site and its
own image in another cell. Sites that a shallow ridge parts are one site.
"""

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ionsieve.features.transport.bond_valence import Landscape
from ionsieve.features.transport.percolation import HIGHEST_LEVEL_EV
from ionsieve.features.transport.percolation_kernel import basins, contacts

# Ridges lower than this are ripples of the grid, not barriers (kT at room temperature is 0.026 eV).
RIPPLE_EV = 0.02

Cell = tuple[int, int, int]
# two basins, the cell of the second seen from the first, level, and flat index of the highest point
Link = tuple[int, int, NDArray[np.int64], float, int]


def site_network(
    landscape: Landscape, highest_level_ev: float = HIGHEST_LEVEL_EV, ripple_ev: float = RIPPLE_EV
) -> nx.MultiGraph:
    """Sites and links of a landscape.

    Args:
        landscape: From `site_energy_landscape`.
        highest_level_ev: Sites and gates higher above the deepest site are left out.
        ripple_ev: Two sites are one if the ridge between them is at most this high above the shallower.

    Returns:
        Nodes 0, 1, … by rising energy, with energy_ev (above the deepest site) and position (fractional). Edges
        between nodes i <= j with cell (lattice vector to the image of j, as a tuple), saddle_ev (above the deepest
        site), barrier_ev (saddle above the lower of its two sites), gate (fractional position of the saddle).
    """
    energy = landscape.energy_ev
    flat = energy.ravel()
    below = np.flatnonzero(flat <= flat.min() + highest_level_ev)
    order = below[np.argsort(flat[below], kind="stable")]
    basin, cell, minima = basins(energy, order)
    links = _lowest_links(*contacts(energy, order, basin, cell))
    home, shift = _merge_ripples(links, flat[minima], ripple_ev)
    graph = nx.MultiGraph()
    kept = [int(b) for b in np.flatnonzero(home == np.arange(len(home)))]
    number = {basin: site for site, basin in enumerate(kept)}
    depth = flat[minima] - flat.min()
    for basin_number, site in number.items():
        graph.add_node(site, energy_ev=float(depth[basin_number]), position=_fractional(minima[basin_number], energy))
    seen: set[tuple[int, int, Cell]] = set()
    for a, b, step, level, top in links:
        ends = _in_order(int(home[a]), int(home[b]), step + shift[b] - shift[a])
        if ends in seen or ends == (ends[0], ends[0], (0, 0, 0)):
            continue
        seen.add(ends)
        saddle = level - float(flat.min())
        graph.add_edge(
            number[ends[0]],
            number[ends[1]],
            cell=ends[2],
            saddle_ev=saddle,
            barrier_ev=saddle - float(min(depth[ends[0]], depth[ends[1]])),
            gate=_fractional(top, energy),
        )
    return graph


def _fractional(point: int, grid: NDArray[np.float64]) -> tuple[float, ...]:
    """Fractional coordinates of a flat index."""
    return tuple((np.array(np.unravel_index(int(point), grid.shape)) / grid.shape).tolist())


def _in_order(a: int, b: int, step: NDArray[np.int64]) -> tuple[int, int, Cell]:
    """A link written the one way of its two: from the lower number, from an image to a later one."""
    if b < a or (a == b and tuple(step.tolist()) < (0, 0, 0)):
        a, b, step = b, a, -step
    x, y, z = step.tolist()
    return a, b, (x, y, z)


def _lowest_links(rows: NDArray[np.int64], levels: NDArray[np.float64]) -> list[Link]:
    """The lowest contact of every pair of basins and cell between them, by rising level."""
    order = np.lexsort((*rows.T[::-1], levels))
    first = np.sort(np.unique(rows[order, :5], axis=0, return_index=True)[1])
    return [
        (int(r[0]), int(r[1]), r[2:5], float(v), int(r[5]))
        for r, v in zip(rows[order][first], levels[order][first], strict=True)
    ]


def _merge_ripples(
    links: list[Link], minimum: NDArray[np.float64], ripple_ev: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Basin each basin is merged into, and the cell in which that one stands, seen from it."""
    home = np.arange(len(minimum))
    shift = np.zeros((len(minimum), 3), dtype=np.int64)
    for first, second, cell, level, _ in links:
        a, b = int(home[first]), int(home[second])
        if a == b or level - max(minimum[a], minimum[b]) > ripple_ev:
            continue
        # a in the home cell stands beside b in the cell `step`
        step = cell + shift[second] - shift[first]
        if minimum[b] < minimum[a]:
            a, b, step = b, a, -step
        moved = home == b
        home[moved] = a
        shift[moved] -= step
    return home, shift
