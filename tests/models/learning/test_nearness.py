"""The distance at which errors change, on errors that change at a known one."""

import numpy as np
import pytest

from ionsieve.models.learning.nearness import domain_state, error_change, error_step


def stepped(n: int, at: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    distance = random.random(n)
    return distance, np.abs(random.normal(size=n)) * np.where(distance <= at, 0.5, 2.0)


def test_the_step_is_found_where_it_is():
    distance, error = stepped(2000, 0.3, seed=0)
    found = error_change(distance, error, np.arange(2000), 50, seed=0)
    assert found.distance == pytest.approx(0.3, abs=0.03)
    assert found.low <= found.distance <= found.high
    assert found.high - found.low < 0.1


def test_the_step_is_that_of_a_regression_tree():
    from sklearn.tree import DecisionTreeRegressor

    distance, error = stepped(300, 0.5, seed=1)
    tree = DecisionTreeRegressor(max_depth=1, min_samples_leaf=30).fit(distance[:, None], error)
    assert error_step(distance, error) == pytest.approx(tree.tree_.threshold[0], rel=1e-6)


def test_errors_that_do_not_grow_have_no_step():
    distance = np.linspace(0, 1, 100)
    assert error_step(distance, 1.0 - distance) == np.inf
    assert error_change(distance, 1.0 - distance, np.arange(100), 20, seed=0).low == np.inf


def test_few_groups_make_the_step_uncertain():
    distance, error = stepped(2000, 0.3, seed=2)
    groups = (distance * 8).astype(int)
    alone = error_change(distance, error, np.arange(2000), 50, seed=0)
    together = error_change(distance, error, groups, 50, seed=0)
    assert together.high - together.low > alone.high - alone.low


def test_three_states_and_none():
    states = domain_state(np.array([0.0, 0.1, 0.2, 0.5, 0.6, np.nan]), threshold=0.1, reach=0.5)
    assert states.tolist() == ["near", "near", "far", "far", "unknown chemistry", ""]
