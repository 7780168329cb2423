"""Intervals that hold as often as they say, on data whose error is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ionsieve.models.learning.uncertainty import (
    Calibration,
    calibrate,
    domain_distance,
    fit_domain,
    prediction_interval,
    probability_at_least,
    residual_quantiles,
)

PARAMS = {
    "coverage": 0.9,
    "above": 0.05,
    "n_splits": 5,
    "min_rows_difficulty": 150,
    "difficulty": {"n_estimators": 60, "learning_rate": 0.05, "num_leaves": 6, "min_child_samples": 30},
}

NEAR = 0.5  # of the simulated distances, half are below


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Signals and residuals whose standard deviation grows tenfold with the distance."""
    rng = np.random.default_rng(seed)
    signals = np.column_stack([rng.normal(size=n), rng.random(n), rng.random(n)])
    return signals, rng.normal(size=n) * (0.2 + 1.8 * signals[:, 1])


def test_quantiles_leave_out_the_ranks_they_may():
    # 19 residuals: the new one is any of 20 ranks; 90 % leaves out one rank on each side, so the extremes are the ends.
    residuals = np.arange(19.0)
    assert residual_quantiles(residuals, 0.05, 0.05) == (0.0, 18.0)
    # 39 residuals: two of 40 ranks on each side.
    assert residual_quantiles(np.arange(39.0), 0.05, 0.05) == (1.0, 37.0)
    assert residual_quantiles(np.array([3.0]), 0.05, 0.05) == (3.0, 3.0)
    # 99 residuals, 7 % below and 3 % above: seven and three of 100 ranks.
    assert residual_quantiles(np.arange(99.0), 0.07, 0.03) == (6.0, 96.0)


def test_new_rows_are_covered_as_often_as_asked_near_and_far():
    signals, residuals = simulated(2000, seed=0)
    calibration, _ = calibrate(signals, residuals, np.arange(2000), NEAR, PARAMS, seed=0, threads=1)
    new, errors = simulated(4000, seed=1)
    ends = prediction_interval(calibration, new) - new[:, :1]
    inside = (errors >= ends[:, 0]) & (errors <= ends[:, 1])
    # Standard error of a share of 0.9 over 4000 rows: 0.005, plus that of 2000 calibrating rows, 0.007.
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    assert inside[new[:, 1] > 0.8].mean() > 0.83
    width = ends[:, 1] - ends[:, 0]
    assert width[new[:, 1] > 0.8].mean() > 3 * width[new[:, 1] < 0.2].mean()


def test_intervals_of_held_out_rows_are_as_honest_as_those_of_new_ones():
    signals, residuals = simulated(2000, seed=2)
    _, offsets = calibrate(signals, residuals, np.arange(2000), NEAR, PARAMS, seed=0, threads=1)
    inside = (residuals >= offsets[:, 0]) & (residuals <= offsets[:, 1])
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_few_rows_give_one_width_for_all():
    signals, residuals = simulated(40, seed=3)
    calibration, offsets = calibrate(signals, residuals, np.arange(40), NEAR, PARAMS, seed=0, threads=1)
    assert calibration.difficulty is None
    assert np.isfinite(offsets).all()
    widths = np.ptp(prediction_interval(calibration, signals), axis=1)
    np.testing.assert_allclose(widths, widths[0])


def test_the_side_that_errs_more_is_wider():
    rng = np.random.default_rng(4)
    residuals = -rng.exponential(size=500)  # predictions too high, as for poor conductors
    calibration, _ = calibrate(np.zeros((500, 3)), residuals, np.arange(500), NEAR, PARAMS, seed=0, threads=1)
    low, high = prediction_interval(calibration, np.zeros((1, 3)))[0]
    assert low < -1.5
    assert high <= 0


def test_probability_is_that_of_a_normal_error():
    residuals = np.sort(np.random.default_rng(5).normal(size=20_000))
    calibration = Calibration((residuals, residuals), None, 0.0, 0.05, 0.05, NEAR)
    signals = np.array([[-5.0, 0.0, 0.0]])
    for threshold in (-6.0, -4.0, -3.0):
        expected = norm.sf(threshold + 5.0)
        assert probability_at_least(calibration, signals, threshold)[0] == pytest.approx(expected, abs=0.015)


@settings(max_examples=50, deadline=None)
@given(predicted=st.floats(-20, 5), threshold=st.floats(-20, 5), more=st.floats(0, 5), n=st.integers(1, 50))
def test_probability_falls_with_the_threshold_and_is_never_certain(predicted, threshold, more, n):
    calibration = Calibration((np.linspace(-2, 2, n),) * 2, None, 0.0, 0.05, 0.05, NEAR)
    signals = np.array([[predicted, 0.0, 0.0]])
    here = probability_at_least(calibration, signals, threshold)[0]
    beyond = probability_at_least(calibration, signals, threshold + more)[0]
    assert 0 < beyond <= here < 1


def test_distance_is_to_the_nearest_known_composition():
    names = ["similarity_0", "similarity_1", "magpie_mean_Row"]
    domain = fit_domain(np.array([[0.0, 0.0, 5.0], [1.0, 0.0, 9.0]]), names)
    new = np.array([[1.0, 0.0, -99.0], [0.0, 0.3, 5.0], [4.0, 4.0, 5.0]])
    # Only the position of the composition counts; the last is nearest to (1, 0): a 3-4-5 triangle.
    np.testing.assert_allclose(domain_distance(domain, new), [0.0, 0.3, 5.0])


def test_without_positions_all_features_count_in_standard_deviations():
    values = np.array([[0.0, 100.0], [2.0, 300.0]])  # standard deviations 1 and 100
    domain = fit_domain(values, ["a", "b"])
    assert domain_distance(domain, np.array([[1.0, 100.0]]))[0] == pytest.approx(1 / np.sqrt(2))
    assert domain_distance(domain, np.array([[np.nan, 200.0]]))[0] == pytest.approx(1.0)


def test_a_group_is_calibrated_without_itself():
    # 30 rows miss by -1 to 1, one group of three by 100. So few rows give the extremes seen: for the three those of the
    # others, for rows of other folds the 100.
    residuals = np.append(np.linspace(-1.0, 1.0, 30), [100.0] * 3)
    groups = np.append(np.arange(30), [30] * 3)
    _, offsets = calibrate(np.zeros((33, 3)), residuals, groups, NEAR, PARAMS, seed=0, threads=1)
    assert (offsets[-3:, 1] <= 1.0).all()
    assert offsets[:, 1].max() == 100.0


def test_the_error_expected_of_a_group_is_learned_without_it():
    # 200 rows miss by 1, a group of 50 with a signal of its own by 50. Seen, it would be expected to miss by 50, and
    # its residual would come to about 1; unseen, it is expected to miss as the others do, by 1, or by the least that
    # is ever expected, half the mean error, (200 + 50 · 50) / 250 / 2 = 5.4: its residual is 50 / 5.4 = 9.3.
    residuals = np.append(np.tile([1.0, -1.0], 100), [50.0] * 50)
    signals = np.zeros((250, 3))
    signals[:, 1] = np.append(np.linspace(0.0, 1.0, 200), [9.0] * 50)
    groups = np.append(np.arange(200), [200] * 50)
    calibration, _ = calibrate(signals, residuals, groups, NEAR, PARAMS, seed=0, threads=1)
    np.testing.assert_allclose(calibration.residuals[1][-50:], 50 / 5.4, rtol=0.01)


def test_probability_counts_the_new_row_among_those_seen():
    residuals = np.array([-1.0, 0.0, 1.0])
    calibration = Calibration((residuals, residuals), None, 0.0, 0.05, 0.05, NEAR)
    signals = np.zeros((1, 3))
    # of 3 + 1 rows: those that reach the threshold, and half a row
    for threshold, expected in ((-2.0, 3.5 / 4), (0.0, 2.5 / 4), (0.5, 1.5 / 4), (2.0, 0.5 / 4)):
        assert probability_at_least(calibration, signals, threshold) == pytest.approx([expected])


def test_near_and_far_are_calibrated_apart_and_the_upper_tail_as_asked():
    # Nothing but the region tells how large an error is: 0.1 near, 1 far.
    rng = np.random.default_rng(6)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        far = rng.random(n) < 0.3
        return np.column_stack([np.zeros(n), far, np.zeros(n)]), rng.normal(size=n) * np.where(far, 1.0, 0.1)

    signals, residuals = drawn(3000)
    few_signals = PARAMS | {"min_rows_difficulty": 10_000, "above": 0.03}  # one expected error for all
    calibration, offsets = calibrate(signals, residuals, np.arange(3000), NEAR, few_signals, seed=0, threads=1)
    new, errors = drawn(20_000)
    low, high = prediction_interval(calibration, new).T
    for region in (new[:, 1] < NEAR, new[:, 1] > NEAR):
        inside = (errors >= low) & (errors <= high)
        assert inside[region].mean() == pytest.approx(0.9, abs=0.025)
        assert (errors > high)[region].mean() == pytest.approx(0.03, abs=0.015)
    assert calibration.coverage_asked == 0.9
    held_far = signals[:, 1] > NEAR
    assert np.ptp(offsets[held_far], axis=1).mean() > 7 * np.ptp(offsets[~held_far], axis=1).mean()
    # 1 above the prediction: ten standard deviations near, one far.
    probability = probability_at_least(calibration, np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 1.0)
    assert probability[0] < 0.01
    assert probability[1] == pytest.approx(norm.sf(1.0), abs=0.04)


def test_a_region_of_few_rows_is_not_calibrated_alone():
    signals = np.column_stack([np.zeros(300), np.arange(300) >= 295, np.zeros(300)]).astype(float)
    residuals = np.linspace(-1, 1, 300)
    calibration, _ = calibrate(signals, residuals, np.arange(300), NEAR, PARAMS, seed=0, threads=1)
    near, far = calibration.residuals
    assert near is far
    assert len(near) == 300
