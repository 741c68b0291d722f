"""Energy dispersion drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gammafold.irf.edisp_kernel import EDispKernel

__all__ = ["peek", "plot_bias", "plot_matrix"]


def _axes(ax: Any) -> Any:
    import matplotlib.pyplot as plt

    return plt.gca() if ax is None else ax


def plot_matrix(kernel: EDispKernel, ax: Any = None, add_cbar: bool = False, **kwargs: Any) -> Any:
    """Plot the matrix of an energy dispersion.

    Parameters
    ----------
    kernel : EDispKernel
        What to plot.
    ax : `~matplotlib.axes.Axes`, optional
        Where. Default: the current axes.
    add_cbar : bool
        Whether to add a colour bar.
    **kwargs
        Style, as for `~matplotlib.axes.Axes.pcolormesh`. The square root of the chance is coloured.
    """
    from matplotlib.colors import PowerNorm

    ax = _axes(ax)
    true, reco = kernel.energy_axis_true, kernel.energy_axis
    norm = None if {"norm", "vmin", "vmax"} & set(kwargs) else PowerNorm(gamma=0.5, vmin=0, vmax=1)
    style = {"cmap": "GnBu", "norm": norm, **kwargs}
    mesh = ax.pcolormesh(true.edges.value, reco.edges.value, kernel.data.T, **style)
    true.format_plot_xaxis(ax)
    reco.format_plot_yaxis(ax)
    ax.set_ylabel(f"Reconstructed energy [{reco.unit.to_string('unicode')}]")
    if add_cbar:
        ax.figure.colorbar(mesh, ax=ax, label="Probability")
    return ax


def plot_bias(kernel: EDispKernel, ax: Any = None, **kwargs: Any) -> Any:
    """Plot the bias of an energy dispersion over true energy."""
    return _plot_moment(kernel, kernel.get_bias, r"Bias of $(E - E_\mathrm{true}) / E_\mathrm{true}$", ax, **kwargs)


def plot_resolution(kernel: EDispKernel, ax: Any = None, **kwargs: Any) -> Any:
    """Plot the resolution of an energy dispersion over true energy."""
    return _plot_moment(kernel, kernel.get_resolution, r"Resolution of $E / E_\mathrm{true}$", ax, **kwargs)


def _plot_moment(kernel: EDispKernel, moment: Any, label: str, ax: Any, **kwargs: Any) -> Any:
    ax = _axes(ax)
    true = kernel.energy_axis_true
    # Where most events leave the axis the moments are those of the rest, and mislead.
    inside = kernel.data.sum(axis=1) > 0.5
    value = np.where(inside, moment(true.center), np.nan)
    ax.plot(true.center.value, value, **kwargs)
    true.format_plot_xaxis(ax)
    ax.set_ylabel(label)
    return ax


def peek(kernel: EDispKernel, figsize: tuple[float, float] = (12, 4)) -> Any:
    """Plot bias, resolution and matrix side by side."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=figsize, layout="constrained")
    plot_bias(kernel, axes[0])
    plot_resolution(kernel, axes[1])
    plot_matrix(kernel, axes[2], add_cbar=True)
    return figure.axes[:3]
