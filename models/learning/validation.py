"""Splits that keep related materials together, and the scores of predictions made on them.

A random split flatters a model of materials: one publication often reports a whole doping series, and one composition
is reported by many publications. Here neither a composition nor a publication is ever on both sides. A screening asks
of compositions unlike those measured: leaving out clusters of similar compositions measures that.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import GroupKFold

from ionsieve.features.chemistry.formula import ROUNDED_DECIMALS, parse_formulas
from ionsieve.features.chemistry.formula import composition_keys as chemistry_keys
from ionsieve.features.chemistry.publications import publication_keys


@dataclass(frozen=True)
class Fold:
    """Row positions to learn from and to predict, and what the fold is called."""

    name: str
    train: np.ndarray
    test: np.ndarray


def composition_keys(formulas: list[str]) -> list[str]:
    """One text per formula, equal for fractions equal to ROUNDED_DECIMALS; an unreadable formula is its own key."""
    return chemistry_keys(formulas, ROUNDED_DECIMALS)


def chemical_system(formula: str) -> str:
    """Elements of a formula, "Li-O-P"; the text itself if it cannot be parsed."""
    (composition,), _ = parse_formulas([formula])
    return formula if composition is None else "-".join(sorted(e.symbol for e in composition))


def publication_composition_groups(table: pd.DataFrame) -> pd.Series:
    """Group number of each row: rows that share a composition or a source, directly or through others, share a group.

    Args:
        table: Rows with `formula` and `source` (publication; NaN or "" is no publication and links nothing).

    Returns:
        (n,) integers with the index of the table, numbered by first appearance.
    """
    n_rows = len(table)
    blocks = []
    for labels in map(pd.Series, (composition_keys(table["formula"].tolist()), publication_keys(table["source"]))):
        codes, _ = pd.factorize(labels.mask(labels == ""))
        blocks.append(codes)
    rows, nodes, offset = [], [], n_rows
    for codes in blocks:
        known = codes >= 0
        rows.append(np.arange(n_rows)[known])
        nodes.append(offset + codes[known])
        offset += n_rows
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_matrix((np.ones(len(row)), (row, node)), shape=(offset, offset))
    _, component = connected_components(graph, directed=False)
    return pd.Series(pd.factorize(component[:n_rows])[0], index=table.index, name="group")


def grouped_folds(groups: ArrayLike, n_splits: int, seed: int) -> list[Fold]:
    """Folds with whole groups on one side; fewer folds where there are fewer groups, none below two groups."""
    groups = np.asarray(groups)
    n_splits = min(n_splits, len(np.unique(groups)))
    if n_splits < 2:
        return []
    splitter = GroupKFold(n_splits=n_splits, shuffle=True, random_state=seed)
    split = splitter.split(np.zeros(len(groups)), groups=groups)
    return [Fold(str(number), train, test) for number, (train, test) in enumerate(split)]


def publication_folds(table: pd.DataFrame, n_splits: int, seed: int) -> list[Fold]:
    """Folds with whole publications held out; training rows of a held-out composition are left out of that fold.

    Milder than connected groups, which can only hold out a whole well-studied family at once, and as free of leaks:
    neither a publication nor a composition is on both sides. Every row is predicted once, unless nothing is left to
    predict it from.

    Args:
        table: Rows with `formula` and `source`; a row without a source is a publication of its own.
    """
    publication = publications(table)
    keys = np.array(composition_keys(table["formula"].tolist()))
    folds = []
    for fold in grouped_folds(publication, n_splits, seed):
        train = fold.train[~np.isin(keys[fold.train], keys[fold.test])]
        if len(train):
            folds.append(Fold(fold.name, train, fold.test))
    return folds


def publications(table: pd.DataFrame) -> np.ndarray:
    """(n,) publication of each row by its `source`; a row without one is a publication of its own."""
    keys = publication_keys(table["source"])
    return np.array([key or f"row {i}" for i, key in enumerate(keys)], dtype=object)


def similarity_clusters(positions: np.ndarray, diameter: float) -> np.ndarray:
    """(n,) cluster of each of (n, k) positions: complete linkage, no two rows of one farther apart than `diameter`."""
    if len(positions) < 2:
        return np.zeros(len(positions), dtype=int)
    return fcluster(linkage(np.nan_to_num(positions), "complete"), diameter, "distance")


def cluster_folds(
    table: pd.DataFrame, positions: np.ndarray, diameter: float, n_splits: int, partitions: int, seed: int
) -> list[Fold]:
    """Folds with whole clusters of similar compositions held out, in several random partitions of the clusters.

    Training rows that share a publication or a composition with a held-out row are left out of its fold. Every row is
    predicted once per partition, unless nothing is left to predict it from; folds are named partition.number.

    Args:
        table: Rows with `formula` and `source`.
        positions: (n, k) of their compositions (features/composition/ion_similarity.py).
        diameter: Largest distance within a cluster.
        n_splits: Folds per partition.
        partitions: Number of partitions, the seeds of which follow `seed`.
        seed: Fixes the partitions.
    """
    clusters, publication = similarity_clusters(positions, diameter), publications(table)
    keys = np.array(composition_keys(table["formula"].tolist()))
    folds = []
    for partition in range(partitions):
        for fold in grouped_folds(clusters, n_splits, seed + partition):
            leaks = np.isin(keys[fold.train], keys[fold.test])
            leaks |= np.isin(publication[fold.train], publication[fold.test])
            if not leaks.all():
                folds.append(Fold(f"{partition}.{fold.name}", fold.train[~leaks], fold.test))
    return folds


def leave_family_out_folds(families: pd.Series, groups: ArrayLike, min_rows: int) -> list[Fold]:
    """One fold per named family of at least `min_rows` rows; rows of other families in its groups are left out too.

    A family that is NaN or "" is unknown and never left out; names that differ in case or number are one family.
    """
    group = np.asarray(groups)
    families = families.fillna("").str.lower().str.removesuffix("s")
    counts = families[families != ""].value_counts()
    folds = []
    for family in sorted(counts[counts >= min_rows].index):
        test = np.flatnonzero((families == family).to_numpy())
        train = np.flatnonzero(~np.isin(group, group[test]))
        if len(train):
            folds.append(Fold(str(family), train, test))
    return folds


def regression_scores(measured: ArrayLike, predicted: ArrayLike, baseline: ArrayLike) -> dict[str, float]:
    """Errors of predictions, and of a trivial prediction of the same rows beside them.

    Spearman and R2 are NaN below three rows or without any spread; errors are in the unit of the target.
    """
    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    scores = {"n": float(len(measured)), "mae": np.nan, "rmse": np.nan, "spearman": np.nan, "r2": np.nan}
    scores["mae_baseline"] = np.nan
    if len(measured) == 0:
        return scores
    scores["mae"] = float(mean_absolute_error(measured, predicted))
    scores["rmse"] = float(root_mean_squared_error(measured, predicted))
    scores["mae_baseline"] = float(mean_absolute_error(measured, baseline))
    if len(measured) >= 3 and np.ptp(measured) > 0:
        scores["r2"] = float(r2_score(measured, predicted))
        if np.ptp(predicted) > 0:
            scores["spearman"] = float(spearmanr(measured, predicted).statistic)
    return scores


def repeat_noise(values: ArrayLike, keys: ArrayLike) -> float:
    """Standard deviation of repeated measurements of one composition, pooled; NaN if none is repeated.

    No model of composition can have a smaller error than this noise allows.
    """
    grouped = pd.Series(np.asarray(values, float)).groupby(np.asarray(keys))
    squares = grouped.apply(lambda v: float(((v - v.mean()) ** 2).sum())).sum()
    freedom = (grouped.size() - 1).sum()
    return float(np.sqrt(squares / freedom)) if freedom > 0 else float("nan")
