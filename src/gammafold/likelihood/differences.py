"""Central differences of fourth order, as one batch of evaluations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference_steps", "differentiate"]

Array = NDArray[np.float64]

# f' = (f(-2) - 8 f(-1) + 8 f(1) - f(2)) / 12 h, with an error of h^4 f''''' / 30 (Abramowitz & Stegun 25.3.6)
_OFFSETS = np.array([-2.0, -1.0, 1.0, 2.0])
_WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0


def difference_steps(values: Array, scale: Array) -> Array:
    """Return the step for each parameter: truncation and rounding are then both about 1e-12 of the derivative."""
    return 1e-3 * np.maximum(np.abs(values), 1e-2 * scale)


def differentiate(function: Callable[..., Any], values: Array, which: NDArray[np.intp], steps: Array) -> Array:
    """Differentiate a function of parameters.

    Parameters
    ----------
    function : callable
        ``function(*columns)`` of parameters as columns (M, 1); the result is (M, j).
    values : array, shape (N, n)
        Where to differentiate.
    which : int array, shape (p,)
        The parameters with respect to which.
    steps : array, shape (N, p)
        Step of each.

    Returns
    -------
    derivatives : array, shape (p, N, j)

    Examples
    --------
    >>> import numpy as np
    >>> square = lambda a, b: a**2 * b * np.ones(1)
    >>> differentiate(square, np.array([[3.0, 5.0]]), np.array([0, 1]), np.array([[1e-3, 1e-3]])).ravel().round(9)
    array([30.,  9.])
    """
    count, n = values.shape
    moved = np.broadcast_to(values, (len(which), 4, count, n)).copy()
    for row, position in enumerate(which):
        moved[row, :, :, position] += _OFFSETS[:, None] * steps[:, row]
    columns = moved.reshape(-1, n).T[..., None]
    found = np.asarray(function(*columns), dtype=float)
    found = np.broadcast_to(found, (len(which) * 4 * count, found.shape[-1])).reshape(len(which), 4, count, -1)
    return np.einsum("o,ponj->pnj", _WEIGHTS, found) / steps.T[..., None]
