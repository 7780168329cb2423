"""Scatter, gains, enrichment and reliability, on numbers worked out by hand or known of their distribution."""

import numpy as np
import pytest

from ionsieve.models.learning.protocol import (
    enrichment,
    enrichment_of_far,
    paired_gain,
    per_publication,
    reliability,
    table_scatter,
)


def test_the_scatter_of_a_table_is_that_of_as_many_independent_rows():
    values = np.random.default_rng(0).normal(size=4000)
    # Every row its own publication: the mean of 100 normal values scatters by 1/sqrt(100) = 0.1.
    assert table_scatter(values, np.arange(4000), 400, seed=0) == pytest.approx(0.1, abs=0.015)


def test_rows_of_one_publication_are_one_observation():
    values = np.repeat(np.random.default_rng(1).normal(size=400), 10)
    # A hundred rows are ten publications: 1/sqrt(10) = 0.32, where rows counted alone would say 0.1.
    assert table_scatter(values, np.repeat(np.arange(400), 10), 400, seed=0) == pytest.approx(0.316, abs=0.04)
    mean, error = paired_gain(values, np.repeat(np.arange(400), 10), 1000, seed=0)
    assert mean == pytest.approx(values.mean())
    # 400 observations: 1/sqrt(400) = 0.05; 4000 would give 0.016.
    assert error == pytest.approx(0.05, abs=0.006)


def test_each_publication_counts_once():
    # (1 + 1 + 1) / 3 and 5: by publication 3, by row 2
    assert per_publication(np.array([1.0, 1.0, 1.0, 5.0]), np.array(["a", "a", "a", "b"])) == 3.0


def test_enrichment_counts_the_good_among_the_first():
    good = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    # The first 20 % hold both good ones: 1.0 instead of 0.2. The last two hold none.
    assert enrichment(-np.arange(10.0), good, np.ones(10), 0.2) == pytest.approx(5.0)
    assert enrichment(np.arange(10.0), good, np.ones(10), 0.2) == 0.0
    # A row that counts twice is two rows: of weight 11, 20 % is 2.2, which the first alone fills.
    assert enrichment(-np.arange(10.0), good, np.array([2.0, *[1.0] * 9]), 0.2) == pytest.approx(11 / 3)


def test_enrichment_of_far_rows_ignores_near_ones_and_its_draws_surround_it():
    random = np.random.default_rng(2)
    good = random.random(600) < 0.3
    far = np.tile(np.arange(600) % 2 == 0, (2, 1))
    scores = np.tile(random.normal(size=600) + 2 * good, (2, 1))
    misled = np.where(far, scores, -1000.0 * good)
    value, draws = enrichment_of_far(scores, good, far, np.arange(600), 0.1, 200, seed=0)
    assert value == enrichment_of_far(misled, good, far, np.arange(600), 0.1, 200, seed=0)[0]
    assert 2.0 < value <= 1 / good[far[0]].mean()
    assert np.quantile(draws, 0.02) < value < np.quantile(draws, 0.98)


def test_reliability_of_probabilities_that_are_true():
    random = np.random.default_rng(3)
    probability = random.random(20_000)
    table = reliability(probability, random.random(20_000) < probability, [0.0, 0.2, 0.5, 1.0])
    np.testing.assert_allclose(table["stated"], table["reached"], atol=0.02)
    assert table["rows"].sum() == 20_000
    # Mean of p(1 - p) over uniform p is 1/6.
    assert table.attrs["brier"] == pytest.approx(1 / 6, abs=0.005)
