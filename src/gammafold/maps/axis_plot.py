"""How axes show on plots: scale, label, tick positions and error bars."""

from __future__ import annotations

from typing import Any

import astropy.units as u

__all__ = ["AxisPlot"]

#: Names that are told in words on plots.
_LABELS = {"energy": "Energy", "energy_true": "True energy"}


class AxisPlot:
    """What plots ask of an axis that has a name, edges, centres and a scale."""

    name: str
    unit: Any
    interp: str
    edges: u.Quantity
    center: u.Quantity

    @property
    def as_plot_scale(self) -> str:
        """Scale of a matplotlib axis."""
        return {"lin": "linear", "log": "log", "sqrt": "linear"}[self.interp]

    @property
    def as_plot_center(self) -> u.Quantity:
        """Where points are drawn."""
        return self.center

    @property
    def as_plot_edges(self) -> u.Quantity:
        """Where bins are drawn."""
        return self.edges

    @property
    def as_plot_xerr(self) -> tuple[u.Quantity, u.Quantity]:
        """Distances from the centres to the lower and the upper edges."""
        return self.center - self.edges[:-1], self.edges[1:] - self.center

    @property
    def as_plot_labels(self) -> list[str]:
        """One label for each bin: its range for bins by edges, its centre otherwise."""
        if getattr(self, "node_type", "edges") == "center":
            return [f"{value:.2e}" for value in self.center]
        return [f"{low:.2e} - {high:.2e}" for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]

    @property
    def use_center_as_plot_labels(self) -> bool:
        """Whether labels tell the centres."""
        return getattr(self, "node_type", "edges") == "center"

    @property
    def plot_label(self) -> str:
        """Text for a matplotlib axis, with the unit."""
        text = _LABELS.get(self.name, self.name.replace("_", " ").capitalize())
        unit = u.Unit(self.unit).to_string("unicode")
        return f"{text} [{unit}]" if unit else text

    def format_plot_xaxis(self, ax: Any) -> Any:
        """Set scale and label of the horizontal axis of a plot, and return the plot."""
        ax.set_xscale(self.as_plot_scale)
        ax.set_xlabel(self.plot_label)
        return ax

    def format_plot_yaxis(self, ax: Any) -> Any:
        """Set scale and label of the vertical axis of a plot, and return the plot."""
        ax.set_yscale(self.as_plot_scale)
        ax.set_ylabel(self.plot_label)
        return ax
