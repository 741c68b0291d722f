"""Flux points drawn: spectra, light curves and statistic profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np

from gammafold.estimators.quantities import SED_UNITS
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.estimators.flux_points import FluxPoints

__all__ = ["plot", "plot_ts_profiles"]

_LABELS = {"dnde": "dN/dE", "e2dnde": r"$E^2$ dN/dE", "flux": "Flux", "eflux": "Energy flux", "norm": "Norm"}


def plot(
    points: FluxPoints, ax: Any = None, sed_type: str | None = None, energy_power: float = 0, **kwargs: Any
) -> Any:
    """Plot points with errors; points below the threshold of significance as upper limits with arrows.

    Parameters
    ----------
    points : FluxPoints
        The points; a light curve is drawn over time, one line for each energy bin.
    ax : Axes, optional
        Where to draw.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "norm"}, optional
        Kind of flux, default that of the points, else "dnde".
    energy_power : float
        Multiply by energy to this power.
    **kwargs
        Passed to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ax : Axes
    """
    import matplotlib.pyplot as plt

    kind = sed_type or points.meta.get("sed_type_init") or "dnde"
    kind = "dnde" if kind == "likelihood" else kind
    if kind not in SED_UNITS:
        raise InputError(f"no sed_type {kind!r}: there are {sorted(SED_UNITS)}")
    ax = plt.gca() if ax is None else ax
    if points.has_time_axis:
        return _plot_light_curve(points, ax, kind, **kwargs)
    return _plot_spectrum(points, ax, kind, energy_power, **kwargs)


def _limits(points: FluxPoints, kind: str) -> u.Quantity | None:
    return _values(points, kind, "_ul") if points.has("norm_ul") else None


def _values(points: FluxPoints, kind: str, suffix: str) -> u.Quantity:
    quantity = points.quantity(f"norm{suffix}") if kind == "norm" else points.scaled(kind, f"norm{suffix}")
    return u.Quantity(quantity.data[..., 0, 0], quantity.unit)


def _errors(points: FluxPoints, kind: str, scale: Any) -> Any:
    if points.has("norm_errn") and points.has("norm_errp"):
        low, high = _values(points, kind, "_errn"), _values(points, kind, "_errp")
    elif points.has("norm_err"):
        low = high = _values(points, kind, "_err")
    else:
        return None
    return np.nan_to_num(np.stack([(low * scale).value, (high * scale).value]), nan=0.0)


def _plot_spectrum(points: FluxPoints, ax: Any, kind: str, energy_power: float, **kwargs: Any) -> Any:
    energy = points.energy_ref
    scale = energy**energy_power
    value = _values(points, kind, "") * scale
    limit = _limits(points, kind)
    is_ul = points.is_ul.data[:, 0, 0] & (limit is not None)
    shown = np.where(is_ul, (limit * scale).value, value.value) if limit is not None else value.value
    errors = _errors(points, kind, scale)
    if errors is not None:
        # An arrow of constant length on a logarithmic axis.
        errors = np.where(is_ul, [0.35 * shown, 0.0 * shown], errors)
    style = {"fmt": "o", "ms": 4, "capsize": 0, "ls": "none", **kwargs}
    if "marker" in kwargs:
        style.pop("fmt")
    xerr = np.stack([(energy - points.energy_min).value, (points.energy_max - energy).to_value(energy.unit)])
    drawn = np.isfinite(shown)
    ax.errorbar(
        energy.value[drawn],
        shown[drawn],
        xerr=xerr[:, drawn],
        yerr=None if errors is None else errors[:, drawn],
        uplims=is_ul[drawn],
        **style,
    )
    ax.set_xscale("log")
    if np.all(shown[drawn] > 0):
        ax.set_yscale("log")
    ax.set_xlabel(f"Energy [{energy.unit}]")
    power = "" if energy_power == 0 else f"$E^{{{energy_power:g}}}$ "
    ax.set_ylabel(power + _label(kind, value.unit))
    return ax


def _label(kind: str, unit: u.UnitBase) -> str:
    return f"{_LABELS[kind]} [{unit.to_string('unicode')}]".replace(" []", "")


def _plot_light_curve(points: FluxPoints, ax: Any, kind: str, **kwargs: Any) -> Any:
    time = points.axes["time"]
    middle = time.time_mid
    half = 0.5 * (time.time_max - time.time_min).to_value("d")
    value, limit = _values(points, kind, ""), _limits(points, kind)
    errors = _errors(points, kind, 1.0)
    is_ul = points.is_ul.data[:, :, 0, 0] & (limit is not None)
    for column in range(points.energy_axis.nbin):
        low, high = points.energy_min[column], points.energy_max[column]
        upper = is_ul[:, column]
        shown = value.value[:, column]
        if limit is not None:
            shown = np.where(upper, limit.value[:, column], shown)
        yerr = None if errors is None else np.where(upper, [0.2 * np.abs(shown), 0 * shown], errors[:, :, column])
        style = {"fmt": "o", "ms": 4, "label": f"{low:.3g} – {high:.3g}", **kwargs}
        ax.errorbar(middle.mjd, shown, xerr=half, yerr=yerr, uplims=upper, **style)
    ax.set_xlabel(f"Time [MJD, {middle.scale.upper()}]")
    ax.set_ylabel(_label(kind, value.unit))
    ax.legend()
    return ax


def plot_ts_profiles(points: FluxPoints, ax: Any = None, sed_type: str | None = None, **kwargs: Any) -> Any:
    """Draw the rise of the statistic over flux in each energy bin, from the stored scans.

    Parameters
    ----------
    points : FluxPoints
        Points with ``stat_scan``.
    ax : Axes, optional
        Where to draw.
    sed_type : str, optional
        Kind of flux of the vertical axis.
    **kwargs
        Passed to `~matplotlib.axes.Axes.pcolormesh`.
    """
    import matplotlib.pyplot as plt

    kind = sed_type or points.meta.get("sed_type_init") or "dnde"
    kind = "dnde" if kind == "likelihood" else kind
    ax = plt.gca() if ax is None else ax
    scan = points.stat_scan
    norms = scan.geom.axes["norm"].center.value
    rise = scan.data[:, :, 0, 0] - points.stat.data[:, 0, 0, None]
    reference = points.reference(kind)
    positive = norms > 0
    energy = points.energy_axis.edges
    style = {"vmin": 0, "vmax": 16, "cmap": "viridis_r", "rasterized": True, **kwargs}
    mesh = None
    for column in range(points.energy_axis.nbin):
        flux = norms[positive] * reference.value[column]
        middle = np.sqrt(flux[1:] * flux[:-1])
        edges = np.concatenate([[flux[0] ** 2 / middle[0]], middle, [flux[-1] ** 2 / middle[-1]]])
        mesh = ax.pcolormesh(energy.value[column : column + 2], edges, rise[column, positive][:, None], **style)
    ax.figure.colorbar(mesh, ax=ax, label=r"$\Delta$ statistic")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(f"Energy [{energy.unit}]")
    ax.set_ylabel(_label(kind, reference.unit))
    return ax
