"""``gammafold fit``: fit spectral models to spectra, and write what was found."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import (
    MODELS,
    energy_options,
    energy_range,
    make_folder,
    make_model,
    output_option,
    progress,
    read_spectra,
    reference_energy,
    reference_option,
    say,
    spectra_argument,
)
from gammafold.utils.errors import InputError

__all__ = ["command", "fit_spectra"]


@click.command("fit")
@spectra_argument
@click.option("--model", "-m", "models", multiple=True, default=("power-law",), show_default=True,
              help=f"Spectral model, may be given several times: {', '.join(MODELS)}.")  # fmt: skip
@reference_option
@energy_options
@output_option("gammafold-fit", "Folder for models (YAML), figures (PNG) and results (JSON).")
def command(
    pha: tuple[Path, ...],
    models: tuple[str, ...],
    reference: str | None,
    energy_min: str | None,
    energy_max: str | None,
    partial_bins: bool,
    ungrouped: bool,
    output: Path,
    overwrite: bool,
) -> None:
    """Fit spectra jointly with one or more spectral models.

    PHA files bring the responses and the backgrounds that they name. For X-ray spectra "--partial-bins" is usual.

    \b
    Examples:
      gammafold fit pha_obs*.fits --model power-law --model log-parabola
      gammafold fit pha_obs23523.fits --energy-min "1 TeV" --output results
    """
    fit_spectra(pha, models, reference, energy_min, energy_max, partial_bins, ungrouped, output, overwrite)


def fit_spectra(
    paths: tuple[Path, ...],
    models: tuple[str, ...],
    reference: str | None = None,
    energy_min: str | None = None,
    energy_max: str | None = None,
    partial_bins: bool = False,
    ungrouped: bool = False,
    output: Path = Path("gammafold-fit"),
    overwrite: bool = False,
) -> None:
    """Read, fit, print and write."""
    from gammafold.report.fit import fit_model, fit_tables, write_fits

    if len(set(models)) < len(models):
        raise InputError(f"--model was given twice: {', '.join(models)}")
    for name in models:
        make_model(name, reference_energy(reference))  # what is wrong is told before any work is done
    files = [f"{name}{ending}" for name in models for ending in (".yaml", "_covariance.dat", ".png")]
    make_folder(output, [*files, "results.json"], overwrite)
    datasets = read_spectra(paths, group=not ungrouped)
    energy_range(datasets, energy_min, energy_max, partial_bins)
    energy = reference_energy(reference, datasets)
    results = {name: fit_model(datasets, name, make_model(name, energy)) for name in progress(models, "fitting")}
    say(*fit_tables(datasets, results))
    say(*(f"wrote {path}" for path in write_fits(datasets, results, output)))
    if not all(result.success for result in results.values()):
        raise click.ClickException("not every fit converged: see the table")
