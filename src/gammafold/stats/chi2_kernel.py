"""Values with gaussian errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.utils.namespace import namespace_of

__all__ = ["Chi2ModelStatistic", "Chi2Statistic"]

Array = NDArray[np.float64]


class Chi2Statistic(BinnedStatistic):
    """``((value - mu) / sigma)^2`` per bin.

    Parameters
    ----------
    values, sigma : array, shape (K,) or (N, K)
        Values, and their standard deviations > 0.

    Examples
    --------
    >>> kernel = Chi2Statistic([1.0, 2.0], [0.5, 1.0])
    >>> float(kernel.deviance(np.array([2.0, 2.0])))
    4.0
    """

    fields = ("values", "sigma")
    values: Array
    sigma: Array

    def _prepare(self) -> None:
        self._weight = 1.0 / self.sigma**2
        self.offset = np.zeros(self.batch_shape) if self.batch_shape else 0.0

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        return self._weight * (mu - self.values) ** 2

    def deviance(self, mu: Array) -> Any:
        """Sum (...) over the bins."""
        return self.per_bin(mu).sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K)."""
        return 2.0 * self._weight * (mu - self.values)

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        return self.deviance(mu), self.gradient(mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K)."""
        return 2.0 * self._weight + namespace_of(mu).zeros_like(mu)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K): the same as `curvature`."""
        return self.curvature(mu)


class Chi2ModelStatistic(BinnedStatistic):
    """``(value - mu)^2 / (mu + extra)`` per bin: counts with the variance that the model predicts.

    Parameters
    ----------
    values : array, shape (K,) or (N, K)
        Counts, or counts less a measured background.
    extra : array, shape (K,) or (N, K)
        The part of the variance that does not depend on the model, >= 0: that of the background.

    Examples
    --------
    >>> kernel = Chi2ModelStatistic([6.0, 2.0], [0.0, 1.0])
    >>> float(kernel.deviance(np.array([4.0, 3.0])))
    1.25
    """

    fields = ("values", "extra")
    values: Array
    extra: Array

    def _prepare(self) -> None:
        self.offset = np.zeros(self.batch_shape) if self.batch_shape else 0.0

    def _pull(self, mu: Array) -> tuple[Array, Array]:
        """Variance (..., K), and the difference (..., K) of prediction and value over it."""
        variance = mu + self.extra
        return variance, (mu - self.values) / variance

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin; infinite where no variance is predicted, unless nothing was seen."""
        xp = namespace_of(mu)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance, pull = self._pull(mu)
            alone = xp.where((variance == 0) & (mu == self.values), 0.0, np.inf)
            return xp.where(variance > 0, pull * (mu - self.values), alone)

    def deviance(self, mu: Array) -> Any:
        """Sum (...) over the bins."""
        return self.per_bin(mu).sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K), ``p (2 - p)`` with the difference over the variance ``p``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            variance, pull = self._pull(mu)
            # Where nothing was seen and nothing is predicted, the statistic is mu itself.
            return namespace_of(mu).where((variance == 0) & (mu == self.values), 1.0, pull * (2.0 - pull))

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        return self.deviance(mu), self.gradient(mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K), ``2 (1 - p)^2`` over the variance; zero where there is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            variance, pull = self._pull(mu)
            return namespace_of(mu).where(variance > 0, 2.0 * (1.0 - pull) ** 2 / variance, 0.0)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K), ``2 / V + 2 / V^2`` with the variance ``V``; zero if there is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = mu + self.extra
            return namespace_of(mu).where(variance > 0, 2.0 / variance + 2.0 / variance**2, 0.0)
