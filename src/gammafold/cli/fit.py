"""``gammafold fit``: fit spectral models to spectra, and write what was found."""

from __future__ import annotations

from pathlib import Path

import click

from gammafold.cli.options import MODELS, energy_range, make_model, read_spectra, spectra_argument

__all__ = ["command", "fit_spectra"]


@click.command("fit")
@spectra_argument
@click.option("--model", "-m", "models", multiple=True, default=("power-law",), show_default=True,
              help=f"Spectral model, may be given several times: {', '.join(MODELS)}.")  # fmt: skip
@click.option("--reference", default="1 TeV", show_default=True, help="Reference energy of the models.")
@click.option("--energy-min", default=None, help="Fit whole bins above this energy, such as '300 GeV'.")
@click.option("--energy-max", default=None, help="Fit whole bins below this energy.")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), default=Path("gammafold-fit"),
              show_default=True, help="Folder for models (YAML), figures (PNG) and results (JSON).")  # fmt: skip
def command(
    pha: tuple[Path, ...],
    models: tuple[str, ...],
    reference: str,
    energy_min: str | None,
    energy_max: str | None,
    output: Path,
) -> None:
    """Fit spectra jointly with one or more spectral models.

    PHA files bring the responses and the backgrounds that they name.

    \b
    gammafold fit pha_obs*.fits --model power-law --model log-parabola --output results
    """
    fit_spectra(pha, models, reference, energy_min, energy_max, output)


def fit_spectra(
    paths: tuple[Path, ...],
    models: tuple[str, ...],
    reference: str,
    energy_min: str | None,
    energy_max: str | None,
    output: Path,
) -> None:
    """Read, fit, print and write."""
    from rich.console import Console

    from gammafold.report.fit import fit_models, fit_tables, write_fits
    from gammafold.utils.units import to_quantity

    console = Console()
    energy = to_quantity(reference, "TeV", "--reference")
    spectral = {name: make_model(name, energy) for name in models}
    datasets = read_spectra(paths)
    energy_range(datasets, energy_min, energy_max)
    results = fit_models(datasets, spectral)
    for table in fit_tables(datasets, results):
        console.print(table)
    for path in write_fits(datasets, results, output):
        console.print(f"wrote {path}", highlight=False)
    if not all(result.success for result in results.values()):
        raise click.ClickException("not every fit converged: see the table")
