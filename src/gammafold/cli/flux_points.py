"""``gammafold flux-points``: the flux of a source in bins of energy."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import (
    energy_options,
    energy_range,
    make_folder,
    output_option,
    read_spectra,
    reference_option,
    say,
    spectra_argument,
    working,
)
from gammafold.cli.sources import flux_options, model_options, parse_edges, prepare_source, title_of

__all__ = ["command"]


@click.command("flux-points")
@spectra_argument
@model_options
@reference_option
@click.option("--bins", type=click.IntRange(min=1), default=8, show_default=True,
              help="Number of bins, of equal width in the logarithm of energy, where no edges are given.")  # fmt: skip
@flux_options("e2dnde")
@click.option("--reoptimize", is_flag=True, help="Fit the other free parameters again in every bin.")
@energy_options
@output_option("gammafold-flux-points", "Folder for the points (FITS, ECSV, JSON) and a figure (PNG).")
def command(
    pha: tuple[Path, ...],
    model: str,
    source: str | None,
    reference: str,
    bins: int,
    sed_type: str,
    energy_edges: str | None,
    n_sigma: float,
    n_sigma_ul: float,
    reoptimize: bool,
    energy_min: str | None,
    energy_max: str | None,
    ungrouped: bool,
    output: Path,
) -> None:
    """Fit a model, and estimate the flux in bins of energy.

    \b
    Examples:
      gammafold flux-points pha_obs*.fits
      gammafold flux-points pha_obs*.fits --energy-edges "1 2 5 10 TeV"
    """
    from gammafold.estimators import FluxPointsEstimator
    from gammafold.report.fit import data_table
    from gammafold.report.flux_points import fit_edges, flux_points_table, write_flux_points

    edges = None if energy_edges is None else parse_edges(energy_edges)
    make_folder(output)
    datasets = read_spectra(pha, group=not ungrouped)
    energy_range(datasets, energy_min, energy_max)
    name = prepare_source(datasets, model, reference, source)
    estimator = FluxPointsEstimator(
        energy_edges=fit_edges(datasets, bins) if edges is None else edges,
        source=name,
        n_sigma=n_sigma,
        n_sigma_ul=n_sigma_ul,
        selection_optional=["errn-errp", "ul", "scan"],
        reoptimize=reoptimize,
    )
    with working("estimating flux points"):
        points = estimator.run(datasets)
    say(data_table(datasets), flux_points_table(points, sed_type))
    written = write_flux_points(points, sed_type, title_of(name, datasets), output)
    say(*(f"wrote {path}" for path in written))
