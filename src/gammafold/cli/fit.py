"""``gammafold fit``: fit spectral models to spectra, and write what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gammafold.cli.options import (
    MODELS,
    energy_options,
    energy_range,
    is_models_file,
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

if TYPE_CHECKING:
    import astropy.units as u

    from gammafold.datasets import Datasets
    from gammafold.modeling import FitResult

__all__ = ["command", "fit_spectra"]


@click.command("fit")
@spectra_argument
@click.option("--model", "-m", "models", multiple=True, default=("power-law",), show_default=True,
              help=f"Spectral model ({', '.join(MODELS)}), or a YAML file of models, fitted from where its parameters "
                   "stand. May be given several times.")  # fmt: skip
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

    A YAML file holds any models, such as absorbed ones: Models([...]).write("my-models.yaml").

    \b
    Examples:
      gammafold fit pha_obs*.fits --model power-law --model log-parabola
      gammafold fit pha_obs*.fits --model my-models.yaml
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
    from gammafold.report.fit import fit_tables, write_fits

    named = {Path(model).stem if is_models_file(model) else model: model for model in models}
    if len(named) < len(models):
        raise InputError(f"--model was given twice: {', '.join(models)}")
    for model in models:
        _check_model(model, reference)  # what is wrong is told before any work is done
    files = [f"{name}{ending}" for name in named for ending in (".yaml", "_covariance.dat", ".png")]
    make_folder(output, [*files, "results.json"], overwrite)
    datasets = read_spectra(paths, group=not ungrouped)
    energy_range(datasets, energy_min, energy_max, partial_bins)
    energy = reference_energy(reference, datasets)
    results = {name: _fit(datasets, name, named[name], energy) for name in progress(named, "fitting")}
    say(*fit_tables(datasets, results))
    say(*(f"wrote {path}" for path in write_fits(datasets, results, output)))
    if not all(result.success for result in results.values()):
        raise click.ClickException("not every fit converged: see the table")


def _check_model(model: str, reference: str | None) -> None:
    from gammafold.modeling.models import Models

    if is_models_file(model):
        Models.read(model)
    else:
        make_model(model, reference_energy(reference))


def _fit(datasets: Datasets, name: str, model: str, energy: u.Quantity) -> FitResult:
    from gammafold.modeling.models import Models
    from gammafold.report.fit import fit_model, fit_models

    if is_models_file(model):
        return fit_models(datasets, Models.read(model))
    return fit_model(datasets, name, make_model(name, energy))
