"""``gammafold simulate``: simulate spectra from a model and fit them, to see what errors and biases are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gammafold.cli.cluster import cluster_of, workers_option
from gammafold.cli.options import MODELS, make_folder, output_option, reference_energy, reference_option, say

__all__ = ["command"]


@click.command("simulate")
@click.argument("source", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--number", "-n", type=click.IntRange(min=1), default=1000, show_default=True,
              help="Spectra to simulate and fit.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed: the same numbers every time.")
@workers_option
@click.option("--model", "-m", default="power-law", show_default=True,
              help=f"Truth: a model that is fitted to spectra first ({', '.join(MODELS)}), or a YAML file of models, "
                   "taken as they are.")  # fmt: skip
@reference_option
@output_option("gammafold-simulate", "Folder for all fits (FITS), a summary (ECSV) and a figure (PNG).")
def command(
    source: tuple[Path, ...],
    number: int,
    seed: int | None,
    workers: int,
    model: str,
    reference: str | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Simulate spectra and fit each of them: biases, errors, coverage.

    SOURCE is a YAML file that names datasets and models, or spectra (PHA files, files of datasets, lists of these)
    for which --model gives the truth.

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

    make_folder(output, ("ensemble.fits", "summary.ecsv", "ensemble.png"), overwrite)
    datasets, options = _read(source, model, reference)
    with cluster_of(workers) as client:
        result = simulate_and_fit(datasets, number, seed, client=client, **options)
    say(*ensemble_tables(result))
    say(*(f"wrote {path}" for path in write_ensemble(result, output)))


def _read(source: tuple[Path, ...], model: str, reference: str | None) -> tuple[Any, dict[str, Any]]:
    from gammafold.cli.options import is_models_file, make_model, read_spectra
    from gammafold.report.fit import fit_model
    from gammafold.report.simulate import is_config, read_config
    from gammafold.utils.errors import FitError, InputError

    configs = [path for path in source if is_config(path)]
    if configs:
        if len(source) > 1:
            raise InputError(f"{configs[0]} names datasets itself: expected one such file, or spectra")
        return read_config(configs[0])
    if is_models_file(model):
        from gammafold.modeling.models import Models

        truth, datasets = Models.read(model), read_spectra(source)
        datasets.models = truth
        return datasets, {}
    make_model(model, reference_energy(reference))  # what is wrong is told before any work is done
    datasets = read_spectra(source)
    result = fit_model(datasets, "source", make_model(model, reference_energy(reference, datasets)))
    if not result.success:
        raise FitError(f"no truth to simulate: {result.message}")
    return datasets, {}
