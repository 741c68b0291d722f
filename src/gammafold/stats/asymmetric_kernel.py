"""Values with a gaussian error on each side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.utils.namespace import namespace_of

__all__ = ["AsymmetricChi2Statistic"]

Array = NDArray[np.float64]


class AsymmetricChi2Statistic(BinnedStatistic):
    """``((value - mu) / sigma)^2`` per bin, with one ``sigma`` below the value and another above it.

    Parameters
    ----------
    values, sigma_low, sigma_high : array, shape (K,)
        Values, and their errors > 0 towards smaller and towards larger ``mu``.

    Examples
    --------
    >>> kernel = AsymmetricChi2Statistic([1.0, 1.0], [0.5, 0.5], [2.0, 2.0])
    >>> kernel.per_bin(np.array([0.0, 3.0]))
    array([4., 1.])
    """

    fields = ("values", "sigma_low", "sigma_high")
    values: Array
    sigma_low: Array
    sigma_high: Array

    def _prepare(self) -> None:
        self._below, self._above = 1.0 / self.sigma_low**2, 1.0 / self.sigma_high**2
        self.offset = 0.0

    def _weight(self, mu: Array) -> Array:
        return namespace_of(mu).where(mu < self.values, self._below, self._above)

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        return self._weight(mu) * (mu - self.values) ** 2

    def deviance(self, mu: Array) -> Any:
        """Sum (...) over the bins."""
        return self.per_bin(mu).sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K)."""
        return 2.0 * self._weight(mu) * (mu - self.values)

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        return self.deviance(mu), self.gradient(mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K)."""
        return 2.0 * self._weight(mu)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K): the same as `curvature`."""
        return self.curvature(mu)
