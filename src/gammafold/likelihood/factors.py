"""Which free parameters a function has, and factors on some bins that depend on parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.differences import differentiate

__all__ = ["FreeParameters", "RowFactor"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FreeParameters:
    """Where the free parameters of the likelihood stand among the parameters of one function.

    ``columns[c]`` of the Jacobian gets the derivative with respect to the function's parameter ``which[c]``.
    """

    which: NDArray[np.intp]
    columns: NDArray[np.intp]

    @classmethod
    def among(cls, index: Iterable[int], free: NDArray[np.intp]) -> FreeParameters:
        """Find the free parameters, at positions ``free`` of the full vector, in ``index``."""
        column = {int(position): i for i, position in enumerate(free)}
        # A linked parameter may stand twice in one function: each place adds its own derivative.
        pairs = [(i, column[position]) for i, position in enumerate(index) if position in column]
        return cls(np.array([i for i, _ in pairs], dtype=int), np.array([c for _, c in pairs], dtype=int))


@dataclass(frozen=True, eq=False)
class RowFactor:
    """A factor on the counts of one dataset in a block.

    Attributes
    ----------
    rows : slice
        Bins of the block.
    function : callable
        ``function(*parameters)``.
    index : tuple of int
        Positions of its parameters in the full vector.
    own : FreeParameters
        The free ones among them.
    """

    rows: slice
    function: Callable[..., Any]
    index: tuple[int, ...]
    own: FreeParameters

    def value(self, full: Any) -> Any:
        """Return the factor, for the full parameter vector as scalars or columns (N, 1)."""
        return self.function(*[full[i] for i in self.index])

    def slopes(self, full: Array, steps: Array) -> Array:
        """Derivatives (p_f, N, 1) of the factor for vectors (N, P)."""
        which, index = self.own.which, list(self.index)
        return differentiate(self.function, full[:, index], which, steps[:, index][:, which])
