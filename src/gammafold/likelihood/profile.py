"""Following a likelihood away from its minimum: profiles and crossings, batched.

A profile holds some parameters at given values and minimises over the others. Every point of a scan, both
sides of an interval, and all points of a contour are rows of one batch for the Fisher-scoring minimiser.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.fisher_scoring import minimise_batch
from gammafold.likelihood.likelihood import Likelihood
from gammafold.stats.rises import Rises, find_rises

__all__ = ["Profile", "crossings", "profile"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Profile:
    """Conditional minima: ``theta`` (N, p), ``deviance`` (N,) and ``converged`` (N,)."""

    theta: Array
    deviance: Array
    converged: Mask


def profile(likelihood: Likelihood, theta: Array, held: Mask) -> Profile:
    """Minimise each row over the parameters that are not held in it.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood, with p free parameters.
    theta : array, shape (N, p)
        Starting points; held parameters stay at these values.
    held : bool array, shape (p,) or (N, p)
        Which parameters are held.
    """
    rows = np.broadcast_to(held, theta.shape)
    if rows.all():
        deviance = np.atleast_1d(likelihood.deviance(theta))
        return Profile(theta, deviance, np.isfinite(deviance))
    found = minimise_batch(likelihood, theta, held=rows)
    return Profile(found.theta, found.deviance, found.converged)


def crossings(
    likelihood: Likelihood, best: Array, direction: Array, held: Mask, rise: float, tolerance: float = 1e-5
) -> tuple[Rises, Array]:
    """Find where the profile statistic has risen by ``rise`` along rays from the minimum.

    The slope comes for free: by the envelope theorem the derivative of a profile is the partial
    derivative along the ray.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood, with p free parameters.
    best : array, shape (p,)
        Its minimum.
    direction : array, shape (M, p)
        Direction of each ray, zero for parameters that are not held; its length is a first guess of the distance.
    held : bool array, shape (M, p)
        Parameters that move along the ray; the others are minimised over.
    rise : float
        Rise of the deviance to find, > 0.
    tolerance : float
        Accepted relative error of the square root of the rise.

    Returns
    -------
    rises : Rises
        Distances in units of the rays' lengths.
    theta : array, shape (M, p)
        The conditional minima there.
    """
    base = float(likelihood.deviance(best))
    theta = np.tile(best, (len(direction), 1))

    def evaluate(rows: NDArray[np.intp], distance: Array) -> tuple[Array, Array]:
        moved = best + distance[:, None] * direction[rows]
        # Start where the last step ended: the other parameters hardly move between steps.
        found = profile(likelihood, np.where(held[rows], moved, theta[rows]), held[rows])
        theta[rows] = found.theta
        slope = np.sum(likelihood.gradient(found.theta) * direction[rows], axis=-1)
        return np.where(found.converged, found.deviance - base, np.nan), slope

    count = len(direction)
    limit = _distance_to_limits(likelihood, best, direction)
    rises = find_rises(evaluate, np.full(count, float(rise)), np.ones(count), limit, tolerance)
    return rises, theta


def _distance_to_limits(likelihood: Likelihood, best: Array, direction: Array) -> Array:
    """Largest distance (M,) along each ray that keeps every parameter inside its limits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(direction > 0, (likelihood.upper - best) / direction, np.inf)
        down = np.where(direction < 0, (likelihood.lower - best) / direction, np.inf)
    return np.maximum(np.min(np.minimum(up, down), axis=-1), 0.0)
