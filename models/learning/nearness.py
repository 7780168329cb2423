"""How far from what was learned predictions hold: the distance at which held-out errors change.

The errors are fitted by one step: one mean up to a distance, a larger one beyond (a regression tree of one split). The
distance is uncertain, so publications (or whatever groups rows) are drawn again with replacement and it is fitted anew.
Near is what lies within the lower end of the distances found, the mean of that of all splits: what is taken for near
decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LOWER, UPPER = 0.05, 0.95
LEAST_SHARE = 0.1  # of the rows on either side of a step

NEAR, FAR, UNKNOWN_CHEMISTRY = "near", "far", "unknown chemistry"


@dataclass(frozen=True)
class ErrorChange:
    """Distance at which errors change: most likely, and the ends of 90 % of the draws; infinite where they do not."""

    distance: float
    low: float
    high: float


def error_step(distance: np.ndarray, error: np.ndarray) -> float:
    """Distance that splits the errors into a smaller and a larger mean with the least squares; inf if none does."""
    order = np.argsort(distance, kind="stable")
    x, running = distance[order], np.cumsum(error[order])
    n = len(x)
    n_near = np.arange(1, n)
    near = running[:-1] / n_near
    far = (running[-1] - running[:-1]) / (n - n_near)
    gain = n_near * (n - n_near) * (far - near) ** 2
    allowed = (far > near) & (np.minimum(n_near, n - n_near) >= LEAST_SHARE * n) & (x[1:] > x[:-1])
    if not allowed.any():
        return float("inf")
    best = int(np.argmax(np.where(allowed, gain, -1.0)))
    return float((x[best] + x[best + 1]) / 2)


def error_change(distance: ArrayLike, error: ArrayLike, groups: ArrayLike, draws: int, seed: int) -> ErrorChange:
    """Where the errors of held-out rows change with their distance from what was learned, and how sure that is.

    Args:
        distance: (n,) of each row to the nearest row it was predicted from.
        error: (n,) absolute.
        groups: (n,) what is drawn as one: publications, chemical systems.
        draws: Number of draws of the groups with replacement.
        seed: Fixes the draws.
    """
    distance, error = np.asarray(distance, float), np.asarray(error, float)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    random, found = np.random.default_rng(seed), []
    for _ in range(draws):
        rows = np.concatenate([members[i] for i in random.integers(len(members), size=len(members))])
        found.append(error_step(distance[rows], error[rows]))
    low, high = np.quantile(found, [LOWER, UPPER], method="lower")
    return ErrorChange(error_step(distance, error), float(low), float(high))


def domain_state(distance: np.ndarray, threshold: float, reach: float) -> np.ndarray:
    """(n,) NEAR, FAR or, where no error was ever measured so far out, UNKNOWN_CHEMISTRY; "" for NaN."""
    state = np.where(distance <= threshold, NEAR, np.where(distance <= reach, FAR, UNKNOWN_CHEMISTRY))
    return np.where(np.isnan(distance), "", state)
