"""Excess counts: significance, errors and upper limits, for many measurements at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.stats.cash_kernel import CashStatistic
from gammafold.stats.fit_statistics import _arrays, _require_counts
from gammafold.stats.rises import find_rises
from gammafold.stats.wstat_kernel import WStatistic
from gammafold.utils.errors import InputError

__all__ = ["CashCountsStatistic", "CountsStatistic", "WStatCountsStatistic"]

Array = NDArray[np.float64]


class CountsStatistic(ABC):
    """The excess of counts over background, each measurement by itself; all values are arrays of one shape."""

    n_on: Array

    @property
    @abstractmethod
    def n_bkg(self) -> Array:
        """Background counts in the on region."""

    @property
    @abstractmethod
    def error(self) -> Array:
        """Gaussian error of the excess."""

    @property
    @abstractmethod
    def stat_null(self) -> Array:
        """Statistic of no excess (beyond a given signal)."""

    @property
    @abstractmethod
    def stat_max(self) -> Array:
        """Statistic of the best excess."""

    @abstractmethod
    def _stat(self, excess: Array) -> Array:
        """Statistic of an excess."""

    @abstractmethod
    def _slope(self, excess: Array) -> Array:
        """Its derivative."""

    @property
    @abstractmethod
    def _least(self) -> Array:
        """Least excess that is possible; -inf where any is."""

    @abstractmethod
    def _signed_root(self, n_on: Array) -> Array:
        """Significance with other counts in the on region."""

    # -- significance

    @property
    def n_sig(self) -> Array:
        """Excess, ``n_on - n_bkg``."""
        return self.n_on - self.n_bkg

    @property
    def ts(self) -> Array:
        """Test statistic, ``stat_null - stat_max``."""
        # Both are rounded: no excess has no negative test statistic.
        return np.maximum(self.stat_null - self.stat_max, 0.0)

    @property
    def sqrt_ts(self) -> Array:
        """Significance, the root of ``ts`` with the sign of the excess (Li & Ma 1983, ApJ 272, 317)."""
        return np.sign(self.n_sig) * np.sqrt(self.ts)

    @property
    def p_value(self) -> Array:
        """Chance of a deviation to this side at least as large, of no excess."""
        from scipy.stats import norm

        return norm.sf(np.abs(self.sqrt_ts))

    # -- intervals

    def _distance(self, start: Array, n_sigma: float, side: int) -> Array:
        """Distance from ``start`` to where the statistic has risen by ``n_sigma`` squared, or to the least excess."""
        _require_sigma(n_sigma)
        begin = start.reshape(-1)
        base = self._stat(start).reshape(-1)
        limit = np.broadcast_to(self._least, start.shape).reshape(-1)
        room = np.where(np.isfinite(limit), begin - limit, np.inf) if side < 0 else np.full(begin.shape, np.inf)

        def evaluate(rows: NDArray[np.intp], distance: Array) -> tuple[Array, Array]:
            excess: Array = begin.copy()
            excess[rows] += side * distance
            excess = excess.reshape(start.shape)
            with np.errstate(divide="ignore", invalid="ignore"):
                height, slope = self._stat(excess).reshape(-1) - base, self._slope(excess).reshape(-1)
            return height[rows], side * slope[rows]

        first = n_sigma * np.maximum(np.broadcast_to(self.error, start.shape).reshape(-1), 1.0)
        rises = find_rises(evaluate, np.full(begin.shape, float(n_sigma) ** 2), first, room, tolerance=1e-10)
        return rises.distance.reshape(start.shape)

    def compute_errn(self, n_sigma: float = 1.0) -> Array:
        """Distance from the excess down to where the statistic has risen by ``n_sigma`` squared.

        Where that needs less than no counts, the distance to no counts.
        """
        return self._distance(self.n_sig, n_sigma, -1)

    def compute_errp(self, n_sigma: float = 1.0) -> Array:
        """Distance from the excess up to where the statistic has risen by ``n_sigma`` squared."""
        return self._distance(self.n_sig, n_sigma, +1)

    def compute_upper_limit(self, n_sigma: float = 3.0) -> Array:
        """Upper limit: the excess above the best one at which the statistic has risen by ``n_sigma`` squared."""
        return self.n_sig + self._distance(self.n_sig, n_sigma, +1)

    def n_sig_matching_significance(self, significance: float) -> Array:
        """Excess that would have a given significance over the same background.

        Parameters
        ----------
        significance : float
            In standard deviations, > 0.
        """
        _require_sigma(significance)
        low: Array = np.zeros_like(self.n_on)
        high = np.maximum(1.0, significance * np.sqrt(self.n_bkg + 1.0)) + low
        for _ in range(200):
            short = self._signed_root(self.n_bkg + high) < significance
            if not short.any():
                break
            high = np.where(short, 2.0 * high, high)
        # Bisection: 60 halvings are exact to the last digits, and nothing can go wrong.
        for _ in range(60):
            middle = 0.5 * (low + high)
            short = self._signed_root(self.n_bkg + middle) < significance
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return 0.5 * (low + high)

    def info_dict(self) -> dict[str, Any]:
        """Counts, background, excess, significance and p-value by name."""
        return {
            "n_on": self.n_on,
            "background": self.n_bkg,
            "excess": self.n_sig,
            "significance": self.sqrt_ts,
            "p_value": self.p_value,
        }

    def __str__(self) -> str:
        rows = [
            f"  {name:<13}: {np.array2string(np.asarray(value), precision=4)}"
            for name, value in self.info_dict().items()
        ]
        return "\n".join([type(self).__name__, *rows])

    __repr__ = __str__


class CashCountsStatistic(CountsStatistic):
    """Excess over a background that is known.

    Parameters
    ----------
    n_on : array_like
        Counts, >= 0.
    mu_bkg : array_like
        Expected background counts, >= 0.

    Examples
    --------
    >>> statistic = CashCountsStatistic(n_on=13, mu_bkg=5)
    >>> float(statistic.n_sig), float(statistic.sqrt_ts.round(4))
    (8.0, 2.9738)
    """

    def __init__(self, n_on: ArrayLike, mu_bkg: ArrayLike) -> None:
        self.n_on, self.mu_bkg = _arrays(n_on=n_on, mu_bkg=mu_bkg)
        _require_counts(n_on=self.n_on, mu_bkg=self.mu_bkg)
        self._kernel = CashStatistic(self.n_on)

    @property
    def n_bkg(self) -> Array:
        """Background counts."""
        return self.mu_bkg

    @property
    def error(self) -> Array:
        """Gaussian error of the excess, the root of the counts."""
        return np.sqrt(self.n_on)

    @property
    def stat_null(self) -> Array:
        """Statistic of the background alone."""
        return self._stat(np.zeros_like(self.n_on))

    @property
    def stat_max(self) -> Array:
        """Statistic of the best excess."""
        return self._stat(self.n_sig)

    def _stat(self, excess: Array) -> Array:
        # Where the excess takes all of the background, rounding must not leave less than nothing.
        return self._kernel.per_bin(np.where(excess <= -self.mu_bkg, 0.0, self.mu_bkg + excess))

    def _slope(self, excess: Array) -> Array:
        return self._kernel.gradient(self.mu_bkg + excess)

    @property
    def _least(self) -> Array:
        return -self.mu_bkg

    def _signed_root(self, n_on: Array) -> Array:
        return CashCountsStatistic(n_on, self.mu_bkg).sqrt_ts

    def sum(self, axis: Any = None) -> CashCountsStatistic:
        """Return the statistic of the summed counts."""
        return CashCountsStatistic(self.n_on.sum(axis=axis), self.mu_bkg.sum(axis=axis))

    def info_dict(self) -> dict[str, Any]:
        """Counts, background, excess, significance and p-value by name."""
        return {**super().info_dict(), "mu_bkg": self.mu_bkg}


class WStatCountsStatistic(CountsStatistic):
    """Excess over a background that is measured in off regions.

    Parameters
    ----------
    n_on, n_off : array_like
        Counts in the on and in the off regions, >= 0.
    alpha : array_like
        Ratio of the exposures to background, on over off, > 0.
    mu_sig : array_like, optional
        Signal that is known to be there; the significance is that of the excess beyond it. Default: none.

    Examples
    --------
    >>> statistic = WStatCountsStatistic(n_on=13, n_off=11, alpha=0.5)
    >>> float(statistic.n_sig), float(statistic.sqrt_ts.round(4))
    (7.5, 2.0928)
    """

    def __init__(self, n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike, mu_sig: ArrayLike | None = None) -> None:
        signal = 0.0 if mu_sig is None else mu_sig
        self.n_on, self.n_off, self.alpha, self.mu_sig = _arrays(n_on=n_on, n_off=n_off, alpha=alpha, mu_sig=signal)
        _require_counts(n_on=self.n_on, n_off=self.n_off, mu_sig=self.mu_sig)
        if not (self.alpha > 0).all():
            raise InputError(f"alpha holds {self.alpha[~(self.alpha > 0)].flat[0]}: expected numbers above zero")
        self._kernel = WStatistic(self.n_on, self.n_off, self.alpha)

    @property
    def n_bkg(self) -> Array:
        """Background in the on region, ``alpha n_off``."""
        return self.alpha * self.n_off

    @property
    def n_sig(self) -> Array:
        """Excess beyond the known signal."""
        return self.n_on - self.n_bkg - self.mu_sig

    @property
    def error(self) -> Array:
        """Gaussian error of the excess."""
        return np.sqrt(self.n_on + self.alpha**2 * self.n_off)

    @property
    def stat_null(self) -> Array:
        """Statistic of no excess beyond the known signal."""
        return self._kernel.per_bin(self.mu_sig)

    @property
    def stat_max(self) -> Array:
        """Statistic of the best excess: zero."""
        return self._kernel.per_bin(self.n_sig + self.mu_sig)

    def _stat(self, excess: Array) -> Array:
        return self._kernel.per_bin(excess + self.mu_sig)

    def _slope(self, excess: Array) -> Array:
        return self._kernel.gradient(excess + self.mu_sig)

    @property
    def _least(self) -> Array:
        return np.full(self.n_on.shape, -np.inf)

    def _signed_root(self, n_on: Array) -> Array:
        return WStatCountsStatistic(n_on, self.n_off, self.alpha).sqrt_ts

    def sum(self, axis: Any = None) -> WStatCountsStatistic:
        """Return the statistic of the summed counts; alpha is such that the summed background is the sum."""
        n_off = self.n_off.sum(axis=axis)
        background = self.n_bkg.sum(axis=axis)
        mean = np.mean(self.alpha, axis=axis)
        alpha = np.divide(background, n_off, out=np.array(mean, dtype=float), where=n_off > 0)
        return WStatCountsStatistic(self.n_on.sum(axis=axis), n_off, alpha, self.mu_sig.sum(axis=axis))

    def info_dict(self) -> dict[str, Any]:
        """Counts, background, excess, significance and p-value by name."""
        return {**super().info_dict(), "n_off": self.n_off, "alpha": self.alpha, "mu_sig": self.mu_sig}


def _require_sigma(n_sigma: float) -> None:
    if not n_sigma > 0:
        raise InputError(f"the number of standard deviations is {n_sigma}: expected a number above zero")
