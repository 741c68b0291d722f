"""Spectral models drawn: curves and error bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.utils.errors import InputError
from gammafold.utils.units import to_quantity

if TYPE_CHECKING:
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["plot", "plot_error"]

_UNITS = {
    "dnde": "cm-2 s-1 TeV-1",
    "e2dnde": "erg cm-2 s-1",
    "flux": "cm-2 s-1",
    "eflux": "erg cm-2 s-1",
    "norm": "",
}
_LABELS = {"dnde": "dN/dE", "e2dnde": "$E^2$ dN/dE", "flux": "Flux", "eflux": "Energy flux", "norm": "Norm"}


def plot(
    model: SpectralModel,
    energy_bounds: Any,
    ax: Any = None,
    sed_type: str = "dnde",
    energy_power: float = 0,
    n_points: int = 100,
    **kwargs: Any,
) -> Any:
    """Plot a model over energy.

    Parameters
    ----------
    model : SpectralModel
        What to plot.
    energy_bounds : `~astropy.units.Quantity` or MapAxis
        Lowest and highest energy, or an axis.
    ax : `~matplotlib.axes.Axes`, optional
        Where. Default: the current axes.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "norm"}
        Kind of flux; "flux" and "eflux" are integrated over the bins between the points.
    energy_power : float
        Multiply by energy to this power.
    n_points : int
        Number of energies.
    **kwargs
        Style, as for `~matplotlib.axes.Axes.plot`.
    """
    import matplotlib.pyplot as plt

    ax = plt.gca() if ax is None else ax
    edges, energy = _energies(energy_bounds, n_points)
    values = _weighted(_flux(model, edges, energy, sed_type), energy, energy_power)
    ax.plot(energy.value, values.value, **kwargs)
    return _label(ax, energy, values, sed_type, energy_power)


def plot_error(
    model: SpectralModel,
    energy_bounds: Any,
    ax: Any = None,
    sed_type: str = "dnde",
    energy_power: float = 0,
    n_points: int = 100,
    n_samples: int | None = None,
    random_state: Any = 42,
    **kwargs: Any,
) -> Any:
    """Plot the band between the flux minus and plus its error.

    Parameters
    ----------
    model, energy_bounds, ax, sed_type, energy_power, n_points
        As for `plot`.
    n_samples : int, optional
        Draw the band of 68 % of as many samples of the parameters. Default: none, linear propagation.
    random_state : int, RandomState or Generator
        For the samples.
    **kwargs
        Style, as for `~matplotlib.axes.Axes.fill_between`.
    """
    import matplotlib.pyplot as plt

    from gammafold.modeling.models.spectral_errors import propagate

    ax = plt.gca() if ax is None else ax
    edges, energy = _energies(energy_bounds, n_points)
    # From samples there is an error below and one above, otherwise one for both.
    value, *errors = propagate(
        model, lambda trial: _flux(trial, edges, energy, sed_type), n_samples, random_state
    )  # fmt: skip
    low, high = np.maximum(value - errors[0], 1e-3 * value), value + errors[-1]
    ends = [_weighted(end, energy, energy_power) for end in (low, high)]
    style = {"alpha": 0.25, "linewidth": 0, "color": "black", **kwargs}
    if "facecolor" in kwargs:
        style.pop("color")
    ax.fill_between(energy.value, ends[0].value, ends[1].value, **style)
    return _label(ax, energy, ends[1], sed_type, energy_power)


def _energies(bounds: Any, n_points: int) -> tuple[u.Quantity, u.Quantity]:
    """Return edges and centres of the energies to draw."""
    if hasattr(bounds, "edges"):
        return bounds.edges, bounds.center
    if not isinstance(n_points, int | np.integer) or n_points < 2:
        raise InputError(f"n_points is {n_points!r}: expected a whole number, 2 or more")
    limits = [bounds] if isinstance(bounds, u.Quantity) and bounds.isscalar else bounds
    if not isinstance(limits, Sequence | np.ndarray) or isinstance(limits, str) or len(limits) != 2:
        raise InputError(f"energy_bounds are {bounds!r}: expected the lowest and the highest energy, or an axis")
    low, high = (u.Quantity(limit, dtype=float) for limit in limits)
    for limit in (low, high):
        to_quantity(limit, "TeV", "an energy of energy_bounds")
    if not 0 < low < high < np.inf:
        raise InputError(f"energy_bounds are {bounds}: expected 0 < lowest < highest")
    edges = u.Quantity(np.geomspace(low.value, high.to_value(low.unit), n_points), low.unit)
    return edges, edges


def _flux(model: SpectralModel, edges: u.Quantity, energy: u.Quantity, sed_type: str) -> u.Quantity:
    if sed_type not in _UNITS:
        raise InputError(f"sed_type is {sed_type!r}: expected one of {list(_UNITS)}")
    if sed_type in ("dnde", "norm"):
        return model(energy)
    if sed_type == "e2dnde":
        return (model(energy) * energy**2).to(_UNITS[sed_type])
    if len(edges) == len(energy):
        # Bins around the points, as wide as their distance.
        step = np.sqrt(edges[1] / edges[0]).to_value("")
        low, high = energy / step, energy * step
    else:
        low, high = edges[:-1], edges[1:]
    integrate = model.integral if sed_type == "flux" else model.energy_flux
    return integrate(low, high).to(_UNITS[sed_type])


def _weighted(values: u.Quantity, energy: u.Quantity, power: float) -> u.Quantity:
    if power == 0:
        return values
    weighted = values * energy**power
    return weighted.to("erg cm-2 s-1") if weighted.unit.is_equivalent("erg cm-2 s-1") and power == 2 else weighted


def _label(ax: Any, energy: u.Quantity, values: u.Quantity, sed_type: str, power: float) -> Any:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(f"Energy [{energy.unit.to_string('unicode')}]")
    name = _LABELS[sed_type] if power == 0 else f"$E^{{{power:g}}}$ {_LABELS[sed_type]}"
    unit = values.unit.to_string("latex_inline")
    ax.set_ylabel(f"{name} [{unit}]" if str(values.unit) else name)
    return ax
