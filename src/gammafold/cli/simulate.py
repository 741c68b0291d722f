"""``gammafold simulate``: simulate spectra from a model and fit them, to see what errors and biases are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gammafold.cli.cluster import cluster_of, workers_option
from gammafold.cli.options import MODELS, make_folder, output_option, positive_energy, reference_option, say

__all__ = ["command"]


@click.command("simulate")
@click.argument("source", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--number", "-n", type=click.IntRange(min=1), default=1000, show_default=True,
              help="Spectra to simulate and fit.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed: the same numbers every time.")
@workers_option
@click.option("--model", "-m", default="power-law", show_default=True,
              help=f"Model that is fitted to spectra, to be the truth: {', '.join(MODELS)}.")  # fmt: skip
@reference_option
@output_option("gammafold-simulate", "Folder for all fits (FITS), a summary (ECSV) and a figure (PNG).")
def command(
    source: tuple[Path, ...],
    number: int,
    seed: int | None,
    workers: int,
    model: str,
    reference: str,
    output: Path,
) -> None:
    """Simulate spectra and fit each of them: biases, errors, coverage.

    SOURCE is a YAML file that names datasets (PHA files) and models, or PHA files, whose best fit with --model is
    then the truth.

    \b
    Examples:
      gammafold simulate pha_obs23523.fits -n 10000 --seed 1 --workers 4
      gammafold simulate crab.yaml -n 1000
    where crab.yaml holds
      datasets: [pha_obs23523.fits, pha_obs23526.fits]
      models: gammafold-fit/power-law.yaml
    """
    from gammafold.ensemble import simulate_and_fit
    from gammafold.report.simulate import ensemble_tables, write_ensemble

    make_folder(output)
    datasets, options = _read(source, model, reference)
    with cluster_of(workers) as client:
        result = simulate_and_fit(datasets, number, seed, client=client, **options)
    say(*ensemble_tables(result))
    say(*(f"wrote {path}" for path in write_ensemble(result, output)))


def _read(source: tuple[Path, ...], model: str, reference: str) -> tuple[Any, dict[str, Any]]:
    from gammafold.cli.options import make_model, read_spectra
    from gammafold.report.fit import fit_model
    from gammafold.report.simulate import read_config
    from gammafold.utils.errors import FitError, InputError

    configs = [path for path in source if path.suffix in (".yaml", ".yml")]
    if configs:
        if len(source) > 1:
            raise InputError(f"{configs[0]} names datasets itself: expected one YAML file, or PHA files")
        return read_config(configs[0])
    spectral = make_model(model, positive_energy(reference, "--reference"))
    datasets = read_spectra(source)
    result = fit_model(datasets, "source", spectral)
    if not result.success:
        raise FitError(f"no truth to simulate: {result.message}")
    return datasets, {}
