"""What to measure next: the material whose measurement brings most others near what was learned from.

A prediction decides only near the data, so a measurement is worth the far rows it makes near, itself among them, each
with a weight: the greedy choice of a facility location (doi:10.1007/BF01588971).
"""

import numpy as np
from scipy.spatial.distance import cdist


def brought_near(positions: np.ndarray, distance: np.ndarray, weight: np.ndarray, near_distance: float) -> np.ndarray:
    """(n,) weight of the far rows that measuring each row would bring near.

    Args:
        positions: (n, k) of the rows (features/composition/ion_similarity.py); NaN is brought near by nothing.
        distance: (n,) to the nearest row learned from.
        weight: (n,) what it is worth to know each row.
        near_distance: Largest distance that is near.
    """
    far = ~(distance <= near_distance)
    gained = np.zeros(len(positions))
    if far.any():
        close = cdist(positions, positions[far]) <= near_distance
        gained = close @ weight[far]
    return gained


def chosen(
    positions: np.ndarray, distance: np.ndarray, weight: np.ndarray, near_distance: float, count: int
) -> list[int]:
    """Rows to measure one after the other, each the one that then brings most near; of equals the farthest."""
    distance = distance.copy()
    picked: list[int] = []
    for _ in range(min(count, len(positions))):
        gained = brought_near(positions, distance, weight, near_distance)
        gained[picked] = -1.0
        best = int(np.lexsort((-distance, -gained))[0])
        picked.append(best)
        distance = np.minimum(distance, cdist(positions, positions[[best]])[:, 0])
    return picked
