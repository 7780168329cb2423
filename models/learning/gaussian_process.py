"""Gaussian process on the similarity of compositions and of lattices: what is near a measured material is like it."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin


class CompositionLatticeProcess(RegressorMixin, BaseEstimator):
    """Regression with kernel: near in composition and lattice + near in composition + near in lattice.

    Each part is an exponential of a Euclidean distance, the roughest of the Matérn family: conductivity changes by
    decades within a doping series. The prior mean is the training median. Lattice columns are positive; their
    logarithms are standardised, and an unknown one counts as typical. Without
    any lattice column all lattices are alike.

    Args:
        n_composition: Leading columns that are the position of the composition; the others describe the lattice.
        composition_length: Distance over which similarity decays, in units of the composition's columns.
        lattice_length: The same for the lattice, in standard deviations.
        long_range_factor: Length of the part on composition alone, relative to composition_length.
        lattice_share: Variance of the part on the lattice alone, relative to each of the other two.
        noise_share: Variance of the noise, relative to each of the two main parts.
    """

    def __init__(
        self,
        n_composition: int,
        composition_length: float = 0.07,
        lattice_length: float = 4.0,
        long_range_factor: float = 2.0,
        lattice_share: float = 0.15,
        noise_share: float = 0.03,
    ) -> None:
        self.n_composition = n_composition
        self.composition_length = composition_length
        self.lattice_length = lattice_length
        self.long_range_factor = long_range_factor
        self.lattice_share = lattice_share
        self.noise_share = noise_share

    def fit(self, X: np.ndarray, y: np.ndarray) -> "CompositionLatticeProcess":
        logs = _logs(X[:, self.n_composition :])
        known = np.isfinite(logs)
        count = np.maximum(known.sum(axis=0), 1)
        self.centre_ = np.where(known, logs, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, logs - self.centre_, 0.0) ** 2).sum(axis=0) / count)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        self.composition_centre_ = np.nan_to_num(np.nanmean(X[:, : self.n_composition], axis=0))
        self.composition_, self.lattice_ = self._positions(X)
        self.mean_ = float(np.median(y))
        covariance = self._kernel(self.composition_, self.lattice_)
        covariance[np.diag_indices_from(covariance)] += self.noise_share
        self.weights_ = cho_solve(cho_factor(covariance, lower=True), np.asarray(y, float) - self.mean_)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.mean_ + self._kernel(*self._positions(X)) @ self.weights_

    def _positions(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        composition = X[:, : self.n_composition]
        composition = np.where(np.isnan(composition), self.composition_centre_, composition)
        lattice = (_logs(X[:, self.n_composition :]) - self.centre_) / self.spread_
        return composition, np.where(np.isfinite(lattice), lattice, 0.0)

    def _kernel(self, composition: np.ndarray, lattice: np.ndarray) -> np.ndarray:
        """(n, n_train) covariance with the training rows."""
        far = cdist(composition, self.composition_) / self.composition_length
        differ = np.zeros_like(far)
        if lattice.shape[1]:
            differ = cdist(lattice, self.lattice_) / self.lattice_length
        return (
            np.exp(-np.hypot(far, differ))
            + np.exp(-far / self.long_range_factor)
            + self.lattice_share * np.exp(-differ)
        )


def _logs(values: np.ndarray) -> np.ndarray:
    """Logarithms, NaN where a value is unknown or not positive."""
    return np.log(np.where(values > 0, values, np.nan))
