"""The Gaussian process against scikit-learn's, and what it says where nothing is known."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from ionsieve.models.learning.gaussian_process import CompositionLatticeProcess


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_composition_alone_equals_scikit_learn(rng):
    X, y, new = rng.random((40, 3)), rng.random(40), rng.random((7, 3))
    ours = CompositionLatticeProcess(3, 0.2, long_range_factor=3.0, lattice_share=0.1, noise_share=0.05).fit(X, y)
    kernel = Matern(0.2, nu=0.5) + Matern(0.6, nu=0.5) + ConstantKernel(0.1)
    theirs = GaussianProcessRegressor(kernel, alpha=0.05, optimizer=None).fit(X, y - np.median(y))
    np.testing.assert_allclose(ours.predict(new), theirs.predict(new) + np.median(y), rtol=1e-8)


def test_without_noise_it_passes_through_the_data(rng):
    X, y = rng.random((20, 5)) + 0.1, rng.random(20)
    np.testing.assert_allclose(CompositionLatticeProcess(3, noise_share=1e-10).fit(X, y).predict(X), y, atol=1e-6)


def test_far_from_everything_it_returns_to_the_median(rng):
    X, y = rng.random((30, 2)), rng.random(30)
    process = CompositionLatticeProcess(2, lattice_share=0.0).fit(X, y)
    assert process.predict(np.array([[1e3, 1e3]]))[0] == pytest.approx(np.median(y), abs=1e-9)


def test_the_unit_of_a_lattice_column_does_not_matter(rng):
    X, y = rng.random((30, 4)) + 0.5, rng.random(30)
    scaled = X * np.array([1.0, 1.0, 1000.0, 0.01])
    a, b = CompositionLatticeProcess(2).fit(X, y), CompositionLatticeProcess(2).fit(scaled, y)
    np.testing.assert_allclose(a.predict(X[:5]), b.predict(scaled[:5]), rtol=1e-9)


def test_an_unknown_lattice_counts_as_typical(rng):
    X, y = rng.random((30, 3)) + 0.5, rng.random(30)
    process = CompositionLatticeProcess(2).fit(X, y)
    typical = np.exp(np.log(X[:, 2]).mean())
    unknown, mean = np.array([[0.7, 0.7, np.nan]]), np.array([[0.7, 0.7, typical]])
    np.testing.assert_allclose(process.predict(unknown), process.predict(mean))


def test_it_can_be_cloned_as_scikit_learn_asks():
    assert clone(CompositionLatticeProcess(4, 0.5)).get_params()["composition_length"] == 0.5


def test_kernel_and_prediction_by_hand():
    # Lattice volumes 1, e^4 and unknown: logarithms 0 and 4, mean 2, standard deviation 2, so the rows stand at -1, 1
    # and, unknown, 0. The new row's volume is e^4: 1.
    X = np.array([[0.00, 1.0], [0.14, np.exp(4.0)], [0.30, np.nan]])
    y = np.array([-3.0, -5.0, -8.0])
    composition, lattice = [0.00, 0.14, 0.30], [-1.0, 1.0, 0.0]

    def alike(at: float, volume: float, i: int) -> float:
        # the documented kernel with its defaults: lengths 0.07 (the longer part twice that) and 4, shares 1, 1 and 0.15
        far, differ = abs(at - composition[i]) / 0.07, abs(volume - lattice[i]) / 4.0
        return np.exp(-np.hypot(far, differ)) + np.exp(-far / 2.0) + 0.15 * np.exp(-differ)

    covariance = np.array([[alike(a, v, i) for i in range(3)] for a, v in zip(composition, lattice, strict=True)])
    weights = np.linalg.solve(covariance + 0.03 * np.eye(3), y - (-5.0))
    expected = -5.0 + np.array([alike(0.1, 1.0, i) for i in range(3)]) @ weights
    found = CompositionLatticeProcess(1).fit(X, y).predict(np.array([[0.1, np.exp(4.0)]]))
    assert found[0] == pytest.approx(expected, rel=1e-9)


def test_a_lattice_column_without_spread_is_measured_in_logarithms():
    # both volumes 5: the unit is 1, so a new volume of 5 e^2 stands 2 away, and only the lattice parts fade
    X, y = np.array([[0.0, 5.0], [9.0, 5.0]]), np.array([1.0, 3.0])
    process = CompositionLatticeProcess(1, lattice_length=1.0, lattice_share=0.5, noise_share=0.0).fit(X, y)
    # 9 / 0.07 lengths apart in composition only the share of the lattice is left: [[2.5, 0.5], [0.5, 2.5]] w = (-1, 1),
    # w = (-0.5, 0.5). At the first row's composition this gives 2 - 0.5 (e^-2 + 1) + 0.5 e^-2 (0.5 - 0.5).
    found = process.predict(np.array([[0.0, 5.0 * np.exp(2.0)]]))
    assert found[0] == pytest.approx(2.0 - 0.5 * (1.0 + np.exp(-2.0)), abs=1e-9)
