"""Drawing region maps and regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.maps.label_axis import LabelMapAxis
from gammafold.maps.region_shapes import flatten_region, is_point
from gammafold.maps.time_axis import TimeMapAxis
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.maps.region_map import RegionNDMap
    from gammafold.maps.region_sky import RegionSky

__all__ = ["masked_spans", "plot_hist", "plot_map", "plot_mask", "plot_region"]


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def _the_axis(region_map: RegionNDMap, axis_name: str | None) -> Any:
    axes = region_map.geom.axes
    if axis_name is None:
        if len(axes) != 1:
            raise InputError(f"the map has the axes {axes.names}: say which with axis_name")
        return axes[0]
    return axes[axis_name]


def _value_label(region_map: RegionNDMap) -> str:
    unit = region_map.unit.to_string("unicode")
    return f"Data [{unit}]" if unit else "Data"


def _is_energy(axis: Any) -> bool:
    return axis.name in ("energy", "energy_true")


def plot_map(region_map: RegionNDMap, ax: Any = None, axis_name: str | None = None, **kwargs: Any) -> Any:
    """See `RegionNDMap.plot`."""
    ax = _axes(ax)
    axis = _the_axis(region_map, axis_name)
    ordered = np.moveaxis(region_map.data, region_map.geom.axes.index_data(axis.name), 0)
    lines = ordered.reshape(axis.nbin, -1).astype(float)
    x, xerr = _positions(axis)
    options = {"linestyle": "none"} if "ls" not in kwargs else {}
    if xerr is not None:
        options["xerr"] = xerr
    labels = _line_labels(region_map, axis.name)
    for values, label in zip(lines.T, labels, strict=True):
        style = ({"label": label} if label else {}) | options | kwargs
        ax.errorbar(x, values, **style)
    axis.format_plot_xaxis(ax)
    ax.set_ylabel(_value_label(region_map))
    if _is_energy(axis) and not region_map.is_mask and np.any(lines > 0):
        ax.set_yscale("log", nonpositive="clip")
    if len(labels) > 1:
        ax.legend()
    return ax


def _positions(axis: Any) -> tuple[Any, Any]:
    """Return where to draw the bins of an axis, and the half widths to either side."""
    if isinstance(axis, LabelMapAxis):
        return axis.as_plot_labels, None
    if isinstance(axis, TimeMapAxis):
        return axis.as_plot_center, None
    center, edges = axis.center.value, axis.edges.value
    return center, np.array([center - edges[:-1], edges[1:] - center])


def _line_labels(region_map: RegionNDMap, axis_name: str) -> list[str]:
    """Return one label per combination of bins of the other axes, in the order of the data."""
    others = [axis for axis in reversed(list(region_map.geom.axes)) if axis.name != axis_name]
    labels = [""]
    for axis in others:
        names = [f"{axis.name} {text}" for text in axis.as_plot_labels]
        labels = [f"{left}, {right}" if left else right for left in labels for right in names]
    return labels


def plot_hist(region_map: RegionNDMap, ax: Any = None, **kwargs: Any) -> Any:
    """See `RegionNDMap.plot_hist`."""
    ax = _axes(ax)
    axis = _the_axis(region_map, None)
    options: dict[str, Any] = {"histtype": "step", "linewidth": 1.5}
    if "lw" in kwargs:
        del options["linewidth"]
    ax.hist(
        axis.center.value, bins=axis.edges.value, weights=region_map.data.ravel().astype(float), **(options | kwargs)
    )
    axis.format_plot_xaxis(ax)
    ax.set_ylabel(_value_label(region_map))
    return ax


def masked_spans(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    """Give first and last edge of each run of False.

    Examples
    --------
    >>> list(masked_spans(np.array([False, False, True, False])))
    [(0, 2), (3, 4)]
    """
    steps = np.diff(np.concatenate([[True], np.asarray(mask, dtype=bool), [True]]).astype(int))
    yield from zip(np.flatnonzero(steps == -1).tolist(), np.flatnonzero(steps == 1).tolist(), strict=True)


def plot_mask(region_map: RegionNDMap, ax: Any = None, **kwargs: Any) -> Any:
    """See `RegionNDMap.plot_mask`."""
    if not region_map.is_mask:
        raise InputError(f"plot_mask draws masks: this map has data of the type {region_map.data.dtype}")
    ax = _axes(ax)
    axis = _the_axis(region_map, None)
    edges = axis.edges.value
    options: dict[str, Any] = {"color": "0.5", "alpha": 0.25, "linewidth": 0}
    if "facecolor" in kwargs or "fc" in kwargs:
        del options["color"]
    label = kwargs.pop("label", None)
    for first, last in masked_spans(region_map.data.ravel()):
        ax.axvspan(edges[first], edges[last], label=label, **(options | kwargs))
        label = None  # one entry in the legend for all ranges
    axis.format_plot_xaxis(ax)
    return ax


def plot_region(
    geom: RegionSky, ax: Any = None, kwargs_point: dict | None = None, path_effect: Any = None, **kwargs: Any
) -> Any:
    """See `RegionGeom.plot_region`."""
    region, wcs = geom._require_region()
    ax = _sky_axes(ax, wcs)
    # Pixel coordinates count from the centre of the first pixel, like those of an image.
    style = {"facecolor": "none", "edgecolor": "C0", "linewidth": 1.5} | kwargs
    if "fc" in kwargs:
        del style["facecolor"]
    if {"ec", "color"} & set(kwargs):
        del style["edgecolor"]
    if {"lw"} & set(kwargs):
        del style["linewidth"]
    point_style = {"marker": "+", "linestyle": "none", "color": style.get("edgecolor", "C0")} | (kwargs_point or {})
    for part in flatten_region(region):
        if is_point(part):
            pixel = part.to_pixel(ax.wcs).center
            (artist,) = ax.plot([pixel.x], [pixel.y], **point_style)
        else:
            artist = part.to_pixel(ax.wcs).as_artist(**style)
            ax.add_patch(artist)
        if path_effect is not None:
            artist.set_path_effects([path_effect])
    ax.autoscale_view()
    return ax


def _sky_axes(ax: Any, wcs: Any) -> Any:
    """Return sky axes: those given, the current ones if they have a projection, or new ones."""
    import matplotlib.pyplot as plt
    from astropy.visualization.wcsaxes import WCSAxes

    if ax is None:
        figure = plt.gcf()
        ax = figure.gca() if figure.axes and isinstance(figure.gca(), WCSAxes) else None
        if ax is None:
            # Sky axes in a figure that shows something else would lie on top of it.
            ax = (plt.figure() if figure.axes else figure).add_subplot(projection=wcs)
            ny, nx = wcs.array_shape or (1, 1)
            ax.set_xlim(-0.5, nx - 0.5)
            ax.set_ylim(-0.5, ny - 0.5)
            galactic = "GLON" in wcs.wcs.ctype[0]
            ax.set_xlabel("Galactic longitude [deg]" if galactic else "Right ascension [h:m:s]")
            ax.set_ylabel("Galactic latitude [deg]" if galactic else "Declination [deg]")
    if not isinstance(ax, WCSAxes):
        raise InputError("plot_region needs axes with a sky projection: plt.subplot(projection=geom.wcs)")
    return ax
