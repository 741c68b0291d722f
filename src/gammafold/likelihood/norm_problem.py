"""Many independent fits of one norm each: flux points, light curves, sensitivities.

In each of G groups of bins the prediction is ``norm * signal + fixed``, and the norm of the group is the
only parameter. The deviance is convex in it, so that Newton steps with a guard find all norms at
once, whatever the number of groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gammafold.stats.rises import Rises, find_rises

__all__ = ["NormProblem", "NormSolution"]

Array = NDArray[np.float64]


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


@dataclass(frozen=True)
class NormSolution:
    """Best norm (G,) of each group, the statistic there, its curvature, and flags.

    ``at_limit`` marks groups whose minimum lies where the prediction of a bin becomes zero, ``empty``
    groups without a bin or without signal: they have no norm (NaN).
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
        self.empty = ~(self.sum_groups(signal) > 0)
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
        slope = self.sum_groups(self.statistic.gradient(mu) * self.signal)
        return slope, self.sum_groups(self.statistic.curvature(mu) * self.signal**2)

    def _lower_limits(self) -> Array:
        """Norm (G,) below which a prediction is negative; -inf where the statistic allows that."""
        below_zero = self.statistic.per_bin(np.full(len(self.signal), -1e-6))
        limited = ~np.isfinite(below_zero) & (self.signal > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = np.where(limited, -self.fixed / self.signal, -np.inf)
        limits = np.full(self.n_groups, -np.inf)
        np.maximum.at(limits, self.group, edge)
        return limits

    def solve(self, start: Array | None = None, max_iterations: int = 200) -> NormSolution:
        """Find the norm of every group.

        Parameters
        ----------
        start : array, shape (G,), optional
            Where to start; 1 where it is not given.
        max_iterations : int
            Newton steps after which a group counts as not converged.
        """
        norm = np.ones(self.n_groups) if start is None else np.array(start, dtype=float)
        norm = np.where(norm > self.lower, norm, self.lower + 1.0)
        stat = self.stat(norm)
        converged = self.empty.copy()
        for _ in range(max_iterations):
            if converged.all():
                break
            norm, stat, converged = self._newton(norm, stat, converged)
        return self._solution(norm, converged)

    def _newton(self, norm: Array, stat: Array, done: NDArray[np.bool_]) -> tuple[Array, Array, NDArray[np.bool_]]:
        slope, curvature = self._derivatives(norm)
        scale = np.maximum(np.abs(norm), 1e-3)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(curvature > 0, -slope / curvature, -np.sign(slope) * scale)
        step = np.where(np.isfinite(step) & ~done, np.clip(step, -100.0 * scale, 100.0 * scale), 0.0)
        finished = done | (0.5 * np.abs(slope * step) < 1e-13)
        step = np.where(finished & ~done & (np.abs(step) > 1e-6 * scale), 0.0, step)
        for _ in range(60):
            trial = norm + step
            # A step out of the allowed range goes half the way to its edge.
            trial = np.where(trial > self.lower, trial, 0.5 * (norm + self.lower))
            trial_stat = self.stat(trial)
            worse = ~(trial_stat <= stat + 1e-13 * np.abs(stat)) & ~finished
            if not worse.any():
                break
            step = np.where(worse, 0.25 * step, step)
        edge = np.isfinite(self.lower) & (trial - self.lower < 1e-10 * np.maximum(np.abs(self.lower), 1.0))
        moved = ~finished & ~worse
        return np.where(moved, trial, norm), np.where(moved, trial_stat, stat), finished | edge

    def _solution(self, norm: Array, converged: NDArray[np.bool_]) -> NormSolution:
        edge = np.isfinite(self.lower) & (norm - self.lower < 1e-9 * np.maximum(np.abs(self.lower), 1.0))
        norm = np.where(edge, self.lower, norm)
        with np.errstate(divide="ignore", invalid="ignore"):
            _, curvature = self._derivatives(norm)
        stat = self.stat(norm)
        missing = self.empty
        return NormSolution(
            norm=np.where(missing, np.nan, norm),
            stat=stat,
            curvature=np.where(missing, np.nan, curvature),
            converged=converged & ~missing & np.isfinite(stat),
            at_limit=edge & ~missing,
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
        first = np.where(np.isfinite(solution.error), solution.error, np.maximum(np.abs(best), 1.0)) * np.sqrt(rise)
        limit = np.where(usable, best - self.lower if side < 0 else np.inf, 0.0)

        def evaluate(rows: NDArray[np.intp], distance: Array) -> tuple[Array, Array]:
            norm = best.copy()
            norm[rows] += side * distance
            with np.errstate(divide="ignore", invalid="ignore"):
                slope, _ = self._derivatives(norm)
                height = self.stat(norm) - solution.stat
            return height[rows], side * slope[rows]

        return find_rises(evaluate, np.full(self.n_groups, float(rise)), first, limit)
