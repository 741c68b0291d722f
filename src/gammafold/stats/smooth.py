"""Expected counts of neighbouring bins that resemble each other, from counts that are few."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["local_mean", "smooth_counts"]

Array = NDArray[np.float64]

# A line goes through any two bins: smaller windows have a mean.
_LEAST_BINS = 3
# Bins times bins of their windows that are held at once: 16 MB.
_CHUNK = 2_000_000
_ITERATIONS, _SHORT = 50, 1e-6
# Newton steps in the logarithm, and its slope per bin, are kept within reason; windows without a slope stay solvable.
_LONGEST_STEP = 1.0
_RIDGE = 1e-3
# Counts in a window. Data drawn from backgrounds that were smoothed with it rank as real ones do, in simulations.
_ALIKE = 10.0


def local_mean(counts: ArrayLike, minimum: float) -> Array:
    """Return the mean of counts around each bin, over as few bins as hold ``minimum`` counts together.

    The bins reach as far to one side as to the other, as far as there are any.

    Parameters
    ----------
    counts : array-like, shape (K,)
        Counts, >= 0.
    minimum : float
        Counts that are wanted; where all bins do not hold them, the mean is over all.

    Examples
    --------
    >>> local_mean([0, 0, 9, 0, 3], 3)
    array([3., 3., 9., 4., 3.])
    """
    values = np.asarray(counts, dtype=float)
    first, last = _windows(values, minimum).T
    below = np.concatenate([[0.0], np.cumsum(values)])
    return (below[last] - below[first]) / (last - first)


def smooth_counts(counts: ArrayLike, minimum: float = _ALIKE) -> Array:
    """Return smooth expected counts for counts that fluctuate, with the same sum.

    Around each bin, over as few bins as hold ``minimum`` counts together, the expected counts are an exponential of
    the bin's number, fitted by Poisson likelihood: local log-linear regression (Loader 1999, Local Regression and
    Likelihood, section 4.2). It follows spectra that fall steeply, where a mean over neighbours would not. A bin that
    holds so many counts alone keeps them.

    Parameters
    ----------
    counts : array-like, shape (K,)
        Counts, >= 0.
    minimum : float
        Counts that are wanted in a window; where all bins do not hold them, the window is all bins. Default: 10.

    Returns
    -------
    expected : array, shape (K,)

    Examples
    --------
    >>> smooth_counts([30, 16, 7, 5, 2, 1, 1, 0], 10).round(1)
    array([29.6, 15.8,  8.1,  4.1,  2.3,  1.1,  0.6,  0.3])
    """
    values = np.asarray(counts, dtype=float)
    if not values.sum() > 0:
        return np.zeros_like(values)
    windows, which = np.unique(_windows(values, minimum), axis=0, return_inverse=True)
    first, last = windows.T
    below = np.concatenate([[0.0], np.cumsum(values)])
    level = np.log(np.maximum((below[last] - below[first]) / (last - first), _RIDGE))
    slope = np.zeros(len(windows))
    middle = 0.5 * (first + last - 1)
    size = max(1, _CHUNK // int((last - first).max()))
    wide = np.flatnonzero(last - first >= _LEAST_BINS)
    for start in range(0, wide.size, size):
        rows = wide[start : start + size]
        level[rows], slope[rows] = _fit_lines(values, first[rows], last[rows], level[rows])
    expected = np.exp(level[which] + slope[which] * (np.arange(values.size) - middle[which]))
    return expected * (values.sum() / expected.sum())


def _windows(values: Array, minimum: float) -> NDArray[np.intp]:
    """Return the first bin, and that after the last, of the window around each bin: (K, 2)."""
    n = values.size
    below = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(n)
    first, last = np.zeros(n, dtype=int), np.full(n, n)
    searching = np.ones(n, dtype=bool)
    for reach in range(n):
        low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, n)
        found = searching & (below[high] - below[low] >= minimum)
        first[found], last[found] = low[found], high[found]
        searching &= ~found
        if not searching.any():
            break
    return np.stack([first, last], axis=-1)


def _fit_lines(values: Array, first: NDArray[np.intp], last: NDArray[np.intp], level: Array) -> tuple[Array, Array]:
    """Return the logarithms in the middle, and their slopes (n,), of exponentials fitted to the counts in windows."""
    place = first[:, None] + np.arange(int((last - first).max()))
    inside = place < last[:, None]
    seen = np.where(inside, values[np.minimum(place, values.size - 1)], 0.0)
    distance = np.where(inside, place - 0.5 * (first + last - 1)[:, None], 0.0)
    slope = np.zeros(first.size)
    for _ in range(_ITERATIONS):
        expected = inside * np.exp(np.clip(level[:, None] + slope[:, None] * distance, -50.0, 50.0))
        missing = seen - expected
        gradient = np.stack([missing.sum(axis=1), (missing * distance).sum(axis=1)], axis=-1)
        moments = [(expected * distance**power).sum(axis=1) for power in range(3)]
        matrix = np.array([[moments[0], moments[1]], [moments[1], moments[2]]]).transpose(2, 0, 1)
        step = np.linalg.solve(matrix + _RIDGE * np.eye(2), gradient[..., None])[..., 0]
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        level, slope = level + step[:, 0], slope + step[:, 1]
        if np.abs(step).max() < _SHORT:
            break
    return level, slope
