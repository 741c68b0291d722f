"""The statistics of many datasets as one function of their joint vector of bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["JointStatistic"]

Array = NDArray[np.float64]


class JointStatistic:
    """Statistics of different kinds, each on its own run of bins.

    Parameters
    ----------
    parts : sequence of (slice, statistic)
        The statistics (`gammafold.stats.kernels`), each joined from all datasets of its kind.
    n_bins : int
        K, the length of the joint vector; bins without a statistic only have predictions.
    """

    def __init__(self, parts: Sequence[tuple[slice, Any]], n_bins: int) -> None:
        self.parts = tuple(parts)
        self.n_bins = n_bins
        self.n_data = sum(rows.stop - rows.start for rows, _ in self.parts)
        self.offset: Any = sum((kernel.offset for _, kernel in self.parts), 0.0)

    @property
    def is_batch(self) -> bool:
        """Whether every row of a batch has data of its own."""
        return np.ndim(self.offset) > 0

    def at_rows(self, rows: NDArray[np.intp] | slice) -> JointStatistic:
        """Return the statistic of some rows of a batch of data."""
        return join_statistics([(bins, kernel.at_rows(rows)) for bins, kernel in self.parts], self.n_bins)

    def deviance(self, mu: Array) -> Any:
        """Deviance (...) for predictions (..., K)."""
        return sum(kernel.deviance(mu[..., rows]) for rows, kernel in self.parts)

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and its derivative (..., K) with respect to the predictions."""
        gradient = np.zeros_like(mu)
        total: Any = 0.0
        for rows, kernel in self.parts:
            value, gradient[..., rows] = kernel.deviance_and_gradient(mu[..., rows])
            total = total + value
        return total, gradient

    def expansion(self, mu: Array) -> tuple[Any, Array, Array]:
        """Deviance (...), its derivative (..., K) and its expected second derivative (..., K)."""
        gradient, weight = np.zeros_like(mu), np.zeros_like(mu)
        total: Any = 0.0
        for rows, kernel in self.parts:
            value, gradient[..., rows], weight[..., rows] = kernel.expansion(mu[..., rows])
            total = total + value
        return total, gradient, weight

    def _per_bin(self, method: str, mu: Array) -> Array:
        result = np.zeros_like(mu)
        for rows, kernel in self.parts:
            result[..., rows] = getattr(kernel, method)(mu[..., rows])
        return result

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin, with the field's constants."""
        return self._per_bin("per_bin", mu)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K) of the deviance with respect to the predictions."""
        return self._per_bin("gradient", mu)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K)."""
        return self._per_bin("fisher", mu)


class _Single(JointStatistic):
    """One statistic on all bins: nothing to slice."""

    def __init__(self, kernel: Any, n_bins: int) -> None:
        super().__init__([(slice(0, n_bins), kernel)], n_bins)
        self.deviance = kernel.deviance  # type: ignore[method-assign]
        self.deviance_and_gradient = kernel.deviance_and_gradient  # type: ignore[method-assign]
        self.expansion = kernel.expansion  # type: ignore[method-assign]
        self.per_bin = kernel.per_bin  # type: ignore[method-assign]
        self.gradient = kernel.gradient  # type: ignore[method-assign]
        self.fisher = kernel.fisher  # type: ignore[method-assign]


def join_statistics(parts: Sequence[tuple[slice, Any]], n_bins: int) -> JointStatistic:
    """Return the joint statistic; one kind on all bins is used as it is."""
    if len(parts) == 1 and parts[0][0] == slice(0, n_bins):
        return _Single(parts[0][1], n_bins)
    return JointStatistic(parts, n_bins)
