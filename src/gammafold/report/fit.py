"""Fits of several models to the same data: run them, show them side by side, write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.modeling.fit import Fit
from gammafold.modeling.models.collection import Models
from gammafold.modeling.models.sky import SkyModel
from gammafold.report.files import write_figure, write_json
from gammafold.report.text import fixed, make_table, unit_text, with_error
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from gammafold.datasets import Datasets
    from gammafold.modeling.fit_result import FitResult
    from gammafold.modeling.models.spectral_core import SpectralModel

__all__ = ["data_table", "fit_model", "fit_tables", "write_fits"]

# Panels beside each other in a figure of spectra whose bins differ.
_COLUMNS = 3


def fit_model(datasets: Datasets, name: str, spectral: SpectralModel) -> FitResult:
    """Fit one model to datasets, which then carry it, starting where its flux explains the excess.

    Parameters
    ----------
    datasets : Datasets
        The data.
    name : str
        Name of the source.
    spectral : SpectralModel
        Its spectrum; an amplitude is set before the fit.

    Raises
    ------
    InputError
        If no counts are in range.
    """
    _check_range(datasets)
    datasets.models = Models([SkyModel(spectral_model=spectral, name=name)])
    _start_at_the_excess(datasets, spectral)
    return Fit().run(datasets)


def fit_models(datasets: Datasets, models: Models) -> FitResult:
    """Fit models to datasets, which then carry them, from where their parameters stand.

    Raises
    ------
    InputError
        If no counts are in range.
    """
    _check_range(datasets)
    datasets.models = models
    return Fit().run(datasets)


def _check_range(datasets: Datasets) -> None:
    total = 0.0
    for dataset in datasets:
        mask = dataset.mask
        total += float(dataset.counts.data.sum() if mask is None else dataset.counts.data[mask.data].sum())
    if total == 0:
        raise InputError(f"no counts in range in {list(datasets.names)}: check masks and energy limits")


def _start_at_the_excess(datasets: Datasets, spectral: SpectralModel) -> None:
    """Scale the amplitude so that the model predicts as many counts as were seen above background."""
    predicted = excess = 0.0
    for dataset in datasets:
        mask = dataset.mask.data if dataset.mask is not None else slice(None)
        background = dataset.stackable_background()
        predicted += float(dataset.npred_signal().data[mask].sum())
        excess += float(dataset.counts.data[mask].sum())
        excess -= 0.0 if background is None else float(background.data[mask].sum())
    if predicted > 0 and excess > 0 and "amplitude" in spectral.parameters.names:
        spectral.parameters["amplitude"].value *= excess / predicted


def fit_tables(datasets: Datasets, results: Mapping[str, FitResult]) -> list[Table]:
    """Tables for the terminal: the data, the fits, and a row for each free parameter of each fit."""
    return [data_table(datasets), _state_table(results), _parameter_table(results)]


def data_table(datasets: Iterable[Any], title: str = "spectra") -> Table:
    """Return a table of spectra: live time, safe range, counts and significance."""
    columns = ("livetime", "safe range", "counts", "background", "excess", "√TS")
    table = make_table(title, {"dataset": "left"} | dict.fromkeys(columns, "right"))
    for dataset in datasets:
        info = dataset.info_dict()
        low, high = dataset.energy_range.value
        table.add_row(
            dataset.name,
            f"{fixed(info['livetime'].to_value('h'), 3)} h",
            f"{low:.3g} – {high:.3g} {dataset.energy_range.unit}",
            fixed(info["counts"], 0),
            fixed(info["background"], 1),
            fixed(info["excess"], 1),
            fixed(info["sqrt_ts"], 1),
        )
    return table


def _state_table(results: Mapping[str, FitResult]) -> Table:
    columns = {"model": "left", "statistic": "right", "bins": "right", "AIC": "right", "state": "left"}
    table = make_table("fits", columns)
    for name, result in results.items():
        state = result.message if result.success else f"FAILED: {result.message}"
        table.add_row(name, f"{result.total_stat:.3f}", str(result.n_data), f"{result.aic:.2f}", state)
    return table


def _parameter_table(results: Mapping[str, FitResult]) -> Table:
    table = make_table("parameters", dict.fromkeys(("model", "parameter", "value", "unit"), "left"))
    for name, result in results.items():
        free = result.parameters.unique_parameters.free_parameters
        for row, (parameter, value, error) in enumerate(zip(free, result.values, result.errors, strict=True)):
            limit = " (at its limit)" if result.names[row] in result.at_limit else ""
            table.add_row(
                name if row == 0 else "",
                parameter.name,
                with_error(value, error) + limit,
                unit_text(parameter.unit),
                end_section=row == len(free) - 1,
            )
    return table


def write_fits(datasets: Datasets, results: Mapping[str, FitResult], folder: Path) -> list[Path]:
    """Write models (YAML), figures (PNG) and all numbers (JSON) into a folder; return the paths.

    What a first run wrote into the same folder is replaced.
    """
    written = []
    numbers = write_json(_numbers(datasets, results), folder / "results.json")
    for name, result in results.items():
        models_path = folder / f"{name}.yaml"
        result.models.write(models_path, overwrite=True)
        datasets.models = result.models
        # The covariance lies beside the models.
        written += [models_path, *folder.glob(f"{name}_covariance.dat")]
        written.append(_write_figure(datasets, name, folder / f"{name}.png"))
    return [*written, numbers]


def _write_figure(datasets: Datasets, name: str, path: Path) -> Path:
    """Draw what was fitted: spectra with the same bins as one stack, and each kind of bins in panels of its own."""
    import matplotlib.pyplot as plt

    drawn = [_stacked(group) for group in _stackable(datasets)]
    columns = min(len(drawn), _COLUMNS)
    rows = -(-len(drawn) // columns)
    figure = plt.figure(figsize=(7 * columns, 6 * rows))
    outer = figure.add_gridspec(rows, columns, hspace=0.25, wspace=0.25)
    for place, dataset in enumerate(drawn):
        grid = outer[place // columns, place % columns].subgridspec(7, 1, hspace=0)
        spectrum = figure.add_subplot(grid[:5])
        residuals = figure.add_subplot(grid[5:], sharex=spectrum)
        dataset.plot_fit(spectrum, residuals)
        spectrum.set_title(f"{name}, {dataset.name}")
    return write_figure(figure, path)


def _stackable(datasets: Datasets) -> list[Datasets]:
    """Return the datasets in groups of one class and the same bins, each in the order in which they were given."""
    groups: dict[Any, list[Any]] = {}
    for dataset in datasets:
        axes = [dataset.reco_energy_axis]
        axes += [] if dataset.exposure is None else [dataset.exposure.geom.axes["energy_true"]]
        edges = [" ".join(f"{edge:.6e}" for edge in axis.edges.to_value("TeV")) for axis in axes]
        groups.setdefault((type(dataset), *edges), []).append(dataset)
    return [datasets[[dataset.name for dataset in group]] for group in groups.values()]


def _stacked(datasets: Datasets) -> Any:
    what = f"{len(datasets)} spectra" if len(datasets) > 1 else datasets[0].name
    stacked = datasets.stack_reduce(name=what)
    stacked.models = datasets.models
    return stacked


def _numbers(datasets: Datasets, results: Mapping[str, FitResult]) -> dict[str, Any]:
    return {
        "datasets": list(datasets.names),
        "fits": {name: result.to_dict()["fit_result"] for name, result in results.items()},
    }
