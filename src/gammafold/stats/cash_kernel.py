"""Poisson counts with a known prediction: the statistics of Cash (1979, ApJ 228, 939)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.stats.poisson import PoissonTerm
from gammafold.utils.namespace import namespace_of

__all__ = ["CStatistic", "CashStatistic"]

Array = NDArray[np.float64]


class CashStatistic(BinnedStatistic):
    """``2 (mu - n ln mu)`` per bin: the statistic of Cash.

    Parameters
    ----------
    counts : array, shape (K,) or (N, K)
        Counts, >= 0.

    Examples
    --------
    >>> kernel = CashStatistic([3.0, 0.0])
    >>> kernel.per_bin(np.array([2.0, 1.0])).round(6)
    array([-0.158883,  2.      ])
    >>> float(kernel.deviance(np.array([3.0, 0.0])))
    0.0
    """

    fields = ("counts",)
    counts: Array

    def _prepare(self) -> None:
        n = self.counts
        self._term = PoissonTerm(n)
        # What is left of 2 (mu - n ln mu) at mu = n.
        self._saturated = 2.0 * n * (1.0 - np.log(np.where(n > 0, n, 1.0)))
        self.offset = self._offset()

    def _offset(self) -> Any:
        total = self._saturated.sum(axis=-1)
        return float(total) if total.ndim == 0 else total

    def deviance(self, mu: Array) -> Any:
        """Sum (...) of the statistic over the bins, zero where ``mu`` equals the counts."""
        return self._bins(mu).sum(axis=-1)

    def _bins(self, mu: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = 2.0 * self._term(mu)
        # Nothing allows a prediction of less than none, not even no counts.
        return namespace_of(mu).where(mu < 0, np.inf, value)

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        return self._bins(mu) + self._saturated

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K), ``2 (1 - n / mu)``."""
        return 2.0 - 2.0 * _ratio(self.counts, mu)

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        return self.deviance(mu), self.gradient(mu)

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K), ``2 n / mu^2``."""
        return 2.0 * _ratio(_ratio(self.counts, mu), mu)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K), ``2 / mu``; zero where nothing is predicted."""
        xp = namespace_of(mu)
        return xp.where(mu > 0, 2.0 / xp.where(mu > 0, mu, 1.0), 0.0)


class CStatistic(CashStatistic):
    """``2 (mu - n + n ln(n / mu))`` per bin: Cash's statistic as XSPEC's "cstat" has it, zero at ``mu = n``.

    Parameters
    ----------
    counts : array, shape (K,) or (N, K)
        Counts, >= 0.
    """

    def _prepare(self) -> None:
        self._term = PoissonTerm(self.counts)
        self._saturated = np.zeros_like(self.counts)
        self.offset = self._offset()


def _ratio(n: Array, mu: Array) -> Array:
    """``n / mu``, zero without counts whatever is predicted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return namespace_of(mu).where(n > 0, n / mu, 0.0)
