"""Counts, excess and residuals of a dataset drawn against energy; see `DatasetPlots` for what each shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.derive import explicit_edisp
from gammafold.datasets.folding import split_models
from gammafold.datasets.operations import residuals_map
from gammafold.datasets.plot_parts import (
    current_axes,
    draw_legend,
    draw_points,
    draw_steps,
    empty_figure,
    fit_energies,
    fit_heights,
    fit_heights_around_zero,
    shown_bins,
)
from gammafold.datasets.statistics import CHI2
from gammafold.irf.edisp_map import EDispKernelMap
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "peek",
    "plot_counts",
    "plot_excess",
    "plot_fit",
    "plot_masks",
    "plot_residuals",
    "residual_error",
    "summed_residual",
]

RESIDUAL_LABELS = {
    "diff": "data − model",
    "diff/model": "(data − model) / model",
    "diff/sqrt(model)": r"(data − model) / $\sqrt{\mathrm{model}}$",
}
# Width and height of a quick look, in inches.
PEEK_SIZE = (15.0, 4.2)
MASK_STYLES: dict[str, dict[str, Any]] = {
    "mask_safe": {"label": "not safe", "facecolor": "0.6", "edgecolor": "none", "alpha": 0.25, "zorder": 0},
    "mask_fit": {
        "label": "not fitted",
        "facecolor": "none",
        "edgecolor": "0.6",
        "hatch": "////",
        "linewidth": 0,
        "zorder": 0,
    },
}


def plot_counts(
    dataset: Any,
    ax: Axes | None = None,
    kwargs_counts: dict[str, Any] | None = None,
    kwargs_background: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Axes:
    """See `DatasetPlots.plot_counts`."""
    counts = _counts(dataset)
    ax = current_axes(ax)
    fresh, axis = not ax.has_data(), dataset.reco_energy_axis
    style = {"label": "Counts", "color": "black"} | kwargs | (kwargs_counts or {})
    steps = draw_steps(ax, axis, counts, **style)
    errors = np.sqrt(_variance(dataset, "counts"))
    draw_points(ax, axis, counts, errors, fmt="none", ecolor=steps.get_edgecolor(), xerr=None)
    drawn = [counts]
    background = dataset.stackable_background()
    if background is not None:
        drawn.append(background.data.reshape(-1))
        style = {"label": "Background", "color": "C0"} | kwargs | (kwargs_background or {})
        draw_steps(ax, axis, drawn[-1], **style)
    return _finish(dataset, ax, drawn, fresh)


def plot_excess(
    dataset: Any,
    ax: Axes | None = None,
    kwargs_excess: dict[str, Any] | None = None,
    kwargs_npred_signal: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Axes:
    """See `DatasetPlots.plot_excess`."""
    counts = _counts(dataset)
    ax = current_axes(ax)
    fresh, axis = not ax.has_data(), dataset.reco_energy_axis
    background = dataset.stackable_background()
    excess = counts if background is None else counts - background.data.reshape(-1)
    errors = np.sqrt(_variance(dataset, "counts") + _background_variance(dataset))
    style = {"label": "Counts" if background is None else "Excess"} | kwargs | (kwargs_excess or {})
    draw_points(ax, axis, excess, errors, **style)
    drawn = [excess]
    if split_models(dataset.models or ())[0]:
        drawn.append(dataset.npred_signal().data.reshape(-1))
        style = {"label": "Predicted signal", "color": "C1", "zorder": 2} | kwargs | (kwargs_npred_signal or {})
        draw_steps(ax, axis, drawn[-1], **style)
    return _finish(dataset, ax, drawn, fresh)


def plot_residuals(
    dataset: Any,
    ax: Axes | None = None,
    method: str = "diff",
    masked: bool = False,
    legend: bool = True,
    **kwargs: Any,
) -> Axes:
    """See `DatasetPlots.plot_residuals`; ``masked`` leaves out what is outside the masks."""
    values = dataset.residuals(method).data.reshape(-1)
    npred = dataset.npred().data.reshape(-1)
    errors = _scaled(_difference_error(dataset, npred), npred, method)
    ax = current_axes(ax)
    fresh, axis = not ax.has_data(), dataset.reco_energy_axis
    keep = dataset.selected_bins() if masked else np.ones(axis.nbin, dtype=bool)
    draw_points(ax, axis, np.where(keep, values, np.nan), np.where(keep, errors, np.nan), **kwargs)
    ax.axhline(0, color="0.3", linewidth=0.8, zorder=1)
    plot_masks(dataset, ax)
    if legend:
        draw_legend(ax)
    ax.set_ylabel(f"Residuals\n{RESIDUAL_LABELS[method]}")
    bins = shown_bins(dataset)
    fit_energies(ax, axis, bins, fresh)
    fit_heights_around_zero(ax, values, errors, bins & keep, fresh)
    return ax


def plot_fit(
    dataset: Any,
    ax_spectrum: Axes | None = None,
    ax_residuals: Axes | None = None,
    kwargs_spectrum: dict[str, Any] | None = None,
    kwargs_residuals: dict[str, Any] | None = None,
) -> tuple[Axes, Axes]:
    """See `DatasetPlots.plot_fit`."""
    if (ax_spectrum is None) != (ax_residuals is None):
        missing = "ax_spectrum" if ax_spectrum is None else "ax_residuals"
        raise InputError(f"plot_fit got no {missing}: pass both axes, or none to have them made")
    _counts(dataset)
    if ax_spectrum is None or ax_residuals is None:
        ax_spectrum, ax_residuals = empty_figure((7, 6)).subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 2], "hspace": 0.06}
        )
    plot_excess(dataset, ax_spectrum, **(kwargs_spectrum or {}))
    plot_residuals(dataset, ax_residuals, **({"legend": False} | (kwargs_residuals or {})))
    if ax_spectrum.get_shared_x_axes().joined(ax_spectrum, ax_residuals):
        ax_spectrum.tick_params(labelbottom=False, which="both")
        ax_spectrum.set_xlabel("")
    return ax_spectrum, ax_residuals


def plot_masks(
    dataset: Any,
    ax: Axes | None = None,
    kwargs_fit: dict[str, Any] | None = None,
    kwargs_safe: dict[str, Any] | None = None,
) -> Axes:
    """See `DatasetPlots.plot_masks`."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.patches import Patch

    ax = current_axes(ax)
    fresh = not ax.has_data()
    labels = ax.get_legend_handles_labels()[1]
    for part, given in (("mask_safe", kwargs_safe), ("mask_fit", kwargs_fit)):
        mask = getattr(dataset, part)
        if mask is None:
            continue
        given = normalize_kwargs(given or {}, Patch)
        colors = {"facecolor", "edgecolor"} if "color" in given else set()
        style = {key: value for key, value in MASK_STYLES[part].items() if key not in colors} | given
        if style["label"] in labels:
            style["label"] = None  # several datasets on the same axes share the entry
        mask.plot_mask(ax, **style)
    if fresh:
        # On a plot of their own the ranges are shown against the whole axis, and explained.
        axis = dataset.reco_energy_axis
        fit_energies(ax, axis, np.ones(axis.nbin, dtype=bool), fresh)
        draw_legend(ax)
    return ax


def peek(dataset: Any, fig: Any = None, figsize: tuple[float, float] | None = None) -> tuple[Axes, Axes, Axes]:
    """See `DatasetPlots.peek`."""
    if isinstance(fig, tuple | list):
        fig, figsize = None, (float(fig[0]), float(fig[1]))
    if fig is None:
        fig = empty_figure(PEEK_SIZE)
        if figsize is not None:
            fig.set_size_inches(figsize)
    elif not hasattr(fig, "subplots"):
        raise InputTypeError(f"fig is {fig!r}: expected a matplotlib figure")
    elif figsize is not None:
        raise InputError("peek got fig and figsize: the figure has its size already")
    first, second, third = fig.subplots(1, 3, gridspec_kw={"wspace": 0.35})
    if dataset.counts is None:
        _say(first, "no counts")
    else:
        plot_counts(dataset, first)
    _peek_response(dataset, second, third)
    for ax, title in ((first, "Counts"), (second, "Exposure"), (third, "Energy dispersion")):
        ax.set_title(title)
    return first, second, third


def _peek_response(dataset: Any, ax_exposure: Axes, ax_edisp: Axes) -> None:
    exposure = dataset.exposure
    if exposure is None:
        _say(ax_exposure, "no exposure")
    else:
        axis, values = exposure.geom.axes["energy_true"], exposure.data.reshape(-1)
        draw_steps(ax_exposure, axis, values, color="C0")
        every = np.ones(axis.nbin, dtype=bool)
        fit_energies(ax_exposure, axis, every, fresh=True)
        fit_heights(ax_exposure, [values], every, fresh=True)
        ax_exposure.set_ylabel(f"Exposure [{exposure.unit.to_string('unicode')}]")
    known = isinstance(dataset.edisp, EDispKernelMap) or "geom" in dataset.geoms
    edisp = explicit_edisp(dataset) if known else None
    if edisp is None:
        _say(ax_edisp, "no energy dispersion")
    else:
        edisp.get_edisp_kernel().plot_matrix(ax_edisp, add_cbar=True)


def residual_error(npred: np.ndarray, background_variance: np.ndarray | float) -> np.ndarray:
    """Return the standard deviation of counts minus prediction where the model is true.

    Parameters
    ----------
    npred : ndarray
        Predicted counts, signal and background.
    background_variance : ndarray or float
        Variance of the measured background in the on region, if it is profiled; 0 for one that is known.

    Returns
    -------
    sigma : ndarray
        ``v / sqrt(v + background_variance)`` with ``v = npred``, see `DatasetPlots.plot_residuals`; 0 where
        nothing is predicted.

    Examples
    --------
    >>> residual_error(np.array([4.0, 0.0]), 0.0)
    array([2., 0.])
    """
    expected = np.maximum(npred, 0.0)
    spread = np.sqrt(expected + background_variance)
    return np.divide(expected, spread, out=np.zeros_like(expected), where=spread > 0)


def summed_residual(dataset: Any, method: str) -> tuple[float, float]:
    """Return the residual of counts and prediction summed inside both masks, and its standard deviation."""
    _counts(dataset)
    keep = dataset.selected_bins()
    image = dataset.geom.to_image()
    npred = dataset.npred().data.reshape(-1)
    counts, predicted = (
        RegionNDMap(image, data=np.full(image.data_shape, values[keep].sum())) for values in (_counts(dataset), npred)
    )
    value = residuals_map(counts, predicted, method).data.item()
    sigma = np.sqrt(np.sum(_difference_error(dataset, npred)[keep] ** 2, keepdims=True))
    return value, float(_scaled(sigma, predicted.data.reshape(-1), method)[0])


def _difference_error(dataset: Any, npred: np.ndarray) -> np.ndarray:
    if dataset.stat_type in CHI2:
        # The background is subtracted, not profiled: the errors are those of the data.
        return np.sqrt(_variance(dataset, "counts") + _background_variance(dataset))
    if not _is_measured(dataset):
        return residual_error(npred, 0.0)
    if dataset.counts_off_error is not None:
        return residual_error(npred, _background_variance(dataset))
    expected = np.maximum(dataset.npred_background().data.reshape(-1), 0.0)
    return residual_error(npred, dataset.alpha.data.reshape(-1) * expected)


def _scaled(sigma: np.ndarray, npred: np.ndarray, method: str) -> np.ndarray:
    """Return the error of the residual from that of the difference; 0 where nothing is predicted."""
    expected = np.maximum(npred, 0.0)
    divisor = {"diff": np.ones_like(npred), "diff/model": expected, "diff/sqrt(model)": np.sqrt(expected)}[method]
    return np.divide(sigma, divisor, out=np.zeros_like(sigma), where=divisor > 0)


def _is_measured(dataset: Any) -> bool:
    """Return True if the background comes from off counts."""
    return "counts_off" in dataset.summed_parts and dataset.background is not None


def _background_variance(dataset: Any) -> np.ndarray | float:
    """Return the variance of the background subtracted, ``alpha**2`` of the off counts'; 0 for a known background."""
    if not _is_measured(dataset):
        return 0.0
    return np.asarray(dataset.alpha.data.reshape(-1) ** 2 * _variance(dataset, "counts_off"))


def _variance(dataset: Any, part: str) -> np.ndarray:
    """Return the variance of counts or off counts: the square of their errors, or the counts themselves."""
    error = getattr(dataset, f"{part}_error")
    if error is not None:
        return np.asarray(error.data, dtype=float).reshape(-1) ** 2
    return np.asarray(getattr(dataset, part).data, dtype=float).reshape(-1)


def _counts(dataset: Any) -> np.ndarray:
    if dataset.counts is None:
        raise InputError(f"dataset {dataset.name!r} has no counts: there is nothing to plot")
    dataset.check_parts()
    return np.asarray(dataset.counts.data, dtype=float).reshape(-1)


def _finish(dataset: Any, ax: Axes, drawn: list[np.ndarray], fresh: bool) -> Axes:
    plot_masks(dataset, ax)
    bins = shown_bins(dataset)
    fit_energies(ax, dataset.reco_energy_axis, bins, fresh)
    fit_heights(ax, drawn, bins, fresh)
    ax.set_ylabel("Counts per bin")
    draw_legend(ax)
    return ax


def _say(ax: Axes, text: str) -> None:
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color="0.4")
    ax.set_xticks([])
    ax.set_yticks([])
