"""What a measurement brings near, counted by hand."""

import numpy as np

from ionsieve.models.learning.acquisition import brought_near, chosen

# Three alike, two alike, one alone, on a line; one of them is near what is known already.
POSITIONS = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [20.0]])
DISTANCE = np.array([9.0, 9.0, 9.0, 0.5, 9.0, 9.0])


def test_a_measurement_is_worth_the_far_rows_it_makes_near():
    gained = brought_near(POSITIONS, DISTANCE, np.ones(6), 1.0)
    # The middle of three brings all three; the row that is near brings its far neighbour alone.
    assert gained.tolist() == [2.0, 3.0, 2.0, 1.0, 1.0, 1.0]
    weights = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0])
    assert brought_near(POSITIONS, DISTANCE, weights, 1.0)[5] == 5.0
    assert brought_near(POSITIONS, np.zeros(6), weights, 1.0).tolist() == [0.0] * 6
    assert brought_near(np.full((1, 1), np.nan), np.array([np.nan]), np.ones(1), 1.0).tolist() == [0.0]


def test_what_is_near_once_is_not_paid_twice():
    assert chosen(POSITIONS, DISTANCE, np.ones(6), 1.0, 3) == [1, 4, 5]
    assert sorted(chosen(POSITIONS, DISTANCE, np.ones(6), 1.0, 99)) == [0, 1, 2, 3, 4, 5]
