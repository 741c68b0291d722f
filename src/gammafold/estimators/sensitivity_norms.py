"""The norm at which a source would be significant, in every group of bins at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammafold.estimators.norm_fit import BinTable
from gammafold.likelihood.norm_problem import NormProblem
from gammafold.stats.rises import find_rises

__all__ = ["sensitivity_norms"]

Array = NDArray[np.float64]


def sensitivity_norms(problem: NormProblem, table: BinTable, n_sigma: float) -> Array:
    """Norm (G,) at which half of all observations would see the source with more than ``n_sigma``.

    With the counts that are expected at a norm in the place of the counts (the "Asimov" data), the test statistic of
    no source is the median of what would be found (Cowan et al. 2011, EPJ C 71, 1554, section 3.2). The
    background is the one that was measured or modelled. NaN where there is no signal, or where nothing but the signal
    is expected, so that a single count would do.
    """
    rest = problem.fixed + table.background
    expected = problem.statistic.background(problem.fixed)

    def evaluate(rows: NDArray[np.intp], norm: Array) -> tuple[Array, Array]:
        full = np.zeros(problem.n_groups)
        full[rows] = norm
        signal = full[problem.group] * problem.signal
        counts = signal + rest
        asimov = problem.statistic.with_counts(counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            without, with_source = asimov.per_bin(problem.fixed), asimov.per_bin(problem.fixed + signal)
            # At the best background of no source only the counts change: d ln L / d n = ln(n / expected).
            null = problem.fixed + asimov.background(problem.fixed)
            slope = 2.0 * problem.signal * np.log(counts / null)
        height = problem.sum_groups(without - with_source)
        return height[rows], problem.sum_groups(slope)[rows]

    signal, noise = problem.sum_groups(problem.signal), np.sqrt(problem.sum_groups(rest + expected))
    usable = ~problem.empty & (noise > 0)
    first = np.divide(n_sigma * np.maximum(noise, 1.0), signal, out=np.ones_like(signal), where=usable)
    limit = np.where(usable, np.inf, 0.0)
    found = find_rises(evaluate, np.full(problem.n_groups, n_sigma**2), first, limit)
    return np.where(usable & found.converged, found.distance, np.nan)
