"""Pieces that the plots of datasets are made of: steps, points, limits and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gammafold.maps.axis import MapAxis

__all__ = [
    "current_axes",
    "draw_legend",
    "draw_points",
    "draw_steps",
    "empty_figure",
    "fit_energies",
    "fit_heights",
    "fit_heights_around_zero",
    "shown_bins",
]

# How far beyond the bins to fit energies are shown.
MARGIN = 1.4
# Nothing below this is shown on a logarithmic axis of counts, if there are counts at all.
LEAST_COUNTS = 0.1


def current_axes(ax: Any) -> Any:
    """Return the axes given, or the current ones."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def empty_figure(figsize: tuple[float, float]) -> Any:
    """Return the current figure if nothing is on it, else a new one."""
    import matplotlib.pyplot as plt

    if plt.get_fignums():
        figure = plt.gcf()
        if not figure.axes and not figure.subfigs:
            return figure
    return plt.figure(figsize=figsize)


def draw_legend(ax: Any) -> None:
    """Explain what has a label: points first, then curves, then shaded ranges, each as they were drawn."""
    from matplotlib.container import ErrorbarContainer
    from matplotlib.patches import Rectangle

    def place(entry: tuple[Any, str]) -> int:
        return 0 if isinstance(entry[0], ErrorbarContainer) else 2 if isinstance(entry[0], Rectangle) else 1

    entries = sorted(zip(*ax.get_legend_handles_labels(), strict=True), key=place)
    if entries:
        handles, labels = zip(*entries, strict=True)
        ax.legend(handles, labels, frameon=False)


def draw_points(ax: Any, axis: MapAxis, values: np.ndarray, errors: np.ndarray | None, **style: Any) -> Any:
    """Draw a point with its bin and its error for each value; see `~matplotlib.axes.Axes.errorbar`."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    style = normalize_kwargs(style, Line2D)
    default: dict[str, Any] = {"color": "black", "markersize": 4, "elinewidth": 1.0, "zorder": 3}
    if "fmt" not in style:
        default |= {"marker": "o", "linestyle": "none"}
    center, edges = axis.center.value, axis.edges.value
    bars = {"xerr": np.array([center - edges[:-1], edges[1:] - center]), "yerr": errors}
    return ax.errorbar(center, values, **(bars | default | style))


def draw_steps(ax: Any, axis: MapAxis, values: np.ndarray, **style: Any) -> Any:
    """Draw one step for each value, and return its patch; see `~matplotlib.axes.Axes.hist`."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.patches import Patch

    style = {"histtype": "step", "linewidth": 1.5} | normalize_kwargs(style, Patch)
    _, _, patches = ax.hist(axis.center.value, bins=axis.edges.value, weights=values, **style)
    return patches[0]


def shown_bins(dataset: Any) -> np.ndarray:
    """Return the bins from the first to the last to fit, booleans of shape ``(n,)``; safe ones, or all, if none is."""
    chosen = next((bins for bins in (dataset.selected_bins(), dataset.safe_bins()) if bins.any()), None)
    inside = slice(None) if chosen is None else slice(np.argmax(chosen), len(chosen) - np.argmax(chosen[::-1]))
    bins = np.zeros(dataset.reco_energy_axis.nbin, dtype=bool)
    bins[inside] = True
    return bins


def fit_energies(ax: Any, axis: MapAxis, bins: np.ndarray, fresh: bool) -> None:
    """Show the energies of ``bins`` and a margin, and what was shown before unless the axes are ``fresh``."""
    axis.format_plot_xaxis(ax)
    edges = axis.edges.value
    inside = np.flatnonzero(bins)
    low = max(edges[inside[0]] / MARGIN, edges[0])
    high = min(edges[inside[-1] + 1] * MARGIN, edges[-1])
    ax.set_xlim(*_joined((low, high), ax.get_xlim(), fresh))


def fit_heights(ax: Any, values: list[np.ndarray], bins: np.ndarray, fresh: bool) -> None:
    """Make the axis of counts logarithmic and show all that is positive; linear if nothing is."""
    shown = np.concatenate([array[bins] for array in values])
    positive = shown[np.isfinite(shown) & (shown > 0)]
    if positive.size == 0:
        return
    was_log = ax.get_yscale() == "log"
    before = ax.get_ylim()
    ax.set_yscale("log", nonpositive="clip")
    # Predictions fall without end: they are followed to a tenth of a count, or over two decades.
    floor = min(LEAST_COUNTS, positive.max() / 100)
    limits = (max(positive.min(), floor) / 2, positive.max() * 3)
    ax.set_ylim(*_joined(limits, before, fresh or not was_log))


def fit_heights_around_zero(ax: Any, values: np.ndarray, errors: np.ndarray, bins: np.ndarray, fresh: bool) -> None:
    """Show values and errors on an axis that has zero in the middle."""
    reach = (np.abs(values) + errors)[bins]
    reach = reach[np.isfinite(reach)]
    most = 1.15 * reach.max() if reach.size and reach.max() > 0 else 1.0
    ax.set_ylim(*_joined((-most, most), ax.get_ylim(), fresh))


def _joined(new: tuple[float, float], old: tuple[float, float], fresh: bool) -> tuple[float, float]:
    return new if fresh else (min(new[0], old[0]), max(new[1], old[1]))
