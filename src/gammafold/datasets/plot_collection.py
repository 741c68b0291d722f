"""All members of a collection on the same axes, each in its colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gammafold.datasets.plot_parts import current_axes, draw_legend
from gammafold.utils.errors import InputError

__all__ = ["CollectionPlots"]


class CollectionPlots:
    """The plots of datasets together."""

    def plot_counts(self, ax: Any = None, **kwargs: Any) -> Any:
        """Plot the counts of all members as step histograms, and their backgrounds as pale ones.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        **kwargs
            Style of all histograms, as for `~matplotlib.axes.Axes.hist`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`

        Raises
        ------
        InputError
            If there is no member, or one has no counts.

        Examples
        --------
        >>> from gammafold.datasets import Datasets, SpectrumDatasetOnOff
        >>> from gammafold.samples import sample_files
        >>> ax = Datasets(SpectrumDatasetOnOff.read(path) for path in sample_files("crab-hess")).plot_counts()
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['23523', '23526', '23559', '23592', 'not safe']
        """
        ax = current_axes(ax)
        for dataset, color in self._coloured("plot_counts"):
            pale = {"color": color, "alpha": 0.4, "label": None}
            dataset.plot_counts(ax, {"color": color, "label": dataset.name}, pale, **kwargs)
        draw_legend(ax)
        return ax

    def plot_excess(self, ax: Any = None, **kwargs: Any) -> Any:
        """Plot the excess of all members with errors, and the signals predicted for them; see `plot_counts`."""
        ax = current_axes(ax)
        for dataset, color in self._coloured("plot_excess"):
            signal = {"color": color, "label": None}
            dataset.plot_excess(ax, {"color": color, "label": dataset.name}, signal, **kwargs)
        draw_legend(ax)
        return ax

    def plot_residuals(self, ax: Any = None, method: str = "diff", **kwargs: Any) -> Any:
        """Plot the residuals of all members with errors; see `plot_counts`.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            As for the residuals of a dataset.
        **kwargs
            Style, as for `~matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        ax = current_axes(ax)
        for dataset, color in self._coloured("plot_residuals"):
            dataset.plot_residuals(ax, method, **({"color": color, "label": dataset.name} | kwargs))
        draw_legend(ax)
        return ax

    def _coloured(self, plot: str) -> Iterator[tuple[Any, str]]:
        """Give the members, each with a colour of the cycle."""
        members: list[Any] = list(self)  # type: ignore[call-overload]
        if not members:
            raise InputError("no datasets: there is nothing to plot")
        for number, dataset in enumerate(members):
            if not hasattr(dataset, plot):
                raise InputError(f"dataset {dataset.name!r} is a {type(dataset).__name__}: it has no {plot}")
            yield dataset, f"C{number % 10}"
