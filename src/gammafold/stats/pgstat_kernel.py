"""Poisson counts over a background that is known with a gaussian error: the PG statistic.

In a bin ``n`` counts are seen where ``m = s + f`` are expected, and a background ``B`` with standard deviation
``sigma`` where ``f`` is expected, all in counts of the same exposure. For every signal ``s`` the ``f`` that fits best
is taken (XSPEC manual, appendix B, "Poisson data with Gaussian background"); with ``x = s + B`` it makes

    m^2 - (x - sigma^2) m - n sigma^2 = 0,    PG = 2 (m - n + n ln(n / m)) + sigma^2 g^2,    g = 1 - n / m.

``m`` is held at zero where ``n = 0`` and ``x < sigma^2``, so that no less than no counts is ever expected; the
formula for ``n = 0`` in the manual goes on to ``m < 0`` there, and to a statistic below zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.stats.poisson import PoissonTerm
from gammafold.utils.namespace import namespace_of

__all__ = ["PGStatistic"]

Array = NDArray[np.float64]


class PGStatistic(BinnedStatistic):
    """The PG statistic; ``mu`` is the predicted signal alone, which may be negative.

    Parameters
    ----------
    counts : array, shape (K,) or (N, K)
        Counts, >= 0.
    background_counts, sigma : array, shape (K,) or (N, K)
        Background counts in the exposure of ``counts``, and their standard deviation >= 0. Without error the
        statistic is that of Cash for ``mu + background``, with the saturated term taken out.

    Examples
    --------
    >>> kernel = PGStatistic([9.0], [5.0], [2.0])
    >>> float(kernel.deviance(np.array([4.0])))
    0.0
    >>> kernel.background(np.array([6.0])).round(6)
    array([4.446222])
    """

    fields = ("counts", "background_counts", "sigma")
    counts: Array
    background_counts: Array
    sigma: Array

    def _prepare(self) -> None:
        self._variance = self.sigma**2
        self._product = self.counts * self._variance
        self._term = PoissonTerm(self.counts)
        self.offset = np.zeros(self.batch_shape) if self.batch_shape else 0.0

    def _expected(self, s: Array) -> tuple[Array, Array]:
        """Counts (..., K) expected with the best background, and half the slope ``g`` of the statistic."""
        xp = namespace_of(s)
        x = s + self.background_counts
        half = 0.5 * (x - self._variance)
        magnitude = xp.abs(half)
        total = magnitude + xp.sqrt(half * half + self._product)
        # Of the two forms of the root, the one without a difference of nearly equal numbers.
        m = xp.where(half >= 0, total, self._product / total)
        # With no counts expected the background balances the signal, f = -s, and has all of the slope.
        alone = xp.where(self._variance > 0, x / self._variance, xp.where(x < 0, -np.inf, 1.0))
        return m, xp.where(m > 0, 1.0 - self.counts / m, xp.where(self.counts > 0, -np.inf, alone))

    def background(self, mu: Array) -> Array:
        """Best background (..., K) for a signal ``mu``: the one given, less ``sigma^2 (1 - n / m)``."""
        with np.errstate(all="ignore"):
            pull = self._variance * self._expected(mu)[1]
            return self.background_counts - namespace_of(mu).where(self._variance > 0, pull, 0.0)

    @property
    def measured_background(self) -> Array:
        """Background (K,) as given."""
        return self.background_counts

    def _bins(self, m: Array, g: Array) -> Array:
        xp = namespace_of(m)
        pull = xp.where(self._variance > 0, self._variance * g * g, 0.0)
        value = 2.0 * self._term(m) + pull
        return xp.where(g == -np.inf, np.inf, value)

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        with np.errstate(all="ignore"):
            return self._bins(*self._expected(mu))

    def deviance(self, mu: Array) -> Any:
        """Sum (...) of the statistic over the bins; zero where the signal is the excess."""
        return self.per_bin(mu).sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K), ``2 g``: at the best background its own change does not count."""
        with np.errstate(all="ignore"):
            return 2.0 * self._expected(mu)[1]

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        with np.errstate(all="ignore"):
            m, g = self._expected(mu)
            return self._bins(m, g).sum(axis=-1), 2.0 * g

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K), ``2 n / (m^2 + n sigma^2)``; ``2 / sigma^2`` where ``m`` is held at zero."""
        with np.errstate(all="ignore"):
            xp = namespace_of(mu)
            m, _ = self._expected(mu)
            value = xp.where(self.counts > 0, 2.0 * self.counts / (m**2 + self._product), 0.0)
            held = (m == 0) & (self.counts == 0) & (self._variance > 0)
            return xp.where(held, 2.0 / self._variance, value)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K), ``2 / (m + sigma^2)``; zero where nothing is expected or uncertain.

        The information on ``s`` that is left when ``f`` is fitted: the inverse of the variance of ``n - B``.
        """
        with np.errstate(all="ignore"):
            variance = self._expected(mu)[0] + self._variance
            return namespace_of(mu).where(variance > 0, 2.0 / variance, 0.0)
