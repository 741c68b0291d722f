"""Datasets drawn: counts, excess, fits, residuals, masks, and a quick look at everything.

Curves are steps over the bins, points carry error bars, and shaded ranges are those that a fit leaves out.
"""

from __future__ import annotations

from typing import Any

from gammafold.datasets import plot_sky, plot_spectrum

__all__ = ["DatasetPlots"]


class DatasetPlots:
    """The plots of a dataset on a region."""

    def plot_counts(
        self, ax: Any = None, kwargs_counts: Any = None, kwargs_background: Any = None, **kwargs: Any
    ) -> Any:
        """Plot counts, and background where there is one, as step histograms.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        kwargs_counts, kwargs_background : dict, optional
            Style of each histogram, as for `~matplotlib.axes.Axes.hist`.
        **kwargs
            Style of both.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_spectrum.plot_counts(self, ax, kwargs_counts, kwargs_background, **kwargs)

    def plot_excess(
        self, ax: Any = None, kwargs_excess: Any = None, kwargs_npred_signal: Any = None, **kwargs: Any
    ) -> Any:
        """Plot the excess with errors, and the predicted signal as a step histogram.

        The error of a bin is that of counts minus background: the root of ``counts + alpha^2 counts_off``, or of the
        counts where the background is known. Counts that have errors of their own have those.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        kwargs_excess : dict, optional
            Style of the points, as for `~matplotlib.axes.Axes.errorbar`.
        kwargs_npred_signal : dict, optional
            Style of the histogram, as for `~matplotlib.axes.Axes.hist`.
        **kwargs
            Style of both.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_spectrum.plot_excess(self, ax, kwargs_excess, kwargs_npred_signal, **kwargs)

    def plot_residuals(self, ax: Any = None, method: str = "diff", **kwargs: Any) -> Any:
        """Plot the residuals of all bins, with the errors that they have if the model is true.

        For a known background the variance of counts minus prediction is the prediction ``v``. Where the background
        ``b`` (in the on region) is profiled from off counts, the profile follows the counts and takes a part of the
        scatter with it: to first order the variance is ``v**2 / (v + s)`` with ``s`` that of the background,
        ``alpha b``, or from the errors of the off counts. With chi squared nothing is profiled, and the errors are
        those of the excess.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            See `residuals`.
        **kwargs
            Style, as for `~matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_spectrum.plot_residuals(self, ax, method, **kwargs)

    def plot_residuals_spectral(self, ax: Any = None, method: str = "diff", region: Any = None, **kwargs: Any) -> Any:
        """Plot the residuals of the bins inside the masks.

        Parameters
        ----------
        ax, method, **kwargs
            As for `plot_residuals`.
        region : region, optional
            A region that holds that of the dataset: a spectrum has no other.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        plot_sky.require_inside(self, region)
        return plot_spectrum.plot_residuals(self, ax, method, masked=True, **kwargs)

    def plot_residuals_spatial(
        self,
        ax: Any = None,
        method: str = "diff",
        smooth_kernel: str = "gauss",
        smooth_radius: Any = "0.1 deg",
        **kwargs: Any,
    ) -> Any:
        """Plot the region on the sky, coloured by the residual summed over the bins inside the masks.

        Parameters
        ----------
        ax : `~astropy.visualization.wcsaxes.WCSAxes`, optional
            Where to draw. Default: new axes with the projection of the region.
        method : {"diff", "diff/model", "diff/sqrt(model)"}
            See `residuals`; counts and predictions are summed first.
        smooth_kernel, smooth_radius
            Accepted; a region has nothing to smooth.
        **kwargs
            ``vmin``, ``vmax`` and ``cmap`` of the colours; further style of the patch.

        Returns
        -------
        ax : `~astropy.visualization.wcsaxes.WCSAxes`

        Raises
        ------
        InputError
            If the dataset has no region.
        """
        return plot_sky.plot_residuals_spatial(self, ax, method, smooth_kernel, **kwargs)

    def plot_fit(
        self,
        ax_spectrum: Any = None,
        ax_residuals: Any = None,
        kwargs_spectrum: Any = None,
        kwargs_residuals: Any = None,
    ) -> Any:
        """Plot excess and predicted signal, and the residuals below them.

        Parameters
        ----------
        ax_spectrum, ax_residuals : `~matplotlib.axes.Axes`, optional
            Both or none. Default: two panels, in ratio 5 to 2, in a new figure.
        kwargs_spectrum, kwargs_residuals : dict, optional
            Arguments of `plot_excess` and of `plot_residuals`.

        Returns
        -------
        ax_spectrum, ax_residuals : `~matplotlib.axes.Axes`
        """
        return plot_spectrum.plot_fit(self, ax_spectrum, ax_residuals, kwargs_spectrum, kwargs_residuals)

    def plot_masks(self, ax: Any = None, kwargs_fit: Any = None, kwargs_safe: Any = None) -> Any:
        """Shade the ranges outside ``mask_fit`` and outside ``mask_safe``.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw. Default: the current axes.
        kwargs_fit, kwargs_safe : dict, optional
            Style of the ranges, as for `~matplotlib.axes.Axes.axvspan`.

        Returns
        -------
        ax : `~matplotlib.axes.Axes`
        """
        return plot_spectrum.plot_masks(self, ax, kwargs_fit, kwargs_safe)

    def peek(self, fig: Any = None, figsize: tuple[float, float] | None = None) -> Any:
        """Plot counts, exposure and energy dispersion side by side.

        Parameters
        ----------
        fig : `~matplotlib.figure.Figure`, optional
            Default: the current figure if nothing is on it, else a new one. Two numbers are taken as ``figsize``.
        figsize : tuple of float, optional
            Width and height in inches of the figure that is made. Default: 15 by 4.2.

        Returns
        -------
        ax1, ax2, ax3 : `~matplotlib.axes.Axes`

        Raises
        ------
        InputError
            If both are given.
        """
        return plot_spectrum.peek(self, fig, figsize)
