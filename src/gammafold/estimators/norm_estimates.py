"""What is estimated of a norm: value, errors, limits, test statistic and scan, for all groups at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.estimators.norm_fit import BinTable
from gammafold.likelihood.norm_problem import NormProblem, NormSolution
from gammafold.utils.errors import InputError

__all__ = ["SELECTION_OPTIONS", "check_selection", "estimate_norms", "scan_norms"]

Array = NDArray[np.float64]

SELECTION_OPTIONS = ("errn-errp", "ul", "scan", "sensitivity")


def check_selection(selection: Any) -> tuple[str, ...]:
    """Return which optional quantities are wanted, from None, "all" or a list of names.

    Raises
    ------
    InputError
        If a name is unknown.

    Examples
    --------
    >>> check_selection(["ul"])
    ('ul',)
    """
    if selection is None:
        return ()
    if isinstance(selection, str):
        selection = list(SELECTION_OPTIONS) if selection == "all" else [selection]
    chosen: tuple[str, ...] = tuple(selection)
    unknown = [name for name in chosen if name not in SELECTION_OPTIONS]
    if unknown:
        raise InputError(f"selection_optional has {unknown}: expected 'all' or some of {list(SELECTION_OPTIONS)}")
    return chosen


def estimate_norms(
    problem: NormProblem,
    table: BinTable,
    selection: tuple[str, ...],
    n_sigma: float,
    n_sigma_ul: float,
    null_value: float,
) -> tuple[dict[str, Array], NormSolution]:
    """Estimate the norm of every group.

    Parameters
    ----------
    problem : NormProblem
        G problems.
    table : BinTable
        Their bins.
    selection : tuple of str
        Optional quantities, from `check_selection`.
    n_sigma, n_sigma_ul : float
        Significance of errors and of upper limits.
    null_value : float
        Norm of the null hypothesis.

    Returns
    -------
    estimates : dict of str to array (G,)
        norm, norm_err, stat, stat_null, ts, n_dof, npred, npred_excess, counts, success, and what was selected.
        NaN where a group has no data or no signal.
    solution : NormSolution
        The norms, to scan around.
    """
    solution = problem.solve()
    empty = solution.empty
    null = problem.stat(np.full(problem.n_groups, null_value))
    best = np.where(empty, 0.0, solution.norm)
    mu = problem.mu(best)
    excess = problem.sum_groups(best[problem.group] * problem.signal)
    npred = problem.sum_groups(mu + problem.statistic.background(mu))
    estimates = {
        "norm": solution.norm,
        "norm_err": n_sigma * solution.error,
        "stat": np.where(empty, np.nan, solution.stat),
        "stat_null": np.where(empty, np.nan, null),
        "ts": np.where(empty, np.nan, null - solution.stat),
        "n_dof": np.where(empty, np.nan, 1.0),
        "npred": np.where(empty, np.nan, npred),
        "npred_excess": np.where(empty, np.nan, excess),
        "counts": np.where(empty, np.nan, problem.sum_groups(table.counts)),
        "success": solution.converged,
    }
    if "errn-errp" in selection:
        estimates["norm_errn"] = _distance(problem, solution, n_sigma, -1)
        estimates["norm_errp"] = _distance(problem, solution, n_sigma, +1)
    if "ul" in selection:
        estimates["norm_ul"] = solution.norm + _distance(problem, solution, n_sigma_ul, +1)
    return estimates, solution


def _distance(problem: NormProblem, solution: NormSolution, n_sigma: float, side: int) -> Array:
    """Distance (G,) to where the statistic has risen by n_sigma squared; NaN where it never does.

    Where the prediction of a bin becomes zero before that, the lower end is that edge.
    """
    rises = problem.crossings(solution, n_sigma**2, side)
    reached = np.array([word in ("converged", "at limit") for word in rises.status])
    return np.where(reached & ~solution.empty, rises.distance, np.nan)


def scan_norms(problem: NormProblem, solution: NormSolution, values: Array) -> Array:
    """Statistic (S, G) of all groups at norms ``values`` (S,); NaN for groups without data.

    A norm at which the prediction of a bin is negative gives inf.
    """
    norms = np.broadcast_to(values[:, None], (len(values), problem.n_groups))
    with np.errstate(divide="ignore", invalid="ignore"):
        stat = problem.stat(norms)
    return np.where(solution.empty, np.nan, stat)
