"""YAML and ECSV files described: models, lists of datasets, results of fits, flux points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gammafold.report.describe import Description
from gammafold.report.fit import data_table
from gammafold.report.text import make_table, unit_text, with_error
from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import read_yaml

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

__all__ = ["ecsv_file", "flux_points", "yaml_file"]


def yaml_file(path: Path) -> Description:
    """Describe a YAML file by the entries that it has.

    Raises
    ------
    FileFormatError
        If it has none that is known.
    """
    content = read_yaml(path)
    if isinstance(content, dict):
        if "fit_result" in content:
            return _fit_result(path)
        if "components" in content:
            return _models(path)
        if "datasets" in content:
            return _datasets(path)
    found = sorted(content) if isinstance(content, dict) else type(content).__name__
    raise FileFormatError(f"{path}: no models, datasets or fit in this YAML file, there is {found}")


def _models(path: Path) -> Description:
    from gammafold.modeling.models import Models

    models = Models.read(path)
    return Description(f"models ({len(models)})", (_model_table(models),), _model_plot(models))


def _fit_result(path: Path) -> Description:
    from gammafold.modeling.fit_result import FitResult

    result = FitResult.read(path)
    return Description("result of a fit", (repr(result), _model_table(result.models)), _model_plot(result.models))


def _model_table(models: Any) -> Table:
    table = make_table("models", dict.fromkeys(("model", "type", "parameter", "value", "unit"), "left"))
    for model in models:
        parameters = list(model.parameters)
        kind = type(getattr(model, "spectral_model", None) or model).__name__.removesuffix("SpectralModel")
        for row, parameter in enumerate(parameters):
            value = (
                f"{parameter.value:.6g} (frozen)" if parameter.frozen else with_error(parameter.value, parameter.error)
            )
            head = (model.name, kind) if row == 0 else ("", "")
            table.add_row(
                *head, parameter.name, value, unit_text(parameter.unit), end_section=row == len(parameters) - 1
            )
    return table


def _model_plot(models: Any) -> Any:
    spectra = [model for model in models if _is_flux(getattr(model, "spectral_model", None))]
    if not spectra:
        return None

    def plot() -> Figure:
        import astropy.units as u
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        for model in spectra:
            reference = _pivot(model.spectral_model)
            bounds = u.Quantity([0.1 * reference, 100 * reference])
            model.spectral_model.plot(bounds, ax, sed_type="e2dnde", label=model.name)
            if any(parameter.error > 0 for parameter in model.spectral_model.parameters):
                model.spectral_model.plot_error(bounds, ax, sed_type="e2dnde")
        ax.legend(frameon=False)
        return figure

    return plot


def _is_flux(spectral: Any) -> bool:
    return spectral is not None and not spectral.is_norm_spectral_model


def _pivot(spectral: Any) -> Any:
    import astropy.units as u

    if "reference" in spectral.parameters.names:
        return spectral.parameters["reference"].quantity
    return u.Quantity(1, "TeV")


def _datasets(path: Path) -> Description:
    from gammafold.datasets import Datasets

    datasets = Datasets.read(path)

    def plot() -> Figure:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        datasets.plot_counts(ax)
        return figure

    return Description(f"list of datasets ({len(datasets)})", (data_table(datasets),), plot if len(datasets) else None)


def ecsv_file(path: Path) -> Description:
    """Describe a table of flux points."""
    return flux_points(path)


def flux_points(path: Path) -> Description:
    """Describe flux points or a light curve, in FITS or ECSV."""
    from gammafold.datasets.flux_points import FluxPoints
    from gammafold.report.flux_points import flux_points_table
    from gammafold.report.light_curve import light_curve_tables

    points = FluxPoints.read(path)
    kind = str(points.meta["sed_type_init"])
    # Of norms alone, what the command shows that wrote them.
    kind = {"likelihood": "flux" if points.has_time_axis else "dnde"}.get(kind, kind)

    def plot() -> Figure:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(7, 5))
        points.plot(ax, sed_type=kind)
        return figure

    if points.has_time_axis:
        return Description("light curve", tuple(light_curve_tables(points, kind)), plot)
    return Description("flux points", (flux_points_table(points, kind),), plot)
