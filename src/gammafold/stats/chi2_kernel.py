"""Values with gaussian errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.utils.namespace import namespace_of

__all__ = ["Chi2Statistic"]

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
