"""Barriers freed from the grid: the gates and pockets that set them, moved to the saddles and minima nearby.

On a grid of 0.2 Å a barrier depends by some 10 meV, at steep gates 100 meV, on where the grid's origin lies. Stationary
points of the landscape itself do not; they are found by following the modes of the Hessian (doi:10.1021/j100247a015).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ionsieve.features.transport.bond_valence import Framework, Landscape
from ionsieve.features.transport.bond_valence_parameters import pair_potential
from ionsieve.features.transport.percolation import Percolation

FARTHEST_ANGSTROM = 0.6
LONGEST_STEP_ANGSTROM = 0.1
FORCE_EV_ANGSTROM = 1e-4
MOST_STEPS = 40
DIFFERENCE_ANGSTROM = 1e-3

Surroundings = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def refined(
    result: Percolation, landscape: Landscape, framework: Framework, mobile_ion: str = "Li", radii: str = "ase"
) -> Percolation:
    """The same barriers with gates at saddle points and pockets at minima off the grid.

    A gate or pocket near which no such point is found within 0.6 Å keeps its value on the grid.

    Args:
        result: From `percolation(landscape)`.
        landscape: The grid it was found on.
        framework: What made the landscape, with the same mobile ion and radii.
    """
    energy = landscape.energy_ev
    flat = energy.ravel()

    def settle(point: NDArray[np.float64], index: int, fallback: float) -> float:
        start = point @ landscape.lattice
        found = stationary_energy(start, energy_around(framework, start, mobile_ion, radii), index)
        return fallback if found is None else found

    def pocket(level: float) -> float:
        at = np.array(np.unravel_index(int(np.abs(flat - level).argmin()), energy.shape)) / energy.shape
        return settle(at, 0, level)

    lowest = float(flat.min())
    bottom = pocket(lowest)
    percolation_ev, migration_ev = result.percolation_barrier_ev.copy(), result.migration_barrier_ev.copy()
    highest = -np.inf
    for d in np.flatnonzero(np.isfinite(percolation_ev)):
        level = lowest + percolation_ev[d]
        # more directions never cost less
        highest = max(highest, settle(result.gate[d], 1, level))
        deepest = level - migration_ev[d]
        percolation_ev[d] = highest - bottom
        migration_ev[d] = highest - (bottom if deepest == lowest else pocket(deepest))
    return replace(result, percolation_barrier_ev=percolation_ev, migration_barrier_ev=migration_ev)


def energy_around(
    framework: Framework, center: NDArray[np.float64], mobile_ion: str, radii: str, cutoff_angstrom: float = 10.0
) -> Surroundings:
    """Energy in eV and gradient in eV/Å at Cartesian points within 0.6 Å of a center, from the formulas."""
    lattice = framework.lattice
    heights = 1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    reach = cutoff_angstrom + FARTHEST_ANGSTROM
    counts = [int(np.ceil(reach / h)) + 1 for h in heights]
    cells = np.stack(np.meshgrid(*[np.arange(-c, c + 1) for c in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    groups = []
    for k, (symbol, charge) in enumerate(framework.kinds):
        potential = pair_potential(symbol, charge, mobile_ion, cutoff_angstrom, radii)
        mine = framework.kind == k
        ions = ((framework.positions[mine][:, None] + cells[None]) @ lattice).reshape(-1, 3)
        near = np.linalg.norm(ions - center, axis=1) < reach
        if potential.reach_angstrom > 0 and near.any():
            groups.append((potential, ions[near], np.repeat(framework.occupancy[mine], len(cells))[near]))

    def evaluate(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(3)
        for potential, ions, occupancy in groups:
            away = point - ions
            r = np.linalg.norm(away, axis=1)
            value, slope = potential.energy_and_slope(r)
            total += float((occupancy * value).sum())
            gradient += ((occupancy * slope / r)[:, None] * away).sum(axis=0)
        return total, gradient

    return evaluate


def stationary_energy(start: NDArray[np.float64], surroundings: Surroundings, index: int) -> float | None:
    """Energy of the stationary point near a start with `index` falling directions; None if none is found."""
    point = start.copy()
    for _ in range(MOST_STEPS):
        energy, gradient = surroundings(point)
        curvature, modes = np.linalg.eigh(_hessian(point, surroundings))
        if np.abs(gradient).max() < FORCE_EV_ANGSTROM:
            return energy if (curvature < 0).sum() == index else None
        uphill = np.where(np.arange(3) < index, 1.0, -1.0)
        step = modes @ (uphill * (modes.T @ gradient) / np.maximum(np.abs(curvature), 0.1))
        length = float(np.linalg.norm(step))
        point = point + step * min(1.0, LONGEST_STEP_ANGSTROM / length)
        if np.linalg.norm(point - start) > FARTHEST_ANGSTROM:
            return None
    return None


def _hessian(point: NDArray[np.float64], surroundings: Surroundings) -> NDArray[np.float64]:
    """(3, 3) second derivatives in eV/Å^2 from differences of the gradient."""
    rows = []
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = DIFFERENCE_ANGSTROM
        rows.append((surroundings(point + shift)[1] - surroundings(point - shift)[1]) / (2 * DIFFERENCE_ANGSTROM))
    hessian = np.array(rows)
    return 0.5 * (hessian + hessian.T)
