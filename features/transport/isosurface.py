"""Triangles of a level surface of a periodic grid, for cells of any shape.

Marching tetrahedra: every grid cell is cut into six tetrahedra, and the surface crosses each in one triangle or two.
"""

import numpy as np
from numpy.typing import NDArray

# Corners of a cube as offsets; the six tetrahedra share its long diagonal from corner 0 to corner 7.
CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
TETRAHEDRA = np.array([(0, 1, 3, 7), (0, 3, 2, 7), (0, 2, 6, 7), (0, 6, 4, 7), (0, 4, 5, 7), (0, 5, 1, 7)])


def isosurface(values: NDArray[np.float64], level: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and triangles of the surface where a periodic field has a level, over one whole cell.

    Args:
        values: (n_a, n_b, n_c) field on the points (i/n_a, j/n_b, k/n_c).
        level: Value on the surface.

    Returns:
        (v, 3) fractional coordinates between 0 and 1, (t, 3) indices into them; both empty if nothing crosses.
    """
    shape = np.array(values.shape)
    closed = np.pad(values, [(0, 1)] * 3, mode="wrap")
    origins = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1).reshape(-1, 3)
    corner_index = origins[:, None, :] + CORNERS[None]
    flat_index = np.ravel_multi_index(tuple(np.moveaxis(corner_index, -1, 0)), tuple(closed.shape))
    tetrahedra = flat_index[:, TETRAHEDRA].reshape(-1, 4)
    field = closed.ravel()
    inside = field[tetrahedra] < level
    count = inside.sum(axis=1)
    # put the corners inside first, so that each case looks the same
    order = np.argsort(~inside, axis=1, kind="stable")
    sorted_corners = np.take_along_axis(tetrahedra, order, axis=1)
    one, two, three = (sorted_corners[count == c] for c in (1, 2, 3))
    a, b, c, d = range(4)
    edges = [
        one[:, [a, b, a, c, a, d]],
        three[:, [d, a, d, b, d, c]],
        two[:, [a, c, a, d, b, d]],
        two[:, [a, c, b, d, b, c]],
    ]
    ends = np.concatenate(edges).reshape(-1, 2)
    if not len(ends):
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    unique, triangle = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    low, high = field[unique[:, 0]], field[unique[:, 1]]
    share = ((level - low) / (high - low))[:, None]
    start, stop = (np.stack(np.unravel_index(unique[:, e], closed.shape), axis=-1) / shape for e in (0, 1))
    return start + share * (stop - start), triangle.reshape(-1, 3).astype(np.int64)
