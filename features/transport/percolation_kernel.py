"""Compiled inner loops of percolation on a periodic grid.

All of them stand in this file, because numba's cache does not see edits in another.

Points are added from the lowest level up and joined with the neighbours already there. Every point carries the
lattice vector to the root of its cluster, so that a cluster that meets its own periodic image yields the vector between
them; the rank of these vectors is the number of directions in which the cluster spans the crystal.
"""

import numba
import numpy as np
from numpy.typing import NDArray

# The 13 of the 26 neighbours that are not the inverse of another.
HALF_NEIGHBOURS = np.array(
    [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)], dtype=np.int64
)


@numba.njit(nogil=True, cache=True)
def _root(parent: NDArray[np.int32], cell: NDArray[np.int16], point: int) -> int:
    """Root of a point's cluster; the path is flattened and the lattice vectors along it added up."""
    top = point
    x = y = z = 0
    while parent[top] != top:
        x += cell[top, 0]
        y += cell[top, 1]
        z += cell[top, 2]
        top = parent[top]
    while parent[point] != top and point != top:
        up = parent[point]
        dx, dy, dz = cell[point, 0], cell[point, 1], cell[point, 2]
        parent[point] = top
        cell[point, 0], cell[point, 1], cell[point, 2] = x, y, z
        x -= dx
        y -= dy
        z -= dz
        point = up
    return top


@numba.njit(nogil=True, cache=True)
def _independent(vectors: NDArray[np.int64], rank: int, x: int, y: int, z: int) -> bool:
    """Whether (x, y, z) lies outside the span of the first `rank` vectors."""
    if rank == 0:
        return x != 0 or y != 0 or z != 0
    a = vectors[0]
    if rank == 1:
        return a[1] * z - a[2] * y != 0 or a[2] * x - a[0] * z != 0 or a[0] * y - a[1] * x != 0
    b = vectors[1]
    normal_x = a[1] * b[2] - a[2] * b[1]
    normal_y = a[2] * b[0] - a[0] * b[2]
    normal_z = a[0] * b[1] - a[1] * b[0]
    return rank == 2 and normal_x * x + normal_y * y + normal_z * z != 0


@numba.njit(nogil=True, cache=True)
def _join_bases(bases: NDArray[np.int64], rank: NDArray[np.int64], into: int, other: int) -> None:
    """Add the vectors of one cluster's basis to another's, in place."""
    for r in range(rank[other]):
        x, y, z = bases[other, r]
        if _independent(bases[into], rank[into], x, y, z):
            bases[into, rank[into]] = bases[other, r]
            rank[into] += 1


@numba.njit(nogil=True, cache=True)
def _neighbour(shape: tuple[int, int, int], point: int, di: int, dj: int, dk: int) -> tuple[int, int, int, int]:
    """Flat index of a grid neighbour and the cell it lies in."""
    n_a, n_b, n_c = shape
    i = point // (n_b * n_c) + di
    j = (point // n_c) % n_b + dj
    k = point % n_c + dk
    x, y, z = i // n_a, j // n_b, k // n_c
    return ((i - x * n_a) * n_b + j - y * n_b) * n_c + k - z * n_c, x, y, z


@numba.njit(nogil=True, cache=True)
def spanning_levels(
    level: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Level at which a cluster first spans 1, 2 and 3 directions, the lowest level in it, the point that closed it.

    Args:
        level: (n_a, n_b, n_c) field on a periodic grid.
        order: Flat indices of the points to add, by rising level.

    Returns:
        levels (3,), lowest (3,), points (3,) flat index, and vectors (3, 3, 3): the lattice vectors, as rows, that
        span the directions of each cluster. inf, inf, -1 and 0 where it never happens.
    """
    flat = level.ravel()
    parent = np.full(flat.size, -1, dtype=np.int32)
    cell = np.zeros((flat.size, 3), dtype=np.int16)
    members = np.ones(flat.size, dtype=np.int32)
    lowest = flat.copy()
    basis_of = np.full(flat.size, -1, dtype=np.int32)  # row of `bases` for roots of clusters that span
    bases = np.zeros((64, 3, 3), dtype=np.int64)
    rank = np.zeros(64, dtype=np.int64)
    used = 0
    levels, lows, points = np.full(3, np.inf), np.full(3, np.inf), np.full(3, -1, dtype=np.int64)
    vectors = np.zeros((3, 3, 3), dtype=np.int64)
    reached = 0
    for point in order:
        parent[point] = point
        for h in range(26):
            s = 1 if h < 13 else -1
            step = HALF_NEIGHBOURS[h % 13]
            other, x, y, z = _neighbour(level.shape, point, s * step[0], s * step[1], s * step[2])
            if parent[other] < 0:
                continue
            ra, rb = _root(parent, cell, point), _root(parent, cell, other)
            # The root of `point` in the home cell touches the root of `other` in the cell (x, y, z).
            x += cell[other, 0] - cell[point, 0]
            y += cell[other, 1] - cell[point, 1]
            z += cell[other, 2] - cell[point, 2]
            if ra == rb:
                if x == 0 and y == 0 and z == 0:
                    continue
                if basis_of[ra] < 0:
                    if used == len(rank):
                        bases = np.concatenate((bases, np.zeros_like(bases)))
                        rank = np.concatenate((rank, np.zeros_like(rank)))
                    basis_of[ra] = used
                    used += 1
                b = basis_of[ra]
                if _independent(bases[b], rank[b], x, y, z):
                    bases[b, rank[b], 0], bases[b, rank[b], 1], bases[b, rank[b], 2] = x, y, z
                    rank[b] += 1
            else:
                if members[ra] < members[rb]:
                    ra, rb, x, y, z = rb, ra, -x, -y, -z
                parent[rb] = ra
                cell[rb, 0], cell[rb, 1], cell[rb, 2] = -x, -y, -z
                members[ra] += members[rb]
                lowest[ra] = min(lowest[ra], lowest[rb])
                if basis_of[ra] < 0:
                    basis_of[ra] = basis_of[rb]
                elif basis_of[rb] >= 0:
                    _join_bases(bases, rank, basis_of[ra], basis_of[rb])
            while basis_of[ra] >= 0 and rank[basis_of[ra]] > reached:
                levels[reached], lows[reached], points[reached] = flat[point], lowest[ra], point
                vectors[reached, : reached + 1] = bases[basis_of[ra], : reached + 1]
                reached += 1
            if reached == 3:
                return levels, lows, points, vectors
    return levels, lows, points, vectors


@numba.njit(nogil=True, cache=True)
def basins(
    level: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.int64]]:
    """Basin of attraction of every point: the one its lowest lower neighbour lies in.

    Args:
        level: (n_a, n_b, n_c) field on a periodic grid.
        order: Flat indices of the points to assign, by rising level.

    Returns:
        (n,) basin of each point, -1 where not in order; (n, 3) cell in which the basin's minimum stands, seen from the
        point; (m,) flat index of each minimum.
    """
    flat = level.ravel()
    basin = np.full(flat.size, -1, dtype=np.int32)
    cell = np.zeros((flat.size, 3), dtype=np.int16)
    minima = np.empty(flat.size, dtype=np.int64)
    found = 0
    for point in order:
        lowest = np.inf
        for h in range(26):
            s = 1 if h < 13 else -1
            step = HALF_NEIGHBOURS[h % 13]
            other, x, y, z = _neighbour(level.shape, point, s * step[0], s * step[1], s * step[2])
            if other != point and basin[other] >= 0 and flat[other] < lowest:
                lowest = flat[other]
                basin[point] = basin[other]
                cell[point, 0] = cell[other, 0] + x
                cell[point, 1] = cell[other, 1] + y
                cell[point, 2] = cell[other, 2] + z
        if basin[point] < 0:
            basin[point] = found
            minima[found] = point
            found += 1
    return basin, cell, minima[:found]


@numba.njit(nogil=True, cache=True)
def contacts(
    level: NDArray[np.float64], order: NDArray[np.int64], basin: NDArray[np.int32], cell: NDArray[np.int16]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All pairs of neighbouring points in different basins, or in different images of one.

    Returns:
        (m, 6) the two basins, the cell of the second seen from the first, and the flat index of the higher point;
        (m,) level of that point.
    """
    flat = level.ravel()
    rows = np.empty((1024, 6), dtype=np.int64)
    levels = np.empty(1024)
    found = 0
    for point in order:
        for h in range(13):
            step = HALF_NEIGHBOURS[h]
            other, x, y, z = _neighbour(level.shape, point, step[0], step[1], step[2])
            if basin[other] < 0:
                continue
            x += cell[other, 0] - cell[point, 0]
            y += cell[other, 1] - cell[point, 1]
            z += cell[other, 2] - cell[point, 2]
            a, b = basin[point], basin[other]
            if a == b and x == 0 and y == 0 and z == 0:
                continue
            if b < a or (a == b and (x, y, z) < (0, 0, 0)):
                a, b, x, y, z = b, a, -x, -y, -z
            if found == len(rows):
                rows = np.concatenate((rows, np.empty_like(rows)))
                levels = np.concatenate((levels, np.empty_like(levels)))
            top = point if flat[point] >= flat[other] else other
            rows[found, 0], rows[found, 1], rows[found, 2] = a, b, x
            rows[found, 3], rows[found, 4], rows[found, 5] = y, z, top
            levels[found] = flat[top]
            found += 1
    return rows[:found], levels[:found]
