"""Poisson counts whose background is measured too: the W statistic.

In a bin ``n_on`` counts are seen where ``m = s + b`` are expected, and ``n_off`` where ``b / alpha`` are. The
background ``b``, in counts of the on region, is not modelled: for every signal ``s`` the one that fits best is
taken, which solves

    (1 + alpha) b^2 - C b - alpha n_off s = 0,    C = alpha (n_on + n_off) - (1 + alpha) s

(XSPEC manual, appendix B, "Poisson data with Poisson background"; Cash 1979, ApJ 228, 939). With this ``b``,

    W = D(n_on, m) + D(n_off, b / alpha),    D(n, m) = 2 (m - n + n ln(n / m)).

The equation of ``m`` is that of ``b`` with ``-s`` and ``n_on`` in the places of ``s`` and ``n_off``. So the smaller
of the two is the one that is solved for, and the other is a sum: no sign of ``s`` loses digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.stats.poisson import PoissonTerm
from gammafold.utils.namespace import namespace_of

__all__ = ["WStatistic"]

Array = NDArray[np.float64]

_TINY = 1e-300


class WStatistic(BinnedStatistic):
    """The W statistic; ``mu`` is the predicted signal alone, which may be negative.

    A bin with ``alpha = 0`` has no off measurement: its background is zero, and its statistic is that of Cash with
    the saturated term taken out.

    Parameters
    ----------
    n_on, n_off : array, shape (K,) or (N, K)
        Counts in the on and in the off regions, >= 0.
    alpha : array, shape (K,) or (N, K)
        Ratio of the exposures to background, on over off, >= 0.

    Examples
    --------
    >>> kernel = WStatistic([9.0], [20.0], [0.25])
    >>> float(kernel.deviance(np.array([9.0 - 0.25 * 20.0])))
    0.0
    >>> kernel.background(np.array([4.0]))
    array([5.])
    """

    fields = ("n_on", "n_off", "alpha")
    n_on: Array
    n_off: Array
    alpha: Array

    def _prepare(self) -> None:
        n_on, n_off, alpha = self.n_on, self.n_off, self.alpha
        self._has_off = alpha > 0
        # Of an off measurement without exposure nothing is left, whatever its counts.
        self._n_off = n_off * self._has_off
        share = alpha / (1.0 + alpha)
        # The equation divided by 2 (1 + alpha): roots of x^2 - 2 c x - 2 k s.
        self._c = 0.5 * share * (n_on + n_off)
        self._k_off, self._k_on = share * n_off, share * n_on
        self._half = np.full_like(alpha, 0.5)
        # 0 / 0 where nothing is seen and nothing predicted.
        self._may_vanish = not bool(np.all((alpha > 0) & (n_on > 0) & (n_off > 0)))
        self._per_alpha = np.divide(1.0, alpha, out=np.zeros_like(alpha), where=self._has_off)
        self._on, self._off = PoissonTerm(n_on), PoissonTerm(self._n_off)
        self._all_off = bool(self._has_off.all())
        self._some_on_empty = bool((n_on == 0).any())
        self.offset = np.zeros(self.batch_shape) if self.batch_shape else 0.0

    def _expected(self, s: Array) -> tuple[Array, Array]:
        """Counts (..., K) expected in the on region, and the part of them that is background."""
        xp = namespace_of(s)
        # A shortcut that depends on values: nothing for a formula that is traced.
        positive = xp is np and np.minimum.reduce(s, axis=None, initial=0.0) >= 0
        size = s if positive else xp.abs(s)
        linear = size * (self._k_off if positive else xp.where(s < 0, self._k_on, self._k_off))
        c = self._c - self._half * size
        magnitude = xp.abs(c)
        total = magnitude + xp.sqrt(c * c + linear)
        if self._may_vanish:
            total = total + _TINY
        # The positive root c + sqrt(c^2 + linear), without a difference of nearly equal numbers for any sign of c.
        smaller = linear / total + (magnitude + c)
        if positive:
            on, b = smaller + s, smaller
        else:
            on, b = smaller + xp.maximum(s, 0.0), smaller + xp.maximum(-s, 0.0)
        if self._all_off:
            return on, b
        return xp.where(self._has_off, on, s), xp.where(self._has_off, b, 0.0)

    def background(self, mu: Array) -> Array:
        """Best background (..., K), in counts of the on region, for a signal ``mu``."""
        with np.errstate(all="ignore"):
            return self._expected(mu)[1]

    @property
    def measured_background(self) -> Array:
        """Background (K,) as measured, ``alpha n_off``."""
        return self.alpha * self.n_off

    def _halves(self, on: Array, b: Array) -> Array:
        """Half the statistic (..., K) of each bin."""
        value = self._on(on) + self._off(b * self._per_alpha)
        return value if self._all_off else namespace_of(on).where(on < 0, np.inf, value)

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        with np.errstate(all="ignore"):
            return 2.0 * self._halves(*self._expected(mu))

    def deviance(self, mu: Array) -> Any:
        """Sum (...) of the statistic over the bins; zero where the signal is the excess."""
        with np.errstate(all="ignore"):
            return 2.0 * namespace_of(mu).add.reduce(self._halves(*self._expected(mu)), axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K), ``2 (1 - n_on / (s + b))``: at the best background its own change does not count."""
        with np.errstate(all="ignore"):
            return self._slope(*self._expected(mu))

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        with np.errstate(all="ignore"):
            on, b = self._expected(mu)
            return 2.0 * namespace_of(mu).add.reduce(self._halves(on, b), axis=-1), self._slope(on, b)

    def _slope(self, on: Array, b: Array) -> Array:
        slope = 2.0 - 2.0 * self.n_on / on
        if not self._some_on_empty:
            return slope
        xp = namespace_of(on)
        empty = (self.n_on == 0) & (on == 0)
        if xp is np and not empty.any():
            return slope
        # Where no counts are seen on, background balances a negative signal: b = -s, and off alone has a slope.
        balanced = empty & (b > 0)
        return xp.where(balanced, -2.0 * (self._per_alpha - self._n_off / b), xp.where(empty, 2.0, slope))

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K), ``2 n_on n_off / (n_on b^2 + n_off (s + b)^2)``.

        This is ``2 p q / (p + q)`` with ``p = n_on / (s + b)^2`` and ``q = n_off / b^2``, what the two measurements
        know of their own expectations. Where the best background or the best sum is zero, one of them is left alone.
        """
        with np.errstate(all="ignore"):
            xp = namespace_of(mu)
            on, b = self._expected(mu)
            n_on, n_off = self.n_on, self._n_off
            both = 2.0 * n_on * n_off / (n_on * b**2 + n_off * on**2)
            value = xp.where(b == 0, 2.0 * n_on / on**2, xp.where(on == 0, 2.0 * n_off / b**2, both))
            # Without any counts, and where on and background are zero, the statistic is a straight line.
            return xp.where((n_on + n_off == 0) | ((n_on == 0) & (b == 0)), 0.0, value)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K), ``2 / (s + b + alpha b)``; zero where nothing is expected.

        The information on ``s`` that is left when ``b`` is fitted: the inverse of the variance of
        ``n_on - alpha n_off``.
        """
        with np.errstate(all="ignore"):
            return self._weight(*self._expected(mu))

    def _weight(self, on: Array, b: Array) -> Array:
        variance = on + self.alpha * b
        return namespace_of(on).where(variance > 0, 2.0 / variance, 0.0)

    def expansion(self, mu: Array) -> tuple[Any, Array, Array]:
        """Deviance (...), gradient (..., K) and Fisher weight (..., K) together."""
        with np.errstate(all="ignore"):
            on, b = self._expected(mu)
            total = 2.0 * namespace_of(mu).add.reduce(self._halves(on, b), axis=-1)
            return total, self._slope(on, b), self._weight(on, b)
