"""One block of fits: many data of one layout, fitted together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gammafold.ensemble.intervals import profile_errors, profile_rises
from gammafold.ensemble.problem import EnsembleProblem
from gammafold.likelihood.fisher_scoring import BatchMinimum, minimise_batch
from gammafold.likelihood.likelihood import Likelihood
from gammafold.modeling.optimize import minimise, polish

__all__ = ["ERRORS", "PROFILES", "FitRows", "fit_block", "fit_realisations", "parameter_errors"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Minimiser = Callable[[Likelihood, Array], BatchMinimum]

# What errors can be computed from.
ERRORS = ("fisher", "hessian")
# How far profile likelihoods can be followed.
PROFILES = ("none", "truth", "intervals")
# Closer to a limit than this, in errors, is on it.
_ON_LIMIT = 1e-4
# So much more information on a parameter than at the start is looked at with the observed Hessian.
_SHARP = 1e3
# Step of the Hessian, in expected errors, as in `Likelihood.hessian`.
_HESSIAN_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class FitRows:
    """The fits of n data sets.

    Attributes
    ----------
    number : int array, shape (n,)
        Which data set each is.
    values, errors : array, shape (n, p)
        Parameters and their errors; an error is NaN where none is known: on a limit, without success, or where the
        statistic does not curve.
    stat : array, shape (n,)
        Statistic at the minimum.
    success, retried : bool array, shape (n,)
        Whether the minimum was found, and whether Minuit had to be asked.
    counts : array, shape (n,)
        Counts (on counts) in all bins.
    rises : array, shape (n, p)
        How far the profile of each parameter has risen at the truth; NaN where that was not asked for.
    errn, errp : array, shape (n, p)
        Distances to the ends of the 68 % intervals of the profiles, both positive; NaN where not asked for.
    """

    number: NDArray[np.intp]
    values: Array
    errors: Array
    stat: Array
    success: Mask
    retried: Mask
    counts: Array
    rises: Array
    errn: Array
    errp: Array

    @classmethod
    def join(cls, parts: list[FitRows]) -> FitRows:
        """Return the rows of several, in the order of their numbers."""
        order = np.argsort(np.concatenate([part.number for part in parts]), kind="stable")
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts])[order] for field in fields(cls)))


def fit_realisations(problem: EnsembleProblem, first: int, last: int) -> FitRows:
    """Draw and fit the realisations ``first`` to ``last`` (exclusive), block by block."""
    size = problem.block_size
    parts = []
    for start in range(first, last, size):
        stop = min(start + size, last)
        likelihood = problem.likelihood.with_statistic(problem.draw(start, stop))
        parts.append(fit_block(likelihood, np.arange(start, stop), problem.errors, problem.profile, problem.minimise))
    return FitRows.join(parts)


def fit_block(
    likelihood: Likelihood,
    number: NDArray[np.intp],
    errors: str,
    profile: str = "none",
    minimise_rows: Minimiser = minimise_batch,
) -> FitRows:
    """Fit a batch of data, each row from ``likelihood.x0``.

    Rows for which Fisher scoring does not converge are fitted again by Minuit, one by one.

    Parameters
    ----------
    likelihood : Likelihood
        With a batch of data.
    number : int array, shape (n,)
        Which data set each row is.
    errors : {"fisher", "hessian"}
        Whether errors come from the expected or from the observed information, both at the minimum.
    profile : {"none", "truth", "intervals"}
        Whether profile likelihoods are followed to ``likelihood.x0``, or to the ends of 68 % intervals too.
    minimise_rows : callable
        Minimises the deviance of each row, as `minimise_batch` does.
    """
    # A search may come by places where formulas overflow: what is not finite is not taken.
    with np.errstate(all="ignore"):
        return _fit(likelihood, number, errors, profile, minimise_rows)


def _fit(
    likelihood: Likelihood, number: NDArray[np.intp], errors: str, profile: str, minimise_rows: Minimiser
) -> FitRows:
    found = minimise_rows(likelihood, np.tile(likelihood.x0, (len(number), 1)))
    # Rows are changed below; a minimiser on another device gives read-only ones.
    theta, deviance, success = found.theta.copy(), found.deviance.copy(), found.converged.copy()
    retried = ~success
    information = found.fisher.copy()
    for row in np.flatnonzero(retried).tolist():
        one = _single(likelihood, row)
        theta[row], deviance[row], success[row] = _ask_minuit(one)
        information[row] = one.fisher(theta[row])
    theta, on_limit = _onto_limits(likelihood, theta, information)
    exact = np.flatnonzero(success if errors == "hessian" else success & _too_sharp(likelihood, information))
    if exact.size:
        information[exact] = _hessians(likelihood.at_rows(exact), theta[exact], information[exact])
    sigma = parameter_errors(information, ~on_limit)
    if errors == "fisher":
        # Where predictions vanish the statistic ends at an edge, and determines nothing there.
        success[exact] &= (np.isfinite(sigma[exact]) | on_limit[exact]).all(axis=1)
    sigma[~success] = np.nan
    stat = deviance + likelihood.statistic.offset
    unknown = np.full_like(theta, np.nan)
    rises = profile_rises(likelihood, theta, deviance, likelihood.x0) if profile != "none" else unknown
    ends = profile_errors(likelihood, theta, deviance, sigma) if profile == "intervals" else (unknown, unknown)
    rises[~success] = np.nan
    return FitRows(number, theta, sigma, stat, success, retried, _total_counts(likelihood), rises, *ends)


def _onto_limits(likelihood: Likelihood, theta: Array, fisher: Array) -> tuple[Array, Mask]:
    """Return the parameters (n, p), moved onto limits that are closer than 1e-4 of an error, and where those are."""
    size = np.sqrt(np.maximum(np.diagonal(fisher, axis1=-2, axis2=-1), 0.0) / 2.0)
    with np.errstate(invalid="ignore"):
        lower = (theta - likelihood.lower) * size <= _ON_LIMIT
        upper = (likelihood.upper - theta) * size <= _ON_LIMIT
    moved = np.where(lower, likelihood.lower, np.where(upper, likelihood.upper, theta))
    return moved, lower | upper


def _too_sharp(likelihood: Likelihood, fisher: Array) -> Mask:
    """Return the rows (n,) that seem to know a parameter far better than the start does.

    The information of a bin in which nothing is expected is infinite: it means an edge, not knowledge.
    """
    first = likelihood.at_rows(np.array([0])).fisher(likelihood.x0[None])[0]
    above = np.diagonal(fisher, axis1=-2, axis2=-1) > _SHARP * np.diagonal(first)
    sharp: Mask = np.any(above, axis=1)
    return sharp


def _single(likelihood: Likelihood, row: int) -> Likelihood:
    """Return the likelihood of one row alone."""
    one: Likelihood = likelihood.with_statistic(likelihood.statistic.at_rows(row))  # type: ignore[arg-type]
    return one


def _ask_minuit(likelihood: Likelihood) -> tuple[Array, float, bool]:
    outcome, _ = polish(likelihood, minimise(likelihood, "minuit"))
    return outcome.theta, outcome.deviance, outcome.success


def _hessians(likelihood: Likelihood, theta: Array, fisher: Array) -> Array:
    """Observed Hessians (n, p, p) of a batch, by central differences of the exact gradients."""
    diagonal = np.diagonal(fisher, axis1=-2, axis2=-1)
    steps = _HESSIAN_STEP * np.sqrt(2.0 / np.where(diagonal > 0, diagonal, 2e4 / likelihood.scale**2))
    hessian = np.empty_like(fisher)
    for i in range(theta.shape[1]):
        shift = np.zeros_like(theta)
        shift[:, i] = steps[:, i]
        change = _gradient(likelihood, theta + shift) - _gradient(likelihood, theta - shift)
        hessian[:, i] = change / (2.0 * steps[:, i, None])
    return 0.5 * (hessian + hessian.transpose(0, 2, 1))


def _gradient(likelihood: Likelihood, theta: Array) -> Array:
    return likelihood.normal_equations(theta)[1]


def parameter_errors(information: Array, free: Mask) -> Array:
    """Return the errors (n, p) from information matrices (n, p, p): the roots of the diagonals of twice the inverses.

    Parameters that are not free have none, and the others theirs with those held. A matrix that is not positive
    definite gives none.
    """
    diagonal = np.diagonal(information, axis1=-2, axis2=-1)
    usable = free & (diagonal > 0) & np.isfinite(diagonal)
    size = np.sqrt(np.where(usable, diagonal, 1.0))
    scaled = information / (size[:, :, None] * size[:, None, :])
    unit = np.eye(information.shape[-1])
    scaled = np.where(usable[:, :, None] & usable[:, None, :], scaled, unit)
    finite: Mask = np.asarray(np.isfinite(scaled).all(axis=(-2, -1)))
    values, vectors = np.linalg.eigh(np.where(finite[:, None, None], scaled, unit))
    positive = values[:, 0] > 1e-11 * values[:, -1]
    with np.errstate(all="ignore"):
        variance = np.einsum("nij,nj->ni", vectors**2, 1.0 / values)
        found = np.sqrt(2.0 * variance) / size
    # A free parameter that the statistic does not depend on spoils no other, but has no error itself.
    found[~usable | ~(positive & finite)[:, None]] = np.nan
    return found


def _total_counts(likelihood: Likelihood) -> Array:
    parts = [kernel for _, kernel in likelihood.statistic.parts]
    total: Array = sum(getattr(kernel, kernel.fields[0]).sum(axis=-1) for kernel in parts)
    return total
