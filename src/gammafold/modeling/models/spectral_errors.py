"""Errors of what is computed from a spectral model, from the covariance of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError
from gammafold.utils.random import get_random_state

if TYPE_CHECKING:
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["pivot_energy", "propagate", "sample_parameters"]

Array = np.ndarray
Computed = Callable[[Any], u.Quantity]

_STEP = 1e-3
# The square of an error of a flux must be a number still.
_NO_FLUX = 1e-140


def propagate(model: SpectralModel, compute: Computed, n_samples: int | None, random_state: Any) -> u.Quantity:
    """Return a computed value with its error.

    Parameters
    ----------
    model : SpectralModel
        With a covariance; parameters without error are exact.
    compute : callable
        From a model to a quantity of any shape.
    n_samples : int, optional
        Draw that many parameters from the covariance. Default: none, linear propagation.
    random_state : int, RandomState or Generator
        For the samples.

    Returns
    -------
    result : `~astropy.units.Quantity`
        Stacked along the first axis: value and error; or, from samples, the median and the distances to the
        quantiles of 15.9 and 84.1 %.

    Raises
    ------
    InputError
        If no sample has a flux.
    """
    value = compute(model)
    if n_samples is None:
        return u.Quantity([value, _linear(model, compute, value)])
    trial = model.copy()
    draws = []
    for sample in sample_parameters(model, n_samples, random_state):
        _set(trial, sample)
        try:
            draws.append(compute(trial).to_value(value.unit))
        except InputError:
            # A draw at which there is no flux, such as a redshift beyond the table, does not count.
            continue
    if not draws:
        raise InputError(f"{type(model).__name__} has no flux at any of the {n_samples} sampled parameters")
    low, median, high = np.nanquantile(np.array(draws), [0.158655254, 0.5, 0.841344746], axis=0)
    return u.Quantity([median, median - low, high - median], value.unit)


def _linear(model: SpectralModel, compute: Computed, value: u.Quantity) -> u.Quantity:
    """Return the root of J C J^T, with derivatives by differences of a thousandth of an error."""
    covariance = np.asarray(model.covariance.data, dtype=float)
    errors = np.sqrt(np.diagonal(covariance))
    moving = np.flatnonzero(errors > 0)
    trial = model.copy()
    best = np.array([parameter.value for parameter in model.parameters])
    slopes = []
    for i in moving:
        ends = []
        for side in (+1, -1):
            moved = best.copy()
            moved[i] += side * _STEP * errors[i]
            _set(trial, moved)
            ends.append(compute(trial).to_value(value.unit))
        slopes.append((ends[0] - ends[1]) / (2 * _STEP * errors[i]))
    if not slopes:
        return u.Quantity(np.zeros(value.shape), value.unit)
    jacobian = np.array(slopes)
    block = covariance[np.ix_(moving, moving)]
    variance = np.einsum("i...,ij,j...->...", jacobian, block, jacobian)
    return u.Quantity(np.sqrt(np.maximum(variance, 0.0)), value.unit)


def _set(model: SpectralModel, values: Array) -> None:
    # A sample may lie beyond a limit: the limits are those of fits.
    for parameter, value in zip(model.parameters, values, strict=True):
        parameter.value = float(value)


def sample_parameters(model: SpectralModel, n_samples: int, random_state: Any = 42) -> Array:
    """Return draws (n, P) of the parameters from a gaussian with their covariance."""
    if int(n_samples) != n_samples or n_samples < 1:
        raise InputError(f"n_samples is {n_samples!r}: expected a whole number above zero")
    covariance = np.asarray(model.covariance.data, dtype=float)
    errors = np.sqrt(np.diagonal(covariance))
    moving = np.flatnonzero(errors > 0)
    draws = np.tile([parameter.value for parameter in model.parameters], (int(n_samples), 1)).astype(float)
    if moving.size:
        correlation = covariance[np.ix_(moving, moving)] / np.outer(errors[moving], errors[moving])
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = get_random_state(random_state).normal(size=(int(n_samples), moving.size))
        draws[:, moving] += normal @ root.T * errors[moving]
    return draws


def pivot_energy(model: SpectralModel) -> u.Quantity:
    """Return the energy of the least relative error of the flux; see `SpectralModel.pivot_energy`."""
    from scipy.optimize import minimize_scalar

    if not any(parameter.error > 0 for parameter in model.parameters):
        raise InputError(f"the parameters of {type(model).__name__} have no errors: the pivot energy is unknown")
    center = next((getattr(model, name).quantity for name in ("reference", "mean") if hasattr(model, name)), 1 * u.TeV)
    middle = np.log(center.value)

    def relative_error(log_energy: Any) -> Array:
        energy = u.Quantity(np.exp(log_energy), center.unit)
        value, error = propagate(model, lambda trial: trial(energy), None, None)
        # Where there is as good as no flux, far from a line, nothing is known about it.
        known = value.value > _NO_FLUX
        return np.where(known, error.value / np.where(known, value.value, 1.0), np.inf)

    grid = np.linspace(middle - 7, middle + 7, 57)
    relative = relative_error(grid)
    best = int(np.argmin(relative))
    neighbours = relative[max(best - 1, 0) : best + 2]
    # Where the flux has no error at all, or the same everywhere, it is known best at no energy.
    if len(neighbours) < 3 or not relative[best] < (1 - 1e-6) * neighbours.max():
        low, high = u.Quantity(np.exp(grid[[0, -1]]), center.unit)
        raise InputError(
            f"the relative error of the flux of {type(model).__name__} has no minimum between {low:.3g} and "
            f"{high:.3g}: there is no pivot energy"
        )
    step = grid[1] - grid[0]
    # A narrow line has a flux in a part of this range only.
    while not np.isfinite(relative_error(grid[best] + step * np.array([-1.0, 1.0]))).all():
        step /= 2
    found = minimize_scalar(
        lambda x: float(relative_error(x)),
        bounds=(grid[best] - step, grid[best] + step),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return u.Quantity(np.exp(found.x), center.unit)
