"""Profile likelihoods of a batch of fits: how far the statistic rises at the truth, and where it has risen by a given
amount.

An interval from the profile likelihood holds the truth where the statistic, minimised over all other parameters with
this one held at the truth, is at most sigma^2 above its minimum (Wilks 1938; Rolke, Lopez & Conrad 2005). So coverage
needs one conditional minimum of each parameter, and no ends of intervals; `profile_errors` finds those too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.likelihood import Likelihood
from gammafold.stats.rises import find_rises

__all__ = ["profile_errors", "profile_rises"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


def profile_rises(likelihood: Likelihood, theta: Array, deviance: Array, truth: Array) -> Array:
    """Return how far the profile of each parameter has risen at the truth (n, p); NaN where it cannot be followed.

    Parameters
    ----------
    likelihood : Likelihood
        With a batch of n data.
    theta : array, shape (n, p)
        The minima.
    deviance : array, shape (n,)
        Deviance there.
    truth : array, shape (p,)
        Where the profiles are wanted.
    """
    rises = np.full(theta.shape, np.nan)
    for i in range(theta.shape[1]):
        start = np.array(theta)
        start[:, i] = truth[i]
        rises[:, i] = _conditional(likelihood, start, i)[1] - deviance
    # Below zero by rounding alone: the minimum is the truth.
    return np.where(rises > -1e-6, np.maximum(rises, 0.0), np.nan)


def _conditional(likelihood: Likelihood, start: Array, held: int) -> tuple[Array, Array, Array]:
    """Minimise with one parameter held: parameters (m, p), deviance (m,) and its slope along the parameter (m,)."""
    mask = np.arange(start.shape[1]) == held
    if start.shape[1] == 1:
        deviance, gradient, _ = likelihood.normal_equations(start)
        return start, deviance, gradient[:, 0]
    found = minimise_batch(likelihood, start, held=mask)
    return found.theta, np.where(found.converged, found.deviance, np.nan), found.gradient[:, held]


def profile_errors(
    likelihood: Likelihood, theta: Array, deviance: Array, errors: Array, rise: float = 1.0
) -> tuple[Array, Array]:
    """Return the distances below and above the minima at which the profiles have risen (n, p).

    All intervals of a parameter, and both of their sides, are one search. A distance is infinite where the statistic
    never rises so far, ends at a limit, and is NaN where the profile cannot be followed.

    Parameters
    ----------
    likelihood : Likelihood
        With a batch of n data.
    theta : array, shape (n, p)
        The minima.
    deviance : array, shape (n,)
        Deviance there.
    errors : array, shape (n, p)
        First guesses of the distances; nothing is found where they are not positive.
    rise : float
        Rise of the deviance, 1 for 68 % intervals.
    """
    found = np.full((2, *theta.shape), np.nan)
    for i in range(theta.shape[1]):
        usable = np.flatnonzero(np.isfinite(errors[:, i]) & (errors[:, i] > 0))
        if usable.size:
            found[:, usable, i] = _ends(likelihood, theta, deviance, errors[:, i], usable, i, rise)
    return found[0], found[1]


def _ends(
    likelihood: Likelihood, theta: Array, deviance: Array, errors: Array, rows: Rows, i: int, rise: float
) -> Array:
    """Distances (2, m) to the ends below and above, of one parameter and some rows."""
    both = np.tile(rows, 2)
    sign = np.repeat([-1.0, 1.0], len(rows))
    step = sign * errors[both]
    last = theta[both].copy()

    def evaluate(rays: Rows, distance: Array) -> tuple[Array, Array]:
        # The other parameters hardly move between two steps: start where the last one ended.
        start = last[rays]
        start[:, i] = theta[both[rays], i] + distance * step[rays]
        last[rays], value, slope = _conditional(likelihood.at_rows(both[rays]), start, i)
        return value - deviance[both[rays]], slope * step[rays]

    edge = np.where(sign < 0, likelihood.lower[i], likelihood.upper[i])
    with np.errstate(all="ignore"):
        limit = np.maximum((edge - theta[both, i]) / step, 0.0)
    found = find_rises(evaluate, np.full(len(both), rise), np.ones(len(both)), limit, tolerance=1e-4)
    return (found.distance * np.abs(step)).reshape(2, -1)
