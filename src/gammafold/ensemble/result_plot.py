"""Plots of ensembles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from scipy.stats import norm

if TYPE_CHECKING:
    from gammafold.ensemble.result import EnsembleResult

__all__ = ["peek", "plot_pulls", "plot_values"]

_RANGE = 4.5


def _panels(axes: Any, count: int) -> list[Any]:
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(1, count, figsize=(3.6 * count, 3.0), layout="constrained", squeeze=False)
    return list(np.ravel(axes))


def _scaled(values: Any, truth: float, name: str, unit: str) -> tuple[Any, float, str]:
    """Return values without their power of ten, that power, and a label that has it."""
    size = abs(truth)
    power = int(np.floor(np.log10(size))) if size > 0 else 0
    power = power if abs(power) > 3 else 0
    of = " ".join(part for part in (f"$10^{{{power}}}$" if power else "", u.Unit(unit).to_string("unicode")) if part)
    return values / 10.0**power, 10.0**power, f"{name} [{of}]" if of else name


def plot_pulls(result: EnsembleResult, axes: Any = None) -> Any:
    """Plot the pulls: see `EnsembleResult.plot_pulls`."""
    panels = _panels(axes, len(result.names))
    edges = np.linspace(-_RANGE, _RANGE, 46)
    x = np.linspace(-_RANGE, _RANGE, 300)
    for i, (ax, row) in enumerate(zip(panels, result.summary(), strict=True)):
        pulls = result.pulls[np.isfinite(result.pulls[:, i]), i]
        # What lies outside is shown in the outermost bins, not dropped.
        ax.hist(np.clip(pulls, -_RANGE, _RANGE), edges, density=True, color="C0", alpha=0.5)
        ax.plot(x, norm.pdf(x), color="k", lw=1)
        ax.set_xlabel(f"pull of {row['parameter']}")
        ax.set_title(f"mean {row['pull_mean']:.3f}, width {row['pull_width']:.3f}", fontsize=9)
    panels[0].set_ylabel("density")
    return panels


def plot_values(result: EnsembleResult, axes: Any = None) -> Any:
    """Plot the best values: see `EnsembleResult.plot_values`."""
    panels = _panels(axes, len(result.names))
    for i, (ax, row) in enumerate(zip(panels, result.summary(), strict=True)):
        values, scale, label = _scaled(result.values[result.success, i], row["truth"], row["parameter"], row["unit"])
        if len(values):
            low, high = np.percentile(values, [0.25, 99.75])
            ax.hist(np.clip(values, low, high), 50, color="C0", alpha=0.5)
        ax.axvline(row["truth"] / scale, color="k", lw=1, label="truth")
        ax.axvline(row["mean"] / scale, color="C3", lw=1, ls="--", label="mean")
        ax.set_xlabel(label)
    panels[0].set_ylabel("realisations")
    panels[0].legend(fontsize=8)
    return panels


def peek(result: EnsembleResult) -> Any:
    """Plot everything: see `EnsembleResult.peek`."""
    import matplotlib.pyplot as plt

    count = len(result.names)
    figure, axes = plt.subplots(2, count + 1, figsize=(3.3 * (count + 1), 5.6), layout="constrained", squeeze=False)
    plot_values(result, axes[0, :count])
    plot_pulls(result, axes[1, :count])
    stat = result.stat[result.success]
    axes[0, count].hist(stat, 50, color="C0", alpha=0.5)
    axes[0, count].set_xlabel("statistic")
    counts = result.rows.counts
    # Bins that each hold equally many integers.
    step = max(1, int(np.ceil((counts.max() - counts.min() + 1) / 50)))
    axes[1, count].hist(counts, np.arange(counts.min() - 0.5, counts.max() + step + 0.5, step), color="C0", alpha=0.5)
    axes[1, count].set_xlabel("counts")
    figure.suptitle(f"{len(result)} realisations, {result.n_success} converged")
    return figure
