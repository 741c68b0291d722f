"""Profiles, surfaces, contours and asymmetric errors: one batched call each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.likelihood.likelihood import Likelihood
from gammafold.likelihood.profile import crossings, profile
from gammafold.utils.errors import InputError

__all__ = ["ConfidenceInterval", "Contour", "confidence_intervals", "contour", "scan"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ConfidenceInterval:
    """Asymmetric errors of one parameter from its profile likelihood.

    ``errn`` and ``errp`` are distances from the best value, >= 0; an end that the statistic never reaches
    is inf. ``status`` says how each end was found: "converged", "at limit" (the parameter's limit
    was met before the statistic rose by sigma squared), "open" or "failed".
    """

    name: str
    value: float
    errn: float
    errp: float
    sigma: float
    status: tuple[str, str]

    @property
    def success(self) -> bool:
        """Whether both ends were found."""
        return self.status == ("converged", "converged")


@dataclass(frozen=True)
class Contour:
    """Points of a contour of two parameters, in order around the minimum.

    ``status`` holds one word for each point, as in `ConfidenceInterval`.
    """

    x: Array
    y: Array
    sigma: float
    status: tuple[str, ...]

    @property
    def success(self) -> bool:
        """Whether every point was found."""
        return set(self.status) == {"converged"}


def confidence_intervals(
    likelihood: Likelihood, best: Array, errors: Array, positions: list[int], sigma: float, reoptimize: bool = True
) -> list[ConfidenceInterval]:
    """Follow the profile of each parameter on both sides until the statistic has risen by sigma squared.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood.
    best, errors : array, shape (p,)
        The minimum, and symmetric errors as a first guess.
    positions : list of int
        Which parameters.
    sigma : float
        Significance of the interval, > 0.
    reoptimize : bool
        Minimise over the other parameters (the profile), or keep them.
    """
    _check_sigma(sigma)
    direction = np.zeros((2 * len(positions), len(best)))
    for row, position in enumerate(positions):
        direction[2 * row, position] = -sigma * errors[position]
        direction[2 * row + 1, position] = sigma * errors[position]
    held = direction != 0 if reoptimize else np.ones(direction.shape, dtype=bool)
    rises, _ = crossings(likelihood, best, direction, held, sigma**2)
    intervals = []
    for row, position in enumerate(positions):
        ends = rises.distance[2 * row : 2 * row + 2] * sigma * errors[position]
        status = (rises.status[2 * row], rises.status[2 * row + 1])
        name = likelihood.names[position]
        intervals.append(ConfidenceInterval(name, float(best[position]), float(ends[0]), float(ends[1]), sigma, status))
    return intervals


def scan(
    likelihood: Likelihood, best: Array, positions: list[int], points: Array, reoptimize: bool
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Statistic at points of some parameters.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood.
    best : array, shape (p,)
        Values of the other parameters, or where their minimisation starts.
    positions : list of int, length d
        Which parameters are scanned.
    points : array, shape (N, d)
        Their values.
    reoptimize : bool
        Minimise over the other parameters.

    Returns
    -------
    stat : array, shape (N,)
        Statistic with the field's constants.
    theta : array, shape (N, p)
        Parameters at each point.
    converged : bool array, shape (N,)
        Whether each point can be trusted.
    """
    theta = np.tile(best, (len(points), 1))
    theta[:, positions] = points
    held = np.ones(len(best), dtype=bool)
    if reoptimize:
        held[:] = False
        held[positions] = True
    found = profile(likelihood, theta, held)
    return np.atleast_1d(likelihood.stat(found.theta)), found.theta, found.converged


def contour(
    likelihood: Likelihood, best: Array, covariance: Array, x: int, y: int, n_points: int, sigma: float
) -> Contour:
    """Find points at which the statistic, minimised over all other parameters, has risen by sigma squared.

    The points lie on rays that are evenly spread in the coordinates that make the covariance round.

    Parameters
    ----------
    likelihood : Likelihood
        The likelihood.
    best : array, shape (p,)
        The minimum.
    covariance : array, shape (p, p)
        Covariance there.
    x, y : int
        Positions of the two parameters.
    n_points : int
        Number of points, at least 4.
    sigma : float
        Root of the rise; 1 gives 39.3 % joint coverage, 1.52 gives 68.3 % (James 2006, table 9.1).
    """
    if not isinstance(n_points, int | np.integer) or n_points < 4:
        raise InputError(f"numpoints is {n_points!r}: a contour needs at least 4, a whole number")
    _check_sigma(sigma)
    pair = [x, y]
    factor = np.linalg.cholesky(covariance[np.ix_(pair, pair)])
    angle = 2 * np.pi * np.arange(n_points) / n_points
    direction = np.zeros((n_points, len(best)))
    direction[:, pair] = sigma * np.stack([np.cos(angle), np.sin(angle)], axis=1) @ factor.T
    held = np.zeros(direction.shape, dtype=bool)
    held[:, pair] = True
    rises, _ = crossings(likelihood, best, direction, held, sigma**2)
    points = best[pair] + rises.distance[:, None] * direction[:, pair]
    return Contour(points[:, 0], points[:, 1], sigma, rises.status)


def _check_sigma(sigma: Any) -> None:
    if not isinstance(sigma, int | float | np.number) or not 0 < sigma < np.inf:
        raise InputError(f"sigma is {sigma!r}: expected a number above 0")


def scan_values(parameter: Any, best: float, error: float, n_values: int = 11, sigma: float = 2.0) -> Array:
    """Values for a scan: what the parameter asks for, else ``n_values`` within ``sigma`` errors and the limits."""
    values = getattr(parameter, "scan_values", None)
    if values is not None:
        return np.asarray(values, dtype=float)
    if not error > 0:
        raise InputError(
            f"parameter {parameter.name!r} has no error to choose scan values from: run the fit first, or pass values"
        )
    low, high = best - sigma * error, best + sigma * error
    return np.linspace(max(low, parameter.min), min(high, parameter.max), n_values)
