"""How far off counts near zero push a fit with the W statistic.

The W statistic takes, bin by bin, the background that fits best. Where no off counts are seen that is often none at
all, and what background there is passes for signal, or the signal for less than it is; no number of such bins makes
up for it. `wstat_bias` says how much a norm is off: the mean of the slope of W over all counts that can be seen,
summed over the bins, vanishes not at the true norm but at the one to which fits of many bins converge.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gammafold.stats.wstat_kernel import WStatistic
from gammafold.utils.errors import InputError

__all__ = ["wstat_bias"]

Array = NDArray[np.float64]

# With so many off counts expected a bin is no source of bias.
_ENOUGH = 20.0
# The mean is taken over counts up to this many standard deviations to either side. Of counts on so many are enough;
# off counts are few, and their zero is the point.
_REACH, _POINTS_ON, _POINTS_OFF = 5.0, 25, 48
# A bias below this is told by one step of Newton's method.
_SMALL = 3e-3


def wstat_bias(signal: ArrayLike, background: ArrayLike, alpha: ArrayLike) -> float:
    r"""Return the relative bias of a norm that is fitted with the W statistic.

    For expected signal :math:`s_i` and background :math:`b_i` it is :math:`k - 1`, where

    .. math::

        \sum_i s_i \, \mathrm{E}\!\left[\frac{\partial W}{\partial \mu}(k s_i; n_i, m_i)\right] = 0, \quad
        n_i \sim \mathrm{Poisson}(s_i + b_i), \quad m_i \sim \mathrm{Poisson}(b_i / \alpha_i),

    to which a fit converges as such bins become more and more.

    Parameters
    ----------
    signal, background : array-like, shape (K,)
        Counts expected in the on region of each bin, >= 0.
    alpha : array-like, scalar or shape (K,)
        Exposure to background, on over off, >= 0.

    Returns
    -------
    bias : float
        -0.2 if the norm comes out 20 % low; at least -1. Zero where there is no signal.

    Raises
    ------
    InputError
        If a number is negative or not finite.

    Examples
    --------
    >>> print(f"{wstat_bias([1.0] * 10, [1.0] * 10, 0.02):.3f}")
    0.000
    >>> falling = np.geomspace(8, 0.01, 30)
    >>> print(f"{wstat_bias(falling**0.5, falling, 1.0):.2f}")
    -0.27
    """
    from scipy.optimize import brentq

    s, b, ratio = (np.asarray(one, dtype=float) for one in np.broadcast_arrays(signal, background, alpha))
    for name, values in (("signal", s), ("background", b), ("alpha", ratio)):
        wrong = ~(np.isfinite(values) & (values >= 0))
        if wrong.any():
            raise InputError(f"{name} holds {values[wrong][0]}: finite numbers >= 0 are needed")
    used = (s > 0) & (ratio > 0)
    s, b, ratio = s[used], b[used], ratio[used]
    few = b < _ENOUGH * ratio
    if not few.any():
        return 0.0
    # Bins with many off counts pull the norm to where it belongs, with the weight of their information.
    steady = float(np.sum(s[~few] ** 2 * 2.0 / (s + b + ratio * b)[~few]))
    s, b, ratio = s[few], b[few], ratio[few]
    slope = _mean_slope(s, b, ratio)
    information = steady + float(np.sum(s**2 * 2.0 / (s + b + ratio * b)))
    step = -slope(1.0) / information
    if abs(step) < _SMALL:
        return step

    def total(k: float) -> float:
        return slope(k) + steady * (k - 1.0)

    low, high = 1e-6, 2.0
    if total(low) >= 0:
        return -1.0
    while total(high) < 0:
        high *= 2.0
    return float(brentq(total, low, high, xtol=1e-4)) - 1.0


def _mean_slope(s: Array, b: Array, ratio: Array) -> Callable[[float], float]:
    """Return the function of a norm that gives the mean slope of the statistic with respect to it."""
    on, chance_on = _counts(s + b, _POINTS_ON)
    off, chance_off = _counts(b / ratio, _POINTS_OFF)
    shape = (s.size, on.shape[1], off.shape[1])
    weight = s[:, None, None] * chance_on[:, :, None] * chance_off[:, None, :]
    kernel = WStatistic(
        np.broadcast_to(on[:, :, None], shape).ravel(),
        np.broadcast_to(off[:, None, :], shape).ravel(),
        np.broadcast_to(ratio[:, None, None], shape).ravel(),
    )
    signal = np.broadcast_to(s[:, None, None], shape).ravel()
    weights = weight.ravel()

    def slope(k: float) -> float:
        # A sum, and not a product of vectors: threads would cost more than they save.
        return float((weights * kernel.gradient(k * signal)).sum())

    return slope


def _counts(mean: Array, most: int) -> tuple[Array, Array]:
    """Return at most so many counts around their means, and their chances, each of shape (K, points)."""
    from scipy.special import gammaln, xlogy

    width = np.sqrt(mean)
    span = np.ceil(2 * _REACH * width + 2)
    first = np.maximum(0.0, np.floor(mean - _REACH * width))
    points = min(most, int(span.max()) + 1)
    step = np.maximum(1.0, np.ceil(span / (points - 1)))
    counts: Array = first[:, None] + step[:, None] * np.arange(points)
    chance = np.exp(xlogy(counts, mean[:, None]) - mean[:, None] - gammaln(counts + 1))
    return counts, chance / chance.sum(axis=1, keepdims=True)
