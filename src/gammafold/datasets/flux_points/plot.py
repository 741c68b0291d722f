"""Flux points drawn: spectra, light curves, profiles in distance, and statistic profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from gammafold.datasets.flux_points.names import check_sed_type
from gammafold.datasets.plot_parts import current_axes
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.datasets.flux_points.points import FluxPoints

__all__ = ["LABELS", "plot", "plot_ts_profiles"]

Array = NDArray[np.float64]

LABELS = {"dnde": "dN/dE", "e2dnde": r"$E^2$ dN/dE", "flux": "Flux", "eflux": "Energy flux", "norm": "Norm"}
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
    **kwargs
        Passed to `~matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    ax : Axes

    Raises
    ------
    UnknownNameError
        If there is no such kind of flux.
    InputError
        If there is no such format of times.
    """
    kind = _plotted_kind(points, sed_type)
    if time_format not in ("iso", "mjd"):
        raise InputError(f"time_format is {time_format!r}: expected 'iso' or 'mjd'")
    ax = current_axes(ax)
    scale = points.energy_ref**energy_power
    if points.axes.names == ["energy"]:
        position, half = points.energy_ref.value, _energy_bars(points)
        _draw(ax, position, half, _Heights(points, kind, scale), 0, **kwargs)
        points.energy_axis.format_plot_xaxis(ax)
        ax.set_xlabel(f"Energy [{points.energy_ref.unit}]")
    else:
        _plot_bins(points, ax, kind, scale, time_format, **kwargs)
    unit = _Heights(points, kind, scale).unit
    power = "" if energy_power == 0 else f"$E^{{{energy_power:g}}}$ "
    ax.set_ylabel(f"{power}{LABELS[kind]} [{unit}]".replace(" []", ""))
    return ax


def _plotted_kind(points: FluxPoints, sed_type: str | None) -> str:
    kind = sed_type or points.meta.get("sed_type_init") or "dnde"
    return check_sed_type("dnde" if kind == "likelihood" else kind)


class _Heights:
    """Values, errors and limits (other axis, energy) of points, scaled by a power of energy."""

    def __init__(self, points: FluxPoints, kind: str, scale: u.Quantity) -> None:
        self._points, self._kind, self._scale = points, kind, scale
        value = self._values("")
        self.unit = value.unit
        self.value: Array = value.value
        self.is_ul = points.is_ul.data[..., 0, 0].reshape(-1, points.energy_axis.nbin)
        if points.has("norm_ul"):
            self.value = np.where(self.is_ul, self._values("_ul").value, self.value)
        self.errors = self._errors()

    def _values(self, suffix: str) -> u.Quantity:
        held = self._points.scaled(self._kind, f"norm{suffix}")
        data = held.data[..., 0, 0].reshape(-1, self._points.energy_axis.nbin)
        return u.Quantity(data, held.unit) * self._scale

    def _errors(self) -> Array | None:
        """Lower and upper errors (2, other axis, energy); an arrow for limits."""
        pair = ("_errn", "_errp") if self._points.has("norm_errn") and self._points.has("norm_errp") else ("_err",) * 2
        if not self._points.has(f"norm{pair[0]}"):
            return (
                None if not self.is_ul.any() else np.stack([np.where(self.is_ul, _ARROW * np.abs(self.value), 0)] * 2)
            )
        errors = np.stack([self._values(suffix).value for suffix in pair])
        # What is not known has no bar.
        errors = np.nan_to_num(errors, nan=0.0, posinf=0.0)
        arrows = np.stack([_ARROW * np.abs(self.value), np.zeros_like(self.value)])
        return np.where(self.is_ul, arrows, errors)


def _energy_bars(points: FluxPoints) -> Array | None:
    if not points.has_energy_bins:
        return None
    energy = points.energy_ref
    return np.stack([(energy - points.energy_min).value, (points.energy_max - energy).to_value(energy.unit)])


def _draw(ax: Any, position: Any, half: Array | None, heights: _Heights, column: Any, **kwargs: Any) -> None:
    """Draw one series of points: a row (of energies) or a column (of times or distances)."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    pick = (column, slice(None)) if column == 0 and len(heights.value) == 1 else (slice(None), column)
    value, upper = heights.value[pick], heights.is_ul[pick]
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
        uplims=upper[shown],
        **(default | style),
    )
    if heights.value.shape[0] == 1 and shown.any() and (value[shown] > 0).all():
        ax.set_yscale("log", nonpositive="clip")


def _plot_bins(points: FluxPoints, ax: Any, kind: str, scale: u.Quantity, time_format: str, **kwargs: Any) -> None:
    """Draw a light curve or a profile."""
    if points.has_time_axis:
        position, half = _times(ax, points.axes["time"], time_format)
    else:
        axis = points.axes["projected-distance"]
        position = axis.center.value
        half = np.stack([np.diff(axis.edges.value) / 2] * 2)
        ax.set_xlabel(f"Projected distance [{axis.unit}]")
    heights = _Heights(points, kind, scale)
    for column in range(points.energy_axis.nbin):
        low, high = points.energy_min[column], points.energy_max[column]
        label = f"{low.value:.3g} – {high.value:.3g} {low.unit}"
        _draw(ax, position, half, _column(heights, column), 0, **{"label": label, **kwargs})
    ax.legend()


def _column(heights: _Heights, column: int) -> _Heights:
    """Return one energy bin of a light curve as a row."""
    one = object.__new__(_Heights)
    one.value, one.is_ul = heights.value[None, :, column], heights.is_ul[None, :, column]
    one.errors = None if heights.errors is None else heights.errors[:, None, :, column]
    return one


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
    ax.set_ylabel(f"{LABELS[kind]} [{reference.unit}]".replace(" []", ""))
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
