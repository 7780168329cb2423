"""Every kind of regressor: same fit for the same input, missing values accepted, features left out on request."""

import numpy as np
import pytest

from ionsieve.models.learning.estimators import BASELINE, MAKERS, feature_importance, fit_estimator

PARAMS = {
    "lightgbm": {"n_estimators": 20, "min_child_samples": 3},
    "extra_trees": {"n_estimators": 10},
    "neighbours": {"n_neighbors": 5, "weights": "distance"},
    "linear": {"log10_alpha_range": [0, 2]},
    "gaussian_process": {},
    BASELINE: {},
}
NAMES = ["similarity_0", "similarity_1", "volume_per_atom_angstrom3", "magpie_mean_Row", "other"]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    values = rng.random((60, len(NAMES)))
    target = 3 * values[:, 0] + values[:, 4]
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, target


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_two_fits_give_the_same_numbers(kind, rows):
    values, target = rows
    fits = [fit_estimator(kind, PARAMS[kind], NAMES, values, target, 7, 1) for _ in range(2)]
    np.testing.assert_array_equal(fits[0].predict(values), fits[1].predict(values))
    assert np.isfinite(fits[0].predict(values)).all()


@pytest.mark.parametrize("kind", sorted(set(MAKERS) - {BASELINE}))
def test_each_kind_learns_more_than_a_constant(kind, rows):
    values, target = rows
    error = np.abs(fit_estimator(kind, PARAMS[kind], NAMES, values, target, 0, 1).predict(values) - target).mean()
    assert error < 0.7 * np.abs(target - np.median(target)).mean()


def test_a_feature_left_out_changes_nothing(rows):
    values, target = rows
    changed = values.copy()
    changed[:, 3] = -1e6
    fitted = fit_estimator("lightgbm", {**PARAMS["lightgbm"], "leave_out": ["magpie_"]}, NAMES, values, target, 0, 1)
    np.testing.assert_array_equal(fitted.predict(values), fitted.predict(changed))
    importance = feature_importance(fitted, len(NAMES))
    assert importance[3] == 0
    assert importance.sum() == pytest.approx(1.0)
    assert importance.argmax() == 0  # the feature with most weight in the target


def test_the_process_compares_composition_and_lattice_only(rows):
    values, target = rows
    fitted = fit_estimator("gaussian_process", {}, NAMES, values, target, 0, 1)
    assert [NAMES[i] for i in fitted.columns] == ["similarity_0", "similarity_1", "volume_per_atom_angstrom3"]
    assert feature_importance(fitted, len(NAMES)) is None


def test_errors_say_what_there_is(rows):
    values, target = rows
    with pytest.raises(ValueError, match=r"no estimator 'forest'; there are baseline, extra_trees"):
        fit_estimator("forest", {}, NAMES, values, target, 0, 1)
    with pytest.raises(ValueError, match="none of the 2 features"):
        fit_estimator("gaussian_process", {}, ["a", "b"], values[:, :2], target, 0, 1)
