"""A statistic that is known as a curve in each bin: a likelihood profile that somebody scanned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.base import BinnedStatistic

__all__ = ["ProfileStatistic"]

Array = NDArray[np.float64]


class ProfileStatistic(BinnedStatistic):
    """Curves of the rise of a statistic above its minimum, one for each bin.

    The root of the rise, with the sign of the distance from the minimum, is close to a straight line in ``mu``. It is
    what is interpolated, by monotone cubics (Fritsch & Carlson 1980, SIAM J. Numer. Anal. 17, 238), and continued
    as a straight line beyond the ends, so that the statistic goes on as a parabola.

    Parameters
    ----------
    knots : array, shape (M, K)
        Values of ``mu``, increasing in each column.
    roots : array, shape (M, K)
        Signed roots of the rise there, not decreasing.

    Examples
    --------
    A parabola around 2, of which the ends were never scanned:

    >>> kernel = ProfileStatistic([[1.0], [2.0], [3.0]], [[-1.0], [0.0], [1.0]])
    >>> kernel.per_bin(np.array([[1.5], [5.0]])).ravel()
    array([0.25, 9.  ])
    """

    fields = ("knots", "roots")
    knots: Array
    roots: Array

    def _prepare(self) -> None:
        self.offset = 0.0
        columns = [_pieces(x, y) for x, y in zip(self.knots.T, self.roots.T, strict=True)]
        # (K, M + 1) starts of the pieces and (K, M + 1, 4) their coefficients, highest power first.
        self._starts = np.array([starts for starts, _ in columns]).reshape(len(columns), -1)
        self._coefficients = np.array([c for _, c in columns]).reshape(*self._starts.shape, 4)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Nothing: all rows of a batch share the same curves."""
        return ()

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return one statistic of the bins of several; shorter curves are continued as they are."""
        if len(parts) == 1:
            return parts[0]
        longest = max(len(part.knots) for part in parts)
        padded = [_padded(part, longest) for part in parts]
        return cls(*(np.concatenate([pair[i] for pair in padded], axis=1) for i in (0, 1)))

    def _root(self, mu: Array) -> tuple[Array, Array, Array]:
        """Signed root (..., K) of the rise, and its first two derivatives."""
        piece = np.sum(mu[..., None] >= self._starts[:, 1:], axis=-1)
        bins = np.arange(len(self._starts))
        x = mu - self._starts[bins, piece]
        c = self._coefficients[bins, piece]
        value = ((c[..., 0] * x + c[..., 1]) * x + c[..., 2]) * x + c[..., 3]
        slope = (3.0 * c[..., 0] * x + 2.0 * c[..., 1]) * x + c[..., 2]
        return value, slope, 6.0 * c[..., 0] * x + 2.0 * c[..., 1]

    def per_bin(self, mu: Array) -> Array:
        """Statistic (..., K) of each bin."""
        return self._root(mu)[0] ** 2

    def deviance(self, mu: Array) -> Any:
        """Sum (...) over the bins."""
        return self.per_bin(mu).sum(axis=-1)

    def gradient(self, mu: Array) -> Array:
        """Derivative (..., K)."""
        value, slope, _ = self._root(mu)
        return 2.0 * value * slope

    def deviance_and_gradient(self, mu: Array) -> tuple[Any, Array]:
        """Deviance (...) and gradient (..., K) together."""
        value, slope, _ = self._root(mu)
        return np.sum(value**2, axis=-1), 2.0 * value * slope

    def curvature(self, mu: Array) -> Array:
        """Second derivative (..., K)."""
        value, slope, bend = self._root(mu)
        return 2.0 * (slope**2 + value * bend)

    def fisher(self, mu: Array) -> Array:
        """The part of the second derivative (..., K) that is never negative, ``2 (d root / d mu)^2``."""
        return 2.0 * self._root(mu)[1] ** 2


def _pieces(x: Array, y: Array) -> tuple[Array, Array]:
    """Return where the pieces of one curve start, (M + 1,), and their cubics, (M + 1, 4); lines at both ends."""
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(x, y)
    slopes = curve(x[[0, -1]], 1)
    inner = curve.c.T
    first, last = np.array([0.0, 0.0, slopes[0], y[0]]), np.array([0.0, 0.0, slopes[1], y[-1]])
    # The first line is seen from the first knot, and reaches down to anything.
    return np.concatenate([x[:1], x]), np.concatenate([first[None], inner, last[None]])


def _padded(part: ProfileStatistic, length: int) -> tuple[Array, Array]:
    """Return knots and roots with more of them beyond the end, on the line that goes on there."""
    extra = length - len(part.knots)
    if extra == 0:
        return part.knots, part.roots
    step = (part.knots[-1] - part.knots[0]) * np.arange(1, extra + 1)[:, None]
    slope = part._coefficients[:, -1, 2]
    return np.concatenate([part.knots, part.knots[-1] + step]), np.concatenate(
        [part.roots, part.roots[-1] + slope * step]
    )
