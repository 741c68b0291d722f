"""``gammafold flux-points``: the flux of a source in bins of energy."""

from __future__ import annotations

import click

from gammafold.cli.options import say, working
from gammafold.cli.sources import Analysis, analysis_options

__all__ = ["command"]


@click.command("flux-points")
@analysis_options("e2dnde", "gammafold-flux-points", "Folder for the points (FITS, ECSV, JSON) and a figure (PNG).")
@click.option("--bins", type=click.IntRange(min=1), default=8, show_default=True,
              help="Number of bins, of equal width in the logarithm of energy, where no edges are given.")  # fmt: skip
def command(analysis: Analysis, bins: int) -> None:
    """Fit a model, and estimate the flux in bins of energy.

    \b
    Examples:
      gammafold flux-points pha_obs*.fits
      gammafold flux-points pha_obs*.fits --energy-edges "1 2 5 10 TeV"
    """
    from gammafold.estimators import FluxPointsEstimator
    from gammafold.report.fit import data_table
    from gammafold.report.flux_points import flux_points_table, write_flux_points

    datasets = analysis.read("flux-points")
    source = analysis.fit(datasets)
    settings = analysis.settings(datasets, source, bins)
    estimator = FluxPointsEstimator(selection_optional=["errn-errp", "ul", "scan"], **settings)
    with working("estimating flux points"):
        points = estimator.run(datasets)
    say(data_table(datasets), flux_points_table(points, analysis.sed_type))
    written = write_flux_points(points, analysis.sed_type, analysis.title(datasets, source), analysis.output)
    say(*(f"wrote {path}" for path in written))
