"""Compiled inner loops of the bond valence landscape.

All of them stand in this file, because numba's cache does not see edits in another.

Every ion of the cell is spread over the grid points in reach, row by row along c, wrapping around the cell; a radial
function is a table of cubics in the squared distance, so that no root is taken (a root costs four times the rest). The
loops release the GIL, so that several threads work on different structures or slabs.
"""

import numba
import numpy as np
from numpy.typing import NDArray

# Cubics on these steps reproduce Morse and Coulomb to 1e-5 eV per ion: in r^2 beyond NEAR_ANGSTROM, in r below.
STEP_SQUARE_ANGSTROM = 1.0 / 32.0
STEP_ANGSTROM = 1.0 / 256.0
NEAR_ANGSTROM = 1.0


@numba.njit(nogil=True, cache=True, fastmath={"contract", "nsz", "arcp"})
def _add_far(
    row: NDArray[np.float64],
    start: int,
    stop: int,
    line: tuple[float, float, float],
    w: float,
    table: NDArray[np.float64],
) -> None:
    """Add w times the table in r^2 to the points start <= k < stop of a periodic row; r^2 = uu + 2 uc k + cc k^2."""
    uu, uc, cc = line
    k = start
    while k < stop:
        at = k % len(row)
        run = min(len(row) - at, stop - k)
        for p in range(run):
            q = float(k + p)
            x = max(uu + q * (2.0 * uc + q * cc), 0.0) * (1.0 / STEP_SQUARE_ANGSTROM)
            s = np.uint32(x)
            t = x - s
            row[at + p] += w * (table[s, 0] + t * (table[s, 1] + t * (table[s, 2] + t * table[s, 3])))
        k += run


@numba.njit(nogil=True, cache=True)
def _add_near(
    row: NDArray[np.float64],
    start: int,
    stop: int,
    line: tuple[float, float, float],
    w: float,
    table: NDArray[np.float64],
) -> None:
    """The same with the table in r."""
    uu, uc, cc = line
    for k in range(start, stop):
        x = np.sqrt(max(uu + k * (2.0 * uc + k * cc), 0.0)) * (1.0 / STEP_ANGSTROM)
        s = int(x)
        t = x - s
        row[k % len(row)] += w * (table[s, 0] + t * (table[s, 1] + t * (table[s, 2] + t * table[s, 3])))


@numba.njit(nogil=True, cache=True)
def _inside(line: tuple[float, float, float], square: float) -> tuple[int, int]:
    """Points start <= k < stop of a row with r^2 <= square."""
    uu, uc, cc = line
    room = uc * uc - cc * (uu - square)
    if room <= 0.0:
        return 0, 0
    return int(np.ceil((-uc - np.sqrt(room)) / cc)), int(np.floor((-uc + np.sqrt(room)) / cc)) + 1


@numba.njit(nogil=True, cache=True)
def add_ions(
    energy: NDArray[np.float64],
    lattice: NDArray[np.float64],
    ions: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]],
    tables: tuple[NDArray[np.float64], NDArray[np.float64]],
    reach: NDArray[np.float64],
    first: int,
    last: int,
) -> None:
    """Add every ion and its periodic images to the planes first <= i < last of the grid, in place.

    energy: (n_a, n_b, n_c) in eV. lattice: (3, 3) rows in Å. ions: positions (m, 3) fractional, kind (m,) and factor
    (m,). tables: (kinds, steps, 4) coefficients of c0 + c1 t + c2 t^2 + c3 t^3, t the fraction of a step, in r^2 and in
    r. reach: (kinds,) in Å.
    """
    n_a, n_b, n_c = energy.shape
    positions, kinds, factors = ions
    step_a, step_b, step_c = lattice[0] / n_a, lattice[1] / n_b, lattice[2] / n_c
    inverse = np.linalg.inv(lattice)
    planes_a = n_a * np.sqrt((inverse[:, 0] ** 2).sum())  # grid planes per Å along their normal
    planes_b = n_b * np.sqrt((inverse[:, 1] ** 2).sum())
    cc = (step_c**2).sum()
    for m in range(len(positions)):
        kind, w = kinds[m], factors[m]
        at_a, at_b, at_c = positions[m, 0] * n_a, positions[m, 1] * n_b, positions[m, 2] * n_c
        half_a, half_b = reach[kind] * planes_a, reach[kind] * planes_b
        for i in range(int(np.ceil(at_a - half_a)), int(np.floor(at_a + half_a)) + 1):
            if not first <= i % n_a < last:
                continue
            for j in range(int(np.ceil(at_b - half_b)), int(np.floor(at_b + half_b)) + 1):
                uu = uc = 0.0
                for x in range(3):
                    u = (i - at_a) * step_a[x] + (j - at_b) * step_b[x] - at_c * step_c[x]
                    uu += u * u
                    uc += u * step_c[x]
                line = (uu, uc, cc)
                start, stop = _inside(line, reach[kind] ** 2)
                near_start, near_stop = _inside(line, NEAR_ANGSTROM**2)
                row = energy[i % n_a, j % n_b]
                if near_start >= near_stop:
                    _add_far(row, start, stop, line, w, tables[0][kind])
                else:
                    _add_far(row, start, near_start, line, w, tables[0][kind])
                    _add_near(row, near_start, near_stop, line, w, tables[1][kind])
                    _add_far(row, near_stop, stop, line, w, tables[0][kind])


@numba.njit(nogil=True, cache=True)
def lower_to_surfaces(
    room: NDArray[np.float64], lattice: NDArray[np.float64], positions: NDArray[np.float64], radii: NDArray[np.float64]
) -> None:
    """Lower a field to the distance from the nearest sphere, in place, where that is less than what the field holds.

    room: (n_a, n_b, n_c) filled with the largest distance of interest, Å. positions: (m, 3) fractional. radii: (m,) Å.
    """
    n_a, n_b, n_c = room.shape
    most = room.max()
    step_a, step_b, step_c = lattice[0] / n_a, lattice[1] / n_b, lattice[2] / n_c
    inverse = np.linalg.inv(lattice)
    planes_a = n_a * np.sqrt((inverse[:, 0] ** 2).sum())
    planes_b = n_b * np.sqrt((inverse[:, 1] ** 2).sum())
    cc = (step_c**2).sum()
    for m in range(len(positions)):
        reach = radii[m] + most
        at_a, at_b, at_c = positions[m, 0] * n_a, positions[m, 1] * n_b, positions[m, 2] * n_c
        for i in range(int(np.ceil(at_a - reach * planes_a)), int(np.floor(at_a + reach * planes_a)) + 1):
            for j in range(int(np.ceil(at_b - reach * planes_b)), int(np.floor(at_b + reach * planes_b)) + 1):
                uu = uc = 0.0
                for x in range(3):
                    u = (i - at_a) * step_a[x] + (j - at_b) * step_b[x] - at_c * step_c[x]
                    uu += u * u
                    uc += u * step_c[x]
                start, stop = _inside((uu, uc, cc), reach**2)
                row = room[i % n_a, j % n_b]
                for k in range(start, stop):
                    gap = np.sqrt(max(uu + k * (2.0 * uc + k * cc), 0.0)) - radii[m]
                    if gap < row[k % n_c]:
                        row[k % n_c] = gap


@numba.njit(nogil=True, cache=True)
def orbit_weights(
    positions: NDArray[np.float64],
    label: NDArray[np.int64],
    lattice: NDArray[np.float64],
    rotations: NDArray[np.int64],
    translations: NDArray[np.float64],
    tolerance_angstrom: float,
) -> NDArray[np.float64]:
    """(m,) size of each orbit of ions over the group order at its first member, 0 at the others.

    All -1 if an operation moves an ion onto no ion of the same label within the tolerance.
    """
    m = len(positions)
    order = len(rotations)
    weights = np.zeros(m)
    seen = np.zeros(m, dtype=np.bool_)
    for first in range(m):
        if seen[first]:
            continue
        size = 0
        for g in range(order):
            image = np.zeros(3)
            for x in range(3):
                image[x] = translations[g, x]
                for y in range(3):
                    image[x] += rotations[g, x, y] * positions[first, y]
            found = -1
            for other in range(m):
                if label[other] != label[first]:
                    continue
                d = image - positions[other]
                d -= np.rint(d)
                r2 = 0.0
                for y in range(3):
                    r2 += (d[0] * lattice[0, y] + d[1] * lattice[1, y] + d[2] * lattice[2, y]) ** 2
                if r2 < tolerance_angstrom**2:
                    found = other
                    break
            if found < 0:
                return np.full(m, -1.0)
            if not seen[found]:
                seen[found] = True
                size += 1
        weights[first] = size / order
    return weights


@numba.njit(nogil=True, cache=True)
def sum_over_orbits(
    energy: NDArray[np.float64], matrices: NDArray[np.int64], shifts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum of a field over the images of every grid point under a group that maps the grid onto itself.

    matrices: (g, 3, 3) and shifts: (g, 3) act on grid indices. Returns the symmetric field, same shape.
    """
    n = np.array(energy.shape)
    total = np.empty(energy.shape)
    done = np.zeros(energy.shape, dtype=np.bool_)
    order = len(matrices)
    images = np.empty((order, 3), dtype=np.int64)
    for i in range(n[0]):
        for j in range(n[1]):
            for k in range(n[2]):
                if done[i, j, k]:
                    continue
                value = 0.0
                for g in range(order):
                    for x in range(3):
                        at = matrices[g, x, 0] * i + matrices[g, x, 1] * j + matrices[g, x, 2] * k + shifts[g, x]
                        images[g, x] = at % n[x]
                    value += energy[images[g, 0], images[g, 1], images[g, 2]]
                for g in range(order):
                    total[images[g, 0], images[g, 1], images[g, 2]] = value
                    done[images[g, 0], images[g, 1], images[g, 2]] = True
    return total
