"""Splits that cannot leak, and scores checked by hand and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from ionsieve.models.learning.validation import (
    chemical_system,
    cluster_folds,
    composition_keys,
    grouped_folds,
    leave_family_out_folds,
    publication_composition_groups,
    publication_folds,
    regression_scores,
    repeat_noise,
    similarity_clusters,
)

FORMULAS = ["Li2S", "Li4S2", "Li3PO4", "Li3PS4", "LiCl", "Li6PS5Cl", "Li2O"]

tables = st.lists(
    st.tuples(st.sampled_from(FORMULAS), st.sampled_from(["a", "b", "c", "d", "e", "", None])), min_size=4, max_size=25
).map(lambda rows: pd.DataFrame(rows, columns=["formula", "source"]))


def test_rows_are_linked_by_composition_or_source_and_through_others():
    table = pd.DataFrame(
        {
            "formula": ["Li2S", "Li4S2", "LiCl", "Li3PO4", "Li2O", "Li3N"],
            "source": ["a", "b", "b", "c", None, ""],
        }
    )
    # Li2S (a) - Li4S2 (b) by composition, LiCl by source b; no source links nothing.
    assert publication_composition_groups(table).tolist() == [0, 0, 0, 1, 2, 3]


def test_a_composition_has_one_key_whatever_its_order_and_scale():
    keys = composition_keys(["Li3PO4", "PLi3O4", "Li6P2O8", "Li3PS4", "not a formula"])
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert keys[4] == "not a formula"
    assert chemical_system("Li6PS5Cl") == "Cl-Li-P-S"


@settings(max_examples=50, deadline=None)
@given(table=tables, seed=st.integers(0, 3))
def test_no_split_has_a_composition_or_a_publication_on_both_sides(table, seed):
    keys = np.array(composition_keys(table["formula"].tolist()))
    source = table["source"].to_numpy()
    groups = publication_composition_groups(table)
    for folds in (grouped_folds(groups, 3, seed), publication_folds(table, 3, seed)):
        for fold in folds:
            assert not set(keys[fold.train]) & set(keys[fold.test])
            assert not {s for s in source[fold.train] if s} & {s for s in source[fold.test] if s}
            assert len(fold.train)
        tested = [int(row) for fold in folds for row in fold.test]
        assert len(tested) == len(set(tested))
    everything = [int(row) for fold in grouped_folds(groups, 3, seed) for row in fold.test]
    assert sorted(everything) == (list(range(len(table))) if groups.nunique() > 1 else [])


@settings(max_examples=50, deadline=None)
@given(table=tables, seed=st.integers(0, 3))
def test_held_out_clusters_share_nothing_with_what_is_learned(table, seed):
    keys = np.array(composition_keys(table["formula"].tolist()))
    source = table["source"].to_numpy()
    positions = np.random.default_rng(seed).random((len(table), 2))
    clusters = similarity_clusters(positions, 0.3)
    folds = cluster_folds(table, positions, 0.3, 3, 2, seed)
    for fold in folds:
        assert not set(clusters[fold.train]) & set(clusters[fold.test])
        assert not set(keys[fold.train]) & set(keys[fold.test])
        assert not {s for s in source[fold.train] if s} & {s for s in source[fold.test] if s}
        assert len(fold.train)
    for partition in ("0", "1"):
        tested = [int(row) for fold in folds if fold.name.startswith(f"{partition}.") for row in fold.test]
        assert len(tested) == len(set(tested))


def test_clusters_are_no_wider_than_asked_and_partitions_differ():
    positions = np.random.default_rng(0).random((60, 3))
    clusters = similarity_clusters(positions, 0.4)
    for cluster in np.unique(clusters):
        own = positions[clusters == cluster]
        assert np.linalg.norm(own[:, None] - own, axis=-1).max() <= 0.4
    assert 1 < len(np.unique(clusters)) < 60
    table = pd.DataFrame({"formula": [f"LiCl{i}" for i in range(1, 61)], "source": None})
    folds = cluster_folds(table, positions, 0.4, 5, 2, seed=0)
    assert len(folds) == 10
    first, second = ({tuple(f.test) for f in folds if f.name.startswith(p)} for p in ("0.", "1."))
    assert first != second
    assert sorted(row for fold in folds for row in fold.test) == sorted([*range(60), *range(60)])


def test_publications_are_all_predicted_where_compositions_differ():
    table = pd.DataFrame({"formula": FORMULAS[1:], "source": list("aabbcc")})
    folds = publication_folds(table, 3, seed=0)
    assert sorted(row for fold in folds for row in fold.test) == list(range(6))
    # The same composition from every publication: nothing is left to learn from.
    assert publication_folds(table.assign(formula="Li2O"), 3, seed=0) == []


@settings(max_examples=30, deadline=None)
@given(table=tables, seed=st.integers(0, 100))
def test_the_order_of_rows_does_not_change_who_belongs_together(table, seed):
    shuffled = table.sample(frac=1.0, random_state=seed)
    a = publication_composition_groups(table)
    b = publication_composition_groups(shuffled).reindex(table.index)
    assert ((a.to_numpy()[:, None] == a.to_numpy()) == (b.to_numpy()[:, None] == b.to_numpy())).all()


def test_a_family_is_left_out_with_everything_published_beside_it():
    families = pd.Series(["garnet", "garnet", "garnet", "halide", "halide", None, "", "", ""])
    groups = [0, 0, 1, 1, 2, 3, 4, 5, 6]  # one halide was published with a garnet
    folds = leave_family_out_folds(families, groups, min_rows=3)
    assert [fold.name for fold in folds] == ["garnet"]
    assert folds[0].test.tolist() == [0, 1, 2]
    assert folds[0].train.tolist() == [4, 5, 6, 7, 8]


def test_one_group_cannot_be_split():
    assert grouped_folds(["same"] * 8, 5, seed=0) == []


def test_scores_by_hand():
    scores = regression_scores([0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 1.0, 3.0], [1.5] * 4)
    assert scores["mae"] == pytest.approx(0.5)  # errors 0, 1, 1, 0
    assert scores["rmse"] == pytest.approx(np.sqrt(0.5))
    assert scores["spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))  # 1 - 6 Σd² / (n (n² - 1))
    assert scores["r2"] == pytest.approx(r2_score([0, 1, 2, 3], [0, 2, 1, 3]))
    assert scores["mae_baseline"] == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0, 2.0]])
def test_scores_without_meaning_are_unknown_not_numbers(values):
    scores = regression_scores(values, values, values)
    assert np.isnan(scores["spearman"])
    assert np.isnan(scores["r2"])


def test_noise_of_repeated_measurements_by_hand():
    # Deviations ±1 from the mean of the pair, 0 from that of the other: sqrt((1 + 1 + 0 + 0) / (1 + 1)) = 1.
    assert repeat_noise([0.0, 2.0, 5.0, 5.0, 9.0], ["a", "a", "b", "b", "c"]) == pytest.approx(1.0)
    assert np.isnan(repeat_noise([1.0, 2.0], ["a", "b"]))


def test_another_seed_deals_other_folds():
    def tested(seed: int) -> set[frozenset[int]]:
        return {frozenset(fold.test.tolist()) for fold in grouped_folds(np.arange(40), 5, seed)}

    assert tested(0) == tested(0) != tested(1)


def test_noise_of_one_pair_and_scores_of_small_targets():
    # one repetition: one degree of freedom, deviations -1 and 1
    assert repeat_noise([0.0, 2.0, 9.0], ["a", "a", "b"]) == pytest.approx(np.sqrt(2.0))
    # the unit does not matter: hull distances of 0 to 0.2 eV/atom, in reverse
    scores = regression_scores([0.0, 0.1, 0.2], [0.2, 0.1, 0.0], [0.1] * 3)
    assert scores["spearman"] == pytest.approx(-1.0)
    assert scores["r2"] == pytest.approx(1 - 0.08 / 0.02)  # squares of 0.2, 0, 0.2 over those of 0.1, 0, 0.1
