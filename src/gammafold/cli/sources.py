"""A source on the command line: fitted models that flux points and light curves start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gammafold.cli.options import MODELS, make_model, positive_energy
from gammafold.utils.errors import InputError

if TYPE_CHECKING:
    import astropy.units as u

    from gammafold.datasets import Datasets

__all__ = ["flux_options", "model_options", "parse_edges", "prepare_source", "title_of"]

SED_TYPES = ("dnde", "e2dnde", "flux", "eflux")


def model_options(command: Any) -> Any:
    """Add the options that say which model is fitted, and which source is meant."""
    names = ", ".join(MODELS)
    model = click.option(
        "--model", "-m", default="power-law", show_default=True,
        help=f"Spectral model to fit first ({names}), or a YAML file of models that are taken as they are.",
    )  # fmt: skip
    source = click.option("--source", default=None, help="Name of the source in a YAML file. [default: the first]")
    return model(source(command))


def flux_options(sed_type: str) -> Callable[[Any], Any]:
    """Return the options for kinds of flux, bins and significances."""

    def add(command: Any) -> Any:
        for option in (
            click.option("--sed-type", type=click.Choice(SED_TYPES), default=sed_type, show_default=True,
                         help="Kind of flux."),
            click.option("--energy-edges", default=None, metavar="LIST",
                         help="Edges of the bins of energy, such as '1 3 10 TeV'; they move to edges of the data."),
            click.option("--n-sigma", type=float, default=1.0, show_default=True, help="Significance of errors."),
            click.option("--n-sigma-ul", type=float, default=2.0, show_default=True, help="Significance of limits."),
        ):  # fmt: skip
            command = option(command)
        return command

    return add


def parse_edges(text: str) -> u.Quantity:
    """Return edges of energy bins given as ``"1 3 10 TeV"`` or ``"1, 3, 10 TeV"``.

    Examples
    --------
    >>> parse_edges("300 500, 1000 GeV")
    <Quantity [ 300.,  500., 1000.] GeV>
    """
    import astropy.units as u

    words = text.replace(",", " ").split()
    unit = words.pop() if words else ""
    try:
        edges = u.Quantity([float(word) for word in words], unit)
        ordered = len(edges) > 1 and edges[0] > 0 * u.TeV and bool((edges[1:] > edges[:-1]).all())
    except (ValueError, TypeError, u.UnitConversionError):
        ordered = False
    if not ordered:
        raise InputError(f"--energy-edges is {text!r}: expected increasing energies and a unit, such as '1 3 10 TeV'")
    return edges


def prepare_source(datasets: Datasets, model: str, reference: str, source: str | None) -> str:
    """Give datasets their models, fitted unless they come from a file, and return the name of the source.

    Raises
    ------
    InputError
        If there is no such model or source.
    click.ClickException
        If the fit does not converge: fluxes on top of it would mislead.
    """
    if model not in MODELS and Path(model).suffix in (".yaml", ".yml"):
        return _models_of_file(datasets, Path(model), source)
    from gammafold.report.fit import fit_model

    if source is not None and source != model:
        raise InputError(f"--source is {source!r}: a fitted model has the name of the model, here {model!r}")
    result = fit_model(datasets, model, make_model(model, positive_energy(reference, "--reference")))
    if not result.success:
        raise click.ClickException(f"the fit of {model} did not converge: {result.message}")
    datasets.models = result.models
    return model


def _models_of_file(datasets: Datasets, path: Path, source: str | None) -> str:
    from gammafold.modeling.models import Models

    if not path.is_file():
        raise InputError(f"no such file: {path}")
    models = Models.read(path)
    datasets.models = models
    names = [one.name for one in models if hasattr(one, "spectral_model") and one.name]
    if not names or (source is not None and source not in names):
        raise InputError(f"{path} has no source {source or ''!r}: there are {names}")
    return names[0] if source is None else source


def title_of(name: str, datasets: Datasets) -> str:
    """Return the title of a figure."""
    return f"{name}, {len(datasets)} spectra" if len(datasets) > 1 else f"{name}, {datasets[0].name}"
