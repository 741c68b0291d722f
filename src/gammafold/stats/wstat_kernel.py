"""Poisson counts whose background is measured too: the W statistic.

In a bin ``n_on`` counts are seen where ``s + b`` are expected, and ``n_off`` where ``b / alpha`` are. The
background ``b`` is not modelled: for every signal ``s`` the one that fits best is taken, which solves

    (1 + alpha) b^2 - C b - alpha n_off s = 0,    C = alpha (n_on + n_off) - (1 + alpha) s

(XSPEC manual, appendix B, "Poisson data with Poisson background"; Cash 1979, ApJ 228, 939). With this ``b``,

    W = D(n_on, s + b) + D(n_off, b / alpha),    D(n, m) = 2 (m - n + n ln(n / m)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic
from gammafold.stats.poisson import PoissonTerm

__all__ = ["WStatistic"]

Array = NDArray[np.float64]


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
        has_off = alpha > 0
        self._c0 = alpha * (n_on + n_off) * has_off
        self._c1 = 1.0 + alpha
        self._c2 = alpha * n_off
        self._c3 = 4.0 * self._c1 * self._c2
        self._half = np.where(has_off, 0.5 / self._c1, 0.0)
        with np.errstate(divide="ignore"):
            self._per_alpha = np.where(has_off, 1.0 / alpha, 0.0)
        # Off counts that constrain nothing cost nothing.
        self._n_off = n_off * has_off
        self._on, self._off = PoissonTerm(n_on), PoissonTerm(self._n_off)
        self._all_off = bool(has_off.all())
        self._some_on_empty = bool((n_on == 0).any())
        shape = np.broadcast_shapes(n_on.shape, n_off.shape, alpha.shape)
        self.offset = np.zeros(shape[0]) if len(shape) == 2 else 0.0

    def _profile(self, s: Array) -> tuple[Array, Array]:
        """Best background (..., K) for a signal, and the root of the discriminant."""
        c = self._c0 - self._c1 * s
        # The discriminant is a sum of squares; rounding may take it below zero.
        root = np.sqrt(np.maximum(c * c + self._c3 * s, 0.0))
        total = np.abs(c) + root
        # Of the two forms of the root, the one without a difference of nearly equal numbers.
        b = np.where(c >= 0, total * self._half, 2.0 * self._c2 * s / total)
        return b, root

    def background(self, mu: Array) -> Array:
        """Best background (..., K) in the on region for a signal ``mu``."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._profile(mu)[0]

    def _sums(self, s: Array) -> tuple[Array, Array, Array]:
        """Half the statistic (..., K) of each bin, the counts expected on, and the background."""
        b, _ = self._profile(s)
        on = s + b
        value = self._on(on) + self._off(b * self._per_alpha)
        if not self._all_off:
            value = np.where(on < 0, np.inf, value)
        return value, on, b

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return 2.0 * self._sums(mu)[0]

    def deviance(self, mu: Array) -> Any:
        """Sum (...) of the statistic over the bins; zero where the signal is the excess."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return 2.0 * self._sums(mu)[0].sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K), ``2 (1 - n_on / (s + b))``: at the best background its own change does not count."""
        return self.deviance_and_gradient(mu)[1]

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            value, on, b = self._sums(mu)
            gradient = 2.0 - 2.0 * self.n_on / on
            if self._some_on_empty:
                gradient = np.where(self.n_on == 0, self._gradient_without_on(mu, on, b), gradient)
            return 2.0 * value.sum(axis=-1), gradient

    def _gradient_without_on(self, s: Array, on: Array, b: Array) -> Array:
        """Derivative where no counts are seen on: a negative signal is then balanced by background, s + b = 0."""
        balanced = (on <= 1e-14 * b) & (s < 0) & (self.alpha > 0)
        return np.where(balanced, -2.0 * (self._per_alpha - self._n_off / b), 2.0)

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K), ``2 n_on (1 + db/ds) / (s + b)^2``."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            b, root = self._profile(mu)
            slope = np.where((root > 0) & (self.alpha > 0), (self._c2 - self._c1 * b) / root, 0.0)
            value = np.where(self.n_on > 0, 2.0 * self.n_on * (1.0 + slope) / (mu + b) ** 2, 0.0)
            balanced = (self.n_on == 0) & (mu < 0) & (mu + b <= 1e-14 * b) & (self.alpha > 0)
            return np.where(balanced, 2.0 * self._n_off / mu**2, value)

    def fisher(self, mu: Array) -> Array:
        """Expected second derivative (..., K), ``2 / (s + b + alpha b)``; zero where nothing is expected.

        The information on ``s`` that is left when ``b`` is fitted: the inverse of the variance of
        ``n_on - alpha n_off``.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            b, _ = self._profile(mu)
            variance = mu + b + self.alpha * b
            return np.where(variance > 0, 2.0 / variance, 0.0)
