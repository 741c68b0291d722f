"""Flux points drawn: spectra, light curves, profiles in distance, and statistic profiles."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.flux_points.names import check_sed_type
from gammafold.datasets.plot_parts import current_axes, draw_legend
from gammafold.utils.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from gammafold.datasets.flux_points.points import FluxPoints

__all__ = ["flux_label", "plot", "plot_ts_profiles"]

Array = NDArray[np.float64]

_LABELS = {"dnde": "dN/dE", "e2dnde": r"$E^2$ dN/dE", "flux": "Flux", "eflux": "Energy flux", "norm": "Norm"}
# Length of the arrow of an upper limit, as a fraction of the limit: 0.35 is 0.19 decades.
_ARROW = 0.35
# Rise of the statistic up to which profiles are shown: 4 sigma.
_DEEPEST = 16.0


def plot(
    points: FluxPoints,
    ax: Any = None,
    sed_type: str | None = None,
    energy_power: float = 0,
    time_format: str = "iso",
    axis_name: str | None = None,
    **kwargs: Any,
) -> Any:
    """Plot points with errors; points below the threshold of significance as upper limits with arrows.

    Parameters
    ----------
    points : FluxPoints
        The points; a light curve is drawn over time and a profile over distance, one colour for each energy bin.
    ax : Axes, optional
        Where to draw.
    sed_type : {"dnde", "e2dnde", "flux", "eflux", "norm"}, optional
        Kind of flux, default that of the points, else "dnde".
    energy_power : float
        Multiply by energy to this power.
    time_format : {"iso", "mjd"}
        How the times of a light curve are written.
    axis_name : str, optional
        Axis to draw over: "energy", or "time" or "projected-distance" where the points have it, which is the default
        there. Over energy, a light curve is one spectrum for each interval of time.
    **kwargs
        Passed to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ax : Axes

    Raises
    ------
    UnknownNameError
        If there is no such kind of flux, or no such axis.
    InputError
        If there is no such format of times.
    """
    kind = _plotted_kind(points, sed_type)
    if time_format not in ("iso", "mjd"):
        raise InputError(f"time_format is {time_format!r}: expected 'iso' or 'mjd'")
    names = list(points.axes.names)
    if axis_name is not None and axis_name not in names:
        raise UnknownNameError(f"axis_name is {axis_name!r}: the points have {names}")
    ax = current_axes(ax)
    heights = _heights(points, kind, points.energy_ref**energy_power)
    if axis_name == "energy" or names == ["energy"]:
        _plot_energies(points, ax, heights, **kwargs)
    else:
        _plot_bins(points, ax, heights, time_format, **kwargs)
    power = "" if energy_power == 0 else f"$E^{{{energy_power:g}}}$ "
    ax.set_ylabel(power + flux_label(kind, heights.unit))
    return ax


def flux_label(kind: str, unit: u.UnitBase) -> str:
    """Return the label of an axis of fluxes."""
    return f"{_LABELS[kind]} [{unit.to_string('unicode')}]".replace(" []", "")


def _plotted_kind(points: FluxPoints, sed_type: str | None) -> str:
    kind = sed_type or points.meta.get("sed_type_init") or "dnde"
    return check_sed_type("dnde" if kind == "likelihood" else kind)


@dataclass(frozen=True)
class _Heights:
    """Heights (bins, energy) of points, which of them are limits, and errors (2, bins, energy) or arrows."""

    value: Array
    is_ul: NDArray[np.bool_]
    errors: Array | None
    unit: u.UnitBase


def _heights(points: FluxPoints, kind: str, scale: u.Quantity) -> _Heights:
    n_energies = points.energy_axis.nbin

    def values(suffix: str) -> u.Quantity:
        held = points.scaled(kind, f"norm{suffix}")
        return u.Quantity(held.data[..., 0, 0].reshape(-1, n_energies), held.unit) * scale

    best = values("")
    is_ul = points.is_ul.data[..., 0, 0].reshape(-1, n_energies)
    shown = np.where(is_ul, values("_ul").value, best.value) if points.has("norm_ul") else best.value
    pair = ("_errn", "_errp") if points.has("norm_errn") and points.has("norm_errp") else ("_err", "_err")
    errors = None
    if points.has(f"norm{pair[0]}"):
        # What is not known has no bar.
        errors = np.nan_to_num(np.stack([values(suffix).value for suffix in pair]), nan=0.0, posinf=0.0)
    if is_ul.any():
        arrows = np.stack([_ARROW * np.abs(shown), np.zeros_like(shown)])
        errors = np.where(is_ul, arrows, 0.0 if errors is None else errors)
    return _Heights(shown, is_ul, errors, best.unit)


def _draw(ax: Any, position: Array, half: Array | None, heights: _Heights, pick: Any, **kwargs: Any) -> None:
    """Draw the points ``pick`` of the heights: one bin at all energies, or all bins at one energy."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    value = heights.value[pick]
    shown = np.isfinite(value)
    style = normalize_kwargs(kwargs, Line2D)
    default: dict[str, Any] = {"markersize": 4, "elinewidth": 1.2}
    if "fmt" not in style:
        default |= {"marker": "o", "linestyle": "none"}
    ax.errorbar(
        position[shown],
        value[shown],
        xerr=None if half is None else half[:, shown],
        yerr=None if heights.errors is None else heights.errors[(slice(None), *pick)][:, shown],
        uplims=heights.is_ul[pick][shown],
        **(default | style),
    )


def _plot_energies(points: FluxPoints, ax: Any, heights: _Heights, **kwargs: Any) -> None:
    """Draw a spectrum, or one for each bin of the other axis."""
    energy, half = points.energy_ref, None
    if points.has_energy_bins:
        half = np.stack([(energy - points.energy_min).value, (points.energy_max - energy).to_value(energy.unit)])
    labels = _labels_of_bins(points)
    for row, label in enumerate(labels):
        _draw(ax, energy.value, half, heights, (row, slice(None)), **({"label": label} if label else {}) | kwargs)
    if len(labels) > 1:
        _legend_above(ax)
    points.energy_axis.format_plot_xaxis(ax)
    ax.set_xlabel(f"Energy [{energy.unit}]")
    shown = heights.value[np.isfinite(heights.value)]
    if shown.size and (shown > 0).all():
        ax.set_yscale("log", nonpositive="clip")


def _labels_of_bins(points: FluxPoints) -> list[str]:
    """Return what tells the bins of the axis beside energy apart; one empty label where there is none."""
    if points.has_time_axis:
        return [f"{time.strftime('%Y-%m-%d %H:%M')} {time.scale.upper()}" for time in points.axes["time"].time_min]
    if points.axes.names == ["energy"]:
        return [""]
    axis = points.axes["projected-distance"]
    return [f"{low:.3g} – {high:.3g} {axis.unit}" for low, high in itertools.pairwise(axis.edges.value)]


def _plot_bins(points: FluxPoints, ax: Any, heights: _Heights, time_format: str, **kwargs: Any) -> None:
    """Draw a light curve or a profile."""
    if points.has_time_axis:
        position, half = _times(ax, points.axes["time"], time_format)
    else:
        axis = points.axes["projected-distance"]
        position, half = axis.center.value, np.stack([np.diff(axis.edges.value) / 2] * 2)
        ax.set_xlabel(f"Projected distance [{axis.unit}]")
    for column in range(points.energy_axis.nbin):
        low, high = points.energy_min[column], points.energy_max[column]
        label = f"{low.value:.3g} – {high.value:.3g} {low.unit}"
        _draw(ax, position, half, heights, (slice(None), column), **{"label": label, **kwargs})
    _legend_above(ax)


def _legend_above(ax: Any) -> None:
    """Draw the legend with room for its rows above the points, whose error bars it would cover otherwise."""
    rows = len(ax.get_legend_handles_labels()[1])
    ax.margins(y=min(0.05 + 0.1 * rows, 0.5))
    draw_legend(ax)


def _times(ax: Any, time: Any, time_format: str) -> tuple[Any, Array]:
    """Positions and half widths of time intervals, as the axis shows them."""
    half = 0.5 * (time.edges_max - time.edges_min).to_value("d")
    if time_format == "mjd":
        ax.set_xlabel(f"Time [MJD, {time.reference_time.scale.upper()}]")
        return time.time_mid.mjd, np.stack([half, half])
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel(f"Time [{time.reference_time.scale.upper()}]")
    return time.time_mid.plot_date, np.stack([half, half])


def plot_ts_profiles(
    points: FluxPoints, ax: Any = None, sed_type: str | None = None, add_cbar: bool = True, **kwargs: Any
) -> Any:
    """Draw the rise of the statistic over flux in each energy bin, from the stored scans.

    Parameters
    ----------
    points : FluxPoints
        Points with ``stat_scan`` and no axis beside energy.
    ax : Axes, optional
        Where to draw.
    sed_type : str, optional
        Kind of flux of the vertical axis.
    add_cbar : bool
        Whether to draw a colour bar. Default: True.
    **kwargs
        Passed to `~matplotlib.axes.Axes.pcolormesh`.

    Raises
    ------
    InputError
        If the points have another axis, no scans, or the scans have no norms above zero.
    """
    kind = _plotted_kind(points, sed_type)
    if points.axes.names != ["energy"]:
        raise InputError(f"profiles are drawn of points on the axis 'energy' alone: got {list(points.axes.names)}")
    ax = current_axes(ax)
    mesh = None
    style = {"vmin": 0, "vmax": _DEEPEST, "cmap": "Blues_r", "zorder": 0, "rasterized": True, **kwargs}
    energy, reference = points.energy_axis.edges, points.reference(kind)
    heights = _shown_fluxes(points, reference.value)
    for column in range(points.energy_axis.nbin):
        rise = _rise_at(points, column, np.sqrt(heights[1:] * heights[:-1]) / reference.value[column])
        rise = np.ma.masked_greater(np.ma.masked_invalid(rise), style["vmax"])
        mesh = ax.pcolormesh(energy.value[column : column + 2], heights, rise[:, None], **style)
    if add_cbar:
        ax.figure.colorbar(mesh, ax=ax, label="Rise of the statistic")
    points.energy_axis.format_plot_xaxis(ax)
    ax.set_yscale("log")
    ax.set_xlabel(f"Energy [{energy.unit}]")
    ax.set_ylabel(flux_label(kind, reference.unit))
    return ax


def _shown_fluxes(points: FluxPoints, reference: Array) -> Array:
    """Edges of the cells in flux: where any profile is less deep than what is shown."""
    norms = points.stat_scan.geom.axes["norm"].center.value
    rise = points.stat_scan.data[..., 0, 0] - points.stat.data[:, 0]
    with np.errstate(invalid="ignore"):
        inside = (rise < _DEEPEST) & (norms > 0)
    flux = (norms * reference[:, None])[inside]
    if flux.size == 0:
        raise InputError("the statistic scans have no norms above zero near the minimum: nothing can be drawn")
    return np.geomspace(flux.min() / 1.2, flux.max() * 1.2, 400)


def _rise_at(points: FluxPoints, column: int, norms: Array) -> Array:
    """Rise of the statistic of one bin at norms inside the scan; its signed root is nearly a straight line."""
    known = points.stat_scan.geom.axes["norm"].center.value
    rise = points.stat_scan.data[column, :, 0, 0] - points.stat.data[column, 0, 0]
    best = points.norm.data[column, 0, 0]
    root = np.sign(known - best) * np.sqrt(np.maximum(rise, 0.0))
    x, order = np.unique(np.append(known, best), return_index=True)
    y = np.append(root, 0.0)[order]
    finite = np.isfinite(y)
    if finite.sum() < 2:
        return np.full_like(norms, np.nan)
    return np.interp(norms, x[finite], y[finite], left=np.nan, right=np.nan) ** 2
