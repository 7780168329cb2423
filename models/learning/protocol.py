"""What a score on held-out rows is worth: its scatter between tables, paired gains, reliability, enrichment.

Rows of one publication are not independent, so every ± is a bootstrap over publications. Predictions are (k, n), one
row for each random partition of the clusters that were held out.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

ROWS_OF_A_TABLE = 100  # rows of a table that somebody else may bring


def members_of(labels: Sequence[object] | np.ndarray) -> list[np.ndarray]:
    """Row positions of each label, labels in sorted order."""
    _, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])


def table_scatter(values: np.ndarray, publications: np.ndarray, draws: int, seed: int) -> float:
    """Standard deviation of the mean of (n,) values over a table of some hundred rows from other publications.

    Publications are drawn with replacement until the table has ROWS_OF_A_TABLE rows; NaN values count for nothing.
    """
    members, random = members_of(publications), np.random.default_rng(seed)
    sizes = np.array([len(rows) for rows in members])
    means = []
    for _ in range(draws):
        order = random.integers(len(members), size=min(ROWS_OF_A_TABLE, max(len(values), 1)))
        enough = int(np.searchsorted(np.cumsum(sizes[order]), ROWS_OF_A_TABLE)) + 1
        rows = np.concatenate([members[i] for i in order[:enough]])
        means.append(np.nanmean(values[rows]) if not np.isnan(values[rows]).all() else np.nan)
    return float(np.nanstd(means))


def paired_gain(gain: np.ndarray, publications: np.ndarray, draws: int, seed: int) -> tuple[float, float]:
    """(mean of (n,) gains, its standard error): publications drawn again with replacement, as many as there are."""
    members, random = members_of(publications), np.random.default_rng(seed)
    sums, sizes = (np.array([f(rows) for rows in members], float) for f in (lambda rows: gain[rows].sum(), len))
    drawn = random.integers(len(members), size=(draws, len(members)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return float(gain.mean()), float(means.std())


def per_publication(error: np.ndarray, publications: np.ndarray) -> float:
    """Mean over publications of the mean of their rows' errors."""
    return float(np.mean([error[rows].mean() for rows in members_of(publications)]))


def enrichment(score: np.ndarray, good: np.ndarray, weight: np.ndarray, share: float) -> float:
    """How many times more good rows the first `share` by score holds than as many drawn by chance.

    Args:
        score: (n,) highest first; ties are taken in the order given.
        good: (n,) truth values.
        weight: (n,) how often each row counts.
        share: Of the weight that is looked at; at least one row.
    """
    order = np.argsort(-score, kind="stable")
    running = np.cumsum(weight[order])
    first = running <= max(share * running[-1], running[0])
    among = (weight[order] * good[order])[first].sum() / weight[order][first].sum()
    return float(among / ((weight * good).sum() / weight.sum()))


def enrichment_of_far(
    scores: np.ndarray,
    good: np.ndarray,
    far: np.ndarray,
    publications: np.ndarray,
    share: float,
    draws: int,
    seed: int,
) -> tuple[float, np.ndarray]:
    """(enrichment among far rows, mean over partitions; (draws,) the same over publications drawn with replacement).

    Args:
        scores: (k, n) by partition.
        good: (n,) truth values.
        far: (k, n) whether the row was far in that partition.
        publications: (n,).
        share: As for `enrichment`.
        draws: Number of draws.
        seed: Fixes them, so that two scores are compared on the same draws.
    """
    _, codes = np.unique(np.asarray(publications, dtype=str), return_inverse=True)
    random, n_publications = np.random.default_rng(seed), codes.max() + 1

    def mean(weight: np.ndarray) -> float:
        parts = [
            enrichment(own[own_far], good[own_far], weight[own_far], share)
            for own, own_far in zip(scores, far, strict=True)
            if (weight[own_far] * good[own_far]).sum() > 0
        ]
        return float(np.mean(parts)) if parts else float("nan")

    drawn = []
    for _ in range(draws):
        times = np.bincount(random.integers(n_publications, size=n_publications), minlength=n_publications)
        drawn.append(mean(times[codes].astype(float)))
    return mean(np.ones(len(good))), np.array(drawn)


def reliability(probability: np.ndarray, reached: np.ndarray, edges: Sequence[float]) -> pd.DataFrame:
    """For each range of stated probabilities: rows, mean probability, share that reached it; Brier score in `attrs`."""
    ranges = np.clip(np.digitize(probability, edges) - 1, 0, len(edges) - 2)
    table = pd.DataFrame({"range": ranges, "stated": probability, "reached": reached.astype(float)})
    found = table.groupby("range").agg(rows=("stated", "size"), stated=("stated", "mean"), reached=("reached", "mean"))
    found.index = [f"{edges[i]:.1f}–{edges[i + 1]:.1f}" for i in found.index]
    found.attrs["brier"] = float(((probability - reached) ** 2).mean())
    return found
