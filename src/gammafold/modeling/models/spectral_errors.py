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
    unit = model.reference.unit if hasattr(model, "reference") else u.TeV
    center = np.log(model.reference.quantity.to_value(unit)) if hasattr(model, "reference") else 0.0

    def relative_error(log_energy: float) -> float:
        value, error = propagate(model, lambda trial: trial(u.Quantity(np.exp(log_energy), unit)), None, None)
        return float(np.log((error / value).to_value("")))

    grid = np.linspace(center - 7, center + 7, 57)
    best = grid[np.argmin([relative_error(x) for x in grid])]
    found = minimize_scalar(relative_error, bounds=(best - 0.3, best + 0.3), method="bounded", options={"xatol": 1e-8})
    return u.Quantity(np.exp(found.x), unit)
