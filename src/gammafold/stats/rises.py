"""Where a statistic has risen by a given amount above its minimum, along many rays at once.

The square root of the rise is nearly linear in the distance from the minimum, so Newton steps on it
converge in a few evaluations; a bracket guards every ray. All rays that are not done are evaluated
in one call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rises", "find_rises"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
# (rows (m,), distance (m,)) -> (rise (m,), slope of the rise (m,)) of those rays at those distances
Evaluate = Callable[[Rows, Array], tuple[Array, Array]]

_FAR = 1e8


@dataclass(frozen=True)
class Rises:
    """Distances (M,) at which the rise was reached, and how the search of each ray ended.

    ``status`` holds "converged"; "at limit" where the end of the ray was met first (``distance`` is
    that end); "open" where the statistic never rises that far (``distance`` is inf); "failed" where
    it could not be followed (``distance`` is NaN).
    """

    distance: Array
    status: tuple[str, ...]

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Whether each ray reached the rise."""
        return np.array([word == "converged" for word in self.status], dtype=bool)


def find_rises(
    evaluate: Evaluate,
    rise: Array,
    first: Array,
    limit: Array,
    tolerance: float = 1e-6,
    max_iterations: int = 100,
) -> Rises:
    """Find the distances at which the statistic has risen by ``rise``.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(rows, distance)`` gives the rise above the minimum and its slope for some rays.
    rise : array, shape (M,)
        The rise to find, > 0.
    first : array, shape (M,)
        First guess of the distance, > 0.
    limit : array, shape (M,)
        End of each ray; inf if it has none.
    tolerance : float
        Accepted relative error of the square root of the rise.
    max_iterations : int
        Evaluations after which a ray counts as failed.

    Returns
    -------
    rises : Rises

    Examples
    --------
    A parabola of unit curvature rises by 4 at a distance of 2:

    >>> import numpy as np
    >>> found = find_rises(lambda rows, x: (x**2, 2 * x), np.array([4.0]), np.array([1.0]), np.array([np.inf]))
    >>> found.distance, found.status
    (array([2.]), ('converged',))
    """
    search = _Search(np.sqrt(rise), np.minimum(first, limit), limit)
    for _ in range(max_iterations):
        rows = np.flatnonzero(search.active)
        if rows.size == 0:
            break
        height, slope = evaluate(rows, search.distance[rows])
        search.advance(rows, height, slope, tolerance)
    return search.result()


class _Search:
    """State of the safeguarded Newton search of all rays."""

    def __init__(self, goal: Array, first: Array, limit: Array) -> None:
        self.goal, self.limit = goal, limit
        self.low, self.high = np.zeros_like(first), np.full_like(first, np.inf)
        self.distance = first.copy()
        self.first = first
        self.active = limit > 0
        self.status = np.where(self.active, "failed", "at limit").astype(object)

    def advance(self, rows: Rows, height: Array, slope: Array, tolerance: float) -> None:
        """Take in one evaluation and choose the next distance of each ray that is not done."""
        goal, distance = self.goal[rows], self.distance[rows]
        # What cannot be evaluated lies beyond the goal: the bracket closes from above.
        finite = np.isfinite(height)
        root = np.sqrt(np.maximum(np.where(finite, height, np.inf), 0.0))
        below = root < goal
        self.low[rows] = np.where(below, distance, self.low[rows])
        self.high[rows] = np.where(below, self.high[rows], distance)
        done = np.abs(root - goal) <= tolerance * goal
        self._finish(rows[done], "converged")
        self._finish(rows[below & ~done & (distance >= self.limit[rows])], "at limit")
        self._finish(rows[below & ~done & (distance > _FAR * self.first[rows])], "open")
        self._step(rows, root, slope)

    def _finish(self, rows: Rows, word: str) -> None:
        self.status[rows] = word
        self.active[rows] = False

    def _step(self, rows: Rows, root: Array, slope: Array) -> None:
        distance, low, high = self.distance[rows], self.low[rows], self.high[rows]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            trial = distance + (self.goal[rows] - root) * 2.0 * root / slope
            halfway = np.where(np.isfinite(high), 0.5 * (low + high), 3.0 * distance)
        inside = np.isfinite(trial) & (trial > low) & (trial < high)
        trial = np.where(inside, np.minimum(trial, 10.0 * distance), halfway)
        trial = np.minimum(trial, self.limit[rows])
        self.distance[rows] = np.where(self.active[rows], trial, distance)

    def result(self) -> Rises:
        """Distances and how each was reached."""
        status = tuple(str(word) for word in self.status)
        distance = self.distance.copy()
        distance[self.status == "open"] = np.inf
        distance[self.status == "failed"] = np.nan
        distance[self.limit <= 0] = 0.0
        return Rises(distance, status)
