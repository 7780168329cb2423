"""How far the anions of a crystal stand from the bcc, fcc and hcp lattices.

In fast sulfide conductors the anions tend to bcc, where lithium moves between face-sharing tetrahedra (Wang et al.,
doi:10.1038/nmat4369). Every anion's neighbourhood is laid over the first two shells of each lattice by rotation alone,
at the crystal's own volume per anion, as polyhedral template matching does (doi:10.1088/0965-0393/24/5/055007).
"""

import math
from functools import cache

import numba
import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

# Neighbours compared: the shells at 1 and 1.15 (bcc), 1 and 1.41 (fcc), 1, 1.41 and 1.63 (hcp) nearest distances. One
# shell alone takes distorted bcc (Li10GeP2S12) for close-packed.
SHELL_SIZES = {"bcc": 14, "fcc": 18, "hcp": 20}
# Starting orientations: with 24 (bcc, fcc) or 12 (hcp) equivalent ones each, steps of about 20 degrees.
N_ORIENTATIONS = 48
# Of them, the best are settled by exact assignment.
N_SETTLED = 8
SYMMETRY_TOLERANCE_ANGSTROM = 0.01
TIE_ANGSTROM = 0.01


def anion_lattice_distances(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], occupancy: NDArray[np.float64]
) -> dict[str, float]:
    """Root mean square distance of the anions' surroundings from each lattice.

    Args:
        lattice: (3, 3) rows in Å.
        positions: (n, 3) fractional positions of the anions.
        occupancy: (n,) of the anions.

    Returns:
        "bcc", "fcc", "hcp": distance in units of the cube root of the volume per anion, averaged over the anions; NaN
        without anions.
    """
    if not len(positions):
        return dict.fromkeys(SHELL_SIZES, float("nan"))
    length = float((abs(np.linalg.det(lattice)) / occupancy.sum()) ** (1.0 / 3.0))
    anions = Structure(Lattice(lattice), ["O"] * len(positions), positions)
    total = dict.fromkeys(SHELL_SIZES, 0.0)
    first, share = _inequivalent(lattice, positions, occupancy)
    reach = 2.2 * length
    for index, weight in zip(first, share, strict=True):
        around = _nearest(anions, int(index), reach) / length
        for name in SHELL_SIZES:
            total[name] += float(weight) * _misfit(_template(name), _first(around, SHELL_SIZES[name]))
    return total


def _inequivalent(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], occupancy: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """One anion of each symmetry orbit, and the share of the occupancy its orbit holds."""
    labels = np.unique(np.rint(occupancy * 1e4).astype(int), return_inverse=True)[1]
    cell = (lattice.tolist(), positions.tolist(), labels.tolist())
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=SYMMETRY_TOLERANCE_ANGSTROM)
    except spglib.SpglibError:  # two anions closer than the tolerance: use no symmetry
        dataset = None
    orbit = np.arange(len(positions)) if dataset is None else np.array(dataset.equivalent_atoms, dtype=np.int64)
    first = np.unique(orbit)
    share = np.array([occupancy[orbit == i].sum() for i in first]) / occupancy.sum()
    return first, share


def _nearest(anions: Structure, index: int, reach: float) -> NDArray[np.float64]:
    """(m, 3) vectors in Å from one anion to its neighbours, nearest first, at least as many as the templates need."""
    needed = max(SHELL_SIZES.values())
    while True:
        _, other, image, distance = anions.get_neighbor_list(reach, sites=[anions[index]])
        away = distance > 1e-3
        # more than needed, so that neighbours as far as the last one are all there
        if away.sum() > needed and np.sort(distance[away])[needed] < reach - TIE_ANGSTROM:
            break
        reach *= 1.2
    order = np.argsort(distance[away], kind="stable")
    other, image = other[away][order], image[away][order]
    return (anions.frac_coords[other] + image - anions.frac_coords[index]) @ anions.lattice.matrix


def _first(around: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The `count` nearest neighbours, with all that are as far as the last of them."""
    distance = np.linalg.norm(around, axis=1)
    return around[distance <= distance[count - 1] + TIE_ANGSTROM]


@cache
def _template(name: str) -> NDArray[np.float64]:
    """(m, 3) neighbours of a point of the lattice with one point per unit volume, nearest first."""
    edge = 2.0 ** (1.0 / 6.0)  # of hcp: two points in a^3 sqrt(2)
    hexagonal = Lattice.hexagonal(edge, edge * math.sqrt(8.0 / 3.0))
    cells: dict[str, tuple[Lattice, list[list[float]]]] = {
        "fcc": (Lattice.cubic(4.0 ** (1 / 3)), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
        "bcc": (Lattice.cubic(2.0 ** (1 / 3)), [[0, 0, 0], [0.5, 0.5, 0.5]]),
        "hcp": (hexagonal, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]),
    }
    cell, basis = cells[name]
    points = Structure(cell, ["O"] * len(basis), basis)
    neighbours = sorted(points.get_neighbors(points[0], 2.5), key=lambda n: round(n.nn_distance, 6))
    vectors = np.array([n.coords - points[0].coords for n in neighbours[: SHELL_SIZES[name]]])
    vectors.setflags(write=False)
    return vectors


@cache
def _orientations() -> NDArray[np.float64]:
    """(N_ORIENTATIONS, 3, 3) rotations spread over all orientations."""
    rotations = Rotation.random(N_ORIENTATIONS, random_state=0).as_matrix()
    rotations.setflags(write=False)
    return rotations


def _misfit(template: NDArray[np.float64], around: NDArray[np.float64]) -> float:
    """Smallest root mean square distance of the rotated template from distinct neighbours."""
    rotations, misfits = turned_to_fit(template, around, _orientations())
    return min(_settle(template, around, rotations[i]) for i in np.argsort(misfits, kind="stable")[:N_SETTLED])


def _settle(template: NDArray[np.float64], around: NDArray[np.float64], rotation: NDArray[np.float64]) -> float:
    """Misfit after assigning exactly where the kernel assigned greedily; each step lowers it."""
    misfit = np.inf
    while True:
        square = (((template @ rotation.T)[:, None] - around[None]) ** 2).sum(axis=-1)
        rows, chosen = linear_sum_assignment(square)
        now = float(np.sqrt(square[rows, chosen].mean()))
        if now > misfit - 1e-9:
            return min(now, misfit)
        misfit = now
        rotation = _fit_rotation(template, around[chosen])


@numba.njit(nogil=True, cache=True)
def _fit_rotation(template: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation that brings the template closest to the target (Kabsch, doi:10.1107/S0567739476001873)."""
    u, _, vt = np.linalg.svd(np.ascontiguousarray(target.T) @ template)
    if np.linalg.det(u @ vt) < 0:
        u[:, 2] = -u[:, 2]
    return u @ vt


@numba.njit(nogil=True, cache=True)
def turned_to_fit(
    template: NDArray[np.float64], around: NDArray[np.float64], starts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each starting rotation turned until the misfit no longer falls, and the sum of squares it ends with.

    Every point of the template takes the nearest neighbour that is still free, in the template's order.
    """
    m = len(template)
    ends = starts.copy()
    misfits = np.full(len(starts), np.inf)
    target = np.empty((m, 3))
    for s in range(len(starts)):
        rotation = starts[s].copy()
        for _ in range(10):
            turned = template @ rotation.T
            free = np.ones(len(around), dtype=np.bool_)
            misfit = 0.0
            for t in range(m):
                nearest, square = -1, np.inf
                for a in range(len(around)):
                    if free[a]:
                        # spelled out: an array for every pair would take most of the time
                        x = turned[t, 0] - around[a, 0]
                        y = turned[t, 1] - around[a, 1]
                        z = turned[t, 2] - around[a, 2]
                        d = x * x + y * y + z * z
                        if d < square:
                            nearest, square = a, d
                free[nearest] = False
                target[t] = around[nearest]
                misfit += square
            if misfit > misfits[s] - 1e-9:
                break
            misfits[s] = misfit
            ends[s] = rotation
            rotation = _fit_rotation(template, target)
    return ends, misfits
