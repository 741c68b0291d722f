"""Many independent fits of one norm each: flux points, light curves, sensitivities.

In each of G groups of bins the prediction is ``norm * signal + fixed``, and the norm of the group is the
only parameter. The deviance is convex in it, so that Newton steps inside brackets find all norms at once, whatever
the number of groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.rises import Rises, find_rises

__all__ = ["NormProblem", "NormSolution"]

Array = NDArray[np.float64]

# A change of the statistic that is nothing.
_LEAST_CHANGE = 1e-13
# How near to a corner its slopes are taken, in norms of one count.
_TINY_STEP = 1e-9


class BinStatistic(Protocol):
    """What is needed of a statistic: values and derivatives per bin, for mu of shape (..., K)."""

    def per_bin(self, mu: Array) -> Array:
        """Statistic of each bin."""
        ...

    def gradient(self, mu: Array) -> Array:
        """Its derivative with respect to mu."""
        ...

    def curvature(self, mu: Array) -> Array:
        """Its second derivative."""
        ...

    def background(self, mu: Array) -> Array:
        """Best background beside the prediction."""
        ...

    def with_counts(self, counts: Array) -> BinStatistic:
        """The same statistic of other counts."""
        ...


@dataclass(frozen=True)
class NormSolution:
    """Best norm (G,) of each group, the statistic there, its curvature, and flags.

    ``at_limit`` marks groups whose minimum lies where the prediction of a bin becomes zero and the slope jumps,
    ``empty`` groups without a bin or without signal: they have no norm (NaN).
    """

    norm: Array
    stat: Array
    curvature: Array
    converged: NDArray[np.bool_]
    at_limit: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    @property
    def error(self) -> Array:
        """Symmetric error (G,) from the curvature of the statistic; NaN where there is none."""
        usable = self.converged & ~self.at_limit & (self.curvature > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(usable, np.sqrt(2.0 / self.curvature), np.nan)


class NormProblem:
    """G one-parameter problems on K bins.

    Parameters
    ----------
    signal, fixed : array, shape (K,)
        Counts predicted for a norm of one, and counts that do not depend on the norm.
    statistic : object
        Statistic of the K bins (`gammafold.stats.kernels`).
    group : int array, shape (K,)
        Group 0 .. G-1 of each bin, in increasing order.
    n_groups : int
        G; groups may be without bins.

    Examples
    --------
    One bin with 9 counts where 3 were predicted:

    >>> import numpy as np
    >>> from gammafold.stats.kernels import CashStatistic
    >>> problem = NormProblem(np.array([3.0]), np.array([0.0]), CashStatistic(np.array([9.0])), np.array([0]), 1)
    >>> solution = problem.solve()
    >>> float(solution.norm[0].round(9)), float(solution.error[0].round(9))
    (3.0, 1.0)
    """

    def __init__(
        self, signal: Array, fixed: Array, statistic: BinStatistic, group: NDArray[np.intp], n_groups: int
    ) -> None:
        self.signal, self.fixed, self.statistic = signal, fixed, statistic
        self.group, self.n_groups = group, n_groups
        self._starts = np.searchsorted(group, np.arange(n_groups))
        self._has_bins = np.bincount(group, minlength=n_groups) > 0
        total = self.sum_groups(signal)
        self.empty = ~(total > 0)
        # The norm of one count: what is small on this scale is nothing.
        self.unit = np.divide(1.0, total, out=np.ones_like(total), where=total > 0)
        self.lower = self._lower_limits()

    def sum_groups(self, values: Array) -> Array:
        """Sum (..., K) values over the bins of each group: (..., G)."""
        total = np.zeros((*values.shape[:-1], self.n_groups))
        if self._has_bins.any():
            total[..., self._has_bins] = np.add.reduceat(values, self._starts[self._has_bins], axis=-1)
        return total

    def mu(self, norm: Array) -> Array:
        """Predicted counts (..., K) for norms (..., G)."""
        return norm[..., self.group] * self.signal + self.fixed

    def stat(self, norm: Array) -> Array:
        """Statistic (..., G) of each group for norms (..., G)."""
        return self.sum_groups(self.statistic.per_bin(self.mu(norm)))

    def _derivatives(self, norm: Array) -> tuple[Array, Array]:
        mu = self.mu(norm)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = self.sum_groups(self.statistic.gradient(mu) * self.signal)
            return slope, self.sum_groups(self.statistic.curvature(mu) * self.signal**2)

    def _lower_limits(self) -> Array:
        """Norm (G,) below which a prediction is negative; -inf where the statistic allows that."""
        below_zero = self.statistic.per_bin(np.full(len(self.signal), -1e-6))
        limited = ~np.isfinite(below_zero) & (self.signal > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            # A hair above the edge: rounding must not make the prediction negative there.
            edge = np.where(limited, -self.fixed / self.signal * (1.0 - 4.0 * np.finfo(float).eps), -np.inf)
        limits = np.full(self.n_groups, -np.inf)
        np.maximum.at(limits, self.group, edge)
        return limits

    def solve(self, start: Array | None = None, max_iterations: int = 200) -> NormSolution:
        """Find the norm of every group: Newton steps on the slope of the statistic, inside a bracket.

        The slope grows with the norm, so that its sign tells on which side of a norm the minimum lies. A Newton step
        that leaves the bracket is replaced by halving it, or, while it is open, by a step that grows.

        Parameters
        ----------
        start : array, shape (G,), optional
            Where to start; 1 where it is not given.
        max_iterations : int
            Steps after which a group counts as not converged.
        """
        search = _SlopeSearch(self, start)
        for _ in range(max_iterations):
            if search.done.all():
                break
            search.advance(*self._derivatives(search.norm))
        return self._solution(search)

    def _solution(self, search: _SlopeSearch) -> NormSolution:
        norm, missing = search.norm, self.empty
        slope, curvature = self._derivatives(norm)
        stat = self.stat(norm)
        # At a minimum that is a corner the slope is not zero.
        with np.errstate(divide="ignore", invalid="ignore"):
            corner = (norm == self.lower) | ~(0.5 * slope**2 < 1e-6 * curvature)
        return NormSolution(
            norm=np.where(missing, np.nan, norm),
            stat=stat,
            curvature=np.where(missing, np.nan, curvature),
            converged=search.done & ~missing & np.isfinite(stat),
            at_limit=corner & search.done & ~missing,
            empty=missing,
        )

    def crossings(self, solution: NormSolution, rise: float, side: int) -> Rises:
        """Find the distances (G,) at which the statistic has risen by ``rise`` on one side.

        Parameters
        ----------
        solution : NormSolution
            From `solve`.
        rise : float
            Rise of the statistic, such as 1 for one sigma.
        side : {-1, +1}
            Below or above the best norm.
        """
        usable = ~solution.empty
        best = np.where(usable, solution.norm, 0.0)
        first = np.where(np.isfinite(solution.error), solution.error, self.unit) * np.sqrt(rise)
        limit = np.where(usable, best - self.lower if side < 0 else np.inf, 0.0)

        def evaluate(rows: NDArray[np.intp], distance: Array) -> tuple[Array, Array]:
            norm = best.copy()
            norm[rows] += side * distance
            slope, _ = self._derivatives(norm)
            with np.errstate(divide="ignore", invalid="ignore"):
                height = self.stat(norm) - solution.stat
            return height[rows], side * slope[rows]

        return find_rises(evaluate, np.full(self.n_groups, float(rise)), first, limit)


class _SlopeSearch:
    """State of the search for the zero of the slope in every group."""

    def __init__(self, problem: NormProblem, start: Array | None) -> None:
        self._lower = problem.lower
        self._unit = problem.unit
        norm = np.ones(problem.n_groups) if start is None else np.array(start, dtype=float)
        self.norm = np.where(norm > self._lower, norm, self._lower + self._unit)
        self._low, self._high = np.where(np.isfinite(self._lower), self._lower, -np.inf), np.full_like(norm, np.inf)
        self._reach = np.maximum(np.abs(self.norm), self._unit)
        self.done = problem.empty.copy()
        self._try_corners(problem)

    def _try_corners(self, problem: NormProblem) -> None:
        """Finish the groups whose minimum is where some predictions become zero: there the slope jumps.

        That is the lower limit, and zero where nothing but the source is predicted and the statistic goes on below.
        """
        least = np.where(np.isfinite(self._lower), self._lower, 0.0)
        tiny = _TINY_STEP * self._unit
        with np.errstate(divide="ignore", invalid="ignore"):
            above, _ = problem._derivatives(least + tiny)
            below, _ = problem._derivatives(least - tiny)
        is_minimum = (above >= 0) & ((below < 0) | np.isfinite(self._lower))
        self.norm = np.where(is_minimum & ~self.done, least, self.norm)
        self.done = self.done | is_minimum

    def advance(self, slope: Array, curvature: Array) -> None:
        """Take in the derivatives at the norms, and choose the next ones."""
        norm, active = self.norm, ~self.done
        self._high = np.where(active & (slope > 0), norm, self._high)
        self._low = np.where(active & ~(slope > 0), norm, self._low)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = norm - slope / curvature
            halved = 0.5 * (self._low + self._high)
            # A step to the minimum that changes the statistic by less than this is the last one.
            last = active & (0.5 * slope**2 / curvature < _LEAST_CHANGE)
        open_step = norm - np.sign(slope) * self._reach
        fallback = np.where(np.isfinite(halved), halved, open_step)
        inside = np.isfinite(newton) & (newton > self._low) & (newton < self._high)
        taken = inside & (np.abs(newton - norm) <= 100.0 * self._reach)
        trial = np.where(taken, newton, fallback)
        narrow = self._high - self._low <= 1e-14 * np.maximum(np.abs(norm), self._unit)
        # Where the slope is zero there is nowhere to go.
        trial = np.where(last & ~inside, norm, trial)
        self._reach = np.where(taken, self._reach, 4.0 * self._reach)
        self.norm = np.where(active, trial, norm)
        self.done = self.done | last | (active & (narrow | (slope == 0)))
