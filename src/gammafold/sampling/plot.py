"""Plots of posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gammafold.utils.optional import require_package

if TYPE_CHECKING:
    from gammafold.sampling.result import SamplingResult

__all__ = ["plot_corner"]


def plot_corner(result: SamplingResult, fig: Any = None, truths: Sequence[float] | None = None, **kwargs: Any) -> Any:
    """Plot all pairs of parameters; see `SamplingResult.plot_corner`."""
    require_package("corner", "sampling")
    import corner
    import numpy as np

    # Fluxes have exponents like -11, which no axis label should repeat at every tick.
    power = np.floor(np.log10(np.maximum(np.abs(result.median), 1e-300)))
    power = np.where(np.abs(power) < 4, 0, power)
    labels = [
        _label(name, unit, int(exponent))
        for name, unit, exponent in zip(result.names, result.units, power, strict=True)
    ]
    style: dict[str, Any] = {
        "labels": labels,
        "quantiles": [0.16, 0.5, 0.84],
        "show_titles": True,
        "title_kwargs": {"fontsize": 9},
        "label_kwargs": {"fontsize": 9},
        "levels": [1 - np.exp(-0.5), 1 - np.exp(-2.0)],
        "smooth": 0.7,
        "color": "C0",
    }
    scale = 10.0**power
    marks = None if truths is None else [float(value) / size for value, size in zip(truths, scale, strict=True)]
    return corner.corner(result.samples / scale, fig=fig, truths=marks, **(style | kwargs))


def _label(name: str, unit: str, exponent: int) -> str:
    import astropy.units as u

    short = name.rsplit(".", 1)[-1] if name.count(".") < 2 else f"{name.split('.')[0]} {name.rsplit('.', 1)[-1]}"
    written = "" if not unit else u.Unit(unit).to_string("latex_inline")
    factor = "" if exponent == 0 else f"$10^{{{exponent}}}$ "
    inside = (factor + written).strip()
    return f"{short}\n[{inside}]" if inside else short
