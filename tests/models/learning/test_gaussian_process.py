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
