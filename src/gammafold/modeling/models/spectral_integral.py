"""Integrals of a spectral model between energies, by the engine's own quadrature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.likelihood.flux import FluxFunction
from gammafold.likelihood.integrals import BinIntegrals
from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["integrate"]

Array = np.ndarray


def integrate(model: SpectralModel, energy_min: Any, energy_max: Any, power: int) -> u.Quantity:
    """Return the integral of ``E^power dN/dE`` between energies; see `SpectralModel.integral`."""
    low, high = (
        to_quantity(limit, "TeV", name).to_value("TeV")
        for limit, name in ((energy_min, "energy_min"), (energy_max, "energy_max"))
    )
    try:
        low, high = np.broadcast_arrays(np.asarray(low, dtype=float), np.asarray(high, dtype=float))
    except ValueError:
        shapes = f"{np.shape(low)} and {np.shape(high)}"
        raise InputError(f"energy limits have the shapes {shapes}: expected ones that broadcast") from None
    if not ((low > 0).all() and (high >= low).all() and (high < np.inf).all()):
        raise InputError(
            f"energy limits are {energy_min} and {energy_max}: expected 0 < energy_min <= energy_max, finite"
        )
    values = [parameter.value for parameter in model.parameters]
    total = _bins(model.compile(), low.ravel(), high.ravel(), values, power).reshape(low.shape)
    unit = model._engine_unit * u.TeV ** (1 + power)
    # Parentheses of units: cm-2 s-1, and not TeV cm-2 s-1 TeV-1.
    simple = {0: u.Unit("cm-2 s-1"), 1: u.Unit("TeV cm-2 s-1")}[power]
    return u.Quantity(total, simple if unit.is_equivalent(simple) else unit)


def _bins(flux: FluxFunction, low: Array, high: Array, values: list[float], power: int) -> Array:
    """Integrals over bins, which need not touch."""
    if flux.parts:
        parts = [
            sign * _bins(part, low, high, [values[i] for i in positions], power) for part, positions, sign in flux.parts
        ]
        return np.sum(parts, axis=0)
    weighted = flux if power == 0 else _weighted(flux)
    if weighted.integral is not None:
        return np.broadcast_to(weighted.integral(low, high, *values), low.shape)
    result = np.zeros(low.shape)
    wide = np.flatnonzero(high > low)
    if wide.size and np.array_equal(high[wide[:-1]], low[wide[1:]]):
        edges = np.append(low[wide], high[wide[-1]])
        result[wide] = BinIntegrals(weighted, edges).value(*values)
        return result
    for i in wide:
        result[i] = BinIntegrals(weighted, np.array([low[i], high[i]])).value(*values)[0]
    return result


def _weighted(flux: FluxFunction) -> FluxFunction:
    """Return energy times flux."""
    return FluxFunction(
        n_parameters=flux.n_parameters,
        evaluate=lambda energy, *values: energy * flux.evaluate(energy, *values),
        breaks=flux.breaks,
        moving_breaks=flux.moving_breaks,
    )
