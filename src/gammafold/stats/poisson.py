"""The Poisson term that all count statistics are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.utils.namespace import namespace_of

__all__ = ["PoissonTerm"]

Array = NDArray[np.float64]

# With more counts in a bin, n ln(m / n) near m = n loses digits that a minimiser could miss.
_MANY = 1e4


class PoissonTerm:
    """``m - n + n ln(n / m)`` for counts ``n`` and predictions ``m``: half of the deviance of each bin.

    Parameters
    ----------
    n : array, shape (K,) or (N, K)
        Counts, >= 0.

    Examples
    --------
    >>> term = PoissonTerm(np.array([0.0, 3.0, 3.0]))
    >>> term(np.array([1.5, 3.0, 2.0])).round(6)
    array([1.5     , 0.      , 0.216395])
    """

    __slots__ = ("_careful", "_is_zero", "_per_n", "_some_zero", "n")

    def __init__(self, n: Array) -> None:
        self.n = n
        self._is_zero = (n == 0).astype(float)
        self._some_zero = bool(self._is_zero.any())
        self._per_n = (1.0 - self._is_zero) / (n + self._is_zero)
        self._careful = n.size > 0 and float(n.max()) > _MANY

    def at_rows(self, rows: Any) -> PoissonTerm:
        """Return the term of some rows of a batch (N, K); one of (K,) is that of all rows."""
        if self.n.ndim == 1:
            return self
        other = object.__new__(PoissonTerm)
        other._some_zero, other._careful = self._some_zero, self._careful
        other.n, other._is_zero, other._per_n = self.n[rows], self._is_zero[rows], self._per_n[rows]
        return other

    def __call__(self, m: Array) -> Array:
        """Return the term of each bin, inf for ``m = 0 < n`` and NaN for ``m < 0 < n``."""
        xp = namespace_of(m)
        excess = m - self.n
        # The logarithm of one where there are no counts: the term is then m.
        ratio = m * self._per_n
        logarithm = xp.log(ratio + self._is_zero if self._some_zero else ratio)
        if self._careful:
            relative = excess * self._per_n
            logarithm = xp.where(xp.abs(relative) < 0.5, xp.log1p(relative), logarithm)
        return excess - self.n * logarithm
