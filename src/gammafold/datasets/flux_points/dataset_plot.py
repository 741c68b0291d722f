"""Flux points and the models that are fitted to them, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.datasets.plot_parts import (
    current_axes,
    draw_legend,
    draw_points,
    empty_figure,
    fit_heights_around_zero,
)
from gammafold.datasets.plot_spectrum import RESIDUAL_LABELS
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from gammafold.datasets.flux_points.dataset import FluxPointsDataset

__all__ = ["plot_fit", "plot_residuals", "plot_spectrum"]


def plot_spectrum(
    dataset: FluxPointsDataset,
    ax: Any = None,
    kwargs_fp: dict[str, Any] | None = None,
    kwargs_model: dict[str, Any] | None = None,
) -> Any:
    """Plot flux points, and each model with its error band where it has one.

    Parameters
    ----------
    dataset : FluxPointsDataset
        The dataset.
    ax : Axes, optional
        Where to draw.
    kwargs_fp : dict, optional
        Passed to `FluxPoints.plot`; "sed_type" and "energy_power" hold for the models too.
    kwargs_model : dict, optional
        Passed to `SpectralModel.plot`.
    """
    ax = current_axes(ax)
    style = {"color": "black", "label": "Flux points", "sed_type": "e2dnde", **(kwargs_fp or {})}
    kind, power = style.pop("sed_type"), style.pop("energy_power", 0)
    dataset.data.plot(ax, sed_type=kind, energy_power=power, **style)
    energy = dataset.data.energy_axis
    bounds = energy.edges[[0, -1]] if dataset.data.has_energy_bins else energy.center[[0, -1]]
    for number, model in enumerate(dataset.models or ()):
        if model.corrects_response:
            continue
        spectral = model.spectral_model
        own = {"color": f"C{number}", "label": model.name, **(kwargs_model or {})}
        spectral.plot(bounds, ax=ax, sed_type=kind, energy_power=power, **own)
        if any(parameter.error > 0 for parameter in spectral.parameters):
            # A band that reaches down to zero would leave the points little room.
            heights = ax.get_ylim()
            spectral.plot_error(bounds, ax=ax, sed_type=kind, energy_power=power, color=own["color"], alpha=0.2)
            ax.set_ylim(heights)
    draw_legend(ax)
    return ax


def plot_residuals(dataset: FluxPointsDataset, ax: Any = None, method: str = "diff", **kwargs: Any) -> Any:
    """Plot the residuals of the points that are no upper limits.

    Parameters
    ----------
    dataset : FluxPointsDataset
        The dataset.
    ax : Axes, optional
        Where to draw.
    method : {"diff", "diff/model", "diff/sqrt(model)"}
        See `FluxPointsDataset.residuals`.
    **kwargs
        Passed to `~matplotlib.axes.Axes.errorbar`.
    """
    residuals = dataset.residuals(method)
    points = dataset.data
    errors = np.full(residuals.shape, np.nan)
    if points.has("norm_errn") and points.has("norm_errp"):
        errors = 0.5 * (points.dnde_errn.data + points.dnde_errp.data)
    elif points.has("norm_err"):
        errors = points.dnde_err.data
    model = dataset.flux_pred().to_value(points.dnde.unit)
    scale = {"diff": np.ones_like(model), "diff/model": model, "diff/sqrt(model)": np.sqrt(model)}[method]
    heights, errors = residuals.value.reshape(-1), (errors / scale).reshape(-1)
    ax = current_axes(ax)
    fresh = not ax.has_data()
    shown = np.isfinite(heights)
    draw_points(ax, points.energy_axis, heights, np.where(shown, np.nan_to_num(errors), np.nan), **kwargs)
    ax.axhline(0, color="0.3", linewidth=0.8, zorder=1)
    points.energy_axis.format_plot_xaxis(ax)
    ax.set_xlabel(f"Energy [{points.energy_axis.unit}]")
    unit = f" [{residuals.unit.to_string('unicode')}]" if residuals.unit != "" else ""
    ax.set_ylabel(f"Residuals\n{RESIDUAL_LABELS[method]}{unit}")
    fit_heights_around_zero(ax, heights, np.nan_to_num(errors), shown, fresh)
    return ax


def plot_fit(
    dataset: FluxPointsDataset,
    ax_spectrum: Any = None,
    ax_residuals: Any = None,
    kwargs_spectrum: dict[str, Any] | None = None,
    kwargs_residuals: dict[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Plot points and models above their residuals.

    Parameters
    ----------
    dataset : FluxPointsDataset
        The dataset.
    ax_spectrum, ax_residuals : Axes, optional
        Where to draw: both, or none to have them made.
    kwargs_spectrum, kwargs_residuals : dict, optional
        Arguments of `plot_spectrum` and `plot_residuals`; the default method of the residuals is "diff/model".
    """
    if (ax_spectrum is None) != (ax_residuals is None):
        missing = "ax_spectrum" if ax_spectrum is None else "ax_residuals"
        raise InputError(f"plot_fit got no {missing}: pass both axes, or none to have them made")
    if ax_spectrum is None:
        ax_spectrum, ax_residuals = empty_figure((7, 6)).subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 2], "hspace": 0.06}
        )
    plot_spectrum(dataset, ax_spectrum, **(kwargs_spectrum or {}))
    plot_residuals(dataset, ax_residuals, **{"method": "diff/model", "color": "black", **(kwargs_residuals or {})})
    ax_spectrum.set_xlabel("")
    return ax_spectrum, ax_residuals
